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

/// A number that brats-evaluation gave for a structure of a case.
fn official(case: &str, structure: &str, field: &str) -> f64 {
    let text = fs::read_to_string(folder("expected/brats_evaluation.json")).unwrap();
    let tool: serde_json::Value = serde_json::from_str(&text).unwrap();
    let is_own = |row: &&serde_json::Value| {
        row["call"] == "mets" && row["case"] == case && row["structure"] == structure
    };
    let rows = tool["rows"].as_array().unwrap();
    rows.iter().find(is_own).unwrap()["values"][field]
        .as_f64()
        .unwrap()
}

#[test]
fn instances_are_the_official_scorers_and_stand_in_files() {
    let dir = tempfile::tempdir().unwrap();
    let (pred, reference) = pairs(dir.path(), &["brats_lesions", "brats_disjoint"]);
    let out = dir.path().join("scores");
    let to = out.to_str().unwrap();
    let args = [
        "evaluate",
        "--pred",
        &pred,
        "--ref",
        &reference,
        "--out",
        to,
        "--structures",
        "brats-mets",
    ];
    let output = hdbench(&args);
    assert!(output.status.success(), "{}", told(&output));
    for (field, metric) in [
        ("tp", "detection_tp"),
        ("fp", "detection_fp"),
        ("fn", "detection_fn"),
        ("rq", "recognition_quality"),
        ("sq_dsc", "instance_dice"),
        ("sq_hd95", "instance_hd95_6n"),
        ("global_bin_nsd", "nsd_panoptica_voxels"),
    ] {
        let ours = value(&out, "brats_lesions", "wt", metric).unwrap();
        let theirs = official("brats_lesions", "wt", field);
        assert!(
            (ours - theirs).abs() < 1e-9,
            "{metric}: {ours} for {theirs}"
        );
    }
    let rows = fs::read_to_string(out.join("metrics_long.csv")).unwrap();
    assert!(rows.contains(",brats_disjoint,wt,hd95_6n_voxels,1,inf,"));
    assert!(rows.contains(",own:no_match\n"));

    let instances = fs::read_to_string(out.join("instances.csv")).unwrap();
    assert!(
        instances
            .starts_with("case,structure,side,instance,value,voxels,volume_ml,status,matched,")
    );
    let found = |status: &str| {
        let start = "brats_lesions,wt,reference,";
        let own = instances.lines().filter(|line| line.starts_with(start));
        own.filter(|line| line.contains(status)).count() as f64
    };
    assert_eq!(found(",found,"), official("brats_lesions", "wt", "tp"));
    assert_eq!(found(",missed,"), official("brats_lesions", "wt", "fn"));

    // Between the limits that are asked for, in the folder of the results before.
    let output = hdbench(&[&args[..], &["--volume-bins", "0.2,0.02"]].concat());
    assert!(output.status.success(), "{}", told(&output));
    let bins = fs::read_to_string(out.join("detection_by_volume.csv")).unwrap();
    let wt: Vec<&str> = bins
        .lines()
        .filter(|line| line.starts_with("wt,"))
        .collect();
    assert_eq!(wt.len(), 3, "{bins}");
    assert!(wt[0].starts_with("wt,0.0,0.02,") && wt[2].starts_with("wt,0.2,inf,"));

    // An infinite distance leaves no mean, and that is said.
    let other = dir.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::copy(out.join("metrics_long.csv"), other.join("metrics_long.csv")).unwrap();
    let args = [
        "compare",
        to,
        other.to_str().unwrap(),
        "--metric",
        "wt:hd95_6n_voxels",
    ];
    let analysis = hdbench(
        &[
            &args[..],
            &["--out", dir.path().join("tables").to_str().unwrap()],
        ]
        .concat(),
    );
    assert!(analysis.status.success(), "{}", told(&analysis));
    let text = fs::read_to_string(dir.path().join("tables/analysis.md")).unwrap();
    assert!(text.contains("rows have infinite values"), "{text}");

    let explained = hdbench(&["explain", "brats-mets"]);
    let text = String::from_utf8_lossy(&explained.stdout).into_owned();
    assert!(text.contains("components of 26 neighbours"), "{text}");
}

