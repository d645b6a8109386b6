/// Units in the last place of the largest value within which two numbers are the same: more than adding up
/// thousands of them in another order moves a mean, and far less than any measurement resolves.
const ULPS: f64 = 256.0;

/// How far apart numbers made from the same data by other ways may come to lie. `1 - 6/7` and `2/7 - 1/7` are
/// one fraction and two floats, and the means of the same values in another order are too: what is this close
/// is equal. NaN and infinite values do not count.
pub fn rounding(data: impl IntoIterator<Item = f64>) -> f64 {
    let sizes = data.into_iter().map(f64::abs).filter(|v| v.is_finite());
    ULPS * f64::EPSILON * sizes.fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_that_are_equal_are_within_it_and_others_are_not() {
        let close = |a: f64, b: f64| (a - b).abs() <= rounding([1.0]);
        let sevenths = |n: u32| f64::from(n) / 7.0;
        let [a, b] = [1.0 - sevenths(6), sevenths(2) - sevenths(1)];
        assert_ne!(a, b);
        assert!(close(a, b));
        assert!(close(0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1));
        // Dice of ten million voxels that differ in one.
        assert!(!close(2.0 * 4_999_999.0 / 1e7, 2.0 * 5_000_000.0 / 1e7));
        assert_eq!(rounding([f64::NAN, f64::INFINITY]), 0.0);
    }
}
