use hdbench_ground::error::{Error, Result};
use hdbench_volume::{Geometry, LabelBox};
use ndarray::{Array3, ArrayView3};
use rayon::prelude::*;

use super::criterion::Criterion;
use super::lesion::{LesionList, Lesions, lesions_of, no_lesions};
use super::masks::Masks;
use super::metric::{BURDENS, Label, Metric, Options};
use super::metric_value::MetricValue;
use super::policy::{EmptyMask, Family};
use crate::metrics::burden::tumour_burden;
use crate::metrics::detection::Detection;
use crate::metrics::overlap::Counts;
use crate::metrics::surface::{Border, SurfaceMetrics, distances_between, surface};
use crate::metrics::surfel::SurfelMetrics;
use crate::metrics::{BitMask, VoxelSteps};

/// The scores of one label of one case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelScores {
    /// Voxels of both masks.
    pub counts: Counts,
    metric_values: Vec<(Metric, MetricValue)>,
}

impl LabelScores {
    /// One metric value; `None` if the options did not ask for it.
    pub fn metric_value(&self, metric: Metric) -> Option<MetricValue> {
        let found = self
            .metric_values
            .iter()
            .find(|(other, _)| *other == metric);
        found.map(|&(_, metric_value)| metric_value)
    }

    /// One metric's value under the policy; NaN if it has none or was not asked for.
    pub fn value(&self, metric: Metric) -> f64 {
        self.metric_value(metric)
            .map_or(f64::NAN, |metric_value| metric_value.value)
    }

    /// All metric values in the order of [`Metric::all`].
    pub fn metric_values(&self) -> impl Iterator<Item = (Metric, MetricValue)> + '_ {
        self.metric_values.iter().copied()
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
    pub burden_prediction: MetricValue,
    /// Tumour burden of the reference; NaN without a reference liver.
    pub burden_reference: MetricValue,
    /// Prediction - reference; NaN without a reference liver.
    pub burden_error: MetricValue,
    /// Every reference lesion, then every predicted one.
    pub lesions: LesionList,
    /// How many lesions were found, by each criterion.
    pub detection: Vec<(Criterion, Detection)>,
    /// Voxels of the whole volume.
    pub voxels: u64,
}

static NOT_SCORED: LabelScores = LabelScores {
    counts: Counts {
        intersection: 0,
        prediction: 0,
        reference: 0,
    },
    metric_values: Vec::new(),
};

