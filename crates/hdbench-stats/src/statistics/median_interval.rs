//! The percentile bootstrap of a median, without drawing.

use statrs::distribution::{Binomial, DiscreteCDF};

/// The percentile bootstrap interval of the median, as infinitely many resamples give it: a resample's median is at
/// most the k-th smallest of n values where at least half of its n draws are among those k, each with a chance of k / n
/// (Efron, Ann. Stat. 7, 1979). Of an even number the lower end is that of the lower of the two middle values of a
/// resample and the upper end that of the upper one, so that the interval is at no end narrower than the drawn one. BCa, which
/// corrects means, fails for medians: their bootstrap distribution has steps.
///
/// `level` is 0.95 for 95 %; NaN is left out; none below two values. Infinite values are largest or smallest.
pub fn median_interval(values: &[f64], level: f64) -> Option<[f64; 2]> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    if sorted.len() < 2 {
        return None;
    }
    sorted.sort_unstable_by(f64::total_cmp);
    let n = sorted.len() as u64;
    // Draws up to a value for the lower and the upper one of the middle values of a resample to be up to it.
    let needed = [n.div_ceil(2), n / 2 + 1];
    let tails = [(1.0 - level) / 2.0, (1.0 + level) / 2.0];
    Some([0, 1].map(|end| {
        let reached = |k: u64| at_least(n, k, needed[end]) >= tails[end];
        let (mut below, mut at) = (0, n);
        while at - below > 1 {
            let middle = below + (at - below) / 2;
            match reached(middle) {
                true => at = middle,
                false => below = middle,
            }
        }
        sorted[at as usize - 1]
    }))
}

/// The chance that of `n` draws of `n` values at least `needed` are among the `k` smallest.
fn at_least(n: u64, k: u64, needed: u64) -> f64 {
    if k == n {
        return 1.0;
    }
    let drawn = Binomial::new(k as f64 / n as f64, n).expect("k is below n");
    drawn.sf(needed - 1)
}
