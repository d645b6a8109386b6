//! nnU-Net's folders through the command: folds are scored, pooled, compared and gated; what stands behind knows any
//! structures.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hdbench::volume::{Geometry, Volume, write_labels};
use ndarray::Array3;
use serde_json::Value;

const TRAINERS: [&str; 2] = [
    "nnUNetTrainer__nnUNetPlans__3d_fullres",
    "nnUNetTrainer__nnUNetPlans__2d",
];

const CASES: usize = 12;

fn hdbench(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hdbench"));
    command.args(args).current_dir(dir).output().unwrap()
}

#[track_caller]
fn done(dir: &Path, args: &[&str]) -> (String, String) {
    let output = hdbench(dir, args);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{args:?}: {told}");
    (String::from_utf8(output.stdout).unwrap(), told)
}

#[track_caller]
fn refused(dir: &Path, args: &[&str], code: i32) -> String {
    let output = hdbench(dir, args);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {told}");
    told
}

/// Three organs as blocks in a row; `less` takes slices off each.
fn organs(case: usize, less: usize) -> Volume<u8> {
    let mut voxels = Array3::zeros((6, 12, 24));
    for label in 0..3 {
        for z in 0..6 - less.min(3) {
            for y in 2..6 + (case + label) % 5 {
                for x in 0..6 {
                    voxels[[z, y, 8 * label + x]] = label as u8 + 1;
                }
            }
        }
    }
    Volume {
        voxels,
        geometry: Geometry::axis_aligned([6, 12, 24], [2.0, 1.0, 1.0]),
    }
}

/// Raw data and two models of a task of three organs and a region, as nnU-Net leaves them but for its scores; the
/// second model is the worse one.
fn trained(dir: &Path) -> PathBuf {
    let raw = dir.join("raw/labelsTr");
    fs::create_dir_all(&raw).unwrap();
    let dataset = format!(
        r#"{{"channel_names": {{"0": "CT"}}, "file_ending": ".nii.gz", "numTraining": {CASES},
             "labels": {{"background": 0, "spleen": 1, "kidneys": 2, "pancreas": 3, "all organs": [1, 2, 3]}}}}"#
    );
    fs::write(dir.join("raw/dataset.json"), &dataset).unwrap();
    let results = dir.join("results/Dataset009_Organs");
    for case in 0..CASES {
        let name = format!("case_{case}.nii.gz");
        write_labels(&raw.join(&name), &organs(case, 0)).unwrap();
        for (place, trainer) in TRAINERS.iter().enumerate() {
            let folder = results
                .join(trainer)
                .join(format!("fold_{}/validation", case % 5));
            fs::create_dir_all(&folder).unwrap();
            write_labels(
                &folder.join(&name),
                &organs(case, place + usize::from(case % 3 == 0)),
            )
            .unwrap();
            fs::write(results.join(trainer).join("dataset.json"), &dataset).unwrap();
        }
    }
    results
}

