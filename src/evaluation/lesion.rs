use std::path::Path;

use rayon::prelude::*;
use std::borrow::Cow;

use serde::Serialize;

use super::case::ScoredCase;
use super::diameter::AxialGrid;
use super::figure::{Figure, Options};
use super::policy::{Edge, Family};
use super::tidy::write_csv;
use crate::error::Result;
use crate::metrics::BitMask;
use crate::metrics::components::Connectivity;
use crate::metrics::detection::{Detection, Group, Overlaps};
use crate::metrics::regions::{Regions, shared};
use crate::text::words_cell;
use crate::volume::Geometry;

/// Lesions count as found at an intersection over union above each of these.
pub const IOU_THRESHOLDS: [f64; 5] = [0.0, 0.1, 0.25, 0.5, 0.75];

/// The intersection over union from which a pair counts in the one-to-one matching.
const ONE_TO_ONE_IOU: f64 = 0.5;

/// Whose lesion it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LesionSide {
    /// In the reference: found or missed.
    Reference,
    /// In the prediction: right, or a false alarm.
    Prediction,
}

/// One 6-connected lesion.
#[derive(Clone, Debug, PartialEq)]
pub struct Lesion {
    /// Whose it is.
    pub side: LesionSide,
    /// Its number among the lesions of its side, from 1 in raster order.
    pub lesion: u32,
    /// Number of voxels.
    pub voxels: u64,
    /// mL.
    pub volume_ml: f64,
    /// Diameter of the ball of its volume, mm.
    pub equivalent_diameter_mm: f64,
    /// Largest distance between outer corners of its voxels within one axial slice, mm.
    pub longest_axial_diameter_mm: f64,
    /// Voxels it shares with any lesion of the other side.
    pub overlap_voxels: u64,
    /// Largest intersection over union with one lesion of the other side, 0..=1.
    pub best_iou: f64,
    /// Numbers of the lesions of the other side that it is matched with (appendix C).
    pub matched: Vec<u32>,
    /// How many lesions of its own side are matched together with it, itself included; 0 if it is
    /// not matched.
    pub merged: u32,
    /// Intersection over union of all that is matched together, 0..=1; 0 if it is not matched.
    pub iou: f64,
    /// Dice of all that is matched together, 0..=1; 0 if it is not matched.
    pub dice: f64,
    /// Whether it is matched, at whatever `iou`.
    pub detected: bool,
}

/// When a lesion counts as found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Criterion {
    /// Matched as in appendix C with an intersection over union above this.
    IouAbove(f64),
    /// Matched one to one with an intersection over union of at least this, as panoptica does.
    OneToOne(f64),
}

impl Criterion {
    /// Those that the options ask for, in the order of the tables.
    pub fn all(options: &Options) -> Vec<Self> {
        let one_to_one = options.one_to_one.then_some(Self::OneToOne(ONE_TO_ONE_IOU));
        IOU_THRESHOLDS
            .map(Self::IouAbove)
            .into_iter()
            .chain(one_to_one)
            .collect()
    }

    /// The end of its figures' names: `iou_gt_0.5`, `one_to_one_iou_ge_0.5`.
    pub fn name(self) -> String {
        match self {
            Self::IouAbove(iou) => format!("iou_gt_{iou}"),
            Self::OneToOne(iou) => format!("one_to_one_iou_ge_{iou}"),
        }
    }

    /// The names of its figures in files.
    pub(super) fn names(self) -> [(String, Family); 7] {
        [
            ("precision", Family::Agreement),
            ("recall", Family::Agreement),
            ("f1", Family::Agreement),
            ("tp", Family::Plain),
            ("fn", Family::Plain),
            ("tp_pred", Family::Plain),
            ("fp", Family::Plain),
        ]
        .map(|(figure, family)| (format!("detection_{figure}_{}", self.name()), family))
    }

    /// Its figures by name: precision, recall and F1, then the reference lesions that are found
    /// (`tp`) and missed (`fn`), the predicted lesions that are right (`tp_pred`) and false (`fp`).
    pub(super) fn figures(self, found: &Detection) -> [(String, Figure); 7] {
        let values = [
            found.precision(),
            found.recall(),
            found.f1(),
            found.reference_found as f64,
            found.reference_missed as f64,
            found.prediction_true as f64,
            found.prediction_false as f64,
        ];
        let edge = Edge::between(
            found.prediction_true + found.prediction_false,
            found.reference_found + found.reference_missed,
        );
        let mut values = values.into_iter();
        self.names().map(|(name, family)| {
            let raw = values.next().unwrap_or(f64::NAN);
            (name, Figure::strict(family, raw, edge, raw))
        })
    }
}

/// Every lesion of a case, those of the reference first, and how many count as found.
pub(super) struct Lesions {
    pub(super) list: Vec<Lesion>,
    pub(super) detection: Vec<(Criterion, Detection)>,
}

