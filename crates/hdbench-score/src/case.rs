use std::ops::Index;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::progress::Stop;
use hdbench_volume::{Geometry, LabelBox};
use ndarray::{Array3, ArrayView3};
use rayon::prelude::*;

use super::criterion::Criterion;
use super::instances::{OwnInstances, own_instances};
use super::label::Label;
use super::lesion::{LesionList, Lesions, lesions_of, no_lesions};
use super::masks::Masks;
use super::measured::{Measured, diagonal_mm, steps};
use super::metric::{BURDENS, Metric};
use super::metric_value::MetricValue;
use super::name::Name;
use super::options::Options;
use super::policy::{EmptyMask, Family};
use super::scored_structure::ScoredStructure;
use crate::metrics::burden::tumour_burden;
use crate::metrics::detection::Detection;
use crate::metrics::overlap::Counts;
use crate::metrics::surface::{Border, surface};

/// The scores of one structure of one case.
#[derive(Clone, Debug, PartialEq)]
pub struct StructureScores {
    /// The structure's name.
    pub label: Label,
    /// Its key in nnU-Net's `summary.json`.
    pub nnunet_key: Name,
    /// Voxels of both masks.
    pub counts: Counts,
    metric_values: Vec<(Metric, MetricValue)>,
    /// Its instances one by one, matched in groups as LiTS does; none of a structure whose instances are others.
    pub instances: Option<Box<Instances>>,
    /// Its instances as its own rule matches them; none where nothing is asked of them.
    pub own_instances: Option<OwnInstances>,
}

/// The instances of a structure.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Instances {
    /// Every reference instance, then every predicted one.
    pub list: LesionList,
    /// How many were found, by each criterion.
    pub detection: Vec<(Criterion, Detection)>,
}

impl StructureScores {
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

    /// Those of a structure without voxels, scored as a whole by the policy, in a volume of so many voxels.
    pub(super) fn of_nothing(
        label: Label,
        nnunet_key: Name,
        voxels: u64,
        options: &Options,
    ) -> Self {
        let measured = Measured::default();
        let edge = EmptyMask::of(&measured.counts);
        let metric_value = |metric: Metric| {
            // No voxel has no volume, whatever its size.
            let raw = measured.raw(metric, voxels, 1.0);
            (metric, MetricValue::strict(metric.into(), raw, edge, raw))
        };
        Self {
            label,
            nnunet_key,
            counts: measured.counts,
            metric_values: options.metrics().into_iter().map(metric_value).collect(),
            instances: None,
            own_instances: None,
        }
    }

    /// The metric values of its instances' detection with their names in files; none without instances.
    pub fn detections(&self) -> Vec<(String, MetricValue)> {
        let metric_values =
            |(criterion, found): &(Criterion, Detection)| criterion.metric_values(found);
        let instances = self.instances.iter();
        let own = self.own_instances.iter().flat_map(|own| &own.values);
        instances
            .flat_map(|instances| &instances.detection)
            .flat_map(metric_values)
            .chain(own.map(|(metric, value)| (metric.name(), *value)))
            .collect()
    }
}

/// Everything one case scored.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseScores {
    /// The structures that were scored, in the order of the options.
    pub structures: Vec<StructureScores>,
    /// Where liver and lesion were both scored.
    pub burdens: Option<TumourBurdens>,
    /// Voxels of the whole volume.
    pub voxels: u64,
}

/// Tumour burden: lesion over liver volume, a fraction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TumourBurdens {
    /// Of the prediction; 0 where no liver is predicted (raw value NaN): what is not there holds no tumour, and a
    /// failed case must not drop out.
    pub prediction: MetricValue,
    /// Of the reference; NaN without a reference liver.
    pub reference: MetricValue,
    /// Prediction - reference; NaN without a reference liver.
    pub error: MetricValue,
}

impl CaseScores {
    /// The scores of one structure; `None` where it was not scored.
    pub fn structure(&self, label: Label) -> Option<&StructureScores> {
        self.structures.iter().find(|scores| scores.label == label)
    }

