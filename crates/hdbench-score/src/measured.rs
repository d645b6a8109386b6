//! What the metrics of two masks follow from, measured only as far as it is asked for.

use hdbench_volume::Geometry;
use rayon::prelude::*;

use super::masks::Masks;
use super::metric::Metric;
use crate::metrics::overlap::Counts;
use crate::metrics::surface::{Border, SurfaceMetrics, distances_between};
use crate::metrics::surfel::SurfelMetrics;
use crate::metrics::{BitMask, VoxelSteps};

/// What has to be measured for some metrics.
#[derive(Default)]
struct Needs {
    borders: Vec<Border>,
    has_surfels: bool,
    tolerances_mm: Vec<f64>,
}

impl Needs {
    fn of(metrics: &[Metric]) -> Self {
        let mut needs = Self::default();
        for metric in metrics {
            if let Some(border) = metric.border().filter(|own| !needs.borders.contains(own)) {
                needs.borders.push(border);
            }
            needs.has_surfels |= metric.is_of_surfels();
            if let Metric::Nsd(tolerance) = metric {
                needs.tolerances_mm.push(tolerance.mm());
            }
        }
        needs
    }
}

/// What all metric values of a structure follow from.
#[derive(Default)]
pub(super) struct Measured {
    pub(super) counts: Counts,
    surfaces: Vec<(Border, SurfaceMetrics)>,
    surfels: SurfelMetrics,
}

impl Measured {
    pub(super) fn of(
        masks: &Masks,
        steps: VoxelSteps,
        metrics: &[Metric],
        side_by_side: bool,
    ) -> Self {
        let [p, r]: [&BitMask; 2] = [&masks.prediction, &masks.reference];
        let measure = |&border| {
            let distances = distances_between(p, r, steps, border);
            (border, SurfaceMetrics::of(distances))
        };
        let needs = Needs::of(metrics);
        let surfels = || match needs.has_surfels {
            true => SurfelMetrics::between(p, r, steps, &needs.tolerances_mm, side_by_side),
            false => SurfelMetrics::default(),
        };
        let borders = &needs.borders;
        let (surfels, surfaces) = if side_by_side {
            rayon::join(surfels, || borders.par_iter().map(measure).collect())
        } else {
            (surfels(), borders.iter().map(measure).collect())
        };
        Self {
            counts: masks.counts(),
            surfaces,
            surfels,
        }
    }

    /// What the formula gives, NaN or infinite where it has no value.
    pub(super) fn raw(&self, metric: Metric, volume_voxels: u64, voxel_volume_ml: f64) -> f64 {
        let counts = &self.counts;
        let surface = |border: Border, metric_value: fn(&SurfaceMetrics) -> f64| {
            let of = self.surfaces.iter().find(|(other, _)| *other == border);
            of.map_or(f64::NAN, |(_, metric_values)| metric_value(metric_values))
        };
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
            Metric::Nsd(tolerance) => self.surfels.nsd(tolerance.mm()),
            Metric::Hd95Surfel => self.surfels.hd95(),
            Metric::AsdPredToRefSurfel => self.surfels.mean_pred_to_ref(),
            Metric::AsdRefToPredSurfel => self.surfels.mean_ref_to_pred(),
            Metric::VolumePrediction => counts.prediction as f64 * voxel_volume_ml,
            Metric::VolumeReference => counts.reference as f64 * voxel_volume_ml,
        }
    }
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
