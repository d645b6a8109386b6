//! Mean and standard deviation whose rounding does not grow with the number of values.

/// The mean in the order given, summed with Kahan's correction (CACM 8, 1965); none of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for value in values {
        let corrected = value - lost;
        let next = sum + corrected;
        let error = (next - sum) - corrected;
        sum = next;
        // An infinite sum has lost nothing that could be given back.
        if error.is_finite() {
            lost = error;
        }
    }
    (!values.is_empty()).then(|| sum / values.len() as f64)
}

/// The sample standard deviation (n - 1) in the order given, by Welford's recurrence (Technometrics 4, 1962);
/// none below two values.
pub fn sample_sd(values: &[f64]) -> Option<f64> {
    let (mut mean, mut squares, mut count) = (0.0_f64, 0.0_f64, 0.0_f64);
    for value in values {
        count += 1.0;
        let off = value - mean;
        let next = mean + off / count;
        squares += (value - next) * off;
        mean = next;
    }
    (count >= 2.0).then(|| (squares / (count - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_means_take_no_digits_from_small_spreads() {
        let values: Vec<f64> = (0..10_000).map(|i| 1e9 + f64::from(i % 2)).collect();
        assert_eq!(mean(&values), Some(1e9 + 0.5));
        let sd = sample_sd(&values).unwrap();
        assert!(
            (sd - 0.5 * (10_000.0_f64 / 9_999.0).sqrt()).abs() < 1e-9,
            "{sd}"
        );
        assert_eq!((mean(&[]), sample_sd(&[1.0])), (None, None));
        assert_eq!(mean(&[f64::INFINITY, 1.0]), Some(f64::INFINITY));
    }
}
