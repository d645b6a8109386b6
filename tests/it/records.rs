//! What a study's folder holds is believed by its hashes, and judged only while it is this study's.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::harness::{hdbench, phantoms, state, states, text};

const CELL: &str = "unet/fold_0/seed_0";

fn start(dir: &Path, more: &[&str]) -> std::process::Output {
    let arguments = [
        "ablation",
        "--data",
        "phantoms",
        "--variant",
        "unet",
        "--set",
        "coarse_iterations=8",
        "--out",
        "run",
    ];
    hdbench(dir, &[&arguments[..], more].concat())
}

const FEW: [&str; 2] = ["--set", "iterations=8"];

fn verified(dir: &Path, code: i32) -> Value {
    serde_json::from_str(&text(&hdbench(dir, &["verify", "run"]), code)).unwrap()
}

/// Files of a cell that must not change from start to start.
fn contents(cell: &Path) -> BTreeMap<String, Vec<u8>> {
    walkdir::WalkDir::new(cell)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let name = entry.path().strip_prefix(cell).unwrap();
            (name.display().to_string(), fs::read(entry.path()).unwrap())
        })
        .filter(|(name, _)| {
            !["state.json", "predictions/made.json", ".lease", "log.txt"].contains(&&name[..])
        })
        .collect()
}

fn flip(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).unwrap();
}

