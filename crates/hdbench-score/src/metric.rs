//! Metrics of two masks, with their names.

use std::borrow::Cow;

use super::tolerance::Tolerance;
use super::tool_metric::{SurfaceRule, ToolMetric, Unit, bordered};
use crate::metrics::surface::Border;

/// A metric of one case and one label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// 0..=1.
    Dice,
    /// 0..=1.
    Jaccard,
    /// Volumetric overlap error, 0..=1.
    Voe,
    /// Relative volume difference (prediction - reference) / reference.
    Rvd,
    /// 0..=1.
    Precision,
    /// 0..=1.
    Recall,
    /// Share of the volume outside the reference that the prediction leaves out, 0..=1.
    Specificity,
    /// Average symmetric surface distance, pooled, mm.
    Assd(Border),
    /// Mean of the two directed mean surface distances, mm.
    Masd(Border),
    /// Root mean square symmetric surface distance, pooled, mm.
    Rmsd(Border),
    /// Maximum symmetric surface distance (Hausdorff), mm.
    Msd(Border),
    /// 95th percentile of the pooled surface distances, mm.
    Hd95(Border),
    /// The larger of the two directed 95th percentiles, mm.
    Hd95Max(Border),
    /// Normalised surface Dice by surfel areas, 0..=1.
    Nsd(Tolerance),
    /// The larger of the two directed 95th percentiles by surfel area, mm.
    Hd95Surfel,
    /// Mean distance of the prediction's surface from the reference's by surfel area, mm.
    AsdPredToRefSurfel,
    /// Mean distance of the reference's surface from the prediction's by surfel area, mm.
    AsdRefToPredSurfel,
    /// Volume of the predicted mask, mL.
    VolumePrediction,
    /// Volume of the reference mask, mL.
    VolumeReference,
    /// What another tool measures and none of the above is.
    Tool(ToolMetric),
}

/// Metrics of two masks from their voxel counts.
const OVERLAP: [Metric; 7] = [
    Metric::Dice,
    Metric::Jaccard,
    Metric::Voe,
    Metric::Rvd,
    Metric::Precision,
    Metric::Recall,
    Metric::Specificity,
];

/// Metrics of two surfaces made of voxels.
const SURFACE: [fn(Border) -> Metric; 6] = [
    Metric::Assd,
    Metric::Masd,
    Metric::Rmsd,
    Metric::Msd,
    Metric::Hd95,
    Metric::Hd95Max,
];

/// Metrics of two surfaces made of surfels, beside [`Metric::Nsd`].
const SURFEL: [Metric; 3] = [
    Metric::Hd95Surfel,
    Metric::AsdPredToRefSurfel,
    Metric::AsdRefToPredSurfel,
];

/// Sizes of the two masks.
const VOLUMES: [Metric; 2] = [Metric::VolumePrediction, Metric::VolumeReference];

impl Metric {
    /// All metrics, in the order of the tables, for some border rules and tolerances.
    pub fn all(borders: &[Border], tolerances: &[Tolerance]) -> Vec<Self> {
        let mut metrics = OVERLAP.to_vec();
        for &border in borders {
            metrics.extend(SURFACE.map(|metric| metric(border)));
        }
        metrics.extend(tolerances.iter().copied().map(Self::Nsd));
        metrics.extend(SURFEL);
        metrics.extend(VOLUMES);
        metrics
    }

    /// The metric of a name, in any border rule and at any tolerance (`nsd_1.5mm`).
    pub fn named(name: &str) -> Option<Self> {
        let any = || Self::all(&Border::ALL, &[]).into_iter();
        let nsd = || Some(Self::Nsd(Tolerance::named(name.strip_prefix("nsd_")?)?));
        let tool = || ToolMetric::named(name).map(Self::Tool);
        any()
            .find(|metric| metric.name() == name)
            .or_else(nsd)
            .or_else(tool)
    }

    /// The names of all metrics, in every border rule, but for those with a tolerance.
    pub fn names() -> Vec<String> {
        let all = Self::all(&Border::ALL, &[]).into_iter();
        let names = all.map(|metric| metric.name().into_owned());
        let tools = ToolMetric::without_tolerance().map(|metric| metric.name().into_owned());
        names.chain(tools).collect()
    }

    /// Between which surfaces of voxels it measures; none where it needs no such voxel.
    pub(super) fn surface(self) -> Option<SurfaceRule> {
        match self {
            Self::Assd(border)
            | Self::Masd(border)
            | Self::Rmsd(border)
            | Self::Msd(border)
            | Self::Hd95(border)
            | Self::Hd95Max(border) => Some(SurfaceRule::mm(border)),
            Self::Tool(metric) => metric.surface(),
            _ => None,
        }
    }

