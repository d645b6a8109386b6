use std::path::Path;

use ndarray::{Array3, ArrayView3, Axis};
use rayon::prelude::*;

use super::figure::{Edge, Figure, Label, Metric};
use super::lesion::{Lesion, lesions_of};
use crate::error::{Error, Result};
use crate::metrics::Bounds;
use crate::metrics::burden::tumour_burden;
use crate::metrics::overlap::Counts;
use crate::metrics::surface::{Border, distances};
use crate::volume::{Geometry, read_labels};

/// Label maps of one scan may place a voxel this far apart before they count as different grids:
/// the f32 of a NIfTI header rounds positions of a metre to less.
pub const SAME_PLACE_MM: f64 = 0.01;

/// The scores of one label of one case.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelScores {
    /// Voxels of both masks.
    pub counts: Counts,
    figures: Vec<Figure>,
}

impl LabelScores {
    /// One figure.
    pub fn figure(&self, metric: Metric) -> Figure {
        self.figures[metric as usize]
    }

    /// One figure's value under the policy.
    pub fn value(&self, metric: Metric) -> f64 {
        self.figure(metric).value
    }

    /// All figures in the order of [`Metric::ALL`].
    pub fn figures(&self) -> impl Iterator<Item = (Metric, Figure)> + '_ {
        Metric::ALL.into_iter().zip(self.figures.iter().copied())
    }
}

/// Everything one case scored.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseScores {
    /// The organ, lesions included.
    pub liver: LabelScores,
    /// The tumours.
    pub lesion: LabelScores,
    /// Tumour burden of the prediction: lesion over liver volume; 0 where no liver is predicted
    /// (raw value NaN): what is not there holds no tumour, and a failed case must not drop out.
    pub burden_prediction: Figure,
    /// Tumour burden of the reference; NaN without a reference liver.
    pub burden_reference: Figure,
    /// Prediction - reference; NaN without a reference liver.
    pub burden_error: Figure,
    /// Every reference lesion, then every predicted one that touches none.
    pub lesions: Vec<Lesion>,
    /// Voxels of the whole volume.
    pub voxels: u64,
}

impl CaseScores {
    /// The scores of one label.
    pub fn label(&self, label: Label) -> &LabelScores {
        match label {
            Label::Liver => &self.liver,
            Label::Lesion => &self.lesion,
        }
    }

    /// The tumour burden figures with their names in files.
    pub fn burdens(&self) -> [(&'static str, Figure); 3] {
        [
            ("tumour_burden_pred", self.burden_prediction),
            ("tumour_burden_ref", self.burden_reference),
            ("tumour_burden_error", self.burden_error),
        ]
    }
}

/// A case with its name and files.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoredCase {
    /// The case's id, e.g. `volume-3`.
    pub case: String,
    /// The predicted label map as shown in `summary.json`.
    pub prediction_file: String,
    /// The reference label map as shown in `summary.json`.
    pub reference_file: String,
    /// What it scored.
    pub scores: CaseScores,
}

/// Scores a predicted label map file against a reference.
///
/// # Errors
/// Those of [`read_labels`]; `Error::Malformed` naming the prediction if the grids differ in shape
/// or in the place of a voxel.
pub fn score_files(prediction: &Path, reference: &Path) -> Result<CaseScores> {
    let truth = read_labels(reference)?;
    let predicted = read_labels(prediction)?;
    let shapes = [predicted.geometry.shape, truth.geometry.shape];
    if shapes[0] != shapes[1] {
        return Err(Error::malformed(
            prediction,
            format!(
                "has {:?} voxels [z, y, x], but the reference {} has {:?}",
                shapes[0],
                reference.display(),
                shapes[1]
            ),
            "give the prediction on the grid of its CT volume",
        ));
    }
    let apart_mm = predicted.geometry.displacement_mm(&truth.geometry);
    if apart_mm > SAME_PLACE_MM {
        return Err(Error::malformed(
            prediction,
            format!(
                "places its voxels up to {apart_mm:.2} mm away from those of the reference {}",
                reference.display()
            ),
            "write the prediction with the affine of its CT volume; the axes may be flipped",
        ));
    }
    score_case(&predicted.voxels, &truth.voxels, &truth.geometry)
}

/// Scores a predicted label map against a reference of the same shape `[z, y, x]`, both with
/// 0 background, 1 liver, 2 tumour. The spacing is that of `geometry`'s affine.
///
/// # Errors
/// `Error::Usage` if the shapes differ.
pub fn score_case(
    prediction: &Array3<u8>,
    reference: &Array3<u8>,
    geometry: &Geometry,
) -> Result<CaseScores> {
    if prediction.dim() != reference.dim() {
        return Err(Error::usage(
            format!(
                "the prediction has {:?} voxels [z, y, x], the reference {:?}",
                prediction.shape(),
                reference.shape()
            ),
            "give both on the grid of the CT volume",
        ));
    }
    let (prediction, reference) = (prediction.view(), reference.view());
    let survey = survey(prediction, reference);
    let score = |label| label_scores(prediction, reference, geometry, label, &survey);
    let ((liver, lesion), lesions) = rayon::join(
        || rayon::join(|| score(Label::Liver), || score(Label::Lesion)),
        || match survey.lesion_bounds {
            Some(bounds) => lesions_of(prediction, reference, geometry, &bounds),
            None => Vec::new(),
        },
    );
    let [burden_prediction, burden_reference, burden_error] =
        burdens(&liver.counts, &lesion.counts);
    Ok(CaseScores {
        liver,
        lesion,
        burden_prediction,
        burden_reference,
        burden_error,
        lesions,
        voxels: reference.len() as u64,
    })
}

