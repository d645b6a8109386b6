use std::collections::BTreeMap;
use std::path::Path;

use ndarray::{Array3, ArrayView3, Zip};
use rayon::prelude::*;
use serde::Serialize;

use super::case::ScoredCase;
use super::figure::Label;
use super::tidy::write_csv;
use crate::error::Result;
use crate::metrics::Bounds;
use crate::metrics::components::{Components, Connectivity, label};
use crate::volume::Geometry;

/// Whose lesion it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LesionSide {
    /// In the reference: found or missed.
    Reference,
    /// In the prediction, touching no reference lesion: a false alarm.
    Prediction,
}

/// One 6-connected lesion.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
    /// Whether `best_iou` is above 0.
    pub detected: bool,
}

/// All reference lesions, then the predicted ones that touch none. `bounds` holds every lesion
/// voxel of both maps.
pub(super) fn lesions_of(
    prediction: ArrayView3<'_, u8>,
    reference: ArrayView3<'_, u8>,
    geometry: &Geometry,
    bounds: &Bounds,
) -> Vec<Lesion> {
    let components = |map: ArrayView3<'_, u8>| {
        let mask = bounds.crop(map).mapv(|value| Label::Lesion.holds(value));
        label(mask.view(), Connectivity::Six)
    };
    let (prediction, reference) = (components(prediction), components(reference));
    let shared = shared_voxels(&prediction.labels, &reference.labels);
    let grid = AxialGrid::of(geometry);
    let mut lesions = measure(LesionSide::Reference, &reference, geometry, &grid);
    let mut alarms = measure(LesionSide::Prediction, &prediction, geometry, &grid);
    for (&(p, r), &overlap) in &shared {
        let lesion = &mut lesions[r as usize - 1];
        let alarm = &mut alarms[p as usize - 1];
        let union = lesion.voxels + alarm.voxels - overlap;
        lesion.overlap_voxels += overlap;
        lesion.best_iou = lesion.best_iou.max(overlap as f64 / union as f64);
        lesion.detected = true;
        alarm.detected = true;
    }
    lesions.extend(alarms.into_iter().filter(|alarm| !alarm.detected));
    lesions
}

/// Voxels that a predicted and a reference component share, by their ids.
fn shared_voxels(prediction: &Array3<u32>, reference: &Array3<u32>) -> BTreeMap<(u32, u32), u64> {
    let mut shared = BTreeMap::new();
    Zip::from(prediction).and(reference).for_each(|&p, &r| {
        if p != 0 && r != 0 {
            *shared.entry((p, r)).or_insert(0) += 1;
        }
    });
    shared
}

fn measure(
    side: LesionSide,
    components: &Components,
    geometry: &Geometry,
    grid: &AxialGrid,
) -> Vec<Lesion> {
    let boxes = boxes_of(components);
    (1u32..)
        .zip(&components.sizes)
        .collect::<Vec<_>>()
        .into_par_iter()
        .zip(&boxes)
        .map(|((lesion, &voxels), bounds)| {
            let volume_ml = voxels as f64 * geometry.voxel_volume_ml();
            let diameter = bounds.map(|bounds| {
                grid.longest_diameter_mm(bounds.crop(components.labels.view()), lesion)
            });
            Lesion {
                side,
                lesion,
                voxels: voxels as u64,
                volume_ml,
                equivalent_diameter_mm: (6.0 * volume_ml * 1000.0 / std::f64::consts::PI).cbrt(),
                longest_axial_diameter_mm: diameter.unwrap_or(0.0),
                overlap_voxels: 0,
                best_iou: 0.0,
                detected: false,
            }
        })
        .collect()
}

fn boxes_of(components: &Components) -> Vec<Option<Bounds>> {
    let mut boxes = vec![None; components.sizes.len()];
    for ((z, y, x), &id) in components.labels.indexed_iter() {
        if id != 0 {
            let voxel = Bounds {
                start: [z, y, x],
                end: [z + 1, y + 1, x + 1],
            };
            let bounds = &mut boxes[id as usize - 1];
            *bounds = Bounds::union(*bounds, Some(voxel));
        }
    }
    boxes
}

