//! Label maps of several formats in one evaluation.

use std::fs;
use std::path::Path;

use hdbench_score::structures::StructureSet;
use hdbench_score::{Options, StructuresPlan, nifti_label_maps_among, pair, score_structures};
use hdbench_volume::{Geometry, Volume, write_labels};
use ndarray::Array3;

/// Two voxels of structure 1 in the first row, `[z, y, x]`.
fn labels() -> Array3<u8> {
    let mut labels = Array3::zeros((2, 3, 4));
    labels[[0, 0, 0]] = 1;
    labels[[0, 0, 1]] = 1;
    labels
}

/// The same voxels in the format that a name says; the place in LPS, as ITK writes it.
fn write(path: &Path, geometry: &Geometry) {
    let labels = labels();
    let name = path.file_name().unwrap().to_str().unwrap();
    let bytes: Vec<u8> = labels.iter().copied().collect();
    let meta = "ObjectType = Image\nNDims = 3\nDimSize = 4 3 2\nElementSpacing = 1 1 1\n\
                TransformMatrix = -1 0 0 0 -1 0 0 0 1\nOffset = 0 0 0\nElementType = MET_UCHAR\n";
    let nrrd = "NRRD0004\ntype: uint8\ndimension: 3\nspace: right-anterior-superior\nsizes: 4 3 2\n\
                space directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (0,0,0)\nencoding: raw\n";
    let (header, beside) = match name.rsplit_once('.').unwrap().1 {
        "mha" => (format!("{meta}ElementDataFile = LOCAL\n"), None),
        "mhd" => (
            format!("{meta}ElementDataFile = mhd.raw\n"),
            Some("mhd.raw"),
        ),
        "nrrd" => (format!("{nrrd}\n"), None),
        "nhdr" => (format!("{nrrd}data file: nhdr.raw\n\n"), Some("nhdr.raw")),
        _ => {
            let voxels = Volume {
                voxels: labels,
                geometry: geometry.clone(),
            };
            return write_labels(path, &voxels).unwrap();
        }
    };
    match beside {
        None => fs::write(path, [header.as_bytes(), &bytes].concat()).unwrap(),
        Some(file) => {
            fs::write(path, header).unwrap();
            fs::write(path.with_file_name(file), bytes).unwrap();
        }
    }
}

const FILES: [&str; 6] = ["a.mha", "b.mhd", "c.nrrd", "d.nhdr", "e.nii", "f.nii.gz"];

#[test]
fn folders_of_any_format_are_paired_by_name_and_score_alike() {
    let dir = tempfile::tempdir().unwrap();
    let [predictions, references] = ["pred", "ref"].map(|side| dir.path().join(side));
    for folder in [&predictions, &references] {
        fs::create_dir(folder).unwrap();
    }
    let geometry = Geometry::axis_aligned([2, 3, 4], [1.0; 3]);
    for (place, file) in FILES.iter().enumerate() {
        let stem = file.split('.').next().unwrap();
        // Every format against another one.
        let (_, ending) = FILES[(place + 2) % FILES.len()].split_once('.').unwrap();
        write(&predictions.join(file), &geometry);
        write(&references.join(format!("{stem}.{ending}")), &geometry);
    }
    let found = pair(&predictions, &references).unwrap();
    assert!(
        found.missing.is_empty() && found.extra.is_empty(),
        "{found:?}"
    );
    let cases: Vec<&str> = found.pairs.iter().map(|pair| pair.case.as_str()).collect();
    assert_eq!(cases, ["a", "b", "c", "d", "e", "f"]);
    let set = StructureSet::of_arguments(&["one=1"]).unwrap();
    let plan = StructuresPlan::of(&set, Options::default());
    for pair in &found.pairs {
        let scored = score_structures(pair, &plan.reading, &plan.metrics).unwrap();
        let counts = scored.scored.scores.structures[0].counts;
        assert_eq!(counts.dice(), 1.0, "{}", pair.case);
    }
    // Two files of one case are refused whatever their formats.
    write(&references.join("a.nii"), &geometry);
    let told = pair(&predictions, &references).unwrap_err().to_string();
    assert!(told.contains("a: a.nii, a.nrrd"), "{told}");
}

#[test]
fn the_challenge_takes_nifti_alone() {
    let names = FILES.map(|file| (file.to_owned(), hdbench_score::Source::File(file.into())));
    let (candidates, left_out) = nifti_label_maps_among(names.to_vec());
    assert_eq!(candidates.len(), 2);
    assert_eq!(left_out.others, FILES[..4]);
}
