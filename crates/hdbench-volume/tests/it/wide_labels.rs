//! Label maps of any label from 0 to 65,535.

use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_volume::{self as volume, LabelBox, Volume, write_hu, write_image};
use ndarray::Array3;

/// A map with these values along x, between background.
fn map<T: Copy + Default>(values: &[T]) -> Volume<T> {
    let mut voxels = Array3::default((3, 3, values.len() + 2));
    for (x, &value) in values.iter().enumerate() {
        voxels[[1, 1, x + 1]] = value;
    }
    let geometry = volume::Geometry::axis_aligned([3, 3, values.len() + 2], [1.0; 3]);
    Volume { voxels, geometry }
}

fn with_floats<T>(values: &[f32], read: impl FnOnce(&Path) -> T) -> T {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("labels.nii.gz");
    write_hu(&path, &map(values)).unwrap();
    read(&path)
}

fn told<T>(result: Result<T>) -> String {
    let error = result.err().unwrap();
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
    error.to_string()
}

#[test]
fn wide_labels_are_read_whole_and_boxed_with_what_occurs() {
    let labels = [1_u16, 255, 256, 40_000, 65_535, 256, 64_999];
    let stored: Vec<f32> = labels
        .iter()
        .map(|&label| f32::from(label) + 0.0004)
        .collect();
    with_floats(&stored, |path| {
        let whole = volume::read_labels_as::<u16>(path).unwrap();
        assert_eq!(whole.voxels, map(&labels).voxels);
        let (boxed, values) = volume::read_label_box_and_values(path).unwrap();
        assert_eq!(boxed, volume::read_label_box_as(path).unwrap());
        assert_eq!(boxed.voxels.as_slice().unwrap(), labels);
        assert_eq!(boxed.start, [1, 1, 1]);
        assert_eq!(boxed.window([0; 3], whole.geometry.shape), whole.voxels);
        assert_eq!(
            values.iter().collect::<Vec<_>>(),
            [1, 255, 256, 40_000, 64_999, 65_535]
        );
        assert_eq!((values.largest(), values.len()), (65_535, 6));
        let narrow = told(volume::read_label_box(path));
        assert!(
            narrow.contains(
                "5 of 81 voxels are no labels (whole numbers from 0 to 255), the first 256"
            )
        );
    });
}

#[test]
fn a_narrow_map_is_the_same_at_either_width() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("labels.nii");
    write_image(&path, &map(&[2_i16, 0, 200, 1])).unwrap();
    let narrow = volume::read_label_box(&path).unwrap();
    let (wide, values) = volume::read_label_box_and_values(&path).unwrap();
    assert_eq!(wide.voxels, narrow.voxels.mapv(u16::from));
    assert_eq!(wide.geometry, narrow.geometry);
    assert_eq!(values, narrow.values());
    assert_eq!(values, LabelBox::of(&map(&[1_u8, 2, 200])).values());
}

#[test]
fn what_is_no_wide_label_is_named_and_an_ignore_value_explained() {
    for (bad, says) in [
        (65_536.0, "the first 65536 at x 2, y 1, z 1"),
        (0.5, "the first 0.5"),
        (-2.0, "the first -2"),
        (-1.0, "the first -1"),
        (f32::NAN, "the first NaN"),
    ] {
        let text = with_floats(&[1.0, bad, 3.0], |path| {
            told(volume::read_labels_as::<u16>(path))
        });
        assert!(
            text.contains("1 of 45 voxels are no labels (whole numbers from 0 to 65535)"),
            "{text}"
        );
        assert!(text.contains(says), "{text}");
        let is_explained = text.contains("-1 mostly marks voxels that are to be ignored");
        assert_eq!(is_explained, bad == -1.0, "{text}");
        let boxed = with_floats(&[1.0, bad, 3.0], |path| {
            told(volume::read_label_box_and_values(path))
        });
        let message = |text: &str| text.split_once(": ").unwrap().1.to_owned();
        assert_eq!(message(&boxed), message(&text));
    }
    let narrow = with_floats(&[1.0, -1.0], |path| told(volume::read_labels(path)));
    assert!(narrow.contains("check that the file is no CT"), "{narrow}");
}
