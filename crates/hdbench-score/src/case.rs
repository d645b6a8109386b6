use std::ops::Index;

use hdbench_ground::error::{Error, Result};
use hdbench_volume::{Geometry, LabelBox};
use ndarray::{Array3, ArrayView3};
use rayon::prelude::*;

use super::criterion::Criterion;
use super::label::Label;
use super::lesion::{LesionList, Lesions, lesions_of, no_lesions};
use super::masks::Masks;
use super::metric::{BURDENS, Metric};
use super::metric_value::MetricValue;
use super::options::Options;
use super::policy::{EmptyMask, Family};
use super::scored_structure::ScoredStructure;
use super::structures::EmptyRule;
use super::tolerance::VoxelTolerance;
use super::tool_metric::{SurfaceRule, SurfaceStatistic, ToolMetric, Unit};
use crate::metrics::burden::tumour_burden;
use crate::metrics::detection::Detection;
use crate::metrics::overlap::Counts;
use crate::metrics::rim::boundary_iou;
use crate::metrics::surface::{Border, SurfaceMetrics, distances_between, surface};
use crate::metrics::surface_share::SurfaceShares;
use crate::metrics::surfel::SurfelMetrics;
use crate::metrics::whole_mask::WholeMaskMetrics;
use crate::metrics::{BitMask, VoxelSteps};

/// The scores of one structure of one case.
#[derive(Clone, Debug, PartialEq)]
pub struct StructureScores {
    /// The structure's name.
    pub label: Label,
    /// Its key in nnU-Net's `summary.json`.
    pub nnunet_key: String,
    /// Voxels of both masks.
    pub counts: Counts,
    metric_values: Vec<(Metric, MetricValue)>,
    /// Its instances one by one; none of a structure that has none by its definition.
    pub instances: Option<Instances>,
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

    /// The metric values of its instances' detection with their names in files; none without instances.
    pub fn detections(&self) -> Vec<(String, MetricValue)> {
        let metric_values =
            |(criterion, found): &(Criterion, Detection)| criterion.metric_values(found);
        let instances = self.instances.iter();
        instances
            .flat_map(|instances| &instances.detection)
            .flat_map(metric_values)
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
        self.structure(label)?.instances.as_ref()
    }