/// Whatever is altered or deleted, `verify` names it and the next start makes just that anew.
#[test]
fn what_is_not_as_recorded_is_found_and_made_anew() {
    let dir = phantoms();
    let path = dir.path();
    text(&start(path, &FEW), 0);
    let cell = path.join("run").join(CELL);
    let before = contents(&cell);
    let found = verified(path, 0);
    assert_eq!(found["mismatches"], serde_json::json!([]));
    let equal = found["files"].as_array().unwrap();
    assert!(equal.iter().all(|file| file["state"] == "equal"), "{found}");
    let prediction = before.keys().find(|name| name.starts_with("predictions/"));
    let prediction = prediction.unwrap().clone();
    let tables = [
        "metrics_long.csv",
        "cases.csv",
        "lesions.csv",
        "summary.json",
    ];
    let small = ["losses.csv", "model/model.toml", "env.json", "cell.json"];
    let altered: Vec<&str> = tables
        .into_iter()
        .chain(small)
        .chain([prediction.as_str()])
        .collect();
    for file in &altered {
        flip(&cell.join(file));
    }
    let cached = fs::read_dir(path.join("run/cache")).unwrap().next();
    let cached = cached.unwrap().unwrap().path().join("working.image");
    flip(&cached);
    let found = verified(path, 4);
    let named: Vec<&str> = found["mismatches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mismatch| mismatch["what"].as_str().unwrap())
        .collect();
    for file in &altered {
        let name = format!("{CELL}/{file}");
        assert!(named.contains(&&*name), "{name}: {named:?}");
    }
    assert!(named.iter().any(|what| what.ends_with("in the cache")));
    assert_eq!(named.len(), altered.len() + 1, "{named:?}");
    assert_eq!(state(&states(path), CELL)["state"], "stale");
    // Only what was altered is made anew: the training is not among it.
    let weights = fs::metadata(cell.join("model/model.safetensors")).unwrap();
    let again = start(path, &FEW);
    text(&again, 0);
    let told = String::from_utf8_lossy(&again.stderr);
    assert!(
        told.contains("working.image is not as it was written"),
        "{told}"
    );
    assert_eq!(contents(&cell), before);
    let now = fs::metadata(cell.join("model/model.safetensors")).unwrap();
    assert_eq!(weights.modified().unwrap(), now.modified().unwrap());
    verified(path, 0);

    // Gone altogether: a prediction, weights, a record's stages, the lock.
    fs::remove_file(cell.join(&prediction)).unwrap();
    text(&start(path, &FEW), 0);
    assert_eq!(contents(&cell), before);
    flip(&cell.join("model/model.safetensors"));
    assert!(verified(path, 4).to_string().contains("model.safetensors"));
    text(&start(path, &FEW), 0);
    let losses = |contents: &BTreeMap<String, Vec<u8>>| contents["losses.csv"].clone();
    let mut now = contents(&cell);
    // Trained again, in other seconds.
    assert_eq!(now["losses.csv"], now["model/losses.csv"]);
    for file in ["losses.csv", "model/losses.csv"] {
        now.insert(file.into(), losses(&before));
    }
    // On what a training ran is told anew with it.
    now.insert("env.json".into(), before["env.json"].clone());
    assert_eq!(now, before);
    let record = cell.join("state.json");
    let mut stages: Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    stages["stages"].as_object_mut().unwrap().remove("score");
    fs::write(&record, stages.to_string()).unwrap();
    assert!(
        verified(path, 4)
            .to_string()
            .contains("lacks the stage score")
    );
    text(&start(path, &FEW), 0);
    verified(path, 0);
    let kept = fs::read(&record).unwrap();
    fs::remove_file(&record).unwrap();
    assert!(verified(path, 4).to_string().contains("names no stage"));
    fs::write(&record, kept).unwrap();
    verified(path, 0);
    fs::remove_file(path.join("run/study.lock")).unwrap();
    assert!(verified(path, 4).to_string().contains("study.lock"));
    let unlocked = hdbench(path, &["analyze", "run"]);
    text(&unlocked, 3);
    assert!(String::from_utf8_lossy(&unlocked.stderr).contains("study.lock"));
    text(&start(path, &FEW), 0);
    verified(path, 0);

    // A record that does not parse is its cell's failure, and the way out works.
    fs::write(&record, "{").unwrap();
    assert_eq!(state(&states(path), CELL)["state"], "failed");
    assert_eq!(
        state(&states(path), "_coarse/fold_0/seed_0")["state"],
        "done"
    );
    verified(path, 4);
    let failed = start(path, &FEW);
    text(&failed, 4);
    assert!(String::from_utf8_lossy(&failed.stderr).contains("--force CELL"));
    text(&start(path, &[&FEW[..], &["--force", CELL]].concat()), 0);
    verified(path, 0);
}

/// A prediction from before a kill is taken only if it is the one that was made.
#[test]
fn a_prediction_that_was_replaced_after_a_kill_is_made_again() {
    let dir = phantoms();
    let path = dir.path();
    text(&start(path, &FEW), 0);
    let cell = path.join("run").join(CELL);
    let before = contents(&cell);
    let prediction = before.keys().find(|name| name.starts_with("predictions/"));
    let prediction = prediction.unwrap();
    let record = cell.join("state.json");
    let mut killed: Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    killed["status"] = "running".into();
    for stage in ["predict", "score"] {
        killed["stages"].as_object_mut().unwrap().remove(stage);
    }
    fs::write(&record, killed.to_string()).unwrap();
    let case = prediction.trim_start_matches("predictions/volume-");
    let reference = path.join(format!("phantoms/segmentation-{case}"));
    fs::copy(reference, cell.join(prediction)).unwrap();
    let again = start(path, &FEW);
    text(&again, 0);
    let told = String::from_utf8_lossy(&again.stderr);
    assert!(told.contains("predicted again"), "{told}");
    assert_eq!(contents(&cell), before);
}

/// Results of other settings are shown as such, and neither judged, averaged nor handed in.
#[test]
fn stale_cells_are_judged_nowhere() {
    let dir = phantoms();
    let path = dir.path();
    let both = [
        "--variant",
        "denseunet2d",
        "--set",
        "encoder_iterations=8",
        "--set",
        "encoder_cases=2",
    ];
    text(&start(path, &[&FEW[..], &both].concat()), 0);
    let save = ["baseline", "save", "run", "--name", "before", "--dir", "b"];
    text(&hdbench(path, &save), 0);
    let more = ["--set", "iterations=9", "--only", "unet/*", "--restart"];
    text(&start(path, &[&both[..], &more].concat()), 0);
    let flat = "denseunet2d/fold_0/seed_0";
    assert_eq!(state(&states(path), flat)["state"], "stale");

    text(&hdbench(path, &["report", "run"]), 0);
    let report = fs::read_to_string(path.join("run/report/report.md")).unwrap();
    assert!(report.contains("stale: "), "{report}");
    let json: Value =
        serde_json::from_slice(&fs::read(path.join("run/report/report.json")).unwrap()).unwrap();
    let rows = json["content"]["rows"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["variant"] == "denseunet2d")
        .unwrap();
    assert_eq!(row["scores"], serde_json::json!({}), "{row}");

    let analysed = hdbench(path, &["analyze", "run"]);
    let told = String::from_utf8_lossy(&analysed.stderr).into_owned()
        + &String::from_utf8_lossy(&analysed.stdout);
    assert!(
        told.contains(&format!("{flat} is left out: stale")),
        "{told}"
    );
    let save = ["baseline", "save", "run", "--name", "after", "--dir", "b"];
    let refused = hdbench(path, &save);
    text(&refused, 7);
    assert!(String::from_utf8_lossy(&refused.stderr).contains(flat));
    assert!(!path.join("b/after.json").exists());
    let gate = [
        "regress",
        "--baseline",
        "before",
        "--dir",
        "b",
        "--current",
        "run",
    ];
    text(&hdbench(path, &gate), 7);

    let pack = [
        "submit-lits",
        "rehearse",
        "--model",
        "run",
        "--variant",
        "denseunet2d",
        "--data",
        "phantoms",
        "--out",
        "rehearsal",
    ];
    let refused = hdbench(path, &pack);
    text(&refused, 3);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("is stale"));
    assert!(!path.join("rehearsal").exists());

    // Killed while it was trained anew: nothing of the old training counts.
    let record = path.join("run").join(CELL).join("state.json");
    let was = fs::read_to_string(&record).unwrap();
    let killed = was.replace("\"status\": \"done\"", "\"status\": \"interrupted\"");
    fs::write(&record, killed).unwrap();
    let nothing = hdbench(path, &["analyze", "run"]);
    text(&nothing, 3);
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("interrupted"));
}