/// Finds, measures and matches the lesions of two masks of one box.
pub(super) fn lesions_of(
    prediction: &BitMask,
    reference: &BitMask,
    geometry: &Geometry,
    options: &Options,
) -> Lesions {
    let (prediction, reference) = rayon::join(
        || Regions::of(prediction, Connectivity::Six),
        || Regions::of(reference, Connectivity::Six),
    );
    let overlaps = Overlaps {
        prediction: prediction.sizes().to_vec(),
        reference: reference.sizes().to_vec(),
        shared: shared(&prediction, &reference),
    };
    let groups = overlaps.merged();
    let detection = Criterion::all(options)
        .into_iter()
        .map(|criterion| (criterion, found(&overlaps, &groups, criterion)))
        .collect();
    let grid = AxialGrid::of(geometry);
    let mut list = measure(LesionSide::Reference, &reference, geometry, &grid);
    list.extend(measure(
        LesionSide::Prediction,
        &prediction,
        geometry,
        &grid,
    ));
    compare(&mut list, &overlaps, &groups);
    Lesions { list, detection }
}

/// What no lesion on either side counts as.
pub(super) fn no_lesions(options: &Options) -> Lesions {
    let none = |criterion| (criterion, Detection::default());
    Lesions {
        list: Vec::new(),
        detection: Criterion::all(options).into_iter().map(none).collect(),
    }
}

fn found(overlaps: &Overlaps, groups: &[Group], criterion: Criterion) -> Detection {
    match criterion {
        Criterion::IouAbove(iou) => overlaps.count(groups, |group| group.iou() > iou),
        Criterion::OneToOne(iou) => overlaps.count(&overlaps.one_to_one(iou), |_| true),
    }
}

fn measure(
    side: LesionSide,
    regions: &Regions,
    geometry: &Geometry,
    grid: &AxialGrid,
) -> Vec<Lesion> {
    let voxel_volume_ml = geometry.voxel_volume_ml();
    regions
        .by_region()
        .into_par_iter()
        .zip(regions.sizes())
        .enumerate()
        .map(|(i, (runs, &voxels))| {
            let volume_ml = voxels as f64 * voxel_volume_ml;
            Lesion {
                side,
                lesion: i as u32 + 1,
                voxels,
                volume_ml,
                equivalent_diameter_mm: (6.0 * volume_ml * 1000.0 / std::f64::consts::PI).cbrt(),
                longest_axial_diameter_mm: grid.longest_diameter_mm(&runs),
                overlap_voxels: 0,
                best_iou: 0.0,
                matched: Vec::new(),
                merged: 0,
                iou: 0.0,
                dice: 0.0,
                detected: false,
            }
        })
        .collect()
}

/// Writes into the lesions what the other side has in their place.
fn compare(list: &mut [Lesion], overlaps: &Overlaps, groups: &[Group]) {
    let (reference, prediction) = list.split_at_mut(overlaps.reference.len());
    for pair in &overlaps.shared {
        let r = &mut reference[pair.reference as usize - 1];
        let p = &mut prediction[pair.prediction as usize - 1];
        let iou = pair.voxels as f64 / (r.voxels + p.voxels - pair.voxels) as f64;
        for lesion in [r, p] {
            lesion.overlap_voxels += pair.voxels;
            lesion.best_iou = lesion.best_iou.max(iou);
        }
    }
    for group in groups {
        let sides = [
            (&mut *reference, &group.reference, &group.prediction),
            (&mut *prediction, &group.prediction, &group.reference),
        ];
        for (lesions, own, other) in sides {
            for &id in own {
                let lesion = &mut lesions[id as usize - 1];
                lesion.matched.clone_from(other);
                lesion.merged = own.len() as u32;
                lesion.iou = group.iou();
                lesion.dice = group.dice();
                lesion.detected = true;
            }
        }
    }
}

#[derive(Serialize)]
struct LesionRow<'a> {
    case: Cow<'a, str>,
    side: LesionSide,
    lesion: u32,
    voxels: u64,
    volume_ml: f64,
    equivalent_diameter_mm: f64,
    longest_axial_diameter_mm: f64,
    overlap_voxels: u64,
    best_iou: f64,
    detected: bool,
    matched: String,
    merged: u32,
    split: usize,
    iou: f64,
    dice: f64,
}

const COLUMNS: [&str; 15] = [
    "case",
    "side",
    "lesion",
    "voxels",
    "volume_ml",
    "equivalent_diameter_mm",
    "longest_axial_diameter_mm",
    "overlap_voxels",
    "best_iou",
    "detected",
    "matched",
    "merged",
    "split",
    "iou",
    "dice",
];

/// Writes `lesions.csv`: every lesion of the cases, those of the reference first. `matched` holds
/// the numbers of the other side's lesions with `;` between them, `merged` how many lesions of its
/// own side are matched together with it, `split` how many of the other side.
pub fn write_lesions(path: &Path, cases: &[ScoredCase]) -> Result<()> {
    let rows = cases.iter().flat_map(|case| {
        case.scores.lesions.iter().map(|lesion| LesionRow {
            case: words_cell(&case.case),
            side: lesion.side,
            lesion: lesion.lesion,
            voxels: lesion.voxels,
            volume_ml: lesion.volume_ml,
            equivalent_diameter_mm: lesion.equivalent_diameter_mm,
            longest_axial_diameter_mm: lesion.longest_axial_diameter_mm,
            overlap_voxels: lesion.overlap_voxels,
            best_iou: lesion.best_iou,
            detected: lesion.detected,
            matched: joined(&lesion.matched),
            merged: lesion.merged,
            split: lesion.matched.len(),
            iou: lesion.iou,
            dice: lesion.dice,
        })
    });
    write_csv(path, &COLUMNS, rows)
}

fn joined(ids: &[u32]) -> String {
    let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
    ids.join(";")
}
