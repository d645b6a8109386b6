//! Loss curves ready to be drawn: placed on one axis, smoothed, thinned out.

use hdbench_table::chart::Axis;

use crate::report::content::{LossPoint, NetworkRow};

/// A curve keeps about this many points, more than a plot has columns.
const KEPT_POINTS: usize = 480;
/// The moving mean of a stage runs over this part of its iterations.
const WINDOW_PART: usize = 30;
/// A logarithmic axis is used from this ratio of largest to smallest smoothed loss.
const LOG_RATIO: f64 = 5.0;

/// The training loss of one variant.
pub(crate) struct Curve {
    /// Place of the variant in the study; decides colour and dashes.
    pub(crate) place: usize,
    /// Its id.
    pub(crate) variant: String,
    /// Its name.
    pub(crate) title: String,
    /// (iteration, loss), thinned to the lowest and highest loss of every few iterations.
    pub(crate) raw: Vec<(f64, f64)>,
    /// (iteration, moving mean), which does not look over the edge of a stage.
    pub(crate) smooth: Vec<(f64, f64)>,
    /// (iteration, lowest, highest) of the smoothed curves of all trainings; empty with one.
    pub(crate) band: Vec<(f64, f64, f64)>,
    /// Names of the stages and where they begin.
    pub(crate) stages: Vec<(f64, String)>,
    /// Where the training ends.
    pub(crate) end: f64,
}

impl Curve {
    /// The smoothed curve, stage by stage: nothing is known between the end of one and the next.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[(f64, f64)]> {
        self.stages.iter().enumerate().map(|(i, (start, _))| {
            let from = self.smooth.partition_point(|p| p.0 < *start);
            let next = self.stages.get(i + 1).map_or(f64::INFINITY, |next| next.0);
            &self.smooth[from..self.smooth.partition_point(|p| p.0 < next)]
        })
    }
}

/// The curves of all variants that have any finite loss.
pub(crate) fn curves(rows: &[NetworkRow]) -> Vec<Curve> {
    rows.iter()
        .enumerate()
        .filter_map(|(place, row)| curve(place, row))
        .collect()
}

fn curve(place: usize, row: &NetworkRow) -> Option<Curve> {
    let mut curve = traced(place, row, &row.losses)?;
    let others = row
        .more_losses
        .iter()
        .filter_map(|losses| traced(place, row, losses));
    // Trainings of another length, as folds of other sizes have, share no iterations with the first.
    let others: Vec<Curve> = others
        .filter(|other| other.smooth.len() == curve.smooth.len() && other.end == curve.end)
        .collect();
    if !others.is_empty() {
        let bounds = curve
            .smooth
            .iter()
            .enumerate()
            .map(|(i, &(iteration, loss))| {
                let all = || others.iter().map(|other| other.smooth[i].1).chain([loss]);
                (
                    iteration,
                    all().fold(f64::INFINITY, f64::min),
                    all().fold(f64::NEG_INFINITY, f64::max),
                )
            });
        curve.band = bounds.collect();
    }
    Some(curve)
}

fn traced(place: usize, row: &NetworkRow, losses: &[LossPoint]) -> Option<Curve> {
    let mut offset = 0;
    let mut end = 0;
    let (mut raw, mut smooth, mut stages) = (Vec::new(), Vec::new(), Vec::new());
    let kept = KEPT_POINTS.div_ceil(losses.chunk_by(same_stage).count().max(1));
    for stage in losses.chunk_by(same_stage) {
        // A stage that counts from its own start is put behind the one before.
        if stage[0].iteration < end {
            offset = end - stage[0].iteration;
        } else if end == 0 || stage[0].iteration >= end {
            offset = 0;
        }
        let points: Vec<(f64, f64)> = stage
            .iter()
            .filter(|p| p.loss.is_finite())
            .map(|p| ((p.iteration + offset) as f64, p.loss))
            .collect();
        end = stage.last().map_or(end, |p| p.iteration + offset + 1);
        let Some(first) = points.first() else {
            continue;
        };
        stages.push((first.0, stage[0].stage.clone()));
        raw.extend(extremes(&points, kept));
        smooth.extend(thinned(&moving_mean(&points), kept));
    }
    (!smooth.is_empty()).then(|| Curve {
        place,
        variant: row.variant.clone(),
        title: row.title.clone(),
        raw,
        smooth,
        band: Vec::new(),
        stages,
        end: end as f64,
    })
}

fn same_stage(a: &LossPoint, b: &LossPoint) -> bool {
    a.stage == b.stage
}

/// Centred moving mean, over what there is of the window at the ends.
fn moving_mean(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let half = (points.len() / WINDOW_PART).max(2);
    let mut sums = vec![0.0];
    for (i, point) in points.iter().enumerate() {
        sums.push(sums[i] + point.1);
    }
    (0..points.len())
        .map(|i| {
            let (from, to) = (i.saturating_sub(half), (i + half + 1).min(points.len()));
            (points[i].0, (sums[to] - sums[from]) / (to - from) as f64)
        })
        .collect()
}

