//! A phantom as a patient of 3DIRCADb: one DICOM series of the scan, one of masks a structure.

use std::path::Path;

use hdbench_ground::error::Result;
use hdbench_volume::components::{Connectivity, label};
use hdbench_volume::{DicomIdentity, Volume, write_dicom_mask, write_dicom_series};
use ndarray::Array3;

use super::plane::Organ;
use super::render::Phantom;

/// Stored values are HU plus 1024, as scanners write them.
const RESCALE_INTERCEPT: i32 = -1024;

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
    let patient = format!("3Dircadb1.{}", index + 1);
    let identity = |series: &str, number| DicomIdentity {
        patient: patient.clone(),
        series: series.to_owned(),
        number,
    };
    let scan = Volume {
        voxels: phantom.image.voxels.mapv(f32::from),
        geometry: phantom.image.geometry.clone(),
    };
    write_dicom_series(image, &scan, &identity("CT", 1), RESCALE_INTERCEPT)?;
    for (number, (name, mask)) in (2..).zip(structures(phantom, index + 1)) {
        let mask = Volume {
            voxels: mask.mapv(u8::from),
            geometry: phantom.image.geometry.clone(),
        };
        write_dicom_mask(&masks.join(&name), &mask, &identity(&name, number))?;
    }
    Ok(())
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
