//! What is scored: labels, metrics with their names, and the options that choose among them.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::metrics::surface::Border;

/// What is scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    /// The organ, lesions included: label 1 or more.
    Liver,
    /// The tumours: label 2.
    Lesion,
    /// The organ without its lesions, label 1 alone: what nnU-Net scores where no region is declared. Never
    /// the same as [`Label::Liver`], and nothing that is scored here.
    #[serde(rename = "liver_without_lesions")]
    LiverWithoutLesions,
}

impl Label {
    /// Those that are scored, in the order of the tables.
    pub const ALL: [Self; 2] = [Self::Liver, Self::Lesion];

    /// `liver`, `lesion` or `liver_without_lesions`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Liver => "liver",
            Self::Lesion => "lesion",
            Self::LiverWithoutLesions => "liver_without_lesions",
        }
    }

    /// What [`Label::name`] gives.
    pub fn named(name: &str) -> Option<Self> {
        let known = [Self::Liver, Self::Lesion, Self::LiverWithoutLesions];
        known.into_iter().find(|label| label.name() == name)
    }

    /// Whether a voxel with this label value belongs to it.
    pub fn holds(self, value: u8) -> bool {
        match self {
            Self::Liver => value >= 1,
            Self::Lesion => value == 2,
            Self::LiverWithoutLesions => value == 1,
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

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

impl Metric {
    /// The metrics that the options ask for, in the order of the tables.
    pub fn all(options: &Options) -> Vec<Self> {
        let mut metrics = OVERLAP.to_vec();
        for &border in &options.borders {
            metrics.extend(SURFACE.map(|metric| metric(border)));
        }
        metrics.extend(options.tolerances.iter().copied().map(Self::Nsd));
        metrics.extend(SURFEL);
        metrics.extend([Self::VolumePrediction, Self::VolumeReference]);
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
    /// The labels that predictions and references can hold: what a label map does not know is not scored
    /// as if it had been found. By default both.
    pub labels: Vec<Label>,
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
            labels: Label::ALL.to_vec(),
        }
    }
}

/// The names of the tumour burden metrics.
pub const BURDENS: [&str; 3] = [
    "tumour_burden_pred",
    "tumour_burden_ref",
    "tumour_burden_error",
];