#[test]
fn submissions_are_ranked_by_any_structures() {
    let dir = tempfile::tempdir().unwrap();
    let cases = ["kits_usual", "kits_healthy"];
    let (pred, reference) = pairs(dir.path(), &cases);
    // What equals the references, and what lacks a case.
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (perfect, partial) = (path("perfect"), path("partial"));
    for (from, to, names) in [
        (&reference, &perfect, &cases[..]),
        (&pred, &partial, &cases[..1]),
    ] {
        fs::create_dir(to).unwrap();
        for name in names {
            let file = format!("{name}.nii.gz");
            fs::copy(Path::new(from).join(&file), Path::new(to).join(&file)).unwrap();
        }
    }
    let board = path("board");
    let ranked = |more: &[&str]| {
        let args = [
            "leaderboard",
            &partial,
            &pred,
            &perfect,
            "--ref",
            &reference,
        ];
        hdbench(
            &[
                &args[..],
                &["--structures", "kits23", "--out", &board],
                more,
            ]
            .concat(),
        )
    };
    let output = ranked(&["--rank-by", "dice"]);
    assert_eq!(output.status.code(), Some(4), "{}", told(&output));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["format"], "hdbench.structures-leaderboard/1");
    let submissions = found["submissions"].as_array().unwrap();
    let order: Vec<&str> = submissions
        .iter()
        .map(|one| one["submission"].as_str().unwrap())
        .collect();
    assert_eq!(order, ["perfect", "pred", "partial"]);
    assert_eq!(submissions[0]["mean"]["dice"], 1.0);
    assert_eq!(
        submissions[0]["structures"]["kidney_and_mass"]["dice"]["n"],
        2
    );
    assert_eq!(submissions[2]["rank"], serde_json::Value::Null);
    assert_eq!(submissions[2]["missing"], 1);
    // The means are those of `evaluate`.
    let out = path("scores");
    let evaluate = [
        "evaluate",
        "--pred",
        &pred,
        "--ref",
        &reference,
        "--structures",
        "kits23",
    ];
    hdbench(&[&evaluate[..], &["--out", &out]].concat());
    for structure in submissions[1]["structures"].as_object().unwrap().keys() {
        let values = cases.map(|case| value(Path::new(&out), case, structure, "dice").unwrap());
        let mean = (values[0] + values[1]) / 2.0;
        let own = submissions[1]["structures"][structure]["dice"]["mean"]
            .as_f64()
            .unwrap();
        assert!((own - mean).abs() < 1e-12, "{structure}: {own} {mean}");
    }
    let csv = fs::read_to_string(Path::new(&board).join("leaderboard_structures.csv")).unwrap();
    assert!(
        csv.starts_with("structure,metric,perfect,perfect_n,pred,pred_n,partial,partial_n\n"),
        "{csv}"
    );

    for (by, why) in [
        ("spleen:dice", "spleen is no structure"),
        ("dise", "did you mean dice?"),
        ("tumor:hd95", "mean-rank, dice"),
    ] {
        let refused = ranked(&["--rank-by", by]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(told(&refused).contains(why), "{}", told(&refused));
    }
    // One that is not there is a slip of the hand: nothing is ranked.
    let absent = ["leaderboard", &pred, "no-such-folder", "--ref", &reference];
    let absent = hdbench(&absent);
    assert_eq!(absent.status.code(), Some(3), "{}", told(&absent));
    for (metric, why) in [
        ("volume_ml_ref", "which way it is better"),
        ("hd95", "are not scored by it"),
    ] {
        let refused = ranked(&["--metric", metric]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(told(&refused).contains(why), "{}", told(&refused));
    }
}
