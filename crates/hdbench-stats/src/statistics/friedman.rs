//! Many algorithms at once: Friedman's test of the ranks within cases, and what difference of mean ranks counts
//! (Nemenyi), as Demšar draws it (J. Mach. Learn. Res. 7, 2006).

use ndarray::{Array2, ArrayView2};
use serde::Serialize;
use statrs::distribution::{ChiSquared, Continuous, ContinuousCDF, Normal};

/// Steps of the quadrature over 16 standard deviations: Simpson's rule is exact to 1e-12 there.
const STEPS: usize = 400;

/// Friedman's test of algorithms over cases, with Nemenyi's of every pair.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Friedman {
    /// Cases.
    pub n: usize,
    /// Mean rank of each algorithm over cases, 1 the best; equal values share the mean of their ranks.
    pub ranks: Vec<f64>,
    /// Corrected for ties.
    pub statistic: f64,
    /// That the algorithms' ranks differ as much by chance, by chi squared with one degree of freedom less than there
    /// are algorithms; 1 where all are tied.
    pub p: f64,
    /// Mean ranks farther apart than this differ (Nemenyi), at the level asked for.
    pub critical_difference: f64,
}

impl Friedman {
    /// Of the ranks of `[case, algorithm]`; `level` is 0.05. None below two algorithms and cases.
    pub fn new(ranks: ArrayView2<'_, f64>, level: f64) -> Option<Self> {
        let (n, k) = ranks.dim();
        if n < 2 || k < 2 {
            return None;
        }
        let means: Vec<f64> = ranks
            .columns()
            .into_iter()
            .map(|own| own.sum() / n as f64)
            .collect();
        let [cases, algorithms] = [n as f64, k as f64];
        let ties: f64 = ranks
            .rows()
            .into_iter()
            .map(|row| tied(&row.to_vec()))
            .sum();
        let correction = 1.0 - ties / (algorithms * (algorithms.powi(2) - 1.0) * cases);
        let squares: f64 = means.iter().map(|rank| rank.powi(2)).sum();
        let uncorrected = 12.0 * cases / (algorithms * (algorithms + 1.0)) * squares
            - 3.0 * cases * (algorithms + 1.0);
        let statistic = match correction > 0.0 {
            true => (uncorrected / correction).max(0.0),
            false => 0.0,
        };
        let by_chance = ChiSquared::new(algorithms - 1.0).expect("two algorithms or more");
        Some(Self {
            n,
            ranks: means,
            statistic,
            p: by_chance.sf(statistic),
            critical_difference: range_at(level, k) * unit(n, k),
        })
    }

    /// Nemenyi's p of two algorithms: that any two of all are as far apart by chance.
    pub fn p_of(&self, a: usize, b: usize) -> f64 {
        let k = self.ranks.len();
        range_above((self.ranks[a] - self.ranks[b]).abs() / unit(self.n, k), k)
    }
}

/// The ranks of algorithms within each case of `[case, algorithm]`, 1 the smallest value; those no farther apart than
/// `within` from the first of them share the mean of their ranks.
pub fn mean_ranks(values: ArrayView2<'_, f64>, within: f64) -> Array2<f64> {
    let mut ranks = Array2::zeros(values.dim());
    for (row, mut out) in values.rows().into_iter().zip(ranks.rows_mut()) {
        let mut order: Vec<usize> = (0..row.len()).collect();
        order.sort_by(|&a, &b| row[a].total_cmp(&row[b]));
        let mut from = 0;
        while from < order.len() {
            let first = row[order[from]];
            let same = order[from..]
                .iter()
                .take_while(|&&own| row[own] == first || row[own] - first <= within)
                .count();
            for &own in &order[from..from + same] {
                // Ranks from + 1 to from + same.
                out[own] = from as f64 + (same as f64 + 1.0) / 2.0;
            }
            from += same;
        }
    }
    ranks
}

/// What a studentized range of 1 is in mean ranks.
fn unit(cases: usize, algorithms: usize) -> f64 {
    let k = algorithms as f64;
    (k * (k + 1.0) / (12.0 * cases as f64)).sqrt()
}

/// The sum over groups of equal ranks of t (t^2 - 1).
pub(super) fn tied(ranks: &[f64]) -> f64 {
    let mut sorted = ranks.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let groups = sorted.chunk_by(|a, b| a == b);
    groups
        .map(|group| {
            let t = group.len() as f64;
            t * (t.powi(2) - 1.0)
        })
        .sum()
}

/// The chance that the range of `k` standard normal numbers is above `q`: the studentized range for infinitely many
/// degrees of freedom.
fn range_above(q: f64, k: usize) -> f64 {
    let standard = Normal::standard();
    let others = k as i32 - 1;
    // The largest at z, all others within q below.
    let density =
        |z: f64| k as f64 * standard.pdf(z) * (standard.cdf(z) - standard.cdf(z - q)).powi(others);
    let (from, width) = (-8.0, 16.0 / STEPS as f64);
    let sum: f64 = (0..=STEPS)
        .map(|step| {
            let weight = match step {
                0 | STEPS => 1.0,
                odd if odd % 2 == 1 => 4.0,
                _ => 2.0,
            };
            weight * density(from + width * step as f64)
        })
        .sum();
    (1.0 - sum * width / 3.0).clamp(0.0, 1.0)
}

/// The range that is exceeded with a chance of `level`.
fn range_at(level: f64, k: usize) -> f64 {
    let (mut low, mut high) = (0.0, 100.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        match range_above(middle, k) > level {
            true => low = middle,
            false => high = middle,
        }
    }
    (low + high) / 2.0
}
