//! Analyses through the binary: scores of every kind in, tables out.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use hdbench::analysis::{Better, Scored, better};
use serde_json::{Value, json};

fn hdbench(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hdbench"));
    command.args(arguments).current_dir(dir).output().unwrap()
}

#[track_caller]
fn told(output: &Output) -> Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn refused(output: &Output, code: i32, says: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{errors}");
    assert!(errors.contains(says), "{errors}");
}

/// Twelve cases; `gain` is added to the Dice of an easy case's half.
fn scores(algorithm: &str, gain: f64) -> String {
    let mut text = String::from(
        "task,algorithm,fold,seed,case,label,metric,metric_version,value,raw_value,policy\n",
    );
    for case in 0..12 {
        let dice = 0.5 + 0.02 * f64::from(case) + gain + 0.001 * f64::from(case * case % 5);
        let volume = if case < 9 {
            1.0 + f64::from(case)
        } else {
            80.0 + f64::from(case)
        };
        let assd = if case == 3 {
            f64::NAN
        } else {
            4.0 - 10.0 * gain
        };
        for (label, metric, value) in [
            ("lesion", "dice", dice),
            ("lesion", "volume_ref_ml", volume),
            ("lesion", "assd", assd),
            (
                "",
                "tumour_burden_error",
                0.1 - gain - 0.01 * f64::from(case),
            ),
        ] {
            text += &format!(
                "lits,{algorithm},0,0,volume-{case},{label},{metric},1,{value},{value},strict\n"
            );
        }
    }
    text + &format!("lits,{algorithm},0,0,_all,lesion,dice_global,1,0.9,0.9,strict\n")
}

fn setup() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (folder, algorithm, gain) in [("base", "unet", 0.0), ("ours", "hybrid", 0.05)] {
        fs::create_dir(dir.path().join(folder)).unwrap();
        let path = dir.path().join(folder).join("metrics_long.csv");
        fs::write(path, scores(algorithm, gain)).unwrap();
    }
    fs::write(
        dir.path().join("ours/lesions.csv"),
        "case,side,lesion,voxels,volume_ml,equivalent_diameter_mm,longest_axial_diameter_mm,\
         overlap_voxels,best_iou,detected,matched,merged,split,iou,dice\n\
         volume-0,reference,1,10,0.2,7,8,5,0.5,true,1,1,1,0.5,0.6\n\
         volume-0,prediction,1,10,0.2,7,8,5,0.5,true,1,1,1,0.5,0.6\n\
         volume-1,reference,1,10,9.0,26,30,0,0.0,false,,0,0,0.0,0.0\n",
    )
    .unwrap();
    dir
}

#[test]
fn a_gain_in_every_case_is_found_with_its_size() {
    let dir = setup();
    let found = told(&hdbench(
        dir.path(),
        &[
            "analyze",
            "base",
            "ours",
            "--baseline",
            "unet",
            "--out",
            "out",
        ],
    ));
    let all = found["comparisons"].as_array().unwrap();
    let of = |metric: &str| all.iter().find(|c| c["metric"] == metric).unwrap();
    let dice = of("dice");
    assert_eq!(
        (&dice["algorithm"], &dice["baseline"]),
        (&json!("hybrid"), &json!("unet"))
    );
    assert_eq!(
        (&dice["n"], &dice["finding"]),
        (&json!(12), &json!("better"))
    );
    assert!((dice["difference"].as_f64().unwrap() - 0.05).abs() < 1e-12);
    // 2 / 2^12: all of twelve signs the same.
    assert!((dice["p"].as_f64().unwrap() - 2.0 / 4096.0).abs() < 1e-15);
    assert_eq!(
        (&of("assd")["n"], &of("assd")["finding"]),
        (&json!(11), &json!("better"))
    );
    // The mean of |error| may grow while that of the error falls.
    assert_eq!(of("tumour_burden_error")["n"], 12);
    let summaries = found["summaries"].as_array().unwrap();
    assert!(summaries.iter().all(|s| s["metric"] != "dice_global"));
    let assd = summaries.iter().find(|s| s["metric"] == "assd").unwrap();
    assert_eq!((&assd["n"], &assd["cases"]), (&json!(11), &json!(12)));

    let rankings = found["rankings"].as_array().unwrap();
    assert_eq!(rankings.len(), 5);
    for ranking in rankings {
        assert_eq!(ranking["ranking"]["algorithms"], json!(["unet", "hybrid"]));
        assert_eq!(ranking["ranking"]["places"], json!([2, 1]));
    }
    // Nine cases of up to 9 mL, three from 89.
    let groups = &found["size_groups"];
    assert_eq!(groups["groups"]["boundary_ml"], 49.0);
    let large = groups["metrics"].as_array().unwrap();
    let large = large
        .iter()
        .find(|f| f["group"] == "large" && f["algorithm"] == "hybrid");
    assert_eq!(large.unwrap()["n"], 3);
    let bins = found["lesion_sizes"][0]["bins"].as_array().unwrap();
    assert_eq!(found["lesion_sizes"][0]["algorithm"], "hybrid");
    assert_eq!(
        (&bins[0]["lesions"], &bins[0]["recall"]),
        (&json!(1), &json!(1.0))
    );
    assert_eq!(
        (&bins[2]["lesions"], &bins[2]["recall"]),
        (&json!(1), &json!(0.0))
    );

    for table in [
        "metrics",
        "comparisons",
        "ranking",
        "size-groups",
        "lesion-sizes",
    ] {
        for ending in ["md", "csv", "tex"] {
            let path = dir.path().join(format!("out/{table}.{ending}"));
            assert!(path.is_file(), "{}", path.display());
        }
    }
    let text = fs::read_to_string(dir.path().join("out/comparisons.csv")).unwrap();
    assert!(
        text.starts_with("metric,algorithm,baseline,n,difference,"),
        "{text}"
    );
    let written = fs::read(dir.path().join("out/analysis.json")).unwrap();
    let written: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(written["comparisons"], found["comparisons"]);
}

