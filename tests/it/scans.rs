//! Small scans in every layout, for the tests of data sets.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hdbench::phantom;
use hdbench::seed::Seed;
use hdbench::volume::{
    DicomIdentity, Geometry, Volume, write_dicom_mask, write_dicom_series, write_hu, write_labels,
};
use ndarray::Array3;

/// A CT with its labels.
#[derive(Clone)]
pub struct Scan {
    pub image: Volume<f32>,
    pub labels: Volume<u8>,
}

/// Case `index` of the phantoms of a seed: 64 pixels in plane, about 16 slices.
pub fn phantom_scan(seed: u64, index: usize) -> Scan {
    let phantom = phantom::generate(
        &phantom::Spec::with_matrix(index + 1, Seed(seed), 64),
        index,
    );
    Scan {
        image: Volume {
            voxels: phantom.image.voxels.mapv(f32::from),
            geometry: phantom.image.geometry,
        },
        labels: phantom.labels,
    }
}

/// A liver with one tumour in noise; no phantom, so that a test has it in no time.
pub fn small_scan(shape: [usize; 3], spacing_mm: [f64; 3], seed: u64) -> Scan {
    let geometry = Geometry::axis_aligned(shape, spacing_mm);
    let mut noise = Seed(seed).stream("small scan");
    let [depth, height, width] = shape;
    let labels = Array3::from_shape_fn(shape, |(z, y, x)| {
        let inside = |share: usize| {
            [(z, depth), (y, height), (x, width)]
                .iter()
                .all(|&(at, size)| share * at >= size && share * at < (share - 1) * size)
        };
        u8::from(inside(4)) + u8::from(inside(3))
    });
    let voxels = labels.mapv(|label| {
        let tissue = [-950.0, 100.0, 60.0][usize::from(label)];
        (tissue + noise.range(-40.0, 40.0)).round() as f32
    });
    Scan {
        image: Volume {
            voxels,
            geometry: geometry.clone(),
        },
        labels: Volume {
            voxels: labels,
            geometry,
        },
    }
}

/// The scan as it lies in a file of the other orientation: x and y run the other way.
pub fn as_lps(scan: &Scan) -> Scan {
    fn turned<T: Copy>(volume: &Volume<T>) -> Volume<T> {
        let mut voxels = volume.voxels.clone();
        let mut geometry = volume.geometry.clone();
        for (axis, row) in [(1, 1), (2, 0)] {
            voxels.invert_axis(ndarray::Axis(axis));
            let last = (geometry.shape[axis] - 1) as f64;
            geometry.affine[row][3] += last * geometry.affine[row][2 - axis];
            geometry.affine[row][2 - axis] *= -1.0;
        }
        Volume {
            voxels: voxels.as_standard_layout().into_owned(),
            geometry,
        }
    }
    Scan {
        image: turned(&scan.image),
        labels: turned(&scan.labels),
    }
}

/// `volume-N` and `segmentation-N`.
pub fn write_lits(dir: &Path, number: u32, ending: &str, scan: &Scan) {
    let name = |kind: &str| dir.join(format!("{kind}-{number}{ending}"));
    write_hu(&name("volume"), &scan.image).unwrap();
    write_labels(&name("segmentation"), &scan.labels).unwrap();
}

/// `imagesTr/NAME.nii.gz`, `labelsTr/NAME.nii.gz`.
pub fn write_msd(dir: &Path, name: &str, scan: &Scan) {
    write_hu(&dir.join(format!("imagesTr/{name}.nii.gz")), &scan.image).unwrap();
    write_labels(&dir.join(format!("labelsTr/{name}.nii.gz")), &scan.labels).unwrap();
    fs::write(
        dir.join("dataset.json"),
        r#"{"modality": {"0": "CT"}, "labels": {"0": "background", "1": "liver", "2": "cancer"}}"#,
    )
    .unwrap();
}

/// `imagesTr/NAME_0000.nii.gz`, `labelsTr/NAME.nii.gz`, with 1 and 2 the other way round than in
/// LiTS, as `dataset.json` says.
pub fn write_nnunet(dir: &Path, name: &str, scan: &Scan) {
    let swapped = Volume {
        voxels: scan
            .labels
            .voxels
            .mapv(|label| [0, 2, 1][usize::from(label)]),
        geometry: scan.labels.geometry.clone(),
    };
    let image = dir.join(format!("imagesTr/{name}_0000.nii.gz"));
    write_hu(&image, &scan.image).unwrap();
    write_labels(&dir.join(format!("labelsTr/{name}.nii.gz")), &swapped).unwrap();
    fs::write(
        dir.join("dataset.json"),
        r#"{"channel_names": {"0": "CT"}, "labels": {"background": 0, "tumor": 1, "liver": 2},
            "numTraining": 1, "file_ending": ".nii.gz"}"#,
    )
    .unwrap();
}

/// `3Dircadb1.N/PATIENT_DICOM` and `MASKS_DICOM/{liver,livertumor01}`.
pub fn write_patient(dir: &Path, number: u32, scan: &Scan) {
    let patient = dir.join(format!("3Dircadb1.{number}"));
    let identity = |series: &str, number| DicomIdentity {
        patient: format!("3Dircadb1.{number}"),
        series: series.into(),
        number,
    };
    let image = patient.join("PATIENT_DICOM");
    write_dicom_series(&image, &scan.image, &identity("CT", 1), -1024).unwrap();
    for (series, (name, least)) in [("liver", 1), ("livertumor01", 2)].into_iter().enumerate() {
        let mask = Volume {
            voxels: scan.labels.voxels.mapv(|label| u8::from(label >= least)),
            geometry: scan.labels.geometry.clone(),
        };
        let folder = patient.join("MASKS_DICOM").join(name);
        write_dicom_mask(&folder, &mask, &identity(name, series as u32 + 2)).unwrap();
    }
}

/// Runs `hdbench datasets …`.
pub fn datasets(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hdbench"));
    command.arg("datasets");
    for argument in arguments {
        command.arg(argument);
    }
    command.output().unwrap()
}

pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The folder with real CT, where there is one.
pub fn real_ct() -> Option<PathBuf> {
    hdbench_testing::test_data().map(|data| data.join("ct"))
}
