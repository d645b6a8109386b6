//! A phantom as a patient of 3DIRCADb: one DICOM series of the scan, one of masks a structure.

use std::path::Path;

use ndarray::Array3;

use super::plane::Organ;
use super::render::Phantom;
use crate::error::{Error, Result};
use crate::metrics::components::{Connectivity, label};

/// Structures of the real set whose names are traps, with the organ that stands for them here:
/// tumours of the adrenal glands, a scar, a cyst.
const TRAPS: [(usize, &str, Organ); 4] = [
    (5, "leftsurretumor", Organ::Kidney),
    (6, "livercyst", Organ::Gallbladder),
    (7, "tumor", Organ::Kidney),
    (14, "metastasectomie", Organ::Gallbladder),
];

/// Writes the scan into the folder `image`, and into folders of `masks` the liver, every tumour, and
/// what the real set calls by a name that is easily taken for a tumour of the liver.
///
/// # Errors
/// A folder that cannot be written.
pub(super) fn write_patient(
    phantom: &Phantom,
    index: usize,
    image: &Path,
    masks: &Path,
) -> Result<()> {
    for (name, mask) in structures(phantom, index + 1) {
        let _ = (name, mask, image, masks);
    }
    Err(Error::Internal("not yet".into()))
}

/// The masks of a patient with their names.
fn structures(phantom: &Phantom, number: usize) -> Vec<(String, Array3<bool>)> {
    let labels = &phantom.labels.voxels;
    // Whether a patient's liver mask holds the tumours too differs in the real set.
    let tumours_are_liver = number % 2 == 1;
    let liver = labels.mapv(|label| label == 1 || (tumours_are_liver && label == 2));
    let mut structures = vec![("liver".to_owned(), liver)];
    let tumours = label(
        labels.mapv(|label| label == 2).view(),
        Connectivity::TwentySix,
    );
    let count = tumours.sizes.len();
    let each = |n: usize| tumours.labels.mapv(|owner| owner as usize == n);
    match (number, count) {
        (_, 0) => {}
        (19, _) => structures.push(("livertumors".into(), tumours.labels.mapv(|n| n > 0))),
        (_, 1) => structures.push(("livertumor".into(), each(1))),
        (17, _) => structures.extend((1..=count).map(|n| (format!("livertumor{n}"), each(n)))),
        _ => structures.extend((1..=count).map(|n| (format!("livertumor{n:02}"), each(n)))),
    }
    for (_, name, organ) in TRAPS.iter().filter(|(patient, ..)| *patient == number) {
        let mask = phantom.organs.mapv(|found| found == *organ as u8);
        structures.push(((*name).to_owned(), mask));
    }
    structures
}