    /// The tumour burdens with their names in files; none where liver or lesion was left out.
    pub fn burdens(&self) -> Vec<(&'static str, MetricValue)> {
        let named = |burdens: TumourBurdens| {
            let values = [burdens.prediction, burdens.reference, burdens.error];
            BURDENS.into_iter().zip(values)
        };
        self.burdens.into_iter().flat_map(named).collect()
    }

    /// The instances of one structure; `None` where they were not looked for.
    pub fn instances_of(&self, label: Label) -> Option<&Instances> {
        self.structure(label)?.instances.as_deref()
    }

    /// The structures whose instances were looked for.
    pub fn instances(&self) -> impl Iterator<Item = (Label, &Instances)> {
        let structures = self.structures.iter();
        structures.filter_map(|scores| Some((scores.label, scores.instances.as_deref()?)))
    }
}

/// # Panics
/// If the structure was not scored.
impl Index<Label> for CaseScores {
    type Output = StructureScores;

    fn index(&self, label: Label) -> &StructureScores {
        self.structure(label)
            .unwrap_or_else(|| panic!("the structure {label} was not scored"))
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
    score_part(prediction.view(), reference.view(), geometry, options)
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
    score_part(prediction.view(), part.view(), &reference.geometry, options)
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
///
/// # Errors
/// `Error::Interrupted` once the options' stop is asked.
pub(super) fn score_part(
    prediction: ArrayView3<'_, u8>,
    reference: ArrayView3<'_, u8>,
    geometry: &Geometry,
    options: &Options,
) -> Result<CaseScores> {
    let masks = Masks::of_structures(
        prediction,
        reference,
        geometry.is_planar,
        &options.structures,
        &options.stop,
    )?;
    let cost = Cost::of(&masks, geometry, &options.stop)?;
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

/// A part that takes no more at the worst is not looked at more closely.
const SMALL_BYTES: u64 = 8 << 20;

/// Number of parts that are in memory side by side.
const PARTS: u64 = 4;

/// What scoring the masks of the labels may take, bytes.
pub(super) struct Cost {
    part: u64,
}

impl Cost {
    /// # Errors
    /// `Error::Interrupted` once it is asked to stop.
    pub fn of(masks: &[Option<Masks>], geometry: &Geometry, stop: &Stop) -> Result<Self> {
        let [surface_voxel, surfel] = match geometry.is_sheared() {
            true => [BYTES_A_SHEARED_VOXEL; 2],
            false => [BYTES_A_SURFACE_VOXEL, BYTES_A_SURFEL],
        };
        let of = |masks: &Masks| {
            let [p, r] = [&masks.prediction, &masks.reference];
            // Of small boxes it is not worth knowing: whatever they hold is little.
            let voxels: usize = p.bounds().shape().iter().product();
            let most = 2 * surface_voxel.max(BYTES_A_RUN) * voxels as u64;
            if most <= SMALL_BYTES {
                return most;
            }
            let [on_p, on_r] = [p, r].map(|mask| surface(mask, Border::TwentySix).count());
            let box_voxels: usize = p.bounds().shape().iter().map(|n| n + 1).product();
            let surfels = (8 * on_p.max(on_r)).min(box_voxels as u64);
            (BYTES_A_RUN * (p.count_runs() + r.count_runs()))
                .max(surface_voxel * (on_p + on_r))
                .max(surfel * surfels)
        };
        let mut part = 0;
        for masks in masks.iter().flatten() {
            stop.check()?;
            part = part.max(of(masks));
        }
        Ok(Self { part })
    }

    fn side_by_side(&self) -> bool {
        self.part <= SIDE_BY_SIDE_BYTES
    }

    /// All that is in memory at once.
    pub fn bytes(&self) -> u64 {
        self.part * if self.side_by_side() { PARTS } else { 1 }
    }
}

/// Scores the masks of the options' structures, which are in their order.
///
/// # Errors
/// `Error::Interrupted` once the options' stop is asked.
pub(super) fn score_masks(
    masks: Vec<Option<Masks>>,
    cost: &Cost,
    geometry: &Geometry,
    options: &Options,
) -> Result<CaseScores> {
    let side_by_side = cost.side_by_side();
    let both = options.structures.par_iter().zip(masks);
    let score = |(structure, masks): (&ScoredStructure, Option<Masks>)| {
        structure_scores(structure, masks, geometry, options, side_by_side)
    };
    let structures: Vec<StructureScores> = match side_by_side {
        true => both.map(score).collect::<Result<_>>()?,
        // One after the other, in memory and in time.
        false => {
            let masks: Vec<_> = both.collect();
            masks.into_iter().map(score).collect::<Result<_>>()?
        }
    };
    let scores = CaseScores {
        structures,
        burdens: None,
        voxels: geometry.len() as u64,
    };
    let counts = |label| scores.structure(label).map(|scores| scores.counts);
    let burdens = match (counts(Label::LIVER), counts(Label::LESION)) {
        (Some(liver), Some(lesion)) if options.has_burdens() => Some(burdens(&liver, &lesion)),
        _ => None,
    };
    Ok(CaseScores { burdens, ..scores })
}

fn structure_scores(
    structure: &ScoredStructure,
    mut masks: Option<Masks>,
    geometry: &Geometry,
    options: &Options,
    side_by_side: bool,
) -> Result<StructureScores> {
    let stop = &options.stop;
    stop.check()?;
    // First, as it takes the instances that the values of the maps tell apart.
    let own_instances = own_instances(masks.as_mut(), structure, geometry, stop)?;
    let masks = masks.as_ref();
    let metrics = options.metrics_of(structure);
    let measure = || {
        let measured =
            masks.map(|masks| Measured::of(masks, steps(geometry), &metrics, side_by_side, stop));
        measured.unwrap_or_else(|| Ok(Measured::default()))
    };
    let instances = || {
        let found = structure.grouped().map(|connectivity| match masks {
            Some(masks) => lesions_of(masks, connectivity, geometry, options),
            None => Ok(no_lesions(options)),
        });
        found.transpose()
    };
    let (measured, instances) = match side_by_side {
        true => rayon::join(measure, instances),
        false => (measure(), instances()),
    };
    let (measured, instances) = (measured?, instances?);
    let voxels = geometry.len() as u64;
    let edge = EmptyMask::of(&measured.counts);
    let metric_value = |&metric: &Metric| {
        let raw = measured.raw(metric, voxels, geometry.voxel_volume_ml());
        let value = MetricValue::strict(metric.into(), raw, edge, raw);
        let no_match = edge == EmptyMask::None && measured.counts.intersection == 0;
        let edge = if no_match { EmptyMask::NoMatch } else { edge };
        let names = [metric.name()];
        let value = value.under(&structure.empty, &names, edge, diagonal_mm(geometry));
        (metric, value)
    };
    Ok(StructureScores {
        label: structure.label,
        nnunet_key: structure.nnunet_key().into(),
        counts: measured.counts,
        metric_values: metrics.iter().map(metric_value).collect(),
        instances: instances
            .map(|Lesions { list, detection }| Box::new(Instances { list, detection })),
        own_instances,
    })
}

/// Burden of the prediction, of the reference, and their difference.
fn burdens(liver: &Counts, lesion: &Counts) -> TumourBurdens {
    let edge = EmptyMask::of(liver);
    let [prediction, reference] = [
        tumour_burden(lesion.prediction, liver.prediction),
        tumour_burden(lesion.reference, liver.reference),
    ];
    let [prediction, reference, error] = [
        (Family::BurdenPrediction, prediction, 0.0),
        (Family::BurdenReference, reference, reference),
        (Family::BurdenError, prediction - reference, -reference),
    ]
    .map(|(family, raw, without)| MetricValue::strict(family, raw, edge, without));
    TumourBurdens {
        prediction,
        reference,
        error,
    }
}
