//! Instances on a grid whose axes are not perpendicular.

use std::fs;
use std::path::Path;

use hdbench_ground::error::Result;
use hdbench_score::{
    CasePair, Label, Options, Source, StructuresPlan, score_structures, structures,
};
use hdbench_volume::{Geometry, Volume, write_labels};
use ndarray::{Array3, s};

/// Scores lesions that are matched as `matching` says, their prediction one voxel beside them.
fn score(dir: &Path, matching: &str) -> Result<u64> {
    let set = dir.join("set.toml");
    let text = format!(
        "[structures.lesion]\nlabels = 1\n[structures.lesion.instances]\nby = \"components\"\nneighbours = 26\n\
         match = \"touching\"\n{matching}\n"
    );
    fs::write(&set, text).unwrap();
    let mut geometry = Geometry::axis_aligned([12; 3], [1.0; 3]);
    // The y axis leans along x.
    geometry.affine[0][1] = 0.5;
    geometry.spacing_mm[1] = 1.25_f64.sqrt();
    let file = |name: &str, x: usize| {
        let mut voxels = Array3::<u8>::zeros([12; 3]);
        voxels.slice_mut(s![4..7, 4..7, x..x + 2]).fill(1);
        let path = dir.join(name);
        let geometry = geometry.clone();
        write_labels(&path, &Volume { geometry, voxels }).unwrap();
        Source::File(path)
    };
    let pair = CasePair {
        case: "a".into(),
        prediction: file("pred.nii.gz", 6),
        reference: file("ref.nii.gz", 3),
    };
    let plan = StructuresPlan::of(&structures::read(&set)?, Options::default());
    let found = score_structures(&pair, &plan.reading, &plan.metrics)?;
    let lesion = &found.scored.scores[Label::new("lesion")];
    Ok(lesion
        .own_instances
        .as_ref()
        .unwrap()
        .detection
        .reference_found)
}

#[test]
fn growth_by_millimetres_is_refused_and_by_steps_is_scored() {
    let dir = tempfile::tempdir().unwrap();
    for key in ["dilation", "consolidation"] {
        let told = score(dir.path(), &format!("{key}-mm = 2"))
            .unwrap_err()
            .to_string();
        assert!(
            told.contains("ref.nii.gz")
                && told.contains(
                    "its axes are not perpendicular, and instances of lesion grow by millimetres"
                )
                && told.contains(&format!("{key} = 3")),
            "{told}"
        );
        // As the hint says; the gap is one voxel wide.
        let found = score(dir.path(), &format!("{key} = 3")).unwrap();
        assert_eq!(found, u64::from(key == "dilation"), "{key}");
    }
}
