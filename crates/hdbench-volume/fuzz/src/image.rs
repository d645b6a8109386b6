//! What is asked of every image, whatever its format.

use std::io::Write;
use std::path::Path;

use hdbench_volume::artifact::gzip_writer;
use hdbench_volume::{self as volume, Geometry, LabelBox, Volume};
use ndarray::Axis;

use crate::input;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// `sizeof_hdr` of NIfTI-1.
const NIFTI_BYTES: u32 = 348;

/// Reads the bytes as a file, and packed by gzip, which must make no difference. Voxels behind a header of text
/// may be packed themselves or lie at the end of the file, and are then read from no packed file.
pub fn read_plain_and_packed(bytes: &[u8]) {
    let (plain, image, labels) = read(&input::file("plain", bytes));
    if bytes.starts_with(&GZIP_MAGIC) {
        return;
    }
    let mut out = gzip_writer(Vec::new(), 1);
    out.write_all(bytes).expect("a vector takes every byte");
    let packed = out.finish().expect("a vector takes every byte");
    let (header, packed_image, packed_labels) = read(&input::file("packed", &packed));
    assert_eq!(plain, header);
    let is_nifti = [NIFTI_BYTES.to_le_bytes(), NIFTI_BYTES.to_be_bytes()]
        .iter()
        .any(|size| bytes.starts_with(size));
    if is_nifti || packed_image.is_some() {
        assert_eq!(image, packed_image);
        assert_eq!(labels, packed_labels);
    }
}

/// What header, image and labels are.
type Answers = (Option<Geometry>, Option<Volume<f32>>, Option<Volume<u8>>);

/// Asks every reader of an image, and holds the answers against each other.
fn read(path: &Path) -> Answers {
    let header = input::answer(path, volume::read_header(path));
    let image = input::answer(path, volume::read_image(path));
    let labels = input::answer(path, volume::read_labels(path));
    let boxed = input::answer(path, volume::read_label_box(path));
    assert_eq!(boxed.is_some(), labels.is_some());
    let geometry = header.map(|header| header.geometry);
    if let Some(geometry) = &geometry {
        check_geometry(geometry);
    }
    if let Some(image) = &image {
        assert_eq!(Some(&image.geometry), geometry.as_ref());
        assert_eq!(<[usize; 3]>::from(image.voxels.dim()), image.geometry.shape);
        assert!(image.voxels.iter().all(|hu| hu.is_finite()));
    }
    if let Some(labels) = &labels {
        assert_eq!(Some(&labels.geometry), geometry.as_ref());
        // What is a label is a number: the image reader must have taken it too, with that value.
        let image = image.as_ref().expect("a label map is an image");
        for (label, value) in labels.voxels.iter().zip(&image.voxels) {
            assert!((f32::from(*label) - value).abs() < 2e-3);
        }
        check_box(boxed.as_ref().expect("both or neither"), labels);
        write_and_read(labels);
    }
    (geometry, image, labels)
}

fn check_geometry(geometry: &Geometry) {
    assert!(geometry.shape.iter().all(|&n| n > 0));
    assert!(geometry.affine.iter().flatten().all(|v| v.is_finite()));
    assert!(
        geometry
            .spacing_mm
            .iter()
            .all(|&mm| mm.is_finite() && mm > 0.0)
    );
}

/// The map without its background is the same map, and no box would be smaller.
fn check_box(boxed: &LabelBox, labels: &Volume<u8>) {
    let whole = boxed.window([0; 3], labels.geometry.shape);
    assert_eq!(whole, labels.voxels);
    assert_eq!(boxed.geometry, labels.geometry);
    let (nz, ny, nx) = boxed.voxels.dim();
    for (axis, last) in [nz, ny, nx]
        .map(|n| n.saturating_sub(1))
        .into_iter()
        .enumerate()
    {
        for index in [0, last] {
            let face =
                (!boxed.voxels.is_empty()).then(|| boxed.voxels.index_axis(Axis(axis), index));
            assert!(face.is_none_or(|face| face.iter().any(|&label| label > 0)));
        }
    }
}

/// A label map that was read can be written, and is then read with the same voxels.
fn write_and_read(labels: &Volume<u8>) {
    let path = input::file("again.nii", &[]);
    if volume::write_labels(&path, labels).is_err() {
        return;
    }
    let again = volume::read_labels(&path).expect("what was written can be read");
    assert_eq!(again.voxels, labels.voxels);
}