/// A cell that was run again is run again: an earlier result is no comparison, and the study itself, or
/// anybody else's folder, is no place for it.
#[test]
fn reproduce_runs_the_cell_each_time() {
    let dir = phantoms();
    let path = dir.path();
    text(&start(path, &FEW), 0);
    let settings = fs::read(path.join("run/study.toml")).unwrap();
    let again = ["reproduce", "run", CELL, "--out", "again"];
    text(&hdbench(path, &again), 0);
    let weights = path
        .join("again")
        .join(CELL)
        .join("model/model.safetensors");
    let first = fs::metadata(&weights).unwrap().modified().unwrap();
    text(&hdbench(path, &again), 0);
    assert!(fs::metadata(&weights).unwrap().modified().unwrap() > first);
    fs::create_dir(path.join("mine")).unwrap();
    fs::write(path.join("mine/thesis"), "x").unwrap();
    for out in ["run", "mine", "phantoms"] {
        text(&hdbench(path, &["reproduce", "run", CELL, "--out", out]), 2);
    }
    assert_eq!(fs::read(path.join("run/study.toml")).unwrap(), settings);
    assert_eq!(fs::read_dir(path.join("mine")).unwrap().count(), 1);
}

/// A study that is moved while it runs says so, is not begun again in its old place, and goes on in its
/// new one.
#[test]
fn a_study_that_is_moved_while_it_runs_goes_on_in_its_new_place() {
    let dir = phantoms();
    let path = dir.path();
    let arguments = |out: &'static str| {
        let mut all = vec!["ablation", "--data", "phantoms", "--variant", "unet"];
        all.extend(["--set", "coarse_iterations=8", "--set", "iterations=600"]);
        all.extend(["--checkpoint-iterations", "20", "--out", out]);
        all
    };
    let running = std::process::Command::new(env!("CARGO_BIN_EXE_hdbench"))
        .args(arguments("run"))
        .current_dir(path)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let checkpoint = path.join("run").join(CELL).join("checkpoints/latest");
    let began = std::time::Instant::now();
    while !checkpoint.exists() {
        assert!(began.elapsed().as_secs() < 120, "it never saved");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    fs::rename(path.join("run"), path.join("moved")).unwrap();
    let ended = running.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(3), "{told}");
    assert!(told.contains("moved or deleted while it ran"), "{told}");
    assert!(!path.join("run").exists(), "begun again in its old place");
    text(&hdbench(path, &arguments("moved")), 0);
}

