//! Metrics of two masks as other tools define them, where no metric of `strict` is the same.

use std::borrow::Cow;

use super::tolerance::{Tolerance, VoxelTolerance};
use crate::metrics::overlap::Counts;
use crate::metrics::surface::{Border, SurfaceMetrics};

/// What a distance is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// By the spacing of the reference.
    Mm,
    /// Every step along an axis is 1, however long: what a tool gives that is told no spacing.
    Voxels,
}

/// Which voxels make a surface, and what distances between them are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SurfaceRule {
    /// Whose background neighbours make a surface voxel.
    pub border: Border,
    /// What distances are in.
    pub unit: Unit,
}

impl SurfaceRule {
    /// In mm.
    pub fn mm(border: Border) -> Self {
        let unit = Unit::Mm;
        Self { border, unit }
    }

    /// Surface voxels by 6 neighbours, distances in voxels: MedPy, MONAI and panoptica without a spacing.
    pub const VOXELS: Self = Self {
        border: Border::Six,
        unit: Unit::Voxels,
    };
}

/// A metric by the definition of another tool. [`super::Definition`] says which tool it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ToolMetric {
    /// Mean distance of the prediction's surface voxels from the reference's, mm (MedPy `asd`, MONAI).
    AsdPredToRef(Border),
    /// 95th percentile of the same distances by 6 neighbours, mm (MONAI, `directed`).
    Hd95PredToRef,
    /// Share of the surface voxels of both masks, by 6 neighbours, within a tolerance of the other's (MONAI,
    /// MetricsReloaded), 0..=1.
    NsdOfVoxels(Tolerance),
    /// Mean of the two directed shares of surface voxels within the smallest spacing (panoptica), 0..=1.
    NsdPanoptica,
    /// A metric of surface voxels by 6 neighbours in voxels.
    InVoxels(SurfaceStatistic),
    /// [`Self::NsdOfVoxels`] without a spacing, 0..=1.
    NsdOfVoxelsInVoxels(VoxelTolerance),
    /// The surface Dice by surfel areas of voxels of edge 1 (MONAI, `use_subvoxels` without a spacing), 0..=1.
    NsdInVoxels(VoxelTolerance),
    /// [`Self::NsdPanoptica`] within half a voxel (panoptica's global metric), 0..=1.
    NsdPanopticaInVoxels,
    /// Largest distance of a voxel of either mask, not only of its surface, from the other mask, mm (SimpleITK).
    HdSimpleItk,
    /// Mean of the two directed means of the same distances, mm (SimpleITK).
    AhdSimpleItk,
    /// The largest distance between the surfels of both surfaces, mm (surface-distance).
    MsdSurfel,
    /// Mean distance of both surfaces by surfel area, mm (MIST).
    AssdSurfel,
    /// Share of the area of the prediction's surface within a tolerance of the reference's (surface-distance), 0..=1.
    SurfaceOverlapPred(Tolerance),
    /// Share of the area of the reference's surface within a tolerance of the prediction's (surface-distance), 0..=1.
    SurfaceOverlapRef(Tolerance),
    /// Intersection over union of the rims of both masks: their voxels nearer to their own surface voxels, by 6
    /// neighbours, than this (MetricsReloaded), 0..=1.
    BoundaryIou(VoxelTolerance),
}

/// A metric of the distances between two surfaces of voxels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SurfaceStatistic {
    /// [`Metric::Assd`](super::Metric::Assd).
    Assd,
    /// [`Metric::Masd`](super::Metric::Masd).
    Masd,
    /// [`Metric::Msd`](super::Metric::Msd).
    Msd,
    /// [`Metric::Hd95`](super::Metric::Hd95).
    Hd95,
    /// [`Metric::Hd95Max`](super::Metric::Hd95Max).
    Hd95Max,
    /// [`ToolMetric::AsdPredToRef`].
    AsdPredToRef,
    /// [`ToolMetric::Hd95PredToRef`].
    Hd95PredToRef,
}

impl SurfaceStatistic {
    /// All.
    pub const ALL: [Self; 7] = [
        Self::Assd,
        Self::Masd,
        Self::Msd,
        Self::Hd95,
        Self::Hd95Max,
        Self::AsdPredToRef,
        Self::Hd95PredToRef,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Assd => "assd_6n_voxels",
            Self::Masd => "masd_6n_voxels",
            Self::Msd => "msd_6n_voxels",
            Self::Hd95 => "hd95_6n_voxels",
            Self::Hd95Max => "hd95_max_6n_voxels",
            Self::AsdPredToRef => "asd_pred_to_ref_6n_voxels",
            Self::Hd95PredToRef => "hd95_pred_to_ref_6n_voxels",
        }
    }

    /// Its value.
    pub(super) fn of(self, metrics: &SurfaceMetrics) -> f64 {
        match self {
            Self::Assd => metrics.assd,
            Self::Masd => metrics.masd,
            Self::Msd => metrics.msd,
            Self::Hd95 => metrics.hd95,
            Self::Hd95Max => metrics.hd95_max,
            Self::AsdPredToRef => metrics.asd_pred_to_ref,
            Self::Hd95PredToRef => metrics.hd95_pred_to_ref,
        }
    }
}