/// Which array axis crosses the axial slices, and the two axes within them.
struct AxialGrid {
    /// Array axes: across, then the two in the plane.
    axes: [usize; 3],
    /// Spacing of the two axes in the plane, mm.
    plane_mm: [f64; 2],
}

impl AxialGrid {
    /// The slices lie across the file axis that runs most nearly from foot to head.
    fn of(geometry: &Geometry) -> Self {
        let towards_head =
            |axis: usize| (geometry.affine[2][2 - axis] / geometry.spacing_mm[axis]).abs();
        let axes = [[0, 1, 2], [1, 0, 2], [2, 0, 1]];
        let axes = axes
            .into_iter()
            .rev()
            .max_by(|a, b| towards_head(a[0]).total_cmp(&towards_head(b[0])))
            .unwrap_or([0, 1, 2]);
        Self {
            axes,
            plane_mm: [geometry.spacing_mm[axes[1]], geometry.spacing_mm[axes[2]]],
        }
    }

    fn longest_diameter_mm(&self, labels: ArrayView3<'_, u32>, id: u32) -> f64 {
        let slices = labels.permuted_axes(self.axes);
        let mut longest = 0.0f64;
        for slice in slices.outer_iter() {
            let mut corners = Vec::new();
            for (i, row) in slice.outer_iter().enumerate() {
                let Some(first) = row.iter().position(|&v| v == id) else {
                    continue;
                };
                let last = row.iter().rposition(|&v| v == id).unwrap_or(first);
                for u in [i, i + 1] {
                    for v in [first, last + 1] {
                        corners.push([u as f64 * self.plane_mm[0], v as f64 * self.plane_mm[1]]);
                    }
                }
            }
            longest = longest.max(diameter(&convex_hull(corners)));
        }
        longest
    }
}

fn diameter(points: &[[f64; 2]]) -> f64 {
    let mut longest = 0.0f64;
    for (i, a) in points.iter().enumerate() {
        for b in &points[i + 1..] {
            longest = longest.max((a[0] - b[0]).hypot(a[1] - b[1]));
        }
    }
    longest
}

/// The corners of the convex hull (Andrew's monotone chain, 1979); the two ends stand twice.
fn convex_hull(mut points: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    points.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    points.dedup();
    let turns_left = |a: [f64; 2], b: [f64; 2], c: [f64; 2]| {
        (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) > 0.0
    };
    let half = |points: &mut dyn Iterator<Item = [f64; 2]>| {
        let mut chain: Vec<[f64; 2]> = Vec::new();
        for point in points {
            while let [.., a, b] = chain[..] {
                if turns_left(a, b, point) {
                    break;
                }
                chain.pop();
            }
            chain.push(point);
        }
        chain
    };
    let mut hull = half(&mut points.iter().copied());
    hull.extend(half(&mut points.iter().rev().copied()));
    hull
}

#[derive(Serialize)]
struct LesionRow<'a> {
    case: &'a str,
    side: LesionSide,
    lesion: u32,
    voxels: u64,
    volume_ml: f64,
    equivalent_diameter_mm: f64,
    longest_axial_diameter_mm: f64,
    overlap_voxels: u64,
    best_iou: f64,
    detected: bool,
}

const COLUMNS: [&str; 10] = [
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
];

/// Writes `lesions.csv`: every reference lesion and every false alarm of the cases.
pub fn write_lesions(path: &Path, cases: &[ScoredCase]) -> Result<()> {
    let rows = cases.iter().flat_map(|case| {
        case.scores.lesions.iter().map(|lesion| LesionRow {
            case: &case.case,
            side: lesion.side,
            lesion: lesion.lesion,
            voxels: lesion.voxels,
            volume_ml: lesion.volume_ml,
            equivalent_diameter_mm: lesion.equivalent_diameter_mm,
            longest_axial_diameter_mm: lesion.longest_axial_diameter_mm,
            overlap_voxels: lesion.overlap_voxels,
            best_iou: lesion.best_iou,
            detected: lesion.detected,
        })
    });
    write_csv(path, &COLUMNS, rows)
}