    /// The structures whose instances were looked for.
    pub fn instances(&self) -> impl Iterator<Item = (Label, &Instances)> {
        let structures = self.structures.iter();
        structures.filter_map(|scores| Some((scores.label, scores.instances.as_ref()?)))
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
    let masks = Masks::of_structures(
        prediction,
        reference,
        geometry.is_planar,
        &options.structures,
    );
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
    pub fn of(masks: &[Option<Masks>], geometry: &Geometry) -> Self {
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

/// Scores the masks of the options' structures, which are in their order.
pub(super) fn score_masks(
    masks: Vec<Option<Masks>>,
    cost: &Cost,
    geometry: &Geometry,
    options: &Options,
) -> CaseScores {
    let side_by_side = cost.side_by_side();
    let both = options.structures.par_iter().zip(masks);
    let score = |(structure, masks): (&ScoredStructure, Option<Masks>)| {
        structure_scores(structure, masks.as_ref(), geometry, options, side_by_side)
    };
    let structures: Vec<StructureScores> = match side_by_side {
        true => both.map(score).collect(),
        // One after the other, in memory and in time.
        false => {
            let masks: Vec<_> = both.collect();
            masks.into_iter().map(score).collect()
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
    CaseScores { burdens, ..scores }
}

fn structure_scores(
    structure: &ScoredStructure,
    masks: Option<&Masks>,
    geometry: &Geometry,
    options: &Options,
    side_by_side: bool,
) -> StructureScores {
    let metrics = options.metrics_of(structure);
    let measure = || {
        let measured =
            masks.map(|masks| Measured::of(masks, steps(geometry), &metrics, side_by_side));
        measured.unwrap_or_default()
    };
    let instances = || {
        structure.grouped().map(|connectivity| match masks {
            Some(masks) => lesions_of(masks, connectivity, geometry, options),
            None => no_lesions(options),
        })
    };
    let (measured, instances) = match side_by_side {
        true => rayon::join(measure, instances),
        false => (measure(), instances()),
    };
    let voxels = geometry.len() as u64;
    let edge = EmptyMask::of(&measured.counts);
    let metric_value = |&metric: &Metric| {
        let raw = measured.raw(metric, voxels, geometry.voxel_volume_ml());
        let value = MetricValue::strict(metric.into(), raw, edge, raw);
        let no_match = edge == EmptyMask::None && measured.counts.intersection == 0;
        let edge = if no_match { EmptyMask::NoMatch } else { edge };
        let rule = edge
            .situation()
            .and_then(|situation| EmptyRule::first(&structure.empty, &[&metric.name()], situation));
        let value = match rule {
            Some(becomes) => value.ruled(becomes, edge, diagonal_mm(geometry)),
            None => value,
        };
        (metric, value)
    };
    StructureScores {
        label: structure.label,
        nnunet_key: structure.nnunet_key(),
        counts: measured.counts,
        metric_values: metrics.iter().map(metric_value).collect(),
        instances: instances.map(|Lesions { list, detection }| Instances { list, detection }),
    }
}

/// From the first voxel's corner to the last one's, mm.
fn diagonal_mm(geometry: &Geometry) -> f64 {
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

fn steps(geometry: &Geometry) -> VoxelSteps {
    match geometry.is_sheared() {
        true => VoxelSteps::Sheared(geometry.steps_mm()),
        false => VoxelSteps::Perpendicular(geometry.spacing_mm),
    }
}

/// What has to be measured for some metrics.
#[derive(Default)]
struct Needs {
    /// Surfaces of voxels, with the tolerances of the shares within them.
    surfaces: Vec<(SurfaceRule, Vec<f64>)>,
    /// Surfels, with the tolerances of their areas.
    surfels: Vec<(Unit, Vec<f64>)>,
    has_whole_masks: bool,
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
struct Measured {
    counts: Counts,
    smallest_mm: f64,
    surfaces: Vec<MeasuredSurface>,
    surfels: Vec<(Unit, SurfelMetrics)>,
    whole_masks: WholeMaskMetrics,
    rims: Vec<(VoxelTolerance, f64)>,
}

impl Measured {
    fn of(masks: &Masks, steps: VoxelSteps, metrics: &[Metric], side_by_side: bool) -> Self {
        let [p, r]: [&BitMask; 2] = [&masks.prediction, &masks.reference];
        let smallest_mm = smallest_mm(steps, p.is_planar());
        let in_unit = |unit: Unit| match unit {
            Unit::Mm => steps,
            Unit::Voxels => VoxelSteps::Perpendicular([1.0; 3]),
        };
        let measure = |(rule, tolerances): &(SurfaceRule, Vec<f64>)| {
            let distances = distances_between(p, r, in_unit(rule.unit), rule.border);
            let share = |&tolerance: &f64| (tolerance, SurfaceShares::of(&distances, tolerance));
            MeasuredSurface {
                rule: *rule,
                shares: tolerances.iter().map(share).collect(),
                metrics: SurfaceMetrics::of(distances),
            }
        };
        let needs = Needs::of(metrics, smallest_mm);
        let surfels = || {
            let of = |(unit, tolerances): &(Unit, Vec<f64>)| {
                let steps = in_unit(*unit);
                let found = SurfelMetrics::between(p, r, steps, tolerances, side_by_side);
                (*unit, found)
            };
            needs.surfels.iter().map(of).collect()
        };
        let surfaces = &needs.surfaces;
        let (surfels, surfaces) = if side_by_side {
            rayon::join(surfels, || surfaces.par_iter().map(measure).collect())
        } else {
            (surfels(), surfaces.iter().map(measure).collect())
        };
        let rim = |&width: &VoxelTolerance| (width, boundary_iou(p, r, width.voxels()));
        Self {
            counts: masks.counts(),
            smallest_mm,
            surfaces,
            surfels,
            whole_masks: match needs.has_whole_masks {
                true => WholeMaskMetrics::between(p, r, steps),
                false => WholeMaskMetrics::default(),
            },
            rims: needs.rims.iter().map(rim).collect(),
        }
    }

    /// What the formula gives, NaN or infinite where it has no value.
    fn raw(&self, metric: Metric, volume_voxels: u64, voxel_volume_ml: f64) -> f64 {
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
