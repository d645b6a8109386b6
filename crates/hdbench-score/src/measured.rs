//! What the metrics of two masks follow from, measured only as far as it is asked for.

use hdbench_ground::error::Result;
use hdbench_ground::progress::Stop;
use hdbench_volume::Geometry;
use rayon::prelude::*;

use super::masks::Masks;
use super::metric::Metric;
use super::tolerance::VoxelTolerance;
use super::tool_metric::{SurfaceRule, SurfaceStatistic, ToolMetric, Unit};
use crate::metrics::overlap::Counts;
use crate::metrics::rim::boundary_iou;
use crate::metrics::surface::{Border, SurfaceMetrics, distances_between};
use crate::metrics::surface_share::SurfaceShares;
use crate::metrics::surfel::{SurfelMetrics, SurfelsAsked};
use crate::metrics::whole_mask::WholeMaskMetrics;
use crate::metrics::{BitMask, VoxelSteps};

/// What has to be measured for some metrics.
#[derive(Default)]
struct Needs {
    /// Surfaces of voxels, with the tolerances of the shares within them.
    surfaces: Vec<(SurfaceRule, Vec<f64>)>,
    /// Surfels, with the tolerances of their areas.
    surfels: Vec<(Unit, Vec<f64>)>,
    has_whole_masks: bool,
    has_surfel_hd95: bool,
    rims: Vec<VoxelTolerance>,
}

impl Needs {
    /// `smallest_mm` is the smallest spacing.
    fn of(metrics: &[Metric], smallest_mm: f64) -> Self {
        let mut needs = Self::default();
        for metric in metrics {
            let tolerance = metric.tolerance(smallest_mm);
            if let Some(rule) = metric.surface() {
                need(&mut needs.surfaces, rule, tolerance);
            }
            if let Some(unit) = metric.surfels() {
                need(&mut needs.surfels, unit, tolerance);
            }
            match metric {
                Metric::Tool(ToolMetric::HdSimpleItk | ToolMetric::AhdSimpleItk) => {
                    needs.has_whole_masks = true;
                }
                Metric::Hd95Surfel => needs.has_surfel_hd95 = true,
                Metric::Tool(ToolMetric::BoundaryIou(width)) => needs.rims.push(*width),
                _ => {}
            }
        }
        needs
    }
}

/// Adds what is not there yet.
fn need<K: PartialEq>(needs: &mut Vec<(K, Vec<f64>)>, key: K, tolerance: Option<f64>) {
    let at = needs.iter().position(|(other, _)| *other == key);
    let at = at.unwrap_or_else(|| {
        needs.push((key, Vec::new()));
        needs.len() - 1
    });
    needs[at].1.extend(tolerance);
}

/// The distances between two surfaces of voxels, summed up.
struct MeasuredSurface {
    rule: SurfaceRule,
    metrics: SurfaceMetrics,
    shares: Vec<(f64, SurfaceShares)>,
}

/// What all metric values of a structure follow from.
#[derive(Default)]
pub(super) struct Measured {
    pub(super) counts: Counts,
    smallest_mm: f64,
    surfaces: Vec<MeasuredSurface>,
    surfels: Vec<(Unit, SurfelMetrics)>,
    whole_masks: WholeMaskMetrics,
    rims: Vec<(VoxelTolerance, f64)>,
}

