use ndarray::ArrayView3;

use super::detection::Matching;
use super::lesions::{Lesions, TooMany};
use super::metric_names::{LIVER_METRICS, METRIC_NAMES};
use super::object::{ObjectScores, PENALTY};
use super::survey::Survey;
use crate::metrics::burden::tumour_burden;
use crate::metrics::overlap::Counts;

/// Lesions the official scorer can number: its labels are int16.
pub const MAX_LESIONS: usize = i16::MAX as usize;

/// Why the official scorer would not have finished with a case; with it, the whole set would have
/// had no score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LitsDeath {
    /// It divides by the voxels of the reference liver for the tumour burden.
    #[error(
        "the reference holds no liver (no label of 1 or more): the official scorer stops here with ZeroDivisionError"
    )]
    NoReferenceLiver,

    /// It refuses maps of different shapes, `[z, y, x]`.
    #[error(
        "the prediction has {prediction:?} voxels [z, y, x], the reference {reference:?}: the official scorer stops here with AttributeError"
    )]
    ShapeMismatch {
        prediction: [usize; 3],
        reference: [usize; 3],
    },

    /// Its int16 labels run out.
    #[error(
        "the {map} has {lesions} lesions, more than the {MAX_LESIONS} that int16 can number: the official scorer stops here with RuntimeError"
    )]
    TooManyLesions { map: &'static str, lesions: usize },
}

/// Lesions found, invented and missed as the official scorer counts them. A merged reference
/// that is detected counts as one true positive whatever its size; one that is not is subtracted
/// with the number of its lesions, so that true positives can be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DetectionCounts {
    /// TP.
    pub true_positives: i64,
    /// FP, predicted lesions - TP.
    pub false_positives: i64,
    /// FN, reference lesions - TP.
    pub false_negatives: i64,
}

/// A detected lesion after the scorer's merging.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DetectedLesion {
    /// Its value in the scorer's `detected_mask`: the lowest number of its reference lesions,
    /// modulo 256.
    pub value: u32,
    /// How it scored.
    pub scores: ObjectScores,
}

/// What a case adds to a Dice over all cases, 2 I / S.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaskSums {
    /// I: voxels of both masks.
    pub intersection: u64,
    /// S: voxels of the one plus voxels of the other.
    pub sizes: u64,
}

/// Everything the official scorer keeps of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct LitsCase {
    /// 6-connected predicted lesions.
    pub predicted_lesions: usize,
    /// 6-connected reference lesions.
    pub reference_lesions: usize,
    /// At any overlap.
    pub detection_greater_zero: DetectionCounts,
    /// At an intersection over union above 0.5, as the scorer computes it.
    pub detection: DetectionCounts,
    /// The detected lesions by value; empty where `detection.true_positives` is not above 0, even
    /// if some were detected.
    pub lesions: Vec<DetectedLesion>,
    /// The liver; [`ObjectScores::WORST`] without a predicted liver.
    pub liver: ObjectScores,
    /// Whether any predicted voxel has label 1: lesions alone do not count as a liver.
    pub liver_predicted: bool,
    /// Dice of label 2; 1 if both are empty.
    pub lesion_dice: f64,
    /// Dice of labels from 1 on; 0 without a predicted liver.
    pub liver_dice: f64,
    /// For the Dice over all cases.
    pub lesion_sums: MaskSums,
    /// For the Dice over all cases; without a predicted liver only the reference counts.
    pub liver_sums: MaskSums,
    /// Tumour burden of the reference - that of the prediction ([`PENALTY`] without a predicted
    /// liver).
    pub burden_difference: f64,
}

impl LitsCase {
    /// The case's metrics with their names in the tidy table: those of scores.txt where a case has
    /// them, the counts of detection, and `tumour_burden_difference` (reference - prediction). The
    /// metrics of single lesions are in `lesions`.
    pub fn metric_values(&self) -> Vec<(&'static str, f64)> {
        let (half, at_zero) = (self.detection, self.detection_greater_zero);
        let liver = METRIC_NAMES[LIVER_METRICS].iter().copied();
        let mut metrics = vec![
            ("lesion_tp", half.true_positives as f64),
            ("lesion_fp", half.false_positives as f64),
            ("lesion_fn", half.false_negatives as f64),
            ("lesion_tp_greater_zero", at_zero.true_positives as f64),
            ("lesion_fp_greater_zero", at_zero.false_positives as f64),
            ("lesion_fn_greater_zero", at_zero.false_negatives as f64),
            ("lesion_dice_per_case", self.lesion_dice),
        ];
        metrics.extend(liver.zip(self.liver.named().map(|(_, value)| value)));
        metrics.push(("liver_dice_per_case", self.liver_dice));
        metrics.push(("tumour_burden_difference", self.burden_difference));
        metrics
    }
}

