//! Quantiles by linear interpolation between two order statistics (NumPy's default, R's type 7 of Hyndman
//! and Fan 1996); NaN of nothing.
//!
//! Two ways of the interpolation, equal but for the last bits. Statistics and intervals round as NumPy does.
//! Metric values and the table of an evaluation always step up from the lower number: the bytes of results
//! do not change.

/// A quantile of numbers without NaN, `at` in 0..=1. Sorts the numbers.
pub fn quantile(values: &mut [f64], at: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    quantile_of_sorted(values, at)
}

/// The same of numbers that are sorted.
pub fn quantile_of_sorted(sorted: &[f64], at: f64) -> f64 {
    neighbours(sorted, at).map_or(f64::NAN, between)
}

/// The same of numbers in any order, which it moves about but does not sort.
pub fn quantile_of_many(values: &mut [f64], at: f64) -> f64 {
    neighbours_of_many(values, at).map_or(f64::NAN, between)
}

fn between((low, high, share): (f64, f64, f64)) -> f64 {
    // As NumPy does it, so that the interpolation is monotone.
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

/// A quantile of sorted numbers without NaN, stepped up to from the lower one.
pub(crate) fn stepped_of_sorted(sorted: &[f64], at: f64) -> f64 {
    neighbours(sorted, at).map_or(f64::NAN, stepped)
}

/// The same of numbers in any order, which it moves about but does not sort: distances are many.
pub(crate) fn stepped_of_many(values: &mut [f64], at: f64) -> f64 {
    neighbours_of_many(values, at).map_or(f64::NAN, stepped)
}

fn stepped((low, high, share): (f64, f64, f64)) -> f64 {
    // What is infinite among them, times nothing or less itself, is no number.
    if low == high || share == 0.0 {
        return low;
    }
    low + (high - low) * share
}

/// The numbers below and above a quantile, and how far it is between the two.
fn neighbours(sorted: &[f64], at: f64) -> Option<(f64, f64, f64)> {
    let (below, share) = place(sorted.len(), at)?;
    let above = (below + 1).min(sorted.len() - 1);
    Some((sorted[below], sorted[above], share))
}

/// The same of numbers in any order, which are moved about.
fn neighbours_of_many(values: &mut [f64], at: f64) -> Option<(f64, f64, f64)> {
    let (below, share) = place(values.len(), at)?;
    let (_, &mut low, above) = values.select_nth_unstable_by(below, f64::total_cmp);
    let high = above.iter().copied().min_by(f64::total_cmp);
    Some((low, high.unwrap_or(low), share))
}

/// The index of the number below a quantile, and how far it is to the next one; none of nothing.
fn place(count: usize, at: f64) -> Option<(usize, f64)> {
    let place = at.clamp(0.0, 1.0) * count.checked_sub(1)? as f64;
    Some((place.floor() as usize, place - place.floor()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_as_numpy_gives_them() {
        // numpy.percentile([3, 1, 4, 1, 5], 95) and ([2, 1], 95)
        for of in [quantile, quantile_of_many, stepped_of_many] {
            assert!((of(&mut [3.0, 1.0, 4.0, 1.0, 5.0], 0.95) - 4.8).abs() < 1e-12);
            assert!((of(&mut [2.0, 1.0], 0.95) - 1.95).abs() < 1e-12);
            assert_eq!(of(&mut [7.0], 0.95), 7.0);
            assert!(of(&mut [], 0.95).is_nan());
        }
    }

    #[test]
    fn selected_and_sorted_give_the_same_bits() {
        let mut values: Vec<f64> = (0..200).map(|i| f64::from(i * 7919 % 211).sqrt()).collect();
        for at in [0.0, 0.3, 0.5, 0.95, 1.0] {
            let selected = (
                quantile_of_many(&mut values, at),
                stepped_of_many(&mut values, at),
            );
            values.sort_by(f64::total_cmp);
            let sorted = (
                quantile_of_sorted(&values, at),
                stepped_of_sorted(&values, at),
            );
            assert_eq!(selected, sorted);
            values.reverse();
        }
    }

    #[test]
    fn infinite_numbers_leave_the_others_finite() {
        let sorted = [1.0, f64::INFINITY, f64::INFINITY];
        assert_eq!(stepped_of_sorted(&sorted, 0.0), 1.0);
        assert_eq!(stepped_of_sorted(&sorted, 0.75), f64::INFINITY);
    }
}