impl Measured {
    pub(super) fn of(
        masks: &Masks,
        steps: VoxelSteps,
        metrics: &[Metric],
        side_by_side: bool,
        stop: &Stop,
    ) -> Result<Self> {
        let [p, r]: [&BitMask; 2] = [&masks.prediction, &masks.reference];
        let smallest_mm = smallest_mm(steps, p.is_planar());
        let in_unit = |unit: Unit| match unit {
            Unit::Mm => steps,
            Unit::Voxels => VoxelSteps::Perpendicular([1.0; 3]),
        };
        let measure = |(rule, tolerances): &(SurfaceRule, Vec<f64>)| {
            stop.check()?;
            let distances = distances_between(p, r, in_unit(rule.unit), rule.border);
            let share = |&tolerance: &f64| (tolerance, SurfaceShares::of(&distances, tolerance));
            Ok(MeasuredSurface {
                rule: *rule,
                shares: tolerances.iter().map(share).collect(),
                metrics: SurfaceMetrics::of(distances),
            })
        };
        let needs = Needs::of(metrics, smallest_mm);
        let surfels = || {
            let of = |(unit, tolerances): &(Unit, Vec<f64>)| {
                stop.check()?;
                let steps = in_unit(*unit);
                let asked = SurfelsAsked {
                    tolerances_mm: tolerances,
                    has_hd95: needs.has_surfel_hd95,
                };
                let found = SurfelMetrics::between(p, r, steps, asked, side_by_side);
                Ok((*unit, found))
            };
            needs.surfels.iter().map(of).collect::<Result<_>>()
        };
        let surfaces = &needs.surfaces;
        let (surfels, surfaces): (Result<_>, Result<_>) = if side_by_side {
            rayon::join(surfels, || surfaces.par_iter().map(measure).collect())
        } else {
            (surfels(), surfaces.iter().map(measure).collect())
        };
        let rim = |&width: &VoxelTolerance| {
            stop.check()?;
            Ok((width, boundary_iou(p, r, width.voxels())))
        };
        let (surfels, surfaces) = (surfels?, surfaces?);
        stop.check()?;
        Ok(Self {
            counts: masks.counts(),
            smallest_mm,
            surfaces,
            surfels,
            whole_masks: match needs.has_whole_masks {
                true => WholeMaskMetrics::between(p, r, steps),
                false => WholeMaskMetrics::default(),
            },
            rims: needs.rims.iter().map(rim).collect::<Result<_>>()?,
        })
    }

    /// What the formula gives, NaN or infinite where it has no value.
    pub(super) fn raw(&self, metric: Metric, volume_voxels: u64, voxel_volume_ml: f64) -> f64 {
        let counts = &self.counts;
        let surface = |border: Border, metric_value: fn(&SurfaceMetrics) -> f64| {
            let of = self.surface(SurfaceRule::mm(border));
            of.map_or(f64::NAN, |surface| metric_value(&surface.metrics))
        };
        let surfels =
            |metric_value: &dyn Fn(&SurfelMetrics) -> f64| self.surfels(Unit::Mm, metric_value);
        match metric {
            Metric::Dice => counts.dice(),
            Metric::Jaccard => counts.jaccard(),
            Metric::Voe => counts.voe(),
            Metric::Rvd => counts.rvd(),
            Metric::Precision => counts.precision(),
            Metric::Recall => counts.recall(),
            Metric::Specificity => counts.specificity(volume_voxels),
            Metric::Assd(border) => surface(border, |metric_values| metric_values.assd),
            Metric::Masd(border) => surface(border, |metric_values| metric_values.masd),
            Metric::Rmsd(border) => surface(border, |metric_values| metric_values.rmsd),
            Metric::Msd(border) => surface(border, |metric_values| metric_values.msd),
            Metric::Hd95(border) => surface(border, |metric_values| metric_values.hd95),
            Metric::Hd95Max(border) => surface(border, |metric_values| metric_values.hd95_max),
            Metric::Nsd(tolerance) => surfels(&|surfels| surfels.nsd(tolerance.mm())),
            Metric::Hd95Surfel => surfels(&SurfelMetrics::hd95),
            Metric::AsdPredToRefSurfel => surfels(&SurfelMetrics::mean_pred_to_ref),
            Metric::AsdRefToPredSurfel => surfels(&SurfelMetrics::mean_ref_to_pred),
            Metric::VolumePrediction => counts.prediction as f64 * voxel_volume_ml,
            Metric::VolumeReference => counts.reference as f64 * voxel_volume_ml,
            Metric::Tool(metric) => {
                let of_empty = metric.of_empty(counts);
                of_empty.unwrap_or_else(|| self.raw_of_tool(metric))
            }
        }
    }