/// Scores a case as the official scorer does.
///
/// Both maps are `[z, y, x]`, in file order: what nibabel gives as `(x, y, z)`. The numbers the
/// scorer gives to lesions, and with them its ties and slips, follow the order of `(x, y, z)`.
/// `stored_spacing_mm` is that of the reference's header, `[z, y, x]`, each an f32 widened to f64.
///
/// # Errors
/// The reason where that scorer would have stopped.
pub fn score_lits_case(
    prediction: ArrayView3<'_, i8>,
    reference: ArrayView3<'_, i8>,
    stored_spacing_mm: [f64; 3],
) -> Result<LitsCase, LitsDeath> {
    let shape = |map: ArrayView3<'_, i8>| {
        let (z, y, x) = map.dim();
        [z, y, x]
    };
    if shape(prediction) != shape(reference) {
        return Err(LitsDeath::ShapeMismatch {
            prediction: shape(prediction),
            reference: shape(reference),
        });
    }
    let survey = Survey::of(prediction, reference);
    if survey.liver.reference == 0 {
        return Err(LitsDeath::NoReferenceLiver);
    }
    let (liver, tumours) = rayon::join(
        || liver_scores(prediction, reference, &survey, stored_spacing_mm),
        || Tumours::of(prediction, reference, &survey, stored_spacing_mm),
    );
    let tumours = tumours?;
    let Survey { liver: l, .. } = survey;
    let predicted = survey.liver_predicted;
    Ok(LitsCase {
        predicted_lesions: tumours.predicted,
        reference_lesions: tumours.referenced,
        detection_greater_zero: tumours.greater_zero,
        detection: tumours.half,
        lesions: tumours.detected,
        liver,
        liver_predicted: predicted,
        lesion_dice: if survey.lesion.both_empty() {
            1.0
        } else {
            survey.lesion.dice()
        },
        liver_dice: if predicted { l.dice() } else { 0.0 },
        lesion_sums: sums(&survey.lesion),
        liver_sums: if predicted {
            sums(&l)
        } else {
            MaskSums {
                intersection: 0,
                sizes: l.reference,
            }
        },
        burden_difference: burden_difference(&survey),
    })
}

fn sums(counts: &Counts) -> MaskSums {
    MaskSums {
        intersection: counts.intersection,
        sizes: counts.prediction + counts.reference,
    }
}

fn burden_difference(survey: &Survey) -> f64 {
    let reference = tumour_burden(survey.lesion.reference, survey.liver.reference);
    let prediction = if survey.liver_predicted {
        tumour_burden(survey.lesion.prediction, survey.liver.prediction)
    } else {
        PENALTY
    };
    reference - prediction
}

fn liver_scores(
    prediction: ArrayView3<'_, i8>,
    reference: ArrayView3<'_, i8>,
    survey: &Survey,
    spacing_mm: [f64; 3],
) -> ObjectScores {
    let (true, Some(bounds)) = (survey.liver_predicted, survey.liver_bounds) else {
        return ObjectScores::WORST;
    };
    let mask = |map| bounds.crop(map).mapv(|v: i8| v >= 1);
    let (prediction, reference) = rayon::join(|| mask(prediction), || mask(reference));
    ObjectScores::of(
        prediction.view(),
        reference.view(),
        &survey.liver,
        spacing_mm,
    )
}

#[derive(Default)]
struct Tumours {
    predicted: usize,
    referenced: usize,
    greater_zero: DetectionCounts,
    half: DetectionCounts,
    detected: Vec<DetectedLesion>,
}

impl Tumours {
    fn of(
        prediction: ArrayView3<'_, i8>,
        reference: ArrayView3<'_, i8>,
        survey: &Survey,
        spacing_mm: [f64; 3],
    ) -> Result<Self, LitsDeath> {
        let Some(bounds) = survey.lesion_bounds else {
            return Ok(Self::default());
        };
        let lesions = Lesions::of(prediction, reference, &bounds, MAX_LESIONS)
            .map_err(|TooMany { map, lesions }| LitsDeath::TooManyLesions { map, lesions })?;
        let predicted = lesions.prediction.sizes.len();
        let referenced = lesions.reference.sizes.len();
        let matching = Matching::of(&lesions);
        let counts = |detected: i64| DetectionCounts {
            true_positives: detected,
            false_positives: predicted as i64 - detected,
            false_negatives: referenced as i64 - detected,
        };
        let half = matching.trim(0.5);
        let mut values: Vec<u32> = half.prediction_values.clone();
        values.sort_unstable();
        values.dedup();
        // Background has no score; nothing has one where the count is not above 0.
        values.retain(|&value| value != 0 && half.detected > 0);
        let scores = lesions.score(
            &values,
            &half.prediction_values,
            matching.reference_values(),
            spacing_mm,
        );
        Ok(Self {
            predicted,
            referenced,
            greater_zero: counts(matching.trim(0.0).detected),
            half: counts(half.detected),
            detected: values
                .into_iter()
                .zip(scores)
                .map(|(value, scores)| DetectedLesion { value, scores })
                .collect(),
        })
    }
}
