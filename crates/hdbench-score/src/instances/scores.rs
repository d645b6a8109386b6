//! The metrics of a structure's instances as they are matched by its own rule.

use std::collections::BTreeSet;

use hdbench_ground::error::Result;
use hdbench_ground::progress::Stop;
use hdbench_volume::{Bounds, Geometry};
use rayon::prelude::*;

use super::found::{InstanceRow, InstanceStatus, OwnInstances};
use super::matching::{Match, matches};
use super::sides::Sides;
use crate::instance_metric::{FOUND, InstanceMetric};
use crate::lesion::LesionSide;
use crate::masks::Masks;
use crate::measured::{Measured, diagonal_mm, steps};
use crate::metric::Metric;
use crate::metric_value::MetricValue;
use crate::metrics::detection::Detection;
use crate::metrics::regions::{ByRegion, Shared, box_of, roomy};
use crate::policy::EmptyMask;
use crate::scored_structure::ScoredStructure;
use crate::structures::{Instances, Matching, Score};

/// Finds, matches and scores the instances of a structure by its own rule; `None` where nothing is asked of them.
///
/// # Errors
/// `Error::Interrupted` once it is asked to stop.
pub fn own_instances(
    masks: Option<&mut Masks>,
    structure: &ScoredStructure,
    geometry: &Geometry,
    stop: &Stop,
) -> Result<Option<OwnInstances>> {
    let Some(instances) = &structure.instances else {
        return Ok(None);
    };
    if structure.instance_metrics.is_empty() {
        return Ok(None);
    }
    let context = Context {
        structure,
        geometry,
        stop,
    };
    let Some(masks) = masks else {
        let nothing = Tally::default();
        return Ok(Some(OwnInstances {
            values: context.values(&nothing),
            ..OwnInstances::default()
        }));
    };
    let is_planar = masks.reference.is_planar();
    let sides = Sides::of(masks, instances, geometry);
    stop.check()?;
    let matches = matches(&sides, instances, is_planar, geometry);
    let needed = context.needed();
    let measured = context.measured(&needed, &sides, &matches, is_planar)?;
    let tally = context.tally(instances, &sides, &matches, needed, measured);
    Ok(Some(OwnInstances {
        detection: tally.detection,
        values: context.values(&tally),
        rows: context.rows(&sides, &matches, &tally),
    }))
}

struct Context<'a> {
    structure: &'a ScoredStructure,
    geometry: &'a Geometry,
    stop: &'a Stop,
}

/// What all metric values of the instances follow from.
#[derive(Default)]
struct Tally {
    detection: Detection,
    /// For each match: the instances of the reference that it stands for, none if it does not count.
    weights: Vec<u32>,
    /// The metrics of each match, in the order of the ones that are needed.
    measured: Vec<Vec<f64>>,
    needed: Vec<Metric>,
    reference_status: Vec<InstanceStatus>,
    prediction_status: Vec<InstanceStatus>,
    false_positive_voxels: u64,
    false_negative_voxels: u64,
}