/// A name with the neighbours that make a surface voxel.
pub(super) fn bordered(name: &str, border: Border) -> Cow<'static, str> {
    format!("{name}_{}n", border.neighbours()).into()
}

impl ToolMetric {
    /// Those that have no tolerance in their name, in any border rule.
    pub fn without_tolerance() -> impl Iterator<Item = Self> {
        let plain = [
            Self::Hd95PredToRef,
            Self::NsdPanoptica,
            Self::NsdPanopticaInVoxels,
            Self::HdSimpleItk,
            Self::AhdSimpleItk,
            Self::MsdSurfel,
            Self::AssdSurfel,
        ];
        let directed = Border::ALL.map(Self::AsdPredToRef);
        let in_voxels = SurfaceStatistic::ALL.map(Self::InVoxels);
        directed.into_iter().chain(plain).chain(in_voxels)
    }

    /// The name in files.
    pub fn name(self) -> Cow<'static, str> {
        match self {
            Self::AsdPredToRef(border) => bordered("asd_pred_to_ref", border),
            Self::Hd95PredToRef => "hd95_pred_to_ref_6n".into(),
            Self::NsdOfVoxels(tolerance) => format!("nsd_6n_{}mm", tolerance.mm()).into(),
            Self::NsdPanoptica => "nsd_panoptica".into(),
            Self::InVoxels(statistic) => statistic.name().into(),
            Self::NsdOfVoxelsInVoxels(tolerance) => {
                format!("nsd_6n_{}voxels", tolerance.voxels()).into()
            }
            Self::NsdInVoxels(tolerance) => format!("nsd_{}voxels", tolerance.voxels()).into(),
            Self::NsdPanopticaInVoxels => "nsd_panoptica_voxels".into(),
            Self::HdSimpleItk => "hd_simpleitk".into(),
            Self::AhdSimpleItk => "ahd_simpleitk".into(),
            Self::MsdSurfel => "msd_surfel".into(),
            Self::AssdSurfel => "assd_surfel".into(),
            Self::SurfaceOverlapPred(tolerance) => {
                format!("surface_overlap_pred_{}mm", tolerance.mm()).into()
            }
            Self::SurfaceOverlapRef(tolerance) => {
                format!("surface_overlap_ref_{}mm", tolerance.mm()).into()
            }
            Self::BoundaryIou(width) => format!("boundary_iou_{}voxels", width.voxels()).into(),
        }
    }

    /// The one of a name.
    pub fn named(name: &str) -> Option<Self> {
        let known = Self::without_tolerance().find(|metric| metric.name() == name);
        let mm = |prefix: &str, of: fn(Tolerance) -> Self| {
            Tolerance::named(name.strip_prefix(prefix)?).map(of)
        };
        let voxels = |prefix: &str, of: fn(VoxelTolerance) -> Self| {
            VoxelTolerance::named(name.strip_prefix(prefix)?).map(of)
        };
        known
            .or_else(|| mm("nsd_6n_", Self::NsdOfVoxels))
            .or_else(|| mm("surface_overlap_pred_", Self::SurfaceOverlapPred))
            .or_else(|| mm("surface_overlap_ref_", Self::SurfaceOverlapRef))
            .or_else(|| voxels("nsd_6n_", Self::NsdOfVoxelsInVoxels))
            .or_else(|| voxels("nsd_", Self::NsdInVoxels))
            .or_else(|| voxels("boundary_iou_", Self::BoundaryIou))
    }

    /// Between which surfaces of voxels it measures; none where it needs none.
    pub(super) fn surface(self) -> Option<SurfaceRule> {
        match self {
            Self::AsdPredToRef(border) => Some(SurfaceRule::mm(border)),
            Self::Hd95PredToRef | Self::NsdOfVoxels(_) | Self::NsdPanoptica => {
                Some(SurfaceRule::mm(Border::Six))
            }
            Self::InVoxels(_) | Self::NsdOfVoxelsInVoxels(_) | Self::NsdPanopticaInVoxels => {
                Some(SurfaceRule::VOXELS)
            }
            Self::NsdInVoxels(_)
            | Self::HdSimpleItk
            | Self::AhdSimpleItk
            | Self::MsdSurfel
            | Self::AssdSurfel
            | Self::SurfaceOverlapPred(_)
            | Self::SurfaceOverlapRef(_)
            | Self::BoundaryIou(_) => None,
        }
    }

    /// Between which surfels it measures; none where it needs none.
    pub(super) fn surfels(self) -> Option<Unit> {
        match self {
            Self::MsdSurfel
            | Self::AssdSurfel
            | Self::SurfaceOverlapPred(_)
            | Self::SurfaceOverlapRef(_) => Some(Unit::Mm),
            Self::NsdInVoxels(_) => Some(Unit::Voxels),
            _ => None,
        }
    }

    /// The tolerance of its share of a surface, in the unit of its distances; `smallest_mm` is the smallest spacing.
    pub(super) fn tolerance(self, smallest_mm: f64) -> Option<f64> {
        match self {
            Self::NsdOfVoxels(mm) | Self::SurfaceOverlapPred(mm) | Self::SurfaceOverlapRef(mm) => {
                Some(mm.mm())
            }
            Self::NsdOfVoxelsInVoxels(voxels) | Self::NsdInVoxels(voxels) => Some(voxels.voxels()),
            Self::NsdPanoptica => Some(smallest_mm),
            Self::NsdPanopticaInVoxels => Some(0.5),
            _ => None,
        }
    }

    /// What its tool gives where a mask is empty and the formula gives something else; nothing elsewhere.
    pub(super) fn of_empty(self, counts: &Counts) -> Option<f64> {
        let is_directed_mean = matches!(
            self,
            Self::AsdPredToRef(_) | Self::InVoxels(SurfaceStatistic::AsdPredToRef)
        );
        let is_share = matches!(self, Self::NsdOfVoxels(_) | Self::NsdOfVoxelsInVoxels(_));
        match self {
            // MONAI: what has nothing to go to is infinitely far, whichever side is empty.
            _ if is_directed_mean && counts.one_empty() => Some(f64::INFINITY),
            _ if is_share && counts.one_empty() => Some(0.0),
            // surface-distance.
            Self::MsdSurfel if counts.both_empty() => Some(f64::INFINITY),
            // MetricsReloaded.
            Self::BoundaryIou(_) if counts.both_empty() => Some(1.0),
            _ => None,
        }
    }

    /// Whether larger is better, up to 1; otherwise it is a distance.
    pub(super) fn is_agreement(self) -> bool {
        match self {
            Self::NsdOfVoxels(_)
            | Self::NsdPanoptica
            | Self::NsdOfVoxelsInVoxels(_)
            | Self::NsdInVoxels(_)
            | Self::NsdPanopticaInVoxels
            | Self::SurfaceOverlapPred(_)
            | Self::SurfaceOverlapRef(_)
            | Self::BoundaryIou(_) => true,
            Self::AsdPredToRef(_)
            | Self::Hd95PredToRef
            | Self::InVoxels(_)
            | Self::HdSimpleItk
            | Self::AhdSimpleItk
            | Self::MsdSurfel
            | Self::AssdSurfel => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::metric::Metric;
    use super::*;

    #[test]
    fn each_is_found_by_its_name_and_is_no_other_metric() {
        let [mm, voxels] = [Tolerance::from_mm(1.5), Tolerance::from_mm(2.0)];
        let mm = mm.into_iter().chain(voxels).flat_map(|tolerance| {
            [
                ToolMetric::NsdOfVoxels(tolerance),
                ToolMetric::SurfaceOverlapPred(tolerance),
                ToolMetric::SurfaceOverlapRef(tolerance),
            ]
        });
        let voxels = VoxelTolerance::from_voxels(1.5).into_iter();
        let voxels = voxels.flat_map(|tolerance| {
            [
                ToolMetric::NsdOfVoxelsInVoxels(tolerance),
                ToolMetric::NsdInVoxels(tolerance),
                ToolMetric::BoundaryIou(tolerance),
            ]
        });
        let all: Vec<ToolMetric> = ToolMetric::without_tolerance()
            .chain(mm)
            .chain(voxels)
            .collect();
        for metric in &all {
            assert_eq!(Metric::named(&metric.name()), Some(Metric::Tool(*metric)));
        }
        assert_eq!(all.len(), 17 + 6 + 3);
        for other in [
            "nsd_6n_0mm",
            "nsd_6n_1",
            "boundary_iou_1mm",
            "assd_18n_voxels",
        ] {
            assert_eq!(Metric::named(other), None, "{other}");
        }
    }
}
