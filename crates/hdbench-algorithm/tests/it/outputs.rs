//! What is taken as a prediction, and what is not.

use hdbench_algorithm::take;
use hdbench_volume::{Geometry, Turn, Volume, write_image, write_labels};

use crate::world::{World, ct, geometry, labels};

#[test]
fn numbers_become_liver_and_lesion() {
    let world = World::of(&["a"]);
    let image = &world.cases[0].image;
    let file = world.path("p.nii.gz");
    let written = Volume {
        voxels: labels()
            .voxels
            .mapv(|label| [0_i16, 500, 7][usize::from(label)]),
        geometry: geometry(),
    };
    write_image(&file, &written).unwrap();
    let algorithm = world.script("", "labels = { 500 = \"liver\", 7 = \"tumour\" }");
    assert_eq!(take(&file, image, &algorithm).unwrap().labels, labels());
    let algorithm = world.script("", "labels = { 500 = \"liver\" }");
    let error = take(&file, image, &algorithm).unwrap_err().to_string();
    assert!(
        error.contains("p.nii.gz: has label 7, and labels of the algorithm says what 500 liver are\nhint: add them"),
        "{error}"
    );
    let algorithm = world.script(
        "",
        "labels = { 500 = \"liver\" }\nother_labels = \"background\"",
    );
    let taken = take(&file, image, &algorithm).unwrap();
    assert_eq!(
        taken.labels.voxels,
        labels().voxels.mapv(|label| u8::from(label == 1))
    );
    assert_eq!(taken.notes, ["label 7 taken as background"]);
}

#[test]
fn another_grid_is_refused_and_a_turned_one_is_turned() {
    let world = World::of(&["a"]);
    let image = &world.cases[0].image;
    let algorithm = world.script("", "");
    let file = world.path("p.nii");
    let turn = Turn::all().nth(11).unwrap();
    write_labels(&file, &turn.volume(&labels())).unwrap();
    let taken = take(&file, image, &algorithm).unwrap();
    assert_eq!(taken.labels, labels());
    assert!(
        taken.notes[0].contains("turned to the reference's grid"),
        "{:?}",
        taken.notes
    );
    let mut moved = labels();
    moved.geometry.affine[0][3] += 3.0;
    write_labels(&file, &moved).unwrap();
    let error = take(&file, image, &algorithm).unwrap_err().to_string();
    assert!(
        error.contains("places its voxels up to 3.00 mm away"),
        "{error}"
    );
    let smaller = Volume {
        voxels: labels().voxels.slice(ndarray::s![1.., .., ..]).to_owned(),
        geometry: Geometry::axis_aligned([3, 5, 6], [2.0, 0.75, 0.75]),
    };
    write_labels(&file, &smaller).unwrap();
    let error = take(&file, image, &algorithm).unwrap_err().to_string();
    assert!(
        error.contains("has 6 x 5 x 3 voxels (x, y, z), but the reference"),
        "{error}"
    );
}

#[test]
fn what_is_no_label_map_is_told_and_an_empty_one_is_made() {
    let world = World::of(&["a"]);
    let algorithm = world.script("", "");
    let file = world.path("p.nii.gz");
    std::fs::write(&file, "").unwrap();
    assert!(take(&file, &world.cases[0].image, &algorithm).is_err());
    let mut fractions = ct();
    fractions.voxels.mapv_inplace(|hu| hu / 64.0);
    hdbench_volume::write_hu(&file, &fractions).unwrap();
    let error = take(&file, &world.cases[0].image, &algorithm)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("p.nii.gz") && error.contains("hint: "),
        "{error}"
    );
}

#[test]
fn a_wrong_output_comes_with_the_last_words() {
    let world = World::of(&["a"]);
    let algorithm = world.script(
        "cp $1 $3/a.nii.gz; echo careful",
        "labels = { 1 = \"liver\" }",
    );
    let (ran, cell, _) = world.run(&algorithm);
    assert!(cell.refusal().contains("has label 2"), "{}", cell.refusal());
    assert_eq!(ran.cases[0].failure, None);
}