#[test]
fn the_same_scores_are_no_evidence_and_threads_change_nothing() {
    let dir = setup();
    let compare = |threads: &str| {
        Command::new(env!("CARGO_BIN_EXE_hdbench"))
            .args(["compare", "base", "ours", "--metric", "all"])
            .env("RAYON_NUM_THREADS", threads)
            .current_dir(dir.path())
            .output()
            .unwrap()
    };
    assert_eq!(compare("1").stdout, compare("3").stdout);
    fs::create_dir(dir.path().join("again")).unwrap();
    fs::copy(
        dir.path().join("base/metrics_long.csv"),
        dir.path().join("again/metrics_long.csv"),
    )
    .unwrap();
    let found = told(&hdbench(dir.path(), &["compare", "base", "again"]));
    for comparison in found["comparisons"].as_array().unwrap() {
        assert_eq!(comparison["finding"], "no-evidence");
        assert_eq!(
            (&comparison["p"], &comparison["difference"]),
            (&json!(1.0), &json!(0.0))
        );
        assert_eq!(comparison["algorithm"], "again");
    }
}

#[test]
fn summaries_of_nnunet_are_read() {
    let dir = setup();
    let case = |name: &str, dice: &str| {
        format!(
            "{{\"metrics\": {{\"(1, 2)\": {{\"Dice\": 0.9, \"IoU\": 0.8, \"TP\": 5}}, \"2\": {{\"Dice\": \
             {dice}, \"IoU\": 0.1, \"FN\": 2}}}}, \"prediction_file\": \"/x/{name}.nii.gz\", \
             \"reference_file\": \"/y/{name}.nii.gz\"}}"
        )
    };
    let cases = [case("volume-0", "0.25"), case("volume-1", "NaN")].join(",");
    fs::create_dir(dir.path().join("fold_0")).unwrap();
    let path = dir.path().join("fold_0/summary.json");
    fs::write(
        &path,
        format!("{{\"metric_per_case\": [{cases}], \"mean\": {{}}}}"),
    )
    .unwrap();
    let scored = Scored::read(&path, &hdbench::analysis::NoStudies).unwrap();
    let rows: Vec<_> = scored
        .rows
        .iter()
        .filter(|row| row.case == "volume-0")
        .collect();
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| row.algorithm == "fold_0"));
    let found = told(&hdbench(
        dir.path(),
        &["analyze", "fold_0", "base", "--metric", "lesion:dice"],
    ));
    let own = &found["summaries"][0];
    assert_eq!(
        (&own["algorithm"], &own["n"], &own["cases"]),
        (&json!("fold_0"), &json!(1), &json!(12))
    );
    // Without the region, label 1 is not the whole liver, and that is said.
    let bare = fs::read_to_string(&path).unwrap().replace("(1, 2)", "1");
    fs::write(&path, bare).unwrap();
    let notes = Scored::read(&path, &hdbench::analysis::NoStudies)
        .unwrap()
        .notes;
    assert!(
        notes[0].contains("labels 1 and 2 are taken for liver and tumour"),
        "{notes:?}"
    );
    assert!(notes[1].contains("without its tumours"), "{notes:?}");
}