    fn raw_of_tool(&self, metric: ToolMetric) -> f64 {
        let statistic = |statistic: SurfaceStatistic| {
            let of = self.surface(metric.surface()?);
            of.map(|surface| statistic.of(&surface.metrics))
        };
        let share = |of: fn(&SurfaceShares) -> f64| {
            let tolerance = metric.tolerance(self.smallest_mm)?;
            let shares = &self.surface(metric.surface()?)?.shares;
            let found = shares.iter().find(|(other, _)| *other == tolerance);
            found.map(|(_, shares)| of(shares))
        };
        let surfels = |of: &dyn Fn(&SurfelMetrics, f64) -> f64| {
            let tolerance = metric.tolerance(self.smallest_mm).unwrap_or_default();
            Some(self.surfels(metric.surfels()?, |surfels| of(surfels, tolerance)))
        };
        let value = match metric {
            ToolMetric::AsdPredToRef(_) => statistic(SurfaceStatistic::AsdPredToRef),
            ToolMetric::Hd95PredToRef => statistic(SurfaceStatistic::Hd95PredToRef),
            ToolMetric::InVoxels(own) => statistic(own),
            ToolMetric::NsdOfVoxels(_) | ToolMetric::NsdOfVoxelsInVoxels(_) => {
                share(SurfaceShares::pooled)
            }
            ToolMetric::NsdPanoptica | ToolMetric::NsdPanopticaInVoxels => {
                share(SurfaceShares::mean_of_sides)
            }
            ToolMetric::NsdInVoxels(_) => surfels(&SurfelMetrics::nsd),
            ToolMetric::MsdSurfel => surfels(&|surfels, _| surfels.farthest()),
            ToolMetric::AssdSurfel => surfels(&|surfels, _| surfels.mean()),
            ToolMetric::SurfaceOverlapPred(_) => surfels(&SurfelMetrics::overlap_of_prediction),
            ToolMetric::SurfaceOverlapRef(_) => surfels(&SurfelMetrics::overlap_of_reference),
            ToolMetric::HdSimpleItk => Some(self.whole_masks.hd),
            ToolMetric::AhdSimpleItk => Some(self.whole_masks.ahd),
            ToolMetric::BoundaryIou(width) => {
                let found = self.rims.iter().find(|(other, _)| *other == width);
                found.map(|(_, value)| *value)
            }
        };
        value.unwrap_or(f64::NAN)
    }

    fn surface(&self, rule: SurfaceRule) -> Option<&MeasuredSurface> {
        self.surfaces.iter().find(|surface| surface.rule == rule)
    }

    fn surfels(&self, unit: Unit, metric_value: impl Fn(&SurfelMetrics) -> f64) -> f64 {
        let of = self.surfels.iter().find(|(other, _)| *other == unit);
        of.map_or(f64::NAN, |(_, surfels)| metric_value(surfels))
    }
}

/// The smallest spacing, mm; a picture has none along z.
fn smallest_mm(steps: VoxelSteps, is_planar: bool) -> f64 {
    let spacing_mm = match steps {
        VoxelSteps::Perpendicular(spacing_mm) => spacing_mm,
        VoxelSteps::Sheared(steps_mm) => steps_mm.map(|step| {
            let squares = step.iter().map(|mm| mm * mm);
            squares.sum::<f64>().sqrt()
        }),
    };
    let axes = if is_planar { 1..3 } else { 0..3 };
    let axes = spacing_mm[axes].iter().copied();
    axes.fold(f64::INFINITY, f64::min)
}

/// From the first voxel's corner to the last one's, mm.
pub(super) fn diagonal_mm(geometry: &Geometry) -> f64 {
    let [z, y, x] = geometry.steps_mm();
    let along = |axis: usize| {
        [z, y, x]
            .iter()
            .zip(geometry.shape)
            .map(|(step, count)| step[axis] * count as f64)
            .sum::<f64>()
            .powi(2)
    };
    (along(0) + along(1) + along(2)).sqrt()
}

/// What the axes of a grid measure.
pub(super) fn steps(geometry: &Geometry) -> VoxelSteps {
    match geometry.is_sheared() {
        true => VoxelSteps::Sheared(geometry.steps_mm()),
        false => VoxelSteps::Perpendicular(geometry.spacing_mm),
    }
}
