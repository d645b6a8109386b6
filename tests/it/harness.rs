//! Studies through the binary: planned, followed, verified, reproduced, and handed to other schedulers.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

pub fn hdbench(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hdbench"))
        .args(arguments)
        .current_dir(dir)
        .output()
        .unwrap()
}

const SMALL: [&str; 10] = [
    "--data",
    "phantoms",
    "--set",
    "iterations=12",
    "--set",
    "encoder_iterations=10",
    "--set",
    "encoder_cases=2",
    "--set",
    "coarse_iterations=10",
];

fn ablation(dir: &Path, more: &[&str]) -> Output {
    hdbench(
        dir,
        &[&["ablation"], &SMALL[..], &["--out", "run"], more].concat(),
    )
}

#[track_caller]
pub fn text(output: &Output, code: i32) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{errors}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn phantoms() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let made = hdbench(
        dir.path(),
        &[
            "datasets", "synth", "--layout", "lits", "--cases", "5", "--seed", "3", "--out",
            "phantoms",
        ],
    );
    text(&made, 0);
    dir
}

pub fn states(dir: &Path) -> Vec<(String, Value)> {
    let status: Value = serde_json::from_str(&text(&hdbench(dir, &["status", "run"]), 0)).unwrap();
    let cells = status["cells"].as_array().unwrap();
    cells
        .iter()
        .map(|cell| (cell["cell"].as_str().unwrap().to_owned(), cell.clone()))
        .collect()
}

#[track_caller]
pub fn state<'a>(states: &'a [(String, Value)], cell: &str) -> &'a Value {
    &states.iter().find(|(name, _)| name == cell).unwrap().1
}

const FLAT: &str = "denseunet2d/fold_0/seed_0";

#[test]
fn a_study_is_planned_run_in_parts_followed_verified_and_reproduced() {
    let dir = phantoms();
    let path = dir.path();
    let variants = ["--variant", "denseunet2d", "--variant", "unet"];
    let planned = ablation(
        path,
        &[&variants[..], &["--dry-run", "--only", "denseunet2d/*"]].concat(),
    );
    let planned = text(&planned, 0);
    assert!(planned.contains("3 of 4 cells would run"), "{planned}");
    assert!(planned.contains("not chosen by --only"), "{planned}");
    assert!(
        !path.join("run/_coarse").exists(),
        "a dry run trains nothing"
    );
    let wrong = ablation(
        path,
        &[&variants[..], &["--dry-run", "--only", "vnet/*"]].concat(),
    );
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("matches no cell"));
    text(&wrong, 2);

    // The same study declared in a file.
    fs::write(
        path.join("small.toml"),
        "study = \"ablation\"\ndata = \"phantoms\"\nout = \"run\"\nvariant = [\"denseunet2d\", \"unet\"]\n\
         [set]\niterations = 12\nencoder_iterations = 10\nencoder_cases = 2\ncoarse_iterations = 10\n",
    )
    .unwrap();
    let arguments = ["study", "plan", "small.toml", "--only", "denseunet2d/*"];
    assert_eq!(text(&hdbench(path, &arguments), 0), planned);
    let shown = text(&hdbench(path, &["study", "show", "small.toml"]), 0);
    assert!(
        shown.contains("--variant=denseunet2d --variant=unet"),
        "{shown}"
    );
    fs::write(
        path.join("wrong.toml"),
        "study = \"ablation\"\nseed = \"one\"\n",
    )
    .unwrap();
    let wrong = hdbench(path, &["study", "run", "wrong.toml"]);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("invalid value 'one' for '--seed"));
    text(&wrong, 3);
    for file in ["small.toml", "wrong.toml"] {
        fs::remove_file(path.join(file)).unwrap();
    }

    let listed = ablation(path, &[&variants[..], &["--engine", "script"]].concat());
    let listed = text(&listed, 0);
    let line = listed.lines().find(|line| line.contains(FLAT)).unwrap();
    assert!(
        line.ends_with("# after _encoder/fold_0/seed_0, _coarse/fold_0/seed_0"),
        "{line}"
    );
    let listed = text(&hdbench(path, &["study", "show", "run"]), 0);
    assert!(listed.contains("_encoder/fold_0/seed_0,"), "{listed}");

    text(
        &ablation(
            path,
            &[&variants[..], &["--only", "denseunet2d/*", "--limit", "2"]].concat(),
        ),
        0,
    );
    let cells = states(path);
    assert_eq!(state(&cells, "_coarse/fold_0/seed_0")["state"], "done");
    assert_eq!(state(&cells, FLAT)["state"], "queued");
    text(&ablation(path, &variants), 0);
    let cells = states(path);
    assert!(
        cells.iter().all(|(_, cell)| cell["state"] == "done"),
        "{cells:?}"
    );

    text(&hdbench(path, &["verify", "run"]), 0);
    let again = text(&hdbench(path, &["reproduce", "run", FLAT]), 0);
    let again: Value = serde_json::from_str(&again).unwrap();
    for what in ["weights", "losses", "predictions", "scores"] {
        assert_eq!(again["same"][what], true, "{what}");
    }
    let left: Vec<_> = fs::read_dir(path).unwrap().collect();
    assert_eq!(left.len(), 2, "only phantoms and the study: {left:?}");

    // Somebody was here and is gone without a word.
    let record = path.join("run/unet/fold_0/seed_0/state.json");
    let was = fs::read_to_string(&record).unwrap();
    fs::write(
        &record,
        was.replace("\"status\": \"done\"", "\"status\": \"running\""),
    )
    .unwrap();
    assert_eq!(
        state(&states(path), "unet/fold_0/seed_0")["state"],
        "killed"
    );
    fs::write(&record, &was).unwrap();

    // A setting that changed after the fact is named.
    let study = path.join("run/study.toml");
    let settings = fs::read_to_string(&study).unwrap();
    fs::write(&study, settings.replace("seed = 1\n", "seed = 2\n")).unwrap();
    let stale = states(path);
    assert_eq!(state(&stale, FLAT)["state"], "stale");
    assert_eq!(state(&stale, FLAT)["changed"], serde_json::json!(["seed"]));
    fs::write(&study, settings).unwrap();

    // So is a weight, a score and a voxel.
    for (file, what) in [
        (format!("run/{FLAT}/model/model.safetensors"), "model"),
        (format!("run/{FLAT}/metrics_long.csv"), "metrics_long.csv"),
        ("phantoms/volume-1.nii.gz".to_owned(), "volume-1"),
    ] {
        let file = path.join(file);
        let mut bytes = fs::read(&file).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&file, &bytes).unwrap();
        let refuted = hdbench(path, &["verify", "run"]);
        let found: Value = serde_json::from_str(&text(&refuted, 4)).unwrap();
        let mismatches = found["mismatches"].as_array().unwrap();
        assert_eq!(mismatches.len(), 1, "{what}: {found}");
        assert!(
            mismatches[0]["what"].as_str().unwrap().contains(what),
            "{found}"
        );
        bytes[last] ^= 1;
        fs::write(&file, &bytes).unwrap();
    }
    text(&hdbench(path, &["verify", "run"]), 0);

    // Made anew, a cell is what it was.
    let weights = path.join(format!("run/{FLAT}/model/model.safetensors"));
    let before = fs::read(&weights).unwrap();
    text(
        &ablation(path, &[&variants[..], &["--force", FLAT]].concat()),
        0,
    );
    assert_eq!(before, fs::read(&weights).unwrap());
}