#[test]
fn what_cannot_be_analysed_is_named() {
    let dir = setup();
    let run = |arguments: &[&str]| hdbench(dir.path(), arguments);
    refused(&run(&["analyze", "nowhere"]), 3, "nowhere");
    fs::create_dir(dir.path().join("empty")).unwrap();
    refused(&run(&["analyze", "empty"]), 3, "holds no scores");
    refused(
        &run(&["analyze", "base", "--metric", "lesion:dize"]),
        2,
        "no metric \"lesion:dize\"",
    );
    refused(
        &run(&["analyze", "base", "--baseline", "x"]),
        2,
        "name one of unet",
    );
    refused(&run(&["analyze", "base", "base"]), 2, "named twice");
    refused(
        &run(&["analyze", "base", "--boundary-ml", "500"]),
        2,
        "leaves a group empty",
    );
    refused(
        &run(&["analyze", "base", "ours", "--lesion-mm", "20,10"]),
        2,
        "do not ascend",
    );
    refused(
        &run(&["analyze", "base", "ours", "--rank", "lesion:volume_ref_ml"]),
        2,
        "no better",
    );
    let other = scores("unet", 0.0).replace("volume-", "case-");
    fs::create_dir(dir.path().join("other")).unwrap();
    fs::write(dir.path().join("other/metrics_long.csv"), other).unwrap();
    refused(&run(&["compare", "base", "other"]), 7, "no case in common");
    fs::write(dir.path().join("empty/summary.json"), "{}").unwrap();
    refused(&run(&["analyze", "empty"]), 3, "metric_per_case");
}

/// Recalls that are fractions, as a table gives them.
#[test]
fn ties_of_fractions_are_ties_through_the_binary() {
    let dir = tempfile::tempdir().unwrap();
    let a = [1.0, 1.0 / 7.0, 2.0 / 7.0, 1.0, 0.0, 0.5, 1.0, 1.0, 1.0, 1.0];
    let (b, c) = (6.0 / 7.0, 5.0 / 6.0);
    let b = [0.5, 2.0 / 7.0, 1.0 / 7.0, b, 0.0, 0.5, c, 0.0, 1.0, b];
    for (name, values) in [("a", a), ("b", b)] {
        table(dir.path(), name, "detection_recall_iou_gt_0", &values);
    }
    let metric = ["--metric", "lesion:detection_recall_iou_gt_0"];
    let rank = ["--rank", "lesion:detection_recall_iou_gt_0"];
    let arguments = [&["analyze", "a", "b"][..], &metric, &rank].concat();
    let found = told(&hdbench(dir.path(), &arguments));
    let comparison = &found["comparisons"][0];
    assert_eq!(comparison["p"], 0.078125);
    assert_eq!(comparison["finding"], "no-evidence");
}

/// One algorithm's values of a lesion metric, case by case; NaN for none.
fn table(dir: &Path, name: &str, metric: &str, values: &[f64]) {
    let mut text = String::from(
        "task,algorithm,fold,seed,case,label,metric,metric_version,value,raw_value,policy\n",
    );
    for (case, value) in values.iter().enumerate() {
        text += &format!("t,{name},0,0,case_{case},lesion,{metric},1,{value},{value},strict\n");
    }
    fs::create_dir_all(dir.join(name)).unwrap();
    fs::write(dir.join(name).join("metrics_long.csv"), text).unwrap();
}

