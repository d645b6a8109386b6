//! Runs that go well.

use std::fs;

use hdbench_algorithm::{Job, TrainingCase, run, stage_training, train, version_of};
use hdbench_volume::write_labels;

use crate::world::{Cell, World, labels};

#[test]
fn a_folder_of_cases_is_predicted_by_one_run() {
    let world = World::of(&["a", "b"]);
    let algorithm = world.script(
        "for f in $2/*; do cp $1 $3/$(basename $f); done; ls $2; echo bad >&2",
        "",
    );
    let (ran, cell, log) = world.run(&algorithm);
    assert_eq!(cell.taken(), ["a", "b"]);
    assert!(ran.cases.iter().all(|case| case.failure.is_none()));
    let (_, early, taken) = &cell.outputs.lock().unwrap()[0];
    assert!(!early);
    assert_eq!(taken.as_ref().unwrap().labels, labels());
    assert_eq!(log, "== run\na.nii.gz\nb.nii.gz\nbad\n");
    let measured = ran.cases[0].measured.as_ref().unwrap();
    assert!(measured.wall_seconds > 0.0 && measured.wall_seconds <= ran.total.wall_seconds);
}

#[test]
fn a_run_for_each_case_sees_that_case_alone() {
    let world = World::of(&["a", "b"]);
    let keys = "per = \"case\"\ninput = \"nnunet\"";
    let algorithm = world.script("cp $1 $3/$4.nii.gz; echo $4 has $(ls $2)", keys);
    let (ran, cell, log) = world.run(&algorithm);
    assert_eq!(cell.taken(), ["a", "b"]);
    assert_eq!(
        log,
        "== a\na has a_0000.nii.gz\n== b\nb has b_0000.nii.gz\n"
    );
    let measured: Vec<_> = ran
        .cases
        .iter()
        .map(|case| case.measured.clone().unwrap())
        .collect();
    assert!(measured[0].warm_up && !measured[1].warm_up);
    assert!(measured.iter().all(|one| !one.divided));
    let sum = measured[0].wall_seconds + measured[1].wall_seconds;
    assert!((ran.total.wall_seconds - sum).abs() < 1e-9);
}

#[test]
fn arguments_and_environment_have_their_values() {
    let world = World::of(&["a"]);
    let mut algorithm = world.script(
        "cp $1 $3/a.nii.gz; shift 3; echo $*; echo $OMP_NUM_THREADS $CUSTOM [$CUDA_VISIBLE_DEVICES]; \
         touch $TMPDIR/x; pwd; cat",
        "env = { CUSTOM = \"{fold}-{{x}}\" }",
    );
    for argument in ["{fold}", "{seed}", "{threads}", "{device}", "{{}}", "$HOME"] {
        algorithm.run.push(argument.to_owned());
    }
    let (_, cell, log) = world.run(&algorithm);
    assert_eq!(cell.taken(), ["a"]);
    let scratch = world.path("scratch");
    assert_eq!(
        log,
        format!(
            "== run\n1 7 2 cpu {{}} $HOME\n2 1-{{x}} []\n{}\n",
            scratch.display()
        )
    );
}

#[test]
fn a_row_is_trained_before_it_predicts() {
    let world = World::of(&["a", "b"]);
    let mut algorithm = world.script("cp $4/model $3/a.nii.gz; cp $4/model $3/b.nii.gz", "");
    algorithm.run.push("{model}".to_owned());
    let script = "cp $1/labelsTr/a.nii.gz $2/model; cat $1/train.txt; ls $1/imagesTr";
    algorithm.train = ["sh", "-c", script, "sh", "{data}", "{model}"]
        .map(str::to_owned)
        .to_vec();
    algorithm.check("theirs", &[]).unwrap();
    let (paths, model, data) = (
        world.paths(),
        world.path("model"),
        world.path("data-for-it"),
    );
    let job = Job {
        model: Some(&model),
        ..world.job(&algorithm, &paths)
    };
    let cases: Vec<TrainingCase> = world
        .cases
        .iter()
        .map(|case| {
            let labels_file = world.path(&format!("labels-{}.nii", case.name));
            write_labels(&labels_file, &labels()).unwrap();
            TrainingCase {
                name: case.name.clone(),
                image: case.image.clone(),
                labels: labels_file,
            }
        })
        .collect();
    stage_training(&job, &data, &cases).unwrap();
    let splits: serde_json::Value =
        serde_json::from_slice(&fs::read(data.join("splits_final.json")).unwrap()).unwrap();
    assert_eq!(splits.as_array().unwrap().len(), 2);
    assert_eq!(splits[1]["train"], serde_json::json!(["a", "b"]));
    let cell = Cell::of(&algorithm);
    let measured = train(&job, &data, &cell).unwrap().unwrap();
    assert!(measured.wall_seconds > 0.0);
    let log = fs::read_to_string(&paths[1]).unwrap();
    assert_eq!(log, "== train\na\nb\na_0000.nii.gz\nb_0000.nii.gz\n");
    run(&job, &cell).unwrap();
    assert_eq!(cell.taken(), ["a", "b"]);
}

#[test]
fn a_version_is_its_first_lines() {
    let world = World::of(&[]);
    let mut algorithm = world.script("", "");
    let ask = |algorithm: &_| version_of("theirs", algorithm, None, &world.path("version"));
    assert_eq!(ask(&algorithm).unwrap(), None);
    let command = |script: &str| ["sh", "-c", script].map(str::to_owned).to_vec();
    algorithm.version = command("echo 1.2.3; echo; echo on stderr >&2");
    assert_eq!(
        ask(&algorithm).unwrap().as_deref(),
        Some("1.2.3\non stderr")
    );
    algorithm.version = command("echo no such option >&2; exit 2");
    let error = ask(&algorithm).unwrap_err().to_string();
    assert_eq!(
        error,
        "[algorithm.theirs] version: ended with exit code 2\nit said last:\n    no such option\n\
         hint: mend the command, or leave version out"
    );
    assert!(!world.path("version").exists());
}
