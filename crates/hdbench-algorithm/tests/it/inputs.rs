//! The input folder in every layout.

use std::fs;

use hdbench_algorithm::{CaseInput, InputLayout, refuse_inputs, staged_names};
use hdbench_volume::{DicomIdentity, read_image, write_dicom_series, write_hu, write_hu_metaimage};

use crate::world::{World, ct};

/// Keeps what it is given, so that it can be looked at.
const KEEP: &str = "for f in $2/*; do cp -rL $f $(dirname $1)/kept-$(basename $f); done; ls -l $2; \
    touch $2/new 2>/dev/null; for f in a volume-3; do cp $1 $3/$f.nii.gz; done";

fn world() -> World {
    let mut world = World::of(&["packed"]);
    write_hu(&world.path("data/plain.nii"), &ct()).unwrap();
    write_hu_metaimage(&world.path("data/itk.mha"), &ct()).unwrap();
    let identity = DicomIdentity {
        patient: "p".to_owned(),
        series: "CT".to_owned(),
        number: 1,
    };
    write_dicom_series(&world.path("data/series"), &ct(), &identity, 0).unwrap();
    for (name, file) in [
        ("plain", "plain.nii"),
        ("itk", "itk.mha"),
        ("dicom", "series"),
    ] {
        world.cases.push(CaseInput {
            name: name.to_owned(),
            image: world.path(&format!("data/{file}")),
        });
    }
    world
}

#[test]
fn every_format_becomes_the_one_that_is_asked_for() {
    for (layout, names) in [
        (
            "nifti",
            [
                "packed.nii.gz",
                "plain.nii.gz",
                "itk.nii.gz",
                "dicom.nii.gz",
            ],
        ),
        (
            "nnunet",
            [
                "packed_0000.nii.gz",
                "plain_0000.nii.gz",
                "itk_0000.nii.gz",
                "dicom_0000.nii.gz",
            ],
        ),
        (
            "lits",
            [
                "volume-0.nii",
                "volume-1.nii",
                "volume-2.nii",
                "volume-3.nii",
            ],
        ),
        ("mha", ["packed.mha", "plain.mha", "itk.mha", "dicom.mha"]),
    ] {
        let world = world();
        world.run(&world.script(KEEP, &format!("input = \"{layout}\"")));
        for name in names {
            let kept = world.path(&format!("kept-{name}"));
            let image = read_image(&kept).unwrap();
            assert_eq!(image.voxels, ct().voxels, "{name}");
            assert_eq!(image.geometry.apart_mm(&ct().geometry), None, "{name}");
            let packed = fs::read(&kept).unwrap().starts_with(&[0x1f, 0x8b]);
            assert_eq!(packed, name.ends_with(".gz"), "{name}");
        }
    }
}

#[test]
fn what_fits_is_linked_and_nobody_writes_beside_it() {
    let world = World::of(&["a"]);
    let before = fs::metadata(&world.cases[0].image).unwrap();
    let (_, _, log) = world.run(&world.script(KEEP, ""));
    let real = world.cases[0].image.canonicalize().unwrap();
    assert!(
        log.contains(&format!("a.nii.gz -> {}", real.display())),
        "{log}"
    );
    let after = fs::metadata(&world.cases[0].image).unwrap();
    assert_eq!(
        (before.permissions(), before.modified().unwrap()),
        (after.permissions(), after.modified().unwrap())
    );
}

#[test]
fn a_series_is_given_as_it_is_and_nothing_becomes_one() {
    let mut world = world();
    let algorithm = world.script(KEEP, "input = \"dicom\"");
    let error = refuse_inputs(&algorithm, &world.cases)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(
            "packed.nii.gz: is no folder with a DICOM series, and input = \"dicom\" asks for one"
        ),
        "{error}"
    );
    world.cases.drain(..3);
    world.run(&algorithm);
    assert_eq!(fs::read_dir(world.path("kept-dicom")).unwrap().count(), 4);
}

#[test]
fn a_ct_that_is_not_there_is_told_before_anything_runs() {
    let mut world = World::of(&["a"]);
    world.cases[0].image = world.path("data/b.nii.gz");
    let error = refuse_inputs(&world.script("", ""), &world.cases)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("b.nii.gz: cannot read: No such file"),
        "{error}"
    );
    world.cases[0].image = world.path("data/notes.txt");
    fs::write(&world.cases[0].image, "").unwrap();
    let error = refuse_inputs(&world.script("", ""), &world.cases)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("is no image by its name, expected .nii"),
        "{error}"
    );
}

#[test]
fn names_are_safe_and_those_of_lits_are_kept() {
    let names = |layout, names: &[&str]| {
        let case = |name: &&str| CaseInput {
            name: (*name).to_owned(),
            image: "x".into(),
        };
        staged_names(layout, &names.iter().map(case).collect::<Vec<_>>())
    };
    use InputLayout::{Lits, Nifti};
    assert_eq!(
        names(Nifti, &["a", "b 1", "-rf", "../c", "L\u{f6}we"]),
        ["a", "case-1", "case-2", "case-3", "case-4"]
    );
    assert_eq!(names(Nifti, &["case-1", "b 1"]), ["case-0", "case-1"]);
    assert_eq!(names(Nifti, &["a", "A"]), ["case-0", "case-1"]);
    assert_eq!(
        names(Lits, &["volume-12", "test-volume-3"]),
        ["volume-12", "test-volume-3"]
    );
    assert_eq!(names(Lits, &["volume-12", "x"]), ["volume-0", "volume-1"]);
}

#[test]
fn outputs_of_lits_are_found_by_their_number() {
    let mut world = World::of(&["volume-3"]);
    let script =
        "for f in $2/volume-*.nii; do n=${f##*-}; gunzip -c $1 > $3/test-segmentation-$n; done";
    let (_, cell, _) = world.run(&world.script(script, "input = \"lits\""));
    assert_eq!(cell.taken(), ["volume-3"]);
    world.cases[0].name = "patient one".to_owned();
    let (_, cell, _) = world.run(&world.script(script, "input = \"lits\""));
    assert_eq!(cell.taken(), ["patient one"]);
}