#[test]
fn what_no_case_has_by_both_is_not_comparable() {
    let dir = setup();
    let nothing =
        scores("hybrid", 0.05).replace(",lesion,assd,1,", ",lesion,assd,1,NaN,NaN,strict\n#");
    let nothing: String = nothing
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(dir.path().join("ours/metrics_long.csv"), nothing).unwrap();
    let output = hdbench(dir.path(), &["compare", "base", "ours"]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let found = told(&output);
    let assd = found["comparisons"].as_array().unwrap();
    let assd = assd.iter().find(|c| c["metric"] == "assd").unwrap();
    assert_eq!(
        (&assd["n"], &assd["p"], &assd["p_holm"], &assd["finding"]),
        (
            &json!(0),
            &Value::Null,
            &Value::Null,
            &json!("not-comparable")
        )
    );
    assert!(errors.contains("lesion assd of ours and base"), "{errors}");
    // Two inputs that share no case have nothing to compare at all.
    let other = scores("other", 0.0).replace("volume-", "case-");
    fs::create_dir(dir.path().join("other")).unwrap();
    fs::write(dir.path().join("other/metrics_long.csv"), other).unwrap();
    let run = |inputs: &[&str]| hdbench(dir.path(), &[&["analyze"], inputs].concat());
    refused(
        &run(&["base", "other"]),
        7,
        "other has no case in common with base",
    );
    assert_eq!(run(&["base", "ours", "other"]).status.code(), Some(0));
}

/// The same predictions scored by two definitions differ by the definitions alone.
#[test]
fn values_of_other_definitions_are_compared_by_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let values: Vec<f64> = (0..12).map(|case| 0.5 + 0.03 * f64::from(case)).collect();
    let other: Vec<f64> = values.iter().map(|value| value - 0.01).collect();
    let write = |name: &str, metric: &str, values: &[f64], from: &str, to: &str| {
        table(dir.path(), name, metric, values);
        let path = dir.path().join(name).join("metrics_long.csv");
        let text = fs::read_to_string(&path).unwrap().replace(from, to);
        fs::write(path, text).unwrap();
    };
    let compare = |a: &str, b: &str| hdbench(dir.path(), &["compare", a, b]);
    write("a", "assd", &values, "", "");
    // Another version of the metric.
    write("b", "assd", &other, "assd,1,", "assd,2,");
    refused(&compare("a", "b"), 7, "a by strict, version 1");
    // Another scorer.
    write("c", "assd", &other, ",strict", ",lits");
    refused(
        &compare("a", "c"),
        7,
        "other definitions; score both by one",
    );
    // Nothing is tested, and nothing ranked, beside what is comparable.
    write("d", "assd", &other, "", "");
    let output = hdbench(
        dir.path(),
        &["analyze", "a", "c", "d", "--rank", "lesion:assd"],
    );
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.contains("no ranking of lesion assd"), "{errors}");
    let found = told(&output);
    let findings: Vec<&Value> = found["comparisons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|own| &own["finding"])
        .collect();
    assert_eq!(findings, ["not-comparable", "better", "not-comparable"]);
    assert_eq!(found["rankings"], json!([]));
    // Dice has one formula, which is said, and the edge case that a row met is no other definition.
    write(
        "e",
        "dice",
        &values,
        "case_3,lesion,dice,1,0.59,0.59,strict",
        "case_3,lesion,dice,1,0.59,0.59,strict:no_match",
    );
    write("f", "dice", &other, "dice,1,", "dice,0,");
    let path = dir.path().join("f/metrics_long.csv");
    let text = fs::read_to_string(&path)
        .unwrap()
        .replace(",strict", ",nnunet");
    fs::write(path, text).unwrap();
    let found = told(&compare("e", "f"));
    let comparison = &found["comparisons"][0];
    assert_eq!(comparison["finding"], "worse");
    let remark = comparison["remark"].as_str().unwrap();
    assert!(remark.contains("one formula"), "{remark}");
    write("g", "dice", &other, "", "");
    assert_eq!(
        told(&compare("e", "g"))["comparisons"][0]["remark"],
        Value::Null
    );
    // Data sets of other names are told.
    write("h", "dice", &other, "t,", "u,");
    let errors = String::from_utf8_lossy(&compare("e", "h").stderr).into_owned();
    assert!(errors.contains("data sets have other names"), "{errors}");
}

