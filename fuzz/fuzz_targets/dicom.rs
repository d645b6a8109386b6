//! Any bytes as the only file of a DICOM series: headers and voxels are read with an error or make
//! a sound volume, and a mask of itself lies on its own grid.
#![no_main]

use std::path::Path;

use hdbench::artifact::Tree;
use hdbench::input;
use hdbench::volume::{DicomSeries, read_dicom_mask};
use libfuzzer_sys::fuzz_target;

/// Pixels of one input, decoded: compressed ones may promise a volume that is sound and slow.
const MOST_PIXELS: usize = 1 << 22;

fuzz_target!(|bytes: &[u8]| {
    let folder = std::env::temp_dir().join(format!("hdbench-fuzz-{}-series", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
    std::fs::write(folder.join("slice"), bytes).expect("the temporary folder can be written");
    read(&folder);
});

fn read(folder: &Path) {
    let tree = Tree::open(folder).expect("the folder can be listed");
    let Some(series) = input::answer(folder, DicomSeries::open(&tree)) else {
        return;
    };
    let geometry = series.geometry();
    assert_eq!(geometry.shape[0], 1);
    assert!(geometry.spacing_mm.iter().all(|&mm| mm > 0.0));
    assert!(geometry.affine.iter().flatten().all(|v| v.is_finite()));
    if geometry.len() > MOST_PIXELS {
        return;
    }
    let image = input::answer(folder, series.read());
    let mask = input::answer(folder, read_dicom_mask(&tree, &series));
    assert_eq!(image.is_some(), mask.is_some());
    if let (Some(image), Some((mask, _))) = (image, mask) {
        assert_eq!(image.geometry, *geometry);
        assert_eq!(mask.geometry, *geometry);
        assert_eq!(<[usize; 3]>::from(image.voxels.dim()), geometry.shape);
        assert!(image.voxels.iter().all(|hu| hu.is_finite()));
        assert!(mask.voxels.iter().all(|&set| set <= 1));
    }
}
