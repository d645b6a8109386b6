/// A quantile of numbers without NaN, `at` in 0..=1, by linear interpolation between the two nearest
/// (numpy's default, R's type 7); NaN of nothing. Sorts the numbers.
pub fn quantile(values: &mut [f64], at: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    of_sorted(values, at)
}

/// The same of numbers that are sorted.
pub(super) fn of_sorted(values: &[f64], at: f64) -> f64 {
    let Some(last) = values.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = at.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let (low, high) = (values[below], values[(below + 1).min(last)]);
    let share = place - below as f64;
    // As numpy does it, so that the interpolation is monotone.
    if share >= 0.5 {
        high - (high - low) * (1.0 - share)
    } else {
        low + (high - low) * share
    }
}

/// The median of numbers without NaN; NaN of nothing. Sorts the numbers.
pub fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}
