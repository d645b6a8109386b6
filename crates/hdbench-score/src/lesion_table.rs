//! `lesions.csv`: a row for each lesion.

use std::borrow::Cow;
use std::path::Path;

use hdbench_ground::error::Result;
use hdbench_ground::text::words_cell;
use serde::Serialize;

use super::case::ScoredCase;
use super::label::Label;
use super::lesion::LesionSide;
use super::tidy::write_csv;

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
        let lesions = case.scores.instances_of(Label::LESION);
        let lesions = lesions.into_iter().flat_map(|own| own.list.iter());
        lesions.map(|lesion| LesionRow {
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
            split: lesion.matched.len(),
            matched: joined(&lesion.matched),
            merged: lesion.merged,
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