/// A start does not open a cell in which there is nothing to do; a copied study is read whole once.
#[test]
fn a_second_start_leaves_finished_cells_alone() {
    let dir = phantoms();
    let path = dir.path();
    text(&start(path, &FEW), 0);
    let cell = path.join("run").join(CELL);
    let log = cell.join("log.txt");
    let opened = || {
        fs::write(&log, "of before").unwrap();
        let record = fs::read(cell.join("state.json")).unwrap();
        text(&start(path, &FEW), 0);
        let same_record = record == fs::read(cell.join("state.json")).unwrap();
        (fs::read(&log).unwrap() != b"of before", !same_record)
    };
    assert_eq!(opened(), (false, false));
    // As a copy without the times would leave it.
    for entry in walkdir::WalkDir::new(path.join("run")) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let file = fs::File::options().write(true).open(entry.path()).unwrap();
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
            file.set_modified(time).unwrap();
        }
    }
    assert_eq!(state(&states(path), CELL)["state"], "done");
    assert_eq!(opened(), (true, true));
    assert_eq!(opened(), (false, false));
    // What a cell needs is made anew: whether it stands, only the cell can say.
    let force = ["--force", "_coarse/fold_0/seed_0"];
    fs::write(&log, "of before").unwrap();
    text(&start(path, &[&FEW[..], &force].concat()), 0);
    assert_ne!(fs::read(&log).unwrap(), b"of before");
}

/// What stands in for ImageNet is believed by its hashes too.
#[test]
fn damaged_phantoms_of_the_pre_training_are_found_and_prepared_anew() {
    let dir = phantoms();
    let path = dir.path();
    let encoder = [
        "--variant",
        "denseunet2d",
        "--set",
        "encoder_iterations=8",
        "--set",
        "encoder_cases=2",
    ];
    let arguments = [&FEW[..], &encoder].concat();
    text(&start(path, &arguments), 0);
    verified(path, 0);
    let is_phantom = |folder: &Path| {
        fs::read_to_string(folder.join("case.json")).is_ok_and(|text| text.contains("pretraining-"))
    };
    let cached = fs::read_dir(path.join("run/cache")).unwrap();
    let mut folders = cached.map(|entry| entry.unwrap().path());
    let folder = folders.find(|folder| is_phantom(folder)).unwrap();
    let sound = fs::read(folder.join("working.image")).unwrap();
    flip(&folder.join("working.image"));
    let found = verified(path, 4);
    let mismatches = found["mismatches"].as_array().unwrap();
    assert_eq!(mismatches.len(), 1, "{found}");
    let what = mismatches[0]["what"].as_str().unwrap();
    assert!(what.ends_with("in the cache, for pre-training"), "{what}");
    let again = start(path, &arguments);
    text(&again, 0);
    let told = String::from_utf8_lossy(&again.stderr);
    assert!(
        told.contains("working.image is not as it was written: prepared again"),
        "{told}"
    );
    assert_eq!(fs::read(folder.join("working.image")).unwrap(), sound);
    verified(path, 0);
}
