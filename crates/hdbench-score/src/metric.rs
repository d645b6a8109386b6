//! Metrics with their names, and the options that choose among them.

use std::borrow::Cow;

use super::label::Label;
use super::scored_structure::ScoredStructure;
use crate::metrics::surface::Border;

/// A distance that a metric has in its name, to the micrometre.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tolerance {
    micrometres: u32,
}

impl Tolerance {
    /// A tolerance in mm; `None` unless it is above 0, below 4 m and a whole number of
    /// micrometres.
    pub fn from_mm(mm: f64) -> Option<Self> {
        let micrometres = (mm * 1000.0).round();
        let whole = (micrometres / 1000.0 - mm).abs() <= 1e-9;
        (whole && (1.0..4e6).contains(&micrometres)).then_some(Self {
            micrometres: micrometres as u32,
        })
    }

    /// In mm.
    pub fn mm(self) -> f64 {
        f64::from(self.micrometres) / 1000.0
    }
}

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
    /// The metrics that the options ask for, in the order of the tables.
    pub fn all(options: &Options) -> Vec<Self> {
        let mut metrics = OVERLAP.to_vec();
        for &border in &options.borders {
            metrics.extend(SURFACE.map(|metric| metric(border)));
        }
        metrics.extend(options.tolerances.iter().copied().map(Self::Nsd));
        metrics.extend(SURFEL);
        metrics.extend(VOLUMES);
        metrics
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
        };
        name.into()
    }
}

fn bordered(name: &str, border: Border) -> Cow<'static, str> {
    format!("{name}_{}n", border.neighbours()).into()
}

/// What `strict` computes beyond what it always does.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Border rules of the surface distances. By default the 18-neighbourhood of the official LiTS
    /// scorer and the 6-neighbourhood of MedPy, MONAI and MetricsReloaded.
    pub borders: Vec<Border>,
    /// Tolerances of the normalised surface Dice. By default 1, 2, 3 and 5 mm: a voxel or two of a
    /// CT, what TotalSegmentator reports (3 mm), and what the FLARE challenges grant a liver (5 mm).
    pub tolerances: Vec<Tolerance>,
    /// Whether lesions are matched one to one as well, as panoptica does.
    pub one_to_one: bool,
    /// What is scored, in the order of the tables. By default liver and lesion; what a label map does not know
    /// is no part of it, so that it is not scored as if it had been found.
    pub structures: Vec<ScoredStructure>,
}

impl Options {
    /// Whether the lesions that are scored are part of the liver that is, so that they are a burden of it.
    pub fn has_burdens(&self) -> bool {
        let of = |label: Label| {
            let own = self.structures.iter().find(|own| own.label == label);
            own.map(|own| &own.values)
        };
        match (of(Label::LIVER), of(Label::LESION)) {
            (Some(liver), Some(lesion)) => lesion.is_within(liver),
            _ => false,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            borders: vec![Border::Eighteen, Border::Six],
            tolerances: [1, 2, 3, 5]
                .map(|mm| Tolerance {
                    micrometres: mm * 1000,
                })
                .to_vec(),
            one_to_one: false,
            structures: ScoredStructure::liver_and_lesion(),
        }
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
        }
    }

    /// Number of variants: one above the largest number.
    const VARIANTS: usize = 19;

    #[test]
    fn every_metric_is_scored() {
        let scored = Metric::all(&Options::default()).into_iter().map(number);
        let scored: BTreeSet<usize> = scored.collect();
        assert_eq!(scored, (0..VARIANTS).collect());
    }
}