impl CaseScores {
    /// The labels that were scored.
    pub fn labels(&self) -> impl Iterator<Item = Label> + '_ {
        let is_scored = |label: &Label| !self.label(*label).metric_values.is_empty();
        Label::ALL.into_iter().filter(is_scored)
    }

    /// The scores of one label; without any metric value where the options left it out.
    pub fn label(&self, label: Label) -> &LabelScores {
        match label {
            Label::Liver => &self.liver,
            Label::Lesion => &self.lesion,
            Label::LiverWithoutLesions => &NOT_SCORED,
        }
    }

    /// The metric values of lesion detection with their names in files.
    pub fn detections(&self) -> Vec<(String, MetricValue)> {
        let metric_values =
            |(criterion, found): &(Criterion, Detection)| criterion.metric_values(found);
        self.detection.iter().flat_map(metric_values).collect()
    }

    /// The tumour burdens with their names in files; none where a label was left out.
    pub fn burdens(&self) -> Vec<(&'static str, MetricValue)> {
        if self.labels().count() < Label::ALL.len() {
            return Vec::new();
        }
        let [prediction, reference, error] = BURDENS;
        vec![
            (prediction, self.burden_prediction),
            (reference, self.burden_reference),
            (error, self.burden_error),
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

/// Scores a predicted label map against a reference of the same shape `[z, y, x]`, both with
/// 0 background, 1 liver, 2 tumour. Distances and volumes are those of `geometry`'s affine.
///
/// # Errors
/// `Error::Usage` if the shapes differ.
pub fn score_case(
    prediction: &Array3<u8>,
    reference: &Array3<u8>,
    geometry: &Geometry,
) -> Result<CaseScores> {
    score_case_with(prediction, reference, geometry, &Options::default())
}

/// The same with options.
///
/// # Errors
/// `Error::Usage` if the shapes differ.
pub fn score_case_with(
    prediction: &Array3<u8>,
    reference: &Array3<u8>,
    geometry: &Geometry,
    options: &Options,
) -> Result<CaseScores> {
    check_shapes(prediction.dim().into(), reference.dim().into())?;
    Ok(score_part(
        prediction.view(),
        reference.view(),
        geometry,
        options,
    ))
}

/// The same of two maps without the background around their labels; the reference's geometry counts.
///
/// # Errors
/// `Error::Usage` if the shapes of the whole maps differ.
pub fn score_boxes(
    prediction: &LabelBox,
    reference: &LabelBox,
    options: &Options,
) -> Result<CaseScores> {
    check_shapes(prediction.geometry.shape, reference.geometry.shape)?;
    let [prediction, part] = prediction.windows(reference);
    Ok(score_part(
        prediction.view(),
        part.view(),
        &reference.geometry,
        options,
    ))
}

fn check_shapes(prediction: [usize; 3], reference: [usize; 3]) -> Result<()> {
    if prediction == reference {
        return Ok(());
    }
    Err(Error::usage(
        format!("the prediction has {prediction:?} voxels [z, y, x], the reference {reference:?}"),
        "give both on the grid of the CT volume",
    ))
}

/// Scores the part of two label maps that holds every label of both, `[z, y, x]`; `geometry` is
/// that of the whole maps.
pub(super) fn score_part(
    prediction: ArrayView3<'_, u8>,
    reference: ArrayView3<'_, u8>,
    geometry: &Geometry,
    options: &Options,
) -> CaseScores {
    let masks = Masks::of_labels(prediction, reference, geometry.is_planar);
    let cost = Cost::of(&masks, geometry);
    score_masks(masks, &cost, geometry, options)
}

/// What a score takes beside its masks, part by part: of every run of lesions, of every surface voxel,
/// and of every point of the lattice that the surface passes, of which a voxel has eight.
const BYTES_A_RUN: u64 = 40;
const BYTES_A_SURFACE_VOXEL: u64 = 16;
/// Where the axes are not perpendicular, a voxel's place is kept.
const BYTES_A_SHEARED_VOXEL: u64 = 72;
const BYTES_A_SURFEL: u64 = 24;

/// Above this, the parts of a case are scored after each other, so that only one of them is in memory: a
/// volume of noise, and no segmentation of anything.
const SIDE_BY_SIDE_BYTES: u64 = 64 << 20;

/// Number of parts that are in memory side by side.
const PARTS: u64 = 4;

/// What scoring the masks of the labels may take, bytes.
pub(super) struct Cost {
    part: u64,
}

impl Cost {
    pub fn of(masks: &[Option<Masks>; 2], geometry: &Geometry) -> Self {
        let [surface_voxel, surfel] = match geometry.is_sheared() {
            true => [BYTES_A_SHEARED_VOXEL; 2],
            false => [BYTES_A_SURFACE_VOXEL, BYTES_A_SURFEL],
        };
        let of = |masks: &Masks| {
            let [p, r] = [&masks.prediction, &masks.reference];
            let [on_p, on_r] = [p, r].map(|mask| surface(mask, Border::TwentySix).count());
            let box_voxels: usize = p.bounds().shape().iter().map(|n| n + 1).product();
            let surfels = (8 * on_p.max(on_r)).min(box_voxels as u64);
            (BYTES_A_RUN * (p.count_runs() + r.count_runs()))
                .max(surface_voxel * (on_p + on_r))
                .max(surfel * surfels)
        };
        Self {
            part: masks.iter().flatten().map(of).max().unwrap_or(0),
        }
    }

    fn side_by_side(&self) -> bool {
        self.part <= SIDE_BY_SIDE_BYTES
    }

    /// All that is in memory at once.
    pub fn bytes(&self) -> u64 {
        self.part * if self.side_by_side() { PARTS } else { 1 }
    }
}

/// Scores the masks of the two labels, in the order of [`Label::ALL`].
pub(super) fn score_masks(
    masks: [Option<Masks>; 2],
    cost: &Cost,
    geometry: &Geometry,
    options: &Options,
) -> CaseScores {
    let voxels = geometry.len() as u64;
    let side_by_side = cost.side_by_side();
    let [liver, lesion] = masks;
    let score = |label: Label, masks: Option<&Masks>| match options.labels.contains(&label) {
        true => label_scores(masks, voxels, geometry, options, side_by_side),
        false => LabelScores::default(),
    };
    let lesions = || match &lesion {
        _ if !options.labels.contains(&Label::Lesion) => Lesions::default(),
        Some(masks) => lesions_of(&masks.prediction, &masks.reference, geometry, options),
        None => no_lesions(options),
    };
    let (liver, lesion, lesions) = if side_by_side {
        let (liver, (lesion, lesions)) = rayon::join(
            || score(Label::Liver, liver.as_ref()),
            || rayon::join(|| score(Label::Lesion, lesion.as_ref()), lesions),
        );
        (liver, lesion, lesions)
    } else {
        (
            score(Label::Liver, liver.as_ref()),
            score(Label::Lesion, lesion.as_ref()),
            lesions(),
        )
    };
    let [burden_prediction, burden_reference, burden_error] =
        burdens(&liver.counts, &lesion.counts);
    let Lesions { list, detection } = lesions;
    CaseScores {
        liver,
        lesion,
        burden_prediction,
        burden_reference,
        burden_error,
        lesions: list,
        detection,
        voxels,
    }
}

fn label_scores(
    masks: Option<&Masks>,
    voxels: u64,
    geometry: &Geometry,
    options: &Options,
    side_by_side: bool,
) -> LabelScores {
    let measured = masks.map(|masks| Measured::of(masks, steps(geometry), options, side_by_side));
    let measured = measured.unwrap_or_default();
    let edge = EmptyMask::of(&measured.counts);
    let metric_value = |metric: Metric| {
        let raw = measured.raw(metric, voxels, geometry.voxel_volume_ml());
        (metric, MetricValue::strict(metric.into(), raw, edge, raw))
    };
    LabelScores {
        counts: measured.counts,
        metric_values: Metric::all(options).into_iter().map(metric_value).collect(),
    }
}

fn steps(geometry: &Geometry) -> VoxelSteps {
    match geometry.is_sheared() {
        true => VoxelSteps::Sheared(geometry.steps_mm()),
        false => VoxelSteps::Perpendicular(geometry.spacing_mm),
    }
}

/// What all metric values of a label follow from.
#[derive(Default)]
struct Measured {
    counts: Counts,
    surfaces: Vec<(Border, SurfaceMetrics)>,
    surfels: SurfelMetrics,
}

impl Measured {
    fn of(masks: &Masks, steps: VoxelSteps, options: &Options, side_by_side: bool) -> Self {
        let [p, r]: [&BitMask; 2] = [&masks.prediction, &masks.reference];
        let measure = |&border| {
            let distances = distances_between(p, r, steps, border);
            (border, SurfaceMetrics::of(distances))
        };
        let tolerances_mm: Vec<f64> = options.tolerances.iter().map(|t| t.mm()).collect();
        let surfels = || SurfelMetrics::between(p, r, steps, &tolerances_mm, side_by_side);
        let borders = &options.borders;
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
    fn raw(&self, metric: Metric, volume_voxels: u64, voxel_volume_ml: f64) -> f64 {
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

/// Burden of the prediction, of the reference, and their difference.
fn burdens(liver: &Counts, lesion: &Counts) -> [MetricValue; 3] {
    let edge = EmptyMask::of(liver);
    let [prediction, reference] = [
        tumour_burden(lesion.prediction, liver.prediction),
        tumour_burden(lesion.reference, liver.reference),
    ];
    [
        (Family::BurdenPrediction, prediction, 0.0),
        (Family::BurdenReference, reference, reference),
        (Family::BurdenError, prediction - reference, -reference),
    ]
    .map(|(family, raw, without)| MetricValue::strict(family, raw, edge, without))
}