#[test]
fn a_difference_tells_how_likely_its_claim_is_false_and_writes_the_cases() {
    let dir = tempfile::tempdir().unwrap();
    let a = [0.8712, 0.7330, 0.7991, 0.8450, f64::NAN];
    let b = [0.9254, 0.6753, 0.8120, 0.9012, 0.9];
    table(dir.path(), "a", "dice", &a);
    table(dir.path(), "b", "dice", &b);
    let found = told(&hdbench(dir.path(), &["compare", "a", "b", "--out", "out"]));
    let comparison = &found["comparisons"][0];
    // Claims Reloaded's formula by scipy: tests/data/statistics/golden.json.
    let near = |found: &Value, expected: f64| (found.as_f64().unwrap() - expected).abs() < 1e-9;
    assert!(near(&comparison["false_claim"], 0.290_847_146_561_077_4));
    assert_eq!(comparison["cases_needed"], 31);
    assert!(near(
        &comparison["t_interval"][0],
        -0.068_378_701_081_612_73
    ));
    let csv = fs::read_to_string(dir.path().join("out/claims-lesion-dice.csv")).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "case_id,alg_a,alg_b");
    assert_eq!((lines[1], lines.len()), ("case_0,0.8712,0.9254", 5));
    let text = fs::read_to_string(dir.path().join("out/analysis.md")).unwrap();
    assert!(text.contains("Over fewer than 50 cases"), "{text}");
    assert!(text.contains("Low, t"), "{text}");
    // An analysis of other metrics takes the place of the files of this one, and of no others.
    fs::write(dir.path().join("out/claims-of-mine.csv"), "").unwrap();
    table(dir.path(), "a", "voe", &a);
    table(dir.path(), "b", "voe", &b);
    told(&hdbench(dir.path(), &["compare", "a", "b", "--out", "out"]));
    let is_there = |name: &str| dir.path().join("out").join(name).is_file();
    let names = [
        "claims-lesion-voe.csv",
        "claims-lesion-dice.csv",
        "claims-of-mine.csv",
        "comparisons.tex",
    ];
    assert_eq!(names.map(is_there), [true, false, true, true]);
}

#[test]
fn teams_are_ranked_by_the_rules_of_a_challenge_with_what_others_would_have_made_of_it() {
    let dir = tempfile::tempdir().unwrap();
    // By Dice a is first in most cases, by HD95 b is in all.
    for (name, dice, hd95) in [("a", 0.06, 9.0), ("b", 0.03, 3.0), ("c", 0.0, 6.0)] {
        let header =
            "task,algorithm,fold,seed,case,label,metric,metric_version,value,raw_value,policy\n";
        let mut text = String::from(header);
        for case in 0..12 {
            let worse = if case % 4 == 0 { -0.05 } else { 0.0 };
            let dice = 0.7 + 0.01 * f64::from(case) + dice + if name == "a" { worse } else { 0.0 };
            for (metric, value) in [("dice", dice), ("hd95", hd95)] {
                text += &format!("t,{name},0,0,case_{case},wt,{metric},1,{value},{value},strict\n");
            }
        }
        fs::create_dir_all(dir.path().join(name)).unwrap();
        fs::write(dir.path().join(name).join("metrics_long.csv"), text).unwrap();
    }
    let run = |more: &[&str]| hdbench(dir.path(), &[&["analyze", "a", "b", "c"], more].concat());
    let found = told(&run(&["--ranking", "brats", "--out", "out"]));
    let by_rules = &found["ranking_by_rules"];
    // Dice: a 1 in nine cases and 2 or 3 in three; HD95: b, c, a.
    assert_eq!(by_rules["ranking"]["places"], json!([2, 1, 3]));
    assert_eq!(by_rules["criteria"][1]["part"], json!([3.0, 1.0, 2.0]));
    assert_eq!(by_rules["choices"].as_array().unwrap().len(), 15);
    let files = [
        "ranking-rules.csv",
        "ranking-choices.tex",
        "ranking-choices.svg",
        "critical-difference-wt-dice.svg",
    ];
    for file in files {
        assert!(dir.path().join("out").join(file).is_file(), "{file}");
    }
    let text = fs::read_to_string(dir.path().join("out/analysis.md")).unwrap();
    assert!(
        text.contains("First, alone or not, by 15 choices of rules: b by 10, a by 5."),
        "{text}"
    );
    assert!(text.contains("chi squared"), "{text}");
    // Without them the picture of an earlier ranking is gone.
    told(&run(&["--out", "out"]));
    let is_there = |file: &str| dir.path().join("out").join(file).is_file();
    assert_eq!(files.map(is_there), [false, false, false, true]);
    let found = told(&run(&["--name", "a=Ours, with more", "--metric", "dice"]));
    assert_eq!(found["summaries"][0]["algorithm"], "Ours, with more");
    refused(
        &run(&["--name", "z=Ours"]),
        2,
        "name one as it is given: a, b, c",
    );
    refused(&run(&["--name", "a=b"]), 2, "two sources are called");
    refused(
        &run(&["--ranking", "flare23"]),
        2,
        "give a TOML file or one of autopet, brats, flare22",
    );
    refused(
        &run(&["--ranking", "lits"]),
        2,
        "none of the metrics of lits",
    );
}