/// What one pass over both label maps finds.
#[derive(Clone, Copy, Default)]
struct Survey {
    liver: Counts,
    lesion: Counts,
    /// Around both masks of the label together.
    liver_bounds: Option<Bounds>,
    lesion_bounds: Option<Bounds>,
}

impl Survey {
    fn join(self, other: Self) -> Self {
        Self {
            liver: self.liver + other.liver,
            lesion: self.lesion + other.lesion,
            liver_bounds: Bounds::union(self.liver_bounds, other.liver_bounds),
            lesion_bounds: Bounds::union(self.lesion_bounds, other.lesion_bounds),
        }
    }
}

fn survey(prediction: ArrayView3<'_, u8>, reference: ArrayView3<'_, u8>) -> Survey {
    let (prediction, reference) = (
        prediction.as_standard_layout(),
        reference.as_standard_layout(),
    );
    let planes = prediction.len_of(Axis(0));
    (0..planes)
        .into_par_iter()
        .map(|z| {
            let rows = prediction.index_axis(Axis(0), z);
            let truth = reference.index_axis(Axis(0), z);
            let mut found = Survey::default();
            for (y, (p, r)) in rows.outer_iter().zip(truth.outer_iter()).enumerate() {
                if let (Some(p), Some(r)) = (p.to_slice(), r.to_slice()) {
                    found = found.join(survey_row(p, r, [z, y]));
                }
            }
            found
        })
        .reduce(Survey::default, Survey::join)
}

fn survey_row(prediction: &[u8], reference: &[u8], [z, y]: [usize; 2]) -> Survey {
    // Most rows hold nothing; this form of the test runs many voxels at once.
    let any = |row: &[u8]| row.iter().fold(0, |all, &v| all | v) != 0;
    if !any(prediction) && !any(reference) {
        return Survey::default();
    }
    let count = |label: Label| {
        let mut counts = Counts::default();
        for (&p, &r) in prediction.iter().zip(reference) {
            let (p, r) = (label.holds(p), label.holds(r));
            counts.prediction += u64::from(p);
            counts.reference += u64::from(r);
            counts.intersection += u64::from(p & r);
        }
        counts
    };
    let bounds = |label: Label| {
        let mut either = prediction
            .iter()
            .zip(reference)
            .map(|(&p, &r)| label.holds(p) | label.holds(r));
        let first = either.position(|v| v)?;
        let after = either.rposition(|v| v).map_or(0, |i| i + 1);
        Some(Bounds {
            start: [z, y, first],
            end: [z + 1, y + 1, first + 1 + after],
        })
    };
    Survey {
        liver: count(Label::Liver),
        lesion: count(Label::Lesion),
        liver_bounds: bounds(Label::Liver),
        lesion_bounds: bounds(Label::Lesion),
    }
}

fn label_scores(
    prediction: ArrayView3<'_, u8>,
    reference: ArrayView3<'_, u8>,
    geometry: &Geometry,
    label: Label,
    survey: &Survey,
) -> LabelScores {
    let (counts, bounds) = match label {
        Label::Liver => (survey.liver, survey.liver_bounds),
        Label::Lesion => (survey.lesion, survey.lesion_bounds),
    };
    let mask = |map: ArrayView3<'_, u8>| match bounds {
        Some(bounds) => bounds.crop(map).mapv(|value| label.holds(value)),
        None => Array3::from_elem((0, 0, 0), false),
    };
    let surface = distances(
        mask(prediction).view(),
        mask(reference).view(),
        geometry.spacing_mm,
        Border::Eighteen,
    );
    let edge = Edge::of(&counts);
    let voxel_volume_ml = geometry.voxel_volume_ml();
    let figures = Metric::ALL
        .map(|metric| Figure::strict(metric, metric.raw(&counts, &surface, voxel_volume_ml), edge));
    LabelScores {
        counts,
        figures: figures.to_vec(),
    }
}

/// Burden of the prediction, of the reference, and their difference.
fn burdens(liver: &Counts, lesion: &Counts) -> [Figure; 3] {
    let edge = Edge::of(liver);
    let [prediction, reference] = [
        tumour_burden(lesion.prediction, liver.prediction),
        tumour_burden(lesion.reference, liver.reference),
    ];
    let imputed = if prediction.is_nan() { 0.0 } else { prediction };
    [
        (prediction, imputed),
        (reference, reference),
        (prediction - reference, imputed - reference),
    ]
    .map(|(raw, value)| Figure { raw, value, edge })
}