impl Context<'_> {
    /// The metrics of two masks that the metrics asked for rest on.
    fn needed(&self) -> Vec<Metric> {
        let mut needed = Vec::new();
        let agreement = self
            .structure
            .instances
            .as_ref()
            .and_then(|own| own.counts_if);
        let asked = self
            .structure
            .instance_metrics
            .iter()
            .filter_map(|metric| match metric {
                InstanceMetric::Found(metric) | InstanceMetric::Lesionwise(metric) => Some(*metric),
                InstanceMetric::SegmentationQuality(score)
                | InstanceMetric::PanopticQuality(score) => Some(metric_of(*score)),
                _ => None,
            });
        // Those two follow from the voxels that are counted anyway, and every table of instances has them.
        let always = [Metric::Dice, Metric::Jaccard];
        let more = agreement
            .map(|own| metric_of(own.score))
            .into_iter()
            .chain(always);
        for metric in asked.chain(more) {
            if !needed.contains(&metric) {
                needed.push(metric);
            }
        }
        needed
    }

    /// The needed metrics of each match.
    fn measured(
        &self,
        needed: &[Metric],
        sides: &Sides,
        matches: &[Match],
        is_planar: bool,
    ) -> Result<Vec<Vec<f64>>> {
        let by_prediction = sides.prediction.by_region();
        let by_reference = sides.reference.by_region();
        let measure = |found: &Match| {
            let bounds = Bounds::union(
                bounds_of(&by_prediction, &found.prediction),
                bounds_of(&by_reference, &found.reference),
            );
            let Some(bounds) = bounds else {
                return Ok(vec![f64::NAN; needed.len()]);
            };
            let mask = |side: &ByRegion<'_>, ids: &[u32]| {
                let runs = ids.iter().flat_map(|id| side.runs(*id));
                roomy(bounds, is_planar, [0; 3], runs)
            };
            let masks = Masks {
                prediction: mask(&by_prediction, &found.prediction),
                reference: mask(&by_reference, &found.reference),
                by_value: None,
            };
            let measured = Measured::of(&masks, steps(self.geometry), needed, false, self.stop)?;
            let voxels = self.geometry.len() as u64;
            let of = |metric: &Metric| {
                measured.raw(*metric, voxels, self.geometry.voxel_volume_ml()) + 0.0
            };
            Ok(needed.iter().map(of).collect())
        };
        matches.par_iter().map(measure).collect()
    }

    fn tally(
        &self,
        instances: &Instances,
        sides: &Sides,
        matches: &[Match],
        needed: Vec<Metric>,
        measured: Vec<Vec<f64>>,
    ) -> Tally {
        let is_large = |id: &u32| {
            let voxels = sides.reference.sizes()[*id as usize - 1];
            let mm3 = f64::from(voxels) * self.geometry.voxel_volume_ml() * 1000.0;
            instances
                .min_volume
                .is_none_or(|least| least.mm3.holds(mm3))
        };
        let is_near = |values: &[f64]| {
            instances.counts_if.is_none_or(|agreement| {
                let metric = metric_of(agreement.score);
                let place = needed.iter().position(|other| *other == metric);
                place.is_some_and(|place| agreement.bound.holds(values[place]))
            })
        };
        let [references, predictions] =
            [&sides.reference, &sides.prediction].map(|side| side.sizes().len());
        let mut reference_status: Vec<InstanceStatus> = (1..=references as u32)
            .map(|id| match is_large(&id) {
                true => InstanceStatus::Missed,
                false => InstanceStatus::LeftOut,
            })
            .collect();
        let mut prediction_status = vec![InstanceStatus::FalseAlarm; predictions];
        let excuses = instances.min_volume.is_some_and(|least| least.excuses);
        let is_scored = matches!(
            instances.matching,
            Matching::Scored(..) | Matching::SameValue
        );
        let (mut weights, mut joined) = (Vec::new(), 0);
        for (found, values) in matches.iter().zip(&measured) {
            let large: Vec<u32> = found.reference.iter().copied().filter(is_large).collect();
            let counts = !large.is_empty() && is_near(values);
            for id in large.iter().filter(|_| counts) {
                reference_status[*id as usize - 1] = InstanceStatus::Found;
            }
            for id in &found.prediction {
                let status = &mut prediction_status[*id as usize - 1];
                *status = match *status {
                    _ if counts => InstanceStatus::Found,
                    InstanceStatus::FalseAlarm if large.is_empty() && excuses => {
                        InstanceStatus::LeftOut
                    }
                    other => other,
                };
            }
            weights.push(if counts { large.len() as u32 } else { 0 });
            // Predictions that share an instance of the reference are one, whether or not the match counts.
            if is_scored && !counts && !(large.is_empty() && excuses) {
                joined += found.prediction.len() as u64 - 1;
            }
        }
        let count = |all: &[InstanceStatus], status| {
            all.iter().filter(|own| **own == status).count() as u64
        };
        let found = count(&reference_status, InstanceStatus::Found);
        let detection = Detection {
            reference_found: found,
            reference_missed: count(&reference_status, InstanceStatus::Missed),
            prediction_true: match instances.matching {
                Matching::OverlapGroups => count(&prediction_status, InstanceStatus::Found),
                _ => found,
            },
            prediction_false: count(&prediction_status, InstanceStatus::FalseAlarm) - joined,
        };
        let [false_positive_voxels, false_negative_voxels] = lonely(sides);
        Tally {
            detection,
            weights,
            measured,
            needed,
            reference_status,
            prediction_status,
            false_positive_voxels,
            false_negative_voxels,
        }
    }

    fn values(&self, tally: &Tally) -> Vec<(InstanceMetric, MetricValue)> {
        let asked = self.structure.instance_metrics.iter();
        asked
            .map(|metric| (*metric, self.value(*metric, tally)))
            .collect()
    }

    /// A metric value under the structure's own rules, else the policy.
    fn value(&self, metric: InstanceMetric, tally: &Tally) -> MetricValue {
        let found = &tally.detection;
        let edge = EmptyMask::between(
            found.prediction_true + found.prediction_false,
            found.reference_found + found.reference_missed,
        );
        let edge = match edge {
            EmptyMask::None if found.reference_found == 0 => EmptyMask::NoMatch,
            edge => edge,
        };
        let raw = self.raw(metric, tally);
        let value = MetricValue::strict(metric.into(), raw, edge, raw);
        // The terms of a mean over all have had their rules already, unless there was none.
        match metric {
            InstanceMetric::Lesionwise(_) if edge != EmptyMask::BothEmpty => value,
            _ => self.under_rules(value, metric, edge),
        }
    }

    /// What the structure's own rules make of a value.
    fn under_rules(
        &self,
        value: MetricValue,
        metric: InstanceMetric,
        edge: EmptyMask,
    ) -> MetricValue {
        let diagonal_mm = diagonal_mm(self.geometry);
        value.under(&self.structure.empty, &names(metric), edge, diagonal_mm)
    }

    fn raw(&self, metric: InstanceMetric, tally: &Tally) -> f64 {
        let found = &tally.detection;
        let [tp, fp, missed] = [
            found.reference_found,
            found.prediction_false,
            found.reference_missed,
        ]
        .map(|count| count as f64);
        let quality = |score| tally.mean(metric_of(score));
        let recognition = tp / (tp + 0.5 * fp + 0.5 * missed);
        match metric {
            InstanceMetric::Precision => found.precision(),
            InstanceMetric::Recall => found.recall(),
            InstanceMetric::F1 => found.f1(),
            InstanceMetric::TruePositives => tp,
            InstanceMetric::FalseNegatives => missed,
            InstanceMetric::FalsePositives => fp,
            InstanceMetric::RecognitionQuality => recognition,
            InstanceMetric::SegmentationQuality(score) => quality(score),
            InstanceMetric::PanopticQuality(_) if tp == 0.0 => recognition,
            InstanceMetric::PanopticQuality(score) => quality(score) * recognition,
            InstanceMetric::FalsePositiveVolume => self.volume_ml(tally.false_positive_voxels),
            InstanceMetric::FalseNegativeVolume => self.volume_ml(tally.false_negative_voxels),
            InstanceMetric::Found(metric) => tally.mean(metric),
            InstanceMetric::Lesionwise(metric) => self.lesionwise(metric, tally),
        }
    }

    fn volume_ml(&self, voxels: u64) -> f64 {
        voxels as f64 * self.geometry.voxel_volume_ml()
    }

    /// The mean over all instances of the reference and all false alarms; NaN if one of them has no value, or if
    /// there is nothing and no rule says what that is.
    fn lesionwise(&self, metric: Metric, tally: &Tally) -> f64 {
        let found = &tally.detection;
        let own = InstanceMetric::Lesionwise(metric);
        // What a single instance is given that has nothing on the other side.
        let without = |edge: EmptyMask, raw: f64| {
            let value = MetricValue::strict(metric.into(), raw, edge, raw);
            self.under_rules(value, own, edge).value
        };
        let all = found.reference_found + found.reference_missed + found.prediction_false;
        if all == 0 {
            return without(EmptyMask::BothEmpty, f64::NAN);
        }
        let several = |count: u64, edge| match count {
            0 => 0.0,
            count => count as f64 * without(edge, f64::NAN),
        };
        let sum = tally.sum(metric)
            + several(found.reference_missed, EmptyMask::PredictionEmpty)
            + several(found.prediction_false, EmptyMask::ReferenceEmpty);
        sum / all as f64
    }

    fn rows(&self, sides: &Sides, matches: &[Match], tally: &Tally) -> Vec<InstanceRow> {
        let row = |side: LesionSide, id: u32| {
            let (regions, status, values) = match side {
                LesionSide::Reference => (&sides.reference, &tally.reference_status, 1),
                LesionSide::Prediction => (&sides.prediction, &tally.prediction_status, 0),
            };
            let place = id as usize - 1;
            let voxels = u64::from(regions.sizes()[place]);
            InstanceRow {
                side,
                instance: id,
                value: sides.values.as_ref().map(|both| both[values][place]),
                voxels,
                volume_ml: self.volume_ml(voxels),
                status: status[place],
                matched: Vec::new(),
                metrics: Vec::new(),
            }
        };
        let references = sides.reference.sizes().len() as u32;
        let predictions = sides.prediction.sizes().len() as u32;
        let mut rows: Vec<InstanceRow> = (1..=references)
            .map(|id| row(LesionSide::Reference, id))
            .chain((1..=predictions).map(|id| row(LesionSide::Prediction, id)))
            .collect();
        for (at, found) in matches.iter().enumerate() {
            for id in &found.reference {
                let row = &mut rows[*id as usize - 1];
                row.matched.extend(&found.prediction);
                if tally.weights[at] > 0 {
                    let values = tally
                        .needed
                        .iter()
                        .copied()
                        .zip(tally.measured[at].iter().copied());
                    row.metrics = values.collect();
                }
            }
            for id in &found.prediction {
                rows[(references + id) as usize - 1]
                    .matched
                    .extend(&found.reference);
            }
        }
        rows
    }
}