fn thinned(points: &[(f64, f64)], kept: usize) -> Vec<(f64, f64)> {
    let step = points.len().div_ceil(kept).max(1);
    let mut out: Vec<_> = points.iter().copied().step_by(step).collect();
    if !(points.len() - 1).is_multiple_of(step) {
        out.extend(points.last());
    }
    out
}

/// Lowest and highest point of every bin, in the order they came.
fn extremes(points: &[(f64, f64)], kept: usize) -> Vec<(f64, f64)> {
    let bin = (2 * points.len()).div_ceil(kept);
    if bin <= 2 {
        return points.to_vec();
    }
    let mut out = Vec::new();
    for bin in points.chunks(bin) {
        let by_loss = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        if let (Some(low), Some(high)) = (bin.iter().min_by(by_loss), bin.iter().max_by(by_loss)) {
            let mut pair = [*low, *high];
            pair.sort_by(|a, b| a.0.total_cmp(&b.0));
            out.extend(pair);
        }
    }
    out
}

/// Holds every smoothed curve and nearly all of the raw ones; logarithmic where that is legible.
pub(crate) fn loss_axis(curves: &[Curve]) -> Axis {
    let mut smooth: Vec<f64> = curves.iter().flat_map(|c| &c.smooth).map(|p| p.1).collect();
    let mut raw: Vec<f64> = curves.iter().flat_map(|c| &c.raw).map(|p| p.1).collect();
    smooth.sort_by(f64::total_cmp);
    raw.sort_by(f64::total_cmp);
    let (Some(&least), Some(&most)) = (smooth.first(), smooth.last()) else {
        return Axis::linear(0.0, 1.0);
    };
    let part = |p: f64| raw[((raw.len() - 1) as f64 * p).round() as usize];
    let (low, high) = (least.min(part(0.02)), most.max(part(0.98)));
    if least > 0.0 && low > 0.0 && most / least >= LOG_RATIO {
        return Axis::logarithmic(low / 1.1, high * 1.1);
    }
    let margin = ((high - low) * 0.04).max(high.abs() * 1e-3).max(1e-9);
    // Losses are rarely negative: the axis then begins at zero.
    Axis::linear(if low >= 0.0 { 0.0 } else { low - margin }, high + margin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(stages: &[(&str, usize, usize)]) -> NetworkRow {
        let losses = stages.iter().flat_map(|(stage, first, count)| {
            (*first..first + count).map(|iteration| LossPoint {
                iteration,
                stage: (*stage).into(),
                loss: 1.0,
            })
        });
        NetworkRow {
            losses: losses.collect(),
            ..NetworkRow::default()
        }
    }

    #[test]
    fn stages_follow_each_other_however_they_count() {
        for second in [0, 30] {
            let curve = curve(0, &row(&[("a", 0, 30), ("b", second, 20)])).unwrap();
            assert_eq!(curve.stages, vec![(0.0, "a".into()), (30.0, "b".into())]);
            assert_eq!(curve.end, 50.0);
            assert_eq!(curve.pieces().map(<[_]>::len).collect::<Vec<_>>(), [30, 20]);
        }
    }

    #[test]
    fn several_trainings_make_a_band() {
        let mut all = row(&[("a", 0, 30)]);
        assert!(curve(0, &all).unwrap().band.is_empty());
        let mut higher = all.losses.clone();
        higher.iter_mut().for_each(|point| point.loss = 3.0);
        all.more_losses = vec![higher, all.losses[..20].to_vec()];
        let band = curve(0, &all).unwrap().band;
        assert!(band.len() == 30 && band.iter().all(|b| (b.1, b.2) == (1.0, 3.0)));
    }

    #[test]
    fn a_moving_mean_is_centred_and_one_sided_only_at_the_ends() {
        let line: Vec<_> = (0..200).map(|i| (f64::from(i), f64::from(3 * i))).collect();
        let means = moving_mean(&line);
        let half = 200 / WINDOW_PART;
        for (point, mean) in line.iter().zip(&means).skip(half).take(200 - 2 * half) {
            assert!((point.1 - mean.1).abs() < 1e-9);
        }
        assert_eq!(means[0].1, 3.0 * half as f64 / 2.0);
        assert_eq!(means[199].1, 3.0 * (199.0 - half as f64 / 2.0));
    }

    #[test]
    fn thinning_keeps_the_ends_and_the_peaks() {
        let mut points: Vec<_> = (0..10_000).map(|i| (f64::from(i), 1.0)).collect();
        points[1234].1 = 9.0;
        let raw = extremes(&points, 480);
        assert!(raw.len() <= 482 && raw.contains(&(1234.0, 9.0)));
        let smooth = thinned(&points, 480);
        assert_eq!((smooth[0].0, smooth[smooth.len() - 1].0), (0.0, 9999.0));
    }
}