/// On scanner B only is b better than a; age says nothing.
#[test]
fn cases_are_grouped_by_what_a_file_knows_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let a: Vec<f64> = (0..24)
        .map(|case| 0.6 + 0.01 * f64::from(case * 7 % 24))
        .collect();
    let b: Vec<f64> = (0..24)
        .zip(&a)
        .map(|(case, value)| value + if case % 2 == 1 { 0.1 } else { 0.0 })
        .collect();
    table(dir.path(), "a", "dice", &a);
    table(dir.path(), "b", "dice", &b);
    let mut csv = String::from("case,scanner,age\n");
    for case in 0..23 {
        csv += &format!(
            "case_{case},{},{}\n",
            ["A", "B"][case % 2],
            40 + case * 5 % 23
        );
    }
    fs::write(dir.path().join("patients.csv"), &csv).unwrap();
    let run = |file: &str| {
        hdbench(
            dir.path(),
            &[
                "analyze",
                "a",
                "b",
                "--baseline",
                "a",
                "--groups-from",
                file,
                "--out",
                "out",
            ],
        )
    };
    let found = told(&run("patients.csv"));
    let scanner = &found["covariates"][0];
    assert_eq!(
        (&scanner["covariate"], &scanner["unknown"]),
        (&json!("scanner"), &json!(1))
    );
    let value = |group: &str| {
        let all = scanner["values"].as_array().unwrap();
        all.iter()
            .find(|own| own["group"] == group && own["algorithm"] == "b")
            .unwrap()
            .clone()
    };
    assert_eq!(
        (value("A")["n"].clone(), value("B")["n"].clone()),
        (json!(12), json!(11))
    );
    assert!((value("B")["difference"].as_f64().unwrap() - 0.1).abs() < 1e-9);
    let p = |covariate: usize| {
        found["covariates"][covariate]["tests"][1]["p_interaction_holm"]
            .as_f64()
            .unwrap()
    };
    assert!(p(0) < 1e-4 && p(1) > 0.05, "{} {}", p(0), p(1));
    assert_eq!(found["covariates"][1]["values"][0]["group"], "below 51");
    let text = fs::read_to_string(dir.path().join("out/analysis.md")).unwrap();
    assert!(text.contains("Not known of 1 cases"), "{text}");
    fs::write(dir.path().join("twice.csv"), format!("{csv}case_0,A,1\n")).unwrap();
    refused(&run("twice.csv"), 3, "is there twice");
    fs::write(dir.path().join("bare.csv"), "case\ncase_0\n").unwrap();
    refused(&run("bare.csv"), 3, "no column beside the cases");
    fs::write(dir.path().join("others.csv"), "case,x\nother,1\n").unwrap();
    refused(
        &run("others.csv"),
        2,
        "no case of lesion dice is in the file",
    );
}

/// By the distances of the surface voxels a is better, by those weighed by area b.
#[test]
fn a_definition_that_turns_a_conclusion_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let near: Vec<f64> = (0..12).map(|case| 2.0 + 0.1 * f64::from(case)).collect();
    let far: Vec<f64> = near.iter().map(|mm| mm * 1.5).collect();
    for (name, [hd95, surfel]) in [("a", [&near, &far]), ("b", [&far, &near])] {
        table(dir.path(), name, "hd95", hd95);
        let mut text =
            std::fs::read_to_string(dir.path().join(name).join("metrics_long.csv")).unwrap();
        table(dir.path(), name, "hd95_surfel", surfel);
        let path = dir.path().join(name).join("metrics_long.csv");
        let more = std::fs::read_to_string(&path).unwrap();
        text.extend(more.split_inclusive('\n').skip(1));
        std::fs::write(path, text).unwrap();
    }
    let run = |more: &[&str]| hdbench(dir.path(), &[&["analyze", "a", "b"], more].concat());
    let found = told(&run(&["--metric", "all", "--definitions", "--json"]));
    let family = &found["definitions"][0];
    assert_eq!(family["kind"], "distance95");
    let said = &family["conclusions"][0];
    assert_eq!(
        said["words"],
        "hd95 says a before b; hd95_surfel says b before a"
    );
    assert_eq!(said["survives"], false);
    let out = run(&["--metric", "all", "--definitions", "--out", "o"]);
    assert_eq!(out.status.code(), Some(0));
    let csv = std::fs::read_to_string(dir.path().join("o/definitions.csv")).unwrap();
    assert!(csv.contains("hd95_surfel says b is better"), "{csv}");
    table(dir.path(), "a", "hd95", &near);
    refused(
        &run(&["--metric", "all", "--definitions"]),
        2,
        "two definitions",
    );
}