    /// Between which surfels it measures; none where it needs none.
    pub(super) fn surfels(self) -> Option<Unit> {
        match self {
            Self::Nsd(_)
            | Self::Hd95Surfel
            | Self::AsdPredToRefSurfel
            | Self::AsdRefToPredSurfel => Some(Unit::Mm),
            Self::Tool(metric) => metric.surfels(),
            _ => None,
        }
    }

    /// The tolerance of its share of a surface, in the unit of its distances; `smallest_mm` is the smallest spacing.
    pub(super) fn tolerance(self, smallest_mm: f64) -> Option<f64> {
        match self {
            Self::Nsd(tolerance) => Some(tolerance.mm()),
            Self::Tool(metric) => metric.tolerance(smallest_mm),
            _ => None,
        }
    }

    /// The name in files; what differs from the default definition carries its variant.
    pub fn name(self) -> Cow<'static, str> {
        let name = match self {
            Self::Dice => "dice",
            Self::Jaccard => "jaccard",
            Self::Voe => "voe",
            Self::Rvd => "rvd",
            Self::Precision => "precision",
            Self::Recall => "recall",
            Self::Specificity => "specificity",
            // The defaults, the official LiTS scorer's definitions, go without a suffix.
            Self::Assd(Border::Eighteen) => "assd",
            Self::Rmsd(Border::Eighteen) => "rmsd",
            Self::Msd(Border::Eighteen) => "msd",
            Self::Hd95(Border::Eighteen) => "hd95",
            Self::Assd(border) => return bordered("assd", border),
            Self::Masd(border) => return bordered("masd", border),
            Self::Rmsd(border) => return bordered("rmsd", border),
            Self::Msd(border) => return bordered("msd", border),
            Self::Hd95(border) => return bordered("hd95", border),
            Self::Hd95Max(border) => return bordered("hd95_max", border),
            Self::Nsd(tolerance) => return format!("nsd_{}mm", tolerance.mm()).into(),
            Self::Hd95Surfel => "hd95_surfel",
            Self::AsdPredToRefSurfel => "asd_pred_to_ref_surfel",
            Self::AsdRefToPredSurfel => "asd_ref_to_pred_surfel",
            Self::VolumePrediction => "volume_pred_ml",
            Self::VolumeReference => "volume_ref_ml",
            Self::Tool(metric) => return metric.name(),
        };
        name.into()
    }
}

/// The names of the tumour burden metrics.
pub const BURDENS: [&str; 3] = [
    "tumour_burden_pred",
    "tumour_burden_ref",
    "tumour_burden_error",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A number for every variant: the compiler asks for a new one.
    fn number(metric: Metric) -> usize {
        match metric {
            Metric::Dice => 0,
            Metric::Jaccard => 1,
            Metric::Voe => 2,
            Metric::Rvd => 3,
            Metric::Precision => 4,
            Metric::Recall => 5,
            Metric::Specificity => 6,
            Metric::Assd(_) => 7,
            Metric::Masd(_) => 8,
            Metric::Rmsd(_) => 9,
            Metric::Msd(_) => 10,
            Metric::Hd95(_) => 11,
            Metric::Hd95Max(_) => 12,
            Metric::Nsd(_) => 13,
            Metric::Hd95Surfel => 14,
            Metric::AsdPredToRefSurfel => 15,
            Metric::AsdRefToPredSurfel => 16,
            Metric::VolumePrediction => 17,
            Metric::VolumeReference => 18,
            // Those are reached by the definitions of tools (definition_calls.rs).
            Metric::Tool(_) => VARIANTS,
        }
    }

    /// Number of variants: one above the largest number.
    const VARIANTS: usize = 19;

    #[test]
    fn every_metric_is_scored() {
        let tolerance = Tolerance::from_mm(1.0).unwrap();
        let all = Metric::all(&[Border::Eighteen], &[tolerance]);
        let scored = all.into_iter().map(number);
        let scored: BTreeSet<usize> = scored.collect();
        assert_eq!(scored, (0..VARIANTS).collect());
    }

    #[test]
    fn a_metric_is_found_by_its_name() {
        let tolerance = Tolerance::from_mm(1.033_077_253_239_082_6).unwrap();
        for metric in Metric::all(&Border::ALL, &[tolerance]) {
            assert_eq!(Metric::named(&metric.name()), Some(metric));
        }
        assert_eq!(Metric::Nsd(tolerance).name(), "nsd_1.0330772532390826mm");
        for other in ["nsd_0mm", "nsd_-1mm", "nsd_infmm", "nsd_5000mm", "dize"] {
            assert_eq!(Metric::named(other), None, "{other}");
        }
    }
}
