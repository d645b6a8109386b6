//! Whether several groups of values are of one size: Kruskal and Wallis' test.

use ndarray::ArrayView2;
use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::friedman::{mean_ranks, tied};
use super::rounding::rounding;

/// Kruskal's and Wallis' test (J. Am. Stat. Assoc. 47, 1952) of two groups or more: the statistic, corrected for ties, and
/// p by chi squared, as scipy's `kruskal`. Values that are equal but for rounding are tied. NaN is left out, as are empty
/// groups; none where fewer than two are left, or all values are tied.
pub fn kruskal(groups: &[Vec<f64>]) -> Option<[f64; 2]> {
    let known =
        |group: &Vec<f64>| -> Vec<f64> { group.iter().copied().filter(|v| !v.is_nan()).collect() };
    let groups: Vec<Vec<f64>> = groups
        .iter()
        .map(known)
        .filter(|group| !group.is_empty())
        .collect();
    let all: Vec<f64> = groups.concat();
    if groups.len() < 2 {
        return None;
    }
    let row = ArrayView2::from_shape((1, all.len()), &all).expect("one row of all values");
    let ranks = mean_ranks(row, rounding(all.iter().copied()))
        .into_raw_vec_and_offset()
        .0;
    let n = all.len() as f64;
    let correction = 1.0 - tied(&ranks) / (n * (n.powi(2) - 1.0));
    if correction <= 0.0 {
        return None;
    }
    let mut rest = &ranks[..];
    let mut sum = 0.0;
    for group in &groups {
        let (own, after) = rest.split_at(group.len());
        sum += own.iter().sum::<f64>().powi(2) / group.len() as f64;
        rest = after;
    }
    let statistic = ((12.0 / (n * (n + 1.0)) * sum - 3.0 * (n + 1.0)) / correction).max(0.0);
    let by_chance = ChiSquared::new(groups.len() as f64 - 1.0).expect("two groups or more");
    Some([statistic, by_chance.sf(statistic)])
}
