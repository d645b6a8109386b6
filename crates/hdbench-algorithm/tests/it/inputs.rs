//! The input folder in every layout.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use hdbench_algorithm::{
    Algorithm, CaseInput, InputLayout, Job, TrainingCase, refuse_inputs, run, stage_training,
    staged_names, train,
};
use hdbench_ground::error::Error;
use hdbench_volume::{DicomIdentity, read_image, write_dicom_series, write_hu, write_hu_metaimage};

use crate::world::{Cell, World, ct};

/// Keeps what it is given, so that it can be looked at.
const KEEP: &str = "for f in $2/*; do k=$(dirname $1)/kept-$(basename $f); cp -rL $f $k; chmod -R u+w $k; done; ls -l $2; \
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

/// All files below a folder with their content.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(contents(&path)),
            false => found.push((path.clone(), fs::read(&path).unwrap())),
        }
    }
    found.sort();
    found
}

#[test]
fn a_command_for_one_case_writes_to_a_copy_at_most() {
    let write = "chmod -R u+w $2; find $2 ! -type d | while read f; do echo more >> $f; done";
    for (layout, case) in [("nifti", 0), ("lits", 1), ("mha", 2), ("dicom", 3)] {
        let mut world = world();
        world.cases = vec![world.cases[case].clone()];
        let before = contents(&world.path("data"));
        let script = format!("find $2 -printf '%y %m\\n' | sort -u; {write}; cp $1 $3/$4.nii.gz");
        let keys = format!("per = \"case\"\ninput = \"{layout}\"");
        let (_, cell, log) = world.run(&world.script(&script, &keys));
        assert_eq!(cell.taken(), [world.cases[0].name.as_str()], "{log}");
        assert!(log.ends_with("\nd 555\nf 444\n"), "{layout}: {log}");
        assert_eq!(contents(&world.path("data")), before, "{layout}");
    }
}

/// The error of a run, which is asked to stop once it has written `begun`, if `stops`.
fn refused(world: &World, algorithm: &Algorithm, stops: bool) -> Error {
    let paths = world.paths();
    let (job, cell) = (world.job(algorithm, &paths), Cell::of(algorithm));
    let begun = paths[0].join("output/begun");
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            while stops && !begun.exists() {
                std::thread::sleep(Duration::from_millis(10));
            }
            cell.stop.store(stops, Ordering::Relaxed);
        });
        run(&job, &cell).unwrap_err()
    });
    assert!(!paths[0].exists());
    assert_eq!(cell.taken(), [] as [&str; 0]);
    error
}

#[test]
fn a_command_for_all_cases_that_writes_through_a_link_is_told() {
    let write = "for f in $2/b*; do f=$(readlink $f)";
    for (change, told) in [
        ("echo more >> $f", "it had "),
        ("rm $f", "it is gone"),
        (
            "cp -p $f $f.new; mv $f.new $f",
            "another file is in its place",
        ),
        ("touch -d 2001-01-01 $f", "it has another time of change"),
    ] {
        let world = World::of(&["a", "b"]);
        let script = format!("{write}; {change}; done; for c in a b; do cp $1 $3/$c.nii.gz; done");
        let error = refused(&world, &world.script(&script, ""), false);
        let text = error.to_string();
        assert!(matches!(error, Error::Malformed { .. }), "{text}");
        let file = world.cases[1].image.canonicalize();
        let file = file.unwrap_or_else(|_| world.cases[1].image.clone());
        let begins = format!(
            "{}: [algorithm.theirs] wrote to it through its link, while it ran: {told}",
            file.display()
        );
        assert!(text.starts_with(&begins), "{text}");
        assert!(
            text.contains("\nhint: bring the file back from where it came; with per = \"case\""),
            "{text}"
        );
    }
}

#[test]
fn what_was_written_through_a_link_is_told_however_the_run_ended() {
    let write = "for f in $2/*; do echo more >> $f; done; touch $3/begun";
    for (rest, keys, stops) in [
        ("exit 1", "", false),
        ("kill -9 $$", "", false),
        ("sleep 60", "timeout = \"0.5s\"", false),
        ("sleep 60", "", true),
    ] {
        let world = World::of(&["a", "b"]);
        let script = format!("{write}; {rest}");
        let text = refused(&world, &world.script(&script, keys), stops).to_string();
        assert!(
            text.contains("wrote to it through its link") && text.contains("; and to 1 more: "),
            "{rest}: {text}"
        );
    }
}

#[test]
fn files_of_a_series_are_links_in_a_folder_of_the_jobs_own() {
    let mut world = world();
    world.cases.drain(..3);
    let script = "for f in $2/dicom/*; do test -L $f && echo link; done | sort -u; touch $2/dicom/new; \
        cp $1 $3/dicom.nii.gz";
    let (_, _, log) = world.run(&world.script(script, "input = \"dicom\""));
    assert!(log.starts_with("== run\nlink\n"), "{log}");
    assert_eq!(fs::read_dir(world.path("data/series")).unwrap().count(), 4);
    let script = "for f in $2/dicom/*; do echo more >> $f; done";
    let text = refused(&world, &world.script(script, "input = \"dicom\""), false).to_string();
    assert!(
        text.contains("data/series/") && text.contains("; and to 3 more: "),
        "{text}"
    );
}

#[test]
fn a_training_that_writes_through_a_link_is_told() {
    let world = World::of(&["a"]);
    let mut algorithm = world.script("", "");
    let script = "echo more >> $1/imagesTr/a_0000.nii.gz; touch $2/model; exit 1";
    algorithm.train = ["sh", "-c", script, "sh", "{data}", "{model}"]
        .map(str::to_owned)
        .to_vec();
    let (paths, model, data) = (world.paths(), world.path("model"), world.path("training"));
    let job = Job {
        model: Some(&model),
        ..world.job(&algorithm, &paths)
    };
    let case = TrainingCase {
        name: "a".to_owned(),
        image: world.cases[0].image.clone(),
        labels: world.path("answer.nii.gz"),
    };
    stage_training(&job, &data, &[case]).unwrap();
    let error = train(&job, &data, &Cell::of(&algorithm)).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("data/a.nii.gz: [algorithm.theirs] wrote to it through its link"),
        "{text}"
    );
    assert!(!text.contains("per = "), "{text}");
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