impl Tally {
    /// The mean of a metric over the instances that are found; NaN of none.
    fn mean(&self, metric: Metric) -> f64 {
        self.sum(metric)
            / self
                .weights
                .iter()
                .map(|weight| f64::from(*weight))
                .sum::<f64>()
    }

    fn sum(&self, metric: Metric) -> f64 {
        let Some(place) = self.needed.iter().position(|other| *other == metric) else {
            return 0.0;
        };
        let counting = self
            .weights
            .iter()
            .zip(&self.measured)
            .filter(|(weight, _)| **weight > 0);
        counting
            .map(|(weight, values)| f64::from(*weight) * values[place])
            .sum()
    }
}

/// The metric of two masks that a score is.
fn metric_of(score: Score) -> Metric {
    match score {
        Score::Iou => Metric::Jaccard,
        Score::Dice => Metric::Dice,
    }
}

/// The names whose rules an instance metric has, its own first.
fn names(metric: InstanceMetric) -> Vec<String> {
    let own = metric.name();
    let more: Vec<String> = match metric {
        InstanceMetric::Found(metric) => vec![metric.name().into_owned()],
        InstanceMetric::Lesionwise(metric) => {
            let name = metric.name();
            vec![format!("{FOUND}{name}"), name.into_owned()]
        }
        InstanceMetric::SegmentationQuality(Score::Iou)
        | InstanceMetric::PanopticQuality(Score::Iou) => {
            vec![format!("{FOUND}jaccard"), "jaccard".to_owned()]
        }
        InstanceMetric::SegmentationQuality(Score::Dice)
        | InstanceMetric::PanopticQuality(Score::Dice) => {
            vec![format!("{FOUND}dice"), "dice".to_owned()]
        }
        _ => Vec::new(),
    };
    std::iter::once(own).chain(more).collect()
}

fn bounds_of(side: &ByRegion<'_>, ids: &[u32]) -> Option<Bounds> {
    ids.iter()
        .fold(None, |all, id| Bounds::union(all, box_of(side.runs(*id))))
}

/// Voxels of the predicted instances, and of the reference's, that share none with the other side.
fn lonely(sides: &Sides) -> [u64; 2] {
    let met =
        |id_of: fn(&Shared) -> u32| -> BTreeSet<u32> { sides.shared.iter().map(id_of).collect() };
    let of = |sizes: &[u32], met: BTreeSet<u32>| {
        let all = (1..).zip(sizes);
        all.filter(|(id, _)| !met.contains(id))
            .map(|(_, size)| u64::from(*size))
            .sum()
    };
    [
        of(sides.prediction.sizes(), met(|pair| pair.prediction)),
        of(sides.reference.sizes(), met(|pair| pair.reference)),
    ]
}
