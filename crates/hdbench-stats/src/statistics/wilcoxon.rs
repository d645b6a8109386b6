use statrs::distribution::{ContinuousCDF, Normal};

use super::rounding::rounding;

/// Largest number of differences for which the distribution of the statistic is exact.
const EXACT_UP_TO: usize = 50;

/// The result of a signed-rank test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignedRank {
    /// Sum of the ranks of the positive differences.
    pub positive: f64,
    /// Sum of the ranks of the negative ones.
    pub negative: f64,
    /// Differences that are not 0, on which the test rests.
    pub n: usize,
    /// Two-sided.
    pub p: f64,
    /// One-sided, against the differences being larger than 0 by chance.
    pub p_greater: f64,
    /// One-sided, against their being smaller by chance.
    pub p_less: f64,
    /// Whether the distribution is exact, ties included, or taken as normal.
    pub exact: bool,
}

/// Wilcoxon's signed-rank test of paired differences. Differences of 0 are left out (Wilcoxon's own
/// rule), equal ones share their mean rank. Up to 50 differences the distribution given the ranks is
/// exact, ties included; above, it is taken as normal with the corrections for ties and
/// continuity, as scipy's `wilcoxon(..., method="asymptotic", correction=True)`.
///
/// NaN is no difference. Without any, nothing speaks against equality: p is 1. What is 0 and what is equal is
/// judged within the rounding of the differences themselves; where the data they were taken of are known,
/// [`SignedDifferences::new`] takes theirs.
pub fn wilcoxon(differences: &[f64]) -> SignedRank {
    SignedDifferences::new(differences, rounding(differences.iter().copied())).test(|_| 1)
}

/// Differences in the order of their sizes, for tests of many draws of them.
#[derive(Clone, Debug)]
pub struct SignedDifferences {
    /// Size and sign of each, and its place among those given; without 0 and NaN. Equal sizes are the same
    /// float.
    sorted: Vec<(f64, bool, usize)>,
}

impl SignedDifferences {
    /// Sorts differences. Those up to `within` are 0, and sizes that close to each other are equal: the
    /// [`rounding`] of the data that they are differences of.
    pub fn new(differences: &[f64], within: f64) -> Self {
        let mut sorted: Vec<(f64, bool, usize)> = differences
            .iter()
            .enumerate()
            .filter(|(_, d)| d.abs() > within)
            .map(|(place, d)| (d.abs(), *d > 0.0, place))
            .collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut shared = 0.0;
        for (size, ..) in &mut sorted {
            // As far as the first of those that share a rank: a chain of near ones does not grow.
            if *size - shared > within {
                shared = *size;
            }
            *size = shared;
        }
        Self { sorted }
    }

    /// [`wilcoxon`] of a draw in which the difference at a place occurs `count(place)` times.
    pub fn test(&self, count: impl Fn(usize) -> usize) -> SignedRank {
        // Twice the ranks: whole numbers even for ties.
        let (mut positive, mut negative) = (0_u64, 0_u64);
        let mut ties = 0.0;
        let mut n = 0;
        let mut doubled = Vec::new();
        let mut rest = &self.sorted[..];
        while let Some(&(size, ..)) = rest.first() {
            let same = rest.iter().take_while(|(other, ..)| *other == size).count();
            let (group, after) = rest.split_at(same);
            rest = after;
            let (mut above, mut below) = (0, 0);
            for &(_, is_positive, place) in group {
                if is_positive {
                    above += count(place);
                } else {
                    below += count(place);
                }
            }
            let drawn = above + below;
            let rank = (2 * n + drawn + 1) as u64;
            positive += rank * above as u64;
            negative += rank * below as u64;
            ties += (drawn as f64).powi(3) - drawn as f64;
            n += drawn;
            if n <= EXACT_UP_TO {
                doubled.resize(n, rank);
            }
        }
        let exact = n <= EXACT_UP_TO;
        let [p_less, p_greater] = if n == 0 {
            [1.0, 1.0]
        } else if exact {
            counted_out(&doubled, positive)
        } else {
            normal(n, ties, positive as f64 / 2.0)
        };
        SignedRank {
            positive: positive as f64 / 2.0,
            negative: negative as f64 / 2.0,
            n,
            p: (2.0 * p_less.min(p_greater)).min(1.0),
            p_greater,
            p_less,
            exact,
        }
    }
}

/// P(W <= w) and P(W >= w), every sign as likely as the other.
fn counted_out(doubled: &[u64], positive: u64) -> [f64; 2] {
    let total: u64 = doubled.iter().sum();
    let mut ways = vec![0.0_f64; total as usize + 1];
    ways[0] = 1.0;
    let mut reached = 0;
    for &rank in doubled {
        let rank = rank as usize;
        reached += rank;
        for sum in (rank..=reached).rev() {
            ways[sum] += ways[sum - rank];
        }
    }
    let all = 2.0_f64.powi(doubled.len() as i32);
    let at = positive as usize;
    let tail = |part: &[f64]| part.iter().sum::<f64>() / all;
    [tail(&ways[..=at]), tail(&ways[at..])]
}

fn normal(n: usize, ties: f64, positive: f64) -> [f64; 2] {
    let n = n as f64;
    let mean = n * (n + 1.0) / 4.0;
    let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - ties / 48.0;
    let standard = Normal::standard();
    let z = |correction: f64| (positive - mean + correction) / variance.sqrt();
    [standard.cdf(z(0.5)), standard.sf(z(-0.5))]
}