#[cfg(unix)]
#[test]
fn jobs_are_submitted_once_in_arrays_after_what_they_need() {
    use std::os::unix::fs::PermissionsExt;
    let dir = phantoms();
    let path = dir.path();
    // A cluster that takes two elements an array and never begins.
    let bin = path.join("bin");
    fs::create_dir(&bin).unwrap();
    for (name, program) in [
        (
            "sbatch",
            "n=$(cat count 2>/dev/null || echo 100); n=$((n + 1)); echo $n > count; echo $n",
        ),
        ("scontrol", "echo 'MaxArraySize            = 3'"),
        ("squeue", "[ -f queue ] && cat queue; exit 0"),
        ("scancel", "echo \"$@\" > cancelled"),
    ] {
        let file = bin.join(name);
        fs::write(
            &file,
            format!("#!/bin/sh\ncd '{}'\n{program}\n", path.display()),
        )
        .unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let run = |arguments: &[&str]| {
        let search = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        Command::new(env!("CARGO_BIN_EXE_hdbench"))
            .args(arguments)
            .current_dir(path)
            .env("PATH", search)
            .output()
            .unwrap()
    };
    let mut start = vec!["ablation"];
    start.extend(SMALL);
    start.extend([
        "--out",
        "run",
        "--engine",
        "slurm",
        "--sbatch=--partition=gpu",
    ]);
    let told = text(&run(&start), 0);
    assert!(
        told.starts_with("9 cells submitted, 0 still in the queue"),
        "{told}"
    );
    let jobs: Value =
        serde_json::from_slice(&fs::read(path.join("run/slurm/jobs.json")).unwrap()).unwrap();
    let job = |cell: &str| -> (String, String) {
        let found = jobs["jobs"]
            .as_array()
            .unwrap()
            .iter()
            .find(|job| job["cell"] == cell);
        let found = found.unwrap();
        let script = path.join("run").join(found["script"].as_str().unwrap());
        (
            found["id"].as_str().unwrap().to_owned(),
            fs::read_to_string(script).unwrap(),
        )
    };
    let (coarse, first) = job("_coarse/fold_0/seed_0");
    assert!(
        first.contains("#SBATCH --array=0-1\n") && !first.contains("--dependency"),
        "{first}"
    );
    assert!(first.contains("#SBATCH --partition=gpu\n") && first.contains("#SBATCH --requeue\n"));
    let (encoder, _) = job("_encoder/fold_0/seed_0");
    let (flat, second) = job(FLAT);
    let after = format!("#SBATCH --dependency=afterok:{encoder}:{coarse}\n");
    let other = format!("#SBATCH --dependency=afterok:{coarse}:{encoder}\n");
    assert!(
        second.contains(&after) || second.contains(&other),
        "{second}"
    );
    let (_, last) = job("hdenseunet/fold_0/seed_0");
    assert!(
        last.contains(&flat) && last.contains("--kill-on-invalid-dep=yes"),
        "{last}"
    );
    let report = fs::read_to_string(path.join("run/slurm/report.sbatch")).unwrap();
    assert!(
        report.contains("--dependency=afterany:") && report.contains(&flat),
        "{report}"
    );
    // Bash itself finds the scripts sound.
    for entry in fs::read_dir(path.join("run/slurm")).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_some_and(|end| end == "sbatch") {
            let checked = Command::new("bash").arg("-n").arg(&file).status().unwrap();
            assert!(checked.success(), "{}", file.display());
        }
    }

    let queue: String = jobs["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| format!("{}|PENDING|Priority\n", job["id"].as_str().unwrap()))
        .collect();
    fs::write(path.join("queue"), &queue).unwrap();
    let told = text(&run(&start), 0);
    assert!(
        told.starts_with("0 cells submitted, 9 still in the queue"),
        "{told}"
    );
    // What has left the queue is submitted again, and only that.
    let without: String = queue
        .lines()
        .filter(|line| !line.starts_with(&format!("{flat}|")))
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(path.join("queue"), without).unwrap();
    let told = text(&run(&start), 0);
    assert!(
        told.starts_with("1 cells submitted, 8 still in the queue"),
        "{told}"
    );
    assert!(told.contains(FLAT), "{told}");
    let told = text(&run(&["cancel", "run"]), 0);
    assert!(told.starts_with("8 jobs cancelled"), "{told}");
    assert!(
        fs::read_to_string(path.join("cancelled"))
            .unwrap()
            .contains(&coarse)
    );
}

/// The weights that a study's cells ended with, by the cell.
fn weights(dir: &Path, run: &str) -> Vec<(String, String)> {
    let status = text(&hdbench(dir, &["status", run]), 0);
    let status: Value = serde_json::from_str(&status).unwrap();
    let cells = status["cells"].as_array().unwrap().iter();
    let hash = |cell: &str| {
        let record = fs::read(dir.join(run).join(cell).join("state.json")).unwrap();
        let record: Value = serde_json::from_slice(&record).unwrap();
        record["stages"]["train"]["hash"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    cells
        .map(|cell| cell["cell"].as_str().unwrap().to_owned())
        .map(|cell| (cell.clone(), hash(&cell)))
        .collect()
}

#[test]
fn cells_are_spread_over_devices_and_mini_batches_over_shards() {
    let dir = phantoms();
    let path = dir.path();
    let study = |out: &str, more: &[&str]| {
        let variants = [
            "--out",
            out,
            "--variant",
            "denseunet2d",
            "--variant",
            "unet",
        ];
        hdbench(path, &[&["ablation"], &SMALL[..], &variants, more].concat())
    };
    text(&study("one", &["--jobs", "1"]), 0);
    text(&study("two", &["--device", "flex,flex"]), 0);
    assert_eq!(weights(path, "one"), weights(path, "two"));
    // Both devices on one cell: the same patches, other batch statistics.
    text(
        &study("shards", &["--device", "flex,flex", "--shards", "2"]),
        0,
    );
    let (whole, divided) = (weights(path, "one"), weights(path, "shards"));
    assert_eq!(whole.len(), divided.len());
    assert!(
        whole
            .iter()
            .zip(&divided)
            .all(|(a, b)| a.0 == b.0 && a.1 != b.1)
    );
    let record = |file: &str| -> Value {
        let cell = path.join("shards/unet/fold_0/seed_0");
        serde_json::from_slice(&fs::read(cell.join(file)).unwrap()).unwrap()
    };
    assert_eq!(record("env.json")["device"], "flex,flex");
    assert_eq!(
        record("state.json")["stages"]["train"]["from"]["shards"],
        "2"
    );
    for key in [
        "commit",
        "features",
        "processor",
        "threads",
        "cell_seed",
        "arguments",
    ] {
        assert!(!record("env.json")[key].is_null(), "{key}");
    }
    // On one device after each other: to the last bit the same.
    let again = study("after", &["--shards", "2"]);
    text(&again, 0);
    assert_eq!(weights(path, "after"), divided);
    let other = study("one", &["--shards", "2"]);
    assert!(String::from_utf8_lossy(&other.stderr).contains("shards: "));
    text(&other, 2);
    let three = study("three", &["--device", "flex,flex,flex", "--shards", "2"]);
    assert!(String::from_utf8_lossy(&three.stderr).contains("cannot be divided into groups"));
    text(&three, 2);
    let cell = [
        "cell",
        "run",
        "one",
        "unet/fold_0/seed_0",
        "--device",
        "cuda:1",
    ];
    let kind = hdbench(path, &cell);
    assert!(String::from_utf8_lossy(&kind.stderr).contains("runs on flex, not on cuda:1"));
    text(&kind, 2);
}
