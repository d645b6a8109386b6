//! Any structures through the command: built-in sets, files of other programs, one-off structures.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/structures")
        .join(name)
}

fn hdbench(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hdbench"));
    command.args(args).output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The pairs of some cases as two folders of equal names.
fn pairs(dir: &Path, cases: &[&str]) -> (String, String) {
    for (side, file) in [("pred", "pred.nii.gz"), ("ref", "ref.nii.gz")] {
        fs::create_dir_all(dir.join(side)).unwrap();
        for case in cases {
            let from = folder("pairs").join(case).join(file);
            fs::copy(from, dir.join(side).join(format!("{case}.nii.gz"))).unwrap();
        }
    }
    let path = |side: &str| dir.join(side).to_str().unwrap().to_owned();
    (path("pred"), path("ref"))
}

/// Value of a case's metric in `metrics_long.csv`.
fn value(out: &Path, case: &str, label: &str, metric: &str) -> Option<f64> {
    let text = fs::read_to_string(out.join("metrics_long.csv")).unwrap();
    let start = format!(",{case},{label},{metric},");
    let line = text.lines().find(|line| line.contains(&start))?;
    line.split(',').nth(8)?.parse().ok()
}

#[test]
fn a_built_in_set_scores_its_regions() {
    let dir = tempfile::tempdir().unwrap();
    let (pred, reference) = pairs(dir.path(), &["kits_usual", "kits_healthy"]);
    let out = dir.path().join("scores");
    let to = out.to_str().unwrap();
    let args = [
        "evaluate", "--pred", &pred, "--ref", &reference, "--out", to,
    ];
    let output = hdbench(&[&args[..], &["--structures", "kits23"]].concat());
    assert!(output.status.success(), "{}", told(&output));
    for label in ["kidney_and_mass", "mass", "tumor"] {
        assert!(
            value(&out, "kits_usual", label, "dice").is_some(),
            "{label}"
        );
    }
    let cases = fs::read_to_string(out.join("cases.csv")).unwrap();
    assert!(cases.starts_with("case,kidney_and_mass_dice,"), "{cases}");
    // The tables behind it take them as they are.
    let analysis = hdbench(&["analyze", to, "--json"]);
    assert!(analysis.status.success(), "{}", told(&analysis));
    assert!(String::from_utf8_lossy(&analysis.stdout).contains("\"kidney_and_mass\""));
}

#[test]
fn structures_of_the_command_line_are_what_a_file_says() {
    let dir = tempfile::tempdir().unwrap();
    let (pred, reference) = pairs(dir.path(), &["brats_gli"]);
    let toml = dir.path().join("regions.toml");
    fs::write(&toml, "[structures]\nwt = [1, 2, 3]\net = 3\n").unwrap();
    let table = |more: &[&str]| {
        let out = dir.path().join("scores");
        let to = out.to_str().unwrap();
        let args = [
            "evaluate", "--pred", &pred, "--ref", &reference, "--out", to,
        ];
        let output = hdbench(&[&args[..], more].concat());
        assert!(output.status.success(), "{}", told(&output));
        assert!(
            told(&output).contains("values 4 are in no structure"),
            "{}",
            told(&output)
        );
        fs::read(out.join("metrics_long.csv")).unwrap()
    };
    let by_file = table(&["--structures", toml.to_str().unwrap()]);
    assert!(by_file == table(&["--structure", "wt=1-3", "--structure", "et=3"]));
}

#[test]
fn every_value_is_a_structure_and_a_data_set_says_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (pred, reference) = pairs(dir.path(), &["organs", "wide"]);
    let out = dir.path().join("scores");
    let args = [
        "evaluate",
        "--pred",
        &pred,
        "--ref",
        &reference,
        "--out",
        out.to_str().unwrap(),
    ];
    let output = hdbench(&[&args[..], &["--structures", "all"]].concat());
    assert!(output.status.success(), "{}", told(&output));
    assert!(value(&out, "organs", "1", "dice").is_some());
    assert!(value(&out, "wide", "65535", "hd95").is_some());
    // A dataset.json beside the references is found and said.
    let json = r#"{"labels": {"background": 0, "spleen": 1, "kidneys": [2, 3]}}"#;
    fs::write(dir.path().join("ref/dataset.json"), json).unwrap();
    let output = hdbench(&args);
    assert!(output.status.success(), "{}", told(&output));
    assert!(
        told(&output).contains("2 structures of "),
        "{}",
        told(&output)
    );
    assert!(value(&out, "organs", "kidneys", "dice").is_some());
}

#[test]
fn sets_are_listed_and_shown_as_they_are_read() {
    let list = hdbench(&["structures", "list"]);
    let names = String::from_utf8(list.stdout).unwrap();
    assert!(names.lines().count() >= 10, "{names}");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("set.toml");
    for name in names.lines() {
        let shown = hdbench(&["structures", "show", name]);
        assert!(shown.status.success(), "{name}: {}", told(&shown));
        fs::write(&file, &shown.stdout).unwrap();
        let again = hdbench(&["structures", "show", file.to_str().unwrap()]);
        assert_eq!(again.stdout, shown.stdout, "{name}");
    }
}

#[test]
fn the_file_of_the_docs_is_one() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scoring.md");
    let text = fs::read_to_string(docs).unwrap();
    let (_, rest) = text.split_once("```toml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("docs.toml");
    fs::write(&file, example).unwrap();
    let shown = hdbench(&["structures", "show", file.to_str().unwrap()]);
    assert!(shown.status.success(), "{}", told(&shown));
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("whole_tumour") && shown.contains("neighbours = 26"),
        "{shown}"
    );
}

#[test]
fn bad_sets_are_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let (pred, reference) = pairs(dir.path(), &["organs"]);
    let out = dir.path().join("scores");
    let args = [
        "evaluate",
        "--pred",
        &pred,
        "--ref",
        &reference,
        "--out",
        out.to_str().unwrap(),
    ];
    for (more, said) in [
        (&["--structure", "wt=70000"][..], "70000"),
        (&["--structures", "kits32"], "kits23"),
        (
            &["--structures", "kits23", "--profile", "lits"],
            "leave --profile out",
        ),
    ] {
        let output = hdbench(&[&args[..], more].concat());
        let told = told(&output);
        assert!(
            told.contains(said) && told.contains("hint:"),
            "{more:?}: {told}"
        );
        assert!(!output.status.success() && !out.exists());
    }
}
