//! Places and directions in the patient, `[x, y, z]` in the LPS+ millimetres of DICOM.

use std::path::PathBuf;

/// Directions of two slices that differ by less than this are the same, written twice.
pub(super) const SAME_DIRECTION: f64 = 1e-4;

/// A slice with its file's name for errors and what a volume needs of it.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub index: usize,
    pub path: PathBuf,
    pub position_mm: [f64; 3],
    /// Along the normal.
    pub height_mm: f64,
}

pub(super) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|i| a[i] * b[i]).sum()
}

pub(super) fn length(a: [f64; 3]) -> f64 {
    dot(a, a).sqrt()
}

pub(super) fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

/// A length for a message, without digits of rounding.
pub(super) fn millimetres(mm: f64) -> String {
    let text = format!("{mm:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub(super) fn triple(mm: [f64; 3]) -> String {
    mm.map(millimetres).join(", ")
}
