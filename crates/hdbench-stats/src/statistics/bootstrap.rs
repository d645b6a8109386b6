use std::collections::BTreeMap;

use hdbench_ground::seed::Seed;
use hdbench_score::quantile_of_sorted;
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal};

use super::rounding::rounding;

/// Resamples unless somebody asks for another number.
pub const RESAMPLES: usize = 2_000;

/// Resamples worked on at a time: with 10,000 cases they are 5 MB.
const BLOCK: usize = 64;

/// The bootstrap distributions of the means of several columns over the same cases.
#[derive(Clone, Debug, PartialEq)]
pub struct BootstrapMeans {
    /// `[column, resample]`; NaN where a resample drew no case with a value.
    pub means: Array2<f64>,
}

/// Draws cases with replacement and takes the mean of every column over the same draws, so that
/// distributions of differences, and ranks within a draw, are those of paired data.
///
/// `columns` is `[case, column]`; NaN is a case without a value and left out of that column's means.
/// The draws depend on the seed, the number of cases and that of the resamples alone, never on the
/// columns or on threads.
pub fn bootstrap_means(
    columns: ArrayView2<'_, f64>,
    resamples: usize,
    seed: Seed,
) -> BootstrapMeans {
    let (cases, count) = columns.dim();
    let values = columns.mapv(|value| if value.is_nan() { 0.0 } else { value });
    let gaps = columns.iter().any(|value| value.is_nan());
    let known = gaps.then(|| columns.mapv(|value| if value.is_nan() { 0.0 } else { 1.0 }));
    let blocks: Vec<Array2<f64>> = (0..resamples.div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| {
            let rows = BLOCK.min(resamples - block * BLOCK);
            let draws = draw(cases, rows, seed, block);
            let mut sums = draws.dot(&values);
            match &known {
                Some(known) => sums /= &draws.dot(known),
                None => sums /= cases as f64,
            }
            sums
        })
        .collect();
    let mut means = Array2::zeros((count, resamples));
    for (block, sums) in blocks.iter().enumerate() {
        for ((row, column), &mean) in sums.indexed_iter() {
            means[[column, block * BLOCK + row]] = mean;
        }
    }
    BootstrapMeans { means }
}

/// The bootstrap distribution of the mean of one sample: [`bootstrap_means`] of one column.
pub fn bootstrap_mean(values: &[f64], resamples: usize, seed: Seed) -> Vec<f64> {
    let column =
        ArrayView2::from_shape((values.len(), 1), values).expect("one column of all values");
    bootstrap_means(column, resamples, seed)
        .means
        .into_raw_vec_and_offset()
        .0
}

/// The bootstrap intervals of the means of several columns `[case, column]`, each over the cases where it has a
/// value; NaN is none. An interval depends on its own values, their order and the seed alone: what else is
/// compared with them changes nothing. Columns that have values in the same cases are drawn together.
pub fn mean_intervals(columns: ArrayView2<'_, f64>, options: Resampling) -> Vec<Option<[f64; 2]>> {
    let mut together: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
    for (place, column) in columns.columns().into_iter().enumerate() {
        let known = (0..column.len()).filter(|&case| !column[case].is_nan());
        together.entry(known.collect()).or_default().push(place);
    }
    let mut intervals = vec![None; columns.ncols()];
    for (cases, places) in together.iter().filter(|(cases, _)| cases.len() > 1) {
        let own = columns.select(Axis(0), cases).select(Axis(1), places);
        let drawn = bootstrap_means(own.view(), options.resamples, options.seed);
        let found: Vec<_> = (0..places.len())
            .into_par_iter()
            .map(|column| {
                let values = own.column(column).to_vec();
                bca(&values, &drawn.means.row(column).to_vec(), options.level)
            })
            .collect();
        for (&place, interval) in places.iter().zip(found) {
            intervals[place] = interval;
        }
    }
    intervals
}

/// [`mean_intervals`] of one sample.
pub fn mean_interval(values: &[f64], options: Resampling) -> Option<[f64; 2]> {
    let column =
        ArrayView2::from_shape((values.len(), 1), values).expect("one column of all values");
    mean_intervals(column, options).remove(0)
}

/// How an interval is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resampling {
    /// Number of resamples.
    pub resamples: usize,
    /// 0.95 for 95 %.
    pub level: f64,
    /// Of the draws.
    pub seed: Seed,
}

/// How often each case is drawn, `[resample, case]`.
fn draw(cases: usize, rows: usize, seed: Seed, block: usize) -> Array2<f64> {
    let mut stream = seed.stream_at("bootstrap", block as u64);
    let mut draws = Array2::zeros((rows, cases));
    for mut row in draws.rows_mut() {
        for _ in 0..cases {
            row[stream.below(cases)] += 1.0;
        }
    }
    draws
}

/// The bias-corrected and accelerated interval of a mean (Efron, J. Am. Stat. Assoc. 82, 1987), as
/// scipy's `bootstrap(..., method="BCa")` computes it. `level` is 0.95 for 95 %.
///
/// `distribution` are the means of resamples of `values`, in any order; NaN is left out of both.
/// Nothing below two values; the value itself where all are the same.
pub fn bca(values: &[f64], distribution: &[f64], level: f64) -> Option<[f64; 2]> {
    let values: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    let n = values.len();
    if n < 2 {
        return None;
    }
    let mut sorted: Vec<f64> = distribution
        .iter()
        .copied()
        .filter(|v| !v.is_nan())
        .collect();
    if sorted.is_empty() {
        return None;
    }
    sorted.sort_unstable_by(f64::total_cmp);
    let mean = values.iter().sum::<f64>() / n as f64;
    let within = rounding(values.iter().copied());
    if values
        .iter()
        .all(|value| (value - values[0]).abs() <= within)
    {
        return Some([values[0]; 2]);
    }
    let standard = Normal::standard();
    // Where the mean stands in the distribution; equal ones count half.
    let below = sorted.partition_point(|v| *v < mean);
    let not_above = sorted.partition_point(|v| *v <= mean);
    let share = (below + not_above) as f64 / (2 * sorted.len()) as f64;
    let ends = if share > 0.0 && share < 1.0 {
        let bias = standard.inverse_cdf(share);
        let acceleration = acceleration(&values, mean);
        [(1.0 - level) / 2.0, (1.0 + level) / 2.0].map(|tail| {
            let z = bias + standard.inverse_cdf(tail);
            standard.cdf(bias + z / (1.0 - acceleration * z))
        })
    } else {
        [(1.0 - level) / 2.0, (1.0 + level) / 2.0]
    };
    Some(ends.map(|end| quantile_of_sorted(&sorted, end)))
}

/// From the means that leave one value out, whose differences are those of the values.
fn acceleration(values: &[f64], mean: f64) -> f64 {
    let others = (values.len() - 1) as f64;
    let (mut squares, mut cubes) = (0.0, 0.0);
    for value in values {
        let difference = (value - mean) / others;
        squares += difference.powi(2);
        cubes += difference.powi(3);
    }
    cubes / (6.0 * squares.powf(1.5))
}