#[test]
fn cases_that_are_there_twice_or_called_all_are_refused() {
    let dir = setup();
    let good = scores("unet", 0.0);
    let write = |text: &str| fs::write(dir.path().join("base/metrics_long.csv"), text).unwrap();
    let header = good.lines().next().unwrap().len() + 1;
    for (text, says) in [
        (
            format!("{good}{}", &good[header..]),
            "12 cases are there twice",
        ),
        (
            good.replace(",volume-3,", ",_all,"),
            "a case is called _all",
        ),
    ] {
        write(&text);
        refused(&hdbench(dir.path(), &["analyze", "base"]), 3, says);
        refused(&hdbench(dir.path(), &["compare", "base", "ours"]), 3, says);
    }
    // Another replicate is another measurement.
    let replicate = good[header..].replace(",unet,0,0,", ",unet,0,1,");
    write(&format!("{good}{replicate}"));
    assert_eq!(
        hdbench(dir.path(), &["analyze", "base"]).status.code(),
        Some(0)
    );
}

/// Python writes numbers that JSON has not, and a case may be called as one of them.
#[test]
fn summaries_keep_names_and_infinite_values() {
    let dir = tempfile::tempdir().unwrap();
    let case = |name: &str, dice: &str| {
        format!(
            "{{\"metrics\": {{\"2\": {{\"Dice\": {dice}}}}}, \"prediction_file\": \"/x/{name}.nii.gz\"}}"
        )
    };
    let cases = [
        case("NaNjing_1", "0.5"),
        case("an \\\"Infinity\\\" case", "NaN"),
        case("c", "-Infinity"),
        case("d", "Infinity"),
    ];
    let path = dir.path().join("summary.json");
    fs::write(
        &path,
        format!("{{\"metric_per_case\": [{}]}}", cases.join(",")),
    )
    .unwrap();
    let rows = Scored::read(&path, &hdbench::analysis::NoStudies)
        .unwrap()
        .rows;
    let names: Vec<&str> = rows.iter().map(|row| row.case.as_str()).collect();
    assert_eq!(names, ["NaNjing_1", "an \"Infinity\" case", "c", "d"]);
    assert_eq!(rows[0].value, 0.5);
    assert!(rows[1].value.is_nan());
    assert_eq!(
        [rows[2].value, rows[3].value],
        [f64::NEG_INFINITY, f64::INFINITY]
    );
}

#[test]
fn directions_are_those_of_the_metrics() {
    for (metric, expected) in [
        ("dice", Some(Better::Larger)),
        ("nsd_2mm", Some(Better::Larger)),
        ("detection_f1_iou_gt_0.5", Some(Better::Larger)),
        ("assd_6n", Some(Better::Smaller)),
        ("hd95_max_18n", Some(Better::Smaller)),
        ("detection_fp_iou_gt_0", Some(Better::Smaller)),
        ("volume_ref_ml", None),
        ("rvd", None),
        ("tumour_burden_ref", None),
    ] {
        assert_eq!(better(metric), expected, "{metric}");
    }
}

#[test]
fn completions_and_manual_pages_know_every_verb() {
    let dir = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let output = hdbench(dir.path(), &["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        let script = String::from_utf8_lossy(&output.stdout).into_owned();
        for word in ["hdbench", "submit-lits", "leaderboard", "resamples"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let output = hdbench(dir.path(), &["man", "--out", "man1"]);
    assert_eq!(output.status.code(), Some(0));
    for page in ["hdbench", "hdbench-analyze", "hdbench-submit-lits-check"] {
        let text = fs::read_to_string(dir.path().join(format!("man1/{page}.1"))).unwrap();
        assert!(text.contains(".SH SYNOPSIS"), "{page}");
    }
}