/// Scores every fold into its folder.
fn scored(dir: &Path) -> PathBuf {
    let results = trained(dir);
    for trainer in TRAINERS {
        for fold in 0..5 {
            let fold = results.join(trainer).join(format!("fold_{fold}"));
            let [pred, out] = [fold.join("validation"), fold];
            let args = ["evaluate", "--ref", "raw/labelsTr", "--pred"];
            let paths = [pred.to_str().unwrap(), "--out", out.to_str().unwrap()];
            done(dir, &[&args[..], &paths].concat());
        }
    }
    results
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_fold_is_named_by_its_folders() {
    let dir = tempfile::tempdir().unwrap();
    let results = trained(dir.path());
    let trainer = results.join(TRAINERS[0]);
    let args = [
        "evaluate",
        "--pred",
        "fold_3/validation",
        "--ref",
        "../../../raw/labelsTr",
        "--out",
    ];
    let (rows, told) = done(&trainer, &[&args[..], &["fold_3"]].concat());
    assert!(
        told.contains(&format!(
            "note: algorithm {}, fold 3, by the folders of",
            TRAINERS[0]
        )),
        "{told}"
    );
    assert!(
        told.contains("10 of 12 references have no prediction")
            && told.contains("those of other folds"),
        "{told}"
    );
    assert!(
        rows.contains(&format!("labelsTr,{},3,0,case_3,spleen,dice,", TRAINERS[0])),
        "{rows}"
    );
    let (rows, told) = done(
        &trainer,
        &[&args[..], &["fold_3", "--algorithm", "mine"]].concat(),
    );
    assert!(told.contains("note: fold 3, by the folders of"), "{told}");
    assert!(
        rows.contains("labelsTr,mine,3,0,case_3,spleen,dice,"),
        "{rows}"
    );
    // References without a dataset.json are scored by that of the model.
    fs::remove_file(dir.path().join("raw/dataset.json")).unwrap();
    let (rows, told) = done(&trainer, &[&args[..], &["fold_3"]].concat());
    assert!(
        told.contains("4 structures of ") && told.contains(TRAINERS[0]),
        "{told}"
    );
    assert!(rows.contains(",case_3,all organs,dice,"), "{rows}");
    fs::rename(trainer.join("fold_3"), trainer.join("fold_all")).unwrap();
    let args = args.map(|arg| arg.replace("fold_3", "fold_all"));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (_, told) = done(
        &trainer,
        &[&args[..], &["fold_all", "--allow-missing"]].concat(),
    );
    assert!(
        told.contains("warning: fold_all/validation are predictions of fold_all"),
        "{told}"
    );
}

#[test]
fn folds_are_analysed_as_one_algorithm_each() {
    let dir = tempfile::tempdir().unwrap();
    let results = scored(dir.path());
    let trainers = TRAINERS.map(|trainer| results.join(trainer));
    let paths: Vec<&str> = trainers.iter().map(|path| path.to_str().unwrap()).collect();
    let (text, told) = done(dir.path(), &[&["analyze"], &paths[..]].concat());
    assert!(!told.contains("warning"), "{told}");
    let all = json(&text);
    assert_eq!(all["cases"], "12 cases, 2 algorithms");
    assert_eq!(
        all["tables"],
        serde_json::json!(["metrics", "comparisons", "ranking"])
    );
    let worse = all["comparisons"].as_array().unwrap();
    assert!(
        worse
            .iter()
            .any(|one| one["label"] == "spleen" && one["metric"] == "dice" && one["n"] == CASES)
    );
    // The folder of the data set, and that of all results, hold the same two.
    for path in [results.as_path(), results.parent().unwrap()] {
        let (again, _) = done(dir.path(), &["analyze", path.to_str().unwrap()]);
        assert_eq!(json(&again)["cases"], all["cases"]);
    }
    let (text, _) = done(
        dir.path(),
        &["compare", paths[0], paths[1], "--metric", "dice"],
    );
    assert_eq!(json(&text)["comparisons"].as_array().unwrap().len(), 4);
    fs::remove_dir_all(trainers[1].join("fold_2")).unwrap();
    let (_, told) = done(dir.path(), &["analyze", paths[1]]);
    assert!(
        told.contains("warning: ")
            && told.contains("fold 2 is not there or not scored; 10 of 12 training cases"),
        "{told}"
    );
    fs::copy(
        trainers[0].join("fold_1/metrics_long.csv"),
        trainers[0].join("fold_0/metrics_long.csv"),
    )
    .unwrap();
    let told = refused(dir.path(), &["analyze", paths[0]], 3);
    assert!(
        told.contains("fold_1/metrics_long.csv: case_1 is there, and in ")
            && told.contains("fold_0/metrics_long.csv too"),
        "{told}"
    );
}

#[test]
fn tables_behind_know_any_structures() {
    let dir = tempfile::tempdir().unwrap();
    let results = scored(dir.path());
    let [good, bad] = TRAINERS.map(|trainer| results.join(trainer).to_str().unwrap().to_owned());
    let (text, _) = done(dir.path(), &["analyze", &good, &bad, "--out", "analysis"]);
    let all = json(&text);
    let ranked: Vec<&str> = all["rankings"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["metric"].as_str())
        .collect();
    assert_eq!(
        ranked.len(),
        4 * 5,
        "every structure by every way: {ranked:?}"
    );
    assert!(ranked.contains(&"kidneys dice"));
    let (text, _) = done(
        dir.path(),
        &[
            "analyze",
            &good,
            &bad,
            "--rank",
            "pancreas:hd95",
            "--rank-by",
            "mean-then-rank",
        ],
    );
    assert_eq!(json(&text)["rankings"].as_array().unwrap().len(), 1);
    for (more, says) in [
        (
            ["--metric", "lesion:dice"],
            "Structures: all organs, kidneys, pancreas, spleen.",
        ),
        (
            ["--rank", "liver:dice"],
            "the scores have no metric \"liver:dice\"",
        ),
        (["--boundary-ml", "3"], "a structure called lesion"),
        (["--lesion-quantiles", "3"], "a structure called lesion"),
    ] {
        let told = refused(
            dir.path(),
            &[&["analyze", &good, &bad], &more[..]].concat(),
            2,
        );
        assert!(told.contains(says), "{more:?}: {told}");
    }
    // The gate: every structure's Dice by default.
    let told = refused(
        dir.path(),
        &["regress", "--baseline", &good, "--current", &bad],
        6,
    );
    assert!(
        told.contains("spleen dice") && told.contains("all organs dice"),
        "{told}"
    );
    done(
        dir.path(),
        &["baseline", "save", &good, "--name", "good", "--dir", "kept"],
    );
    done(
        dir.path(),
        &[
            "regress",
            "--baseline",
            "good",
            "--current",
            &good,
            "--dir",
            "kept",
            "--out",
            "gate",
        ],
    );
    let (text, _) = done(
        dir.path(),
        &["regress", "--baseline", "good", "--dir", "kept", "--power"],
    );
    assert_eq!(json(&text)["lines"].as_array().unwrap().len(), 2 * 4);
    fs::write(
        dir.path().join("gate.toml"),
        "format = 1\nlevel = 0.05\n[[accuracy]]\nmetric = \"*:hd95\"\nmargin = 0.5\n",
    )
    .unwrap();
    let args = [
        "regress",
        "--baseline",
        &good,
        "--current",
        &good,
        "--policy",
        "gate.toml",
    ];
    let (text, _) = done(dir.path(), &args);
    assert_eq!(
        json(&text)["judgement"]["lines"].as_array().unwrap().len(),
        4
    );
    // Submissions are ranked by the structures that the data set names; a fold lacks the cases of the others.
    let preds = results.join(TRAINERS[0]).join("fold_0/validation");
    let told = refused(
        dir.path(),
        &[
            "leaderboard",
            preds.to_str().unwrap(),
            "--ref",
            "raw/labelsTr",
        ],
        4,
    );
    assert!(
        told.contains("ranked by the") && told.contains("dataset.json"),
        "{told}"
    );
}
