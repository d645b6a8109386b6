//! The regression gate through the binary: baselines in, verdicts, exit codes and CI's files out.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

fn hdbench(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hdbench"))
        .args(arguments)
        .current_dir(dir)
        .env_remove("GITHUB_STEP_SUMMARY")
        .output()
        .unwrap()
}

/// Twenty cases of two algorithms; `change` alters the lesion Dice of `hybrid` by case.
fn scores(change: impl Fn(usize) -> f64) -> String {
    let mut text = String::from(
        "task,algorithm,fold,seed,case,label,metric,metric_version,value,raw_value,policy\n",
    );
    for algorithm in ["unet", "hybrid"] {
        for case in 0..20 {
            let own = if algorithm == "hybrid" {
                change(case)
            } else {
                0.0
            };
            // Scatter that no two cases share.
            let scatter = 0.003 * ((case * 7 % 20) as f64 - 9.5) / 9.5;
            let lesion = 0.6 + 0.01 * case as f64 + own + if own == 0.0 { 0.0 } else { scatter };
            for (label, metric, value) in [
                ("lesion", "dice", lesion),
                ("liver", "dice", 0.9 + 0.001 * case as f64),
                ("liver", "assd", 2.0),
                ("lesion", "detection_recall_iou_gt_0", 0.8),
                ("lesion", "volume_ref_ml", 5.0 + case as f64),
            ] {
                text += &format!(
                    "lits,{algorithm},0,0,volume-{case},{label},{metric},1,{value},{value},strict\n"
                );
            }
        }
    }
    text
}

/// A folder with `old` saved as baseline `main`, and `new` scores.
fn setup(new: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (folder, text) in [("old", scores(|_| 0.0).as_str()), ("new", new)] {
        fs::create_dir(dir.path().join(folder)).unwrap();
        fs::write(dir.path().join(folder).join("metrics_long.csv"), text).unwrap();
    }
    let saved = hdbench(dir.path(), &["baseline", "save", "old", "--name", "main"]);
    assert_eq!(saved.status.code(), Some(0));
    dir
}

const REGRESS: [&str; 5] = ["regress", "--baseline", "main", "--current", "new"];

#[track_caller]
fn judged(dir: &Path, code: i32) -> Value {
    let output = hdbench(dir, &REGRESS);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{errors}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    told["judgement"].clone()
}

fn line<'a>(judgement: &'a Value, algorithm: &str, metric: &str) -> &'a Value {
    let lines = judgement["lines"].as_array().unwrap();
    let found = lines
        .iter()
        .find(|line| line["algorithm"] == algorithm && line["metric"] == metric);
    found.unwrap()
}

/// One difference has one interval, whoever prints it.
#[test]
fn the_gate_and_a_comparison_print_the_same_interval() {
    let dir = setup(&scores(|case| 0.01 * (case % 7) as f64 - 0.04));
    let output = hdbench(dir.path(), &REGRESS);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let gate = line(&told["judgement"], "hybrid", "lesion dice").clone();
    let output = hdbench(dir.path(), &["compare", "old", "new"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let compared = told["comparisons"].as_array().unwrap();
    let own = |c: &&Value| {
        c["metric"] == "dice" && c["label"] == "lesion" && c["algorithm"] == "new: hybrid"
    };
    let compared = compared.iter().find(own).unwrap();
    let near = |a: &Value, b: &Value| (a.as_f64().unwrap() - b.as_f64().unwrap()).abs() < 1e-12;
    assert!(near(&gate["change"], &compared["difference"]));
    for end in [0, 1] {
        let [gate, compared] = [&gate, compared].map(|of| &of["interval"][end]);
        assert!(near(gate, compared), "{gate} {compared}");
    }
}

#[test]
fn the_same_results_pass_and_say_that_they_are_the_same() {
    let dir = setup(&scores(|_| 0.0));
    let judgement = judged(dir.path(), 0);
    assert_eq!(judgement["outcome"], "passed");
    let lines = judgement["lines"].as_array().unwrap();
    assert_eq!(lines.len(), 8);
    for line in lines {
        assert_eq!(line["verdict"], "no-evidence", "{line}");
        assert_eq!(line["identical"], true);
        assert_eq!(line["n"], 20);
    }
}

#[test]
fn a_loss_in_every_case_is_regressed_and_names_the_worst() {
    let dir = setup(&scores(|case| if case == 4 { -0.3 } else { -0.04 }));
    let judgement = judged(dir.path(), 6);
    let hybrid = line(&judgement, "hybrid", "lesion dice");
    assert_eq!(hybrid["verdict"], "regressed");
    let change = hybrid["change"].as_f64().unwrap();
    assert!((-0.06..-0.045).contains(&change), "{change}");
    let interval = &hybrid["interval"];
    assert!(interval[1].as_f64().unwrap() < -0.01, "{interval}");
    assert_eq!(hybrid["worst"][0]["case"], "volume-4");
    assert_eq!(line(&judgement, "unet", "lesion dice")["identical"], true);
}

#[test]
fn a_loss_within_the_margin_is_no_regression_and_a_gain_is_an_improvement() {
    let dir = setup(&scores(|_| -0.005));
    let judgement = judged(dir.path(), 0);
    let within = line(&judgement, "hybrid", "lesion dice");
    assert_eq!(within["verdict"], "no-evidence");
    assert_eq!(within["loss_excluded"], true);

    let dir = setup(&scores(|_| 0.05));
    let judgement = judged(dir.path(), 0);
    assert_eq!(
        line(&judgement, "hybrid", "lesion dice")["verdict"],
        "improved"
    );
}

#[test]
fn what_is_missing_is_never_a_pass() {
    let all = scores(|_| 0.0);
    let without = |unwanted: &dyn Fn(&str) -> bool| -> String {
        let kept = all.lines().filter(|line| !unwanted(line));
        kept.map(|line| format!("{line}\n")).collect()
    };
    for (new, says) in [
        (without(&|line| line.contains(",volume-7,")), "volume-7"),
        (without(&|line| line.contains(",hybrid,")), "hybrid"),
        (
            without(&|line| line.contains("lesion,dice")),
            "the current results lack this metric",
        ),
        (
            all.replace("lesion,dice,1,", "lesion,dice,2,"),
            "version {1} before, {2} now",
        ),
        (
            all.replace("volume_ref_ml,1,9,9", "volume_ref_ml,1,9.5,9.5"),
            "reference of 1 cases has another volume: volume-4",
        ),
        (
            all.replace(
                "volume-3,lesion,dice,1,0.63,",
                "volume-3,lesion,dice,1,NaN,",
            ),
            "1 cases have no value any more",
        ),
    ] {
        let dir = setup(&new);
        if says == "hybrid" {
            // One algorithm against two: what is left is the other one.
            let output = hdbench(dir.path(), &REGRESS);
            assert_eq!(output.status.code(), Some(7), "{says}");
            continue;
        }
        let output = hdbench(dir.path(), &REGRESS);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(7), "{says}: {errors}");
        assert!(errors.contains(says), "{says}: {errors}");
    }
    let dir = setup("");
    assert_eq!(hdbench(dir.path(), &REGRESS).status.code(), Some(3));
    fs::remove_dir_all(dir.path().join("new")).unwrap();
    assert_eq!(hdbench(dir.path(), &REGRESS).status.code(), Some(3));
}

#[test]
fn a_gate_that_could_not_fail_says_so() {
    let few = |text: String| -> String {
        let small = |line: &&str| {
            let case = line
                .split(',')
                .nth(4)
                .and_then(|c| c.strip_prefix("volume-"));
            case.is_none_or(|number| number.parse::<u32>().unwrap() < 5)
        };
        text.lines()
            .filter(small)
            .map(|line| format!("{line}\n"))
            .collect()
    };
    let dir = setup(&few(scores(|_| -0.5)));
    fs::write(
        dir.path().join("old/metrics_long.csv"),
        few(scores(|_| 0.0)),
    )
    .unwrap();
    let again = ["baseline", "save", "old", "--name", "main"];
    assert_eq!(
        hdbench(dir.path(), &again).status.code(),
        Some(2),
        "it is there already"
    );
    let replaced = hdbench(dir.path(), &[&again[..], &["--replace"]].concat());
    assert_eq!(replaced.status.code(), Some(0));
    let output = hdbench(dir.path(), &REGRESS);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{errors}");
    assert!(errors.contains("too few cases: 5 of the"), "{errors}");
}

#[test]
fn every_output_says_what_the_verdict_is() {
    let dir = setup(&scores(|_| -0.04));
    let summary = dir.path().join("summary");
    fs::write(&summary, "before\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_hdbench"))
        .args(REGRESS)
        .args(["--out", "gate", "--github"])
        .current_dir(dir.path())
        .env("GITHUB_STEP_SUMMARY", &summary)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(6));
    let annotations = String::from_utf8(output.stdout).unwrap();
    assert!(
        annotations.starts_with("::error title=regressed%3A lesion dice of hybrid::"),
        "{annotations}"
    );
    let read = |name: &str| fs::read_to_string(dir.path().join("gate").join(name)).unwrap();
    let comment = read("comment.md");
    assert!(
        comment
            .starts_with("<!-- hdbench-regress -->\n### ❌ Regressed: 1 regressed, 7 no evidence")
    );
    let first = comment
        .lines()
        .find(|line| line.starts_with("| regressed "))
        .unwrap();
    assert!(
        first.contains("hybrid") && first.contains("worst:"),
        "{first}"
    );
    let appended = fs::read_to_string(&summary).unwrap();
    assert!(appended.starts_with("before\n<!-- hdbench-regress -->"));
    let junit = read("junit.xml");
    assert!(junit.contains("tests=\"8\""), "{junit}");
    assert!(junit.contains("failures=\"1\"") && junit.contains("type=\"regressed\""));
    let bigger: Value = serde_json::from_str(&read("benchmark-bigger.json")).unwrap();
    let names: Vec<&str> = bigger
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"hybrid: lesion dice") && !names.contains(&"hybrid: liver assd"));
    let smaller: Value = serde_json::from_str(&read("benchmark-smaller.json")).unwrap();
    assert_eq!(smaller[0]["name"], "unet: liver assd");
    assert!(read("changes.svg").contains("<svg"));
    assert!(read("regression.csv").starts_with("verdict,algorithm,metric,n,"));
    let whole: Value = serde_json::from_str(&read("regression.json")).unwrap();
    assert_eq!(whole["format"], "hdbench.regression/1");
}

#[test]
fn costs_are_held_against_each_other_on_the_same_hardware_alone() {
    let dir = setup(&scores(|_| 0.0));
    let path = dir.path().join("reports/baseline/main.json");
    let mut baseline: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let with = |factor: f64, hardware: &str, baseline: &mut Value| {
        let samples: serde_json::Map<String, Value> = (0..20)
            .map(|i| {
                (
                    format!("case {i}"),
                    (factor * (1.0 + 0.01 * f64::from(i % 7))).into(),
                )
            })
            .collect();
        baseline["facts"]["hardware"] = hardware.into();
        baseline["costs"] = serde_json::json!([
            { "algorithm": "unet", "quantity": "prediction-seconds", "samples": samples },
            { "algorithm": "unet", "quantity": "peak-memory-mb", "samples": { "predict": 1000.0 * factor } },
        ]);
    };
    with(1.0, "one", &mut baseline);
    fs::write(&path, baseline.to_string()).unwrap();
    let mut current = |factor: f64, hardware: &str| -> (Option<i32>, Value) {
        with(factor, hardware, &mut baseline);
        fs::write(dir.path().join("new.json"), baseline.to_string()).unwrap();
        let arguments = ["regress", "--baseline", "main", "--current", "new.json"];
        let output = hdbench(dir.path(), &arguments);
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), told["judgement"].clone())
    };
    let (code, same) = current(1.0, "one");
    assert_eq!(code, Some(0));
    assert_eq!(
        line(&same, "unet", "prediction of a case")["identical"],
        true
    );
    let (code, slower) = current(1.4, "one");
    assert_eq!(code, Some(6));
    for metric in ["prediction of a case", "peak memory"] {
        let line = line(&slower, "unet", metric);
        assert_eq!(line["verdict"], "regressed", "{line}");
        assert!((line["change"].as_f64().unwrap() - 1.4).abs() < 1e-9);
    }
    let (code, noise) = current(1.08, "one");
    assert_eq!(code, Some(0));
    assert_eq!(
        line(&noise, "unet", "prediction of a case")["verdict"],
        "no-evidence"
    );
    let (code, faster) = current(0.5, "one");
    assert_eq!(code, Some(0));
    assert_eq!(
        line(&faster, "unet", "prediction of a case")["verdict"],
        "improved"
    );
    // Costs are not required by the default policy.
    let (code, elsewhere) = current(3.0, "another");
    assert_eq!(code, Some(0));
    let other = line(&elsewhere, "unet", "prediction of a case");
    assert_eq!(other["verdict"], "not-comparable");
    assert!(
        other["reason"]
            .as_str()
            .unwrap()
            .contains("other hardware: one before, another now")
    );
}

/// Two processors of one name: what the machine itself is slower by is no regression, and what it is faster by hides none.
#[test]
fn seconds_are_compared_in_the_time_that_the_machine_takes_for_the_same_work() {
    let dir = setup(&scores(|_| 0.0));
    let path = dir.path().join("reports/baseline/main.json");
    let mut baseline: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let of = |seconds: f64| -> serde_json::Map<String, Value> {
        let value = |i: u32| seconds * (1.0 + 0.01 * f64::from(i % 7));
        (0..20)
            .map(|i| (format!("case {i}"), value(i).into()))
            .collect()
    };
    let with = |seconds: f64, reference: Option<f64>, baseline: &mut Value| {
        let mut costs = serde_json::json!({
            "algorithm": "unet", "quantity": "prediction-seconds", "samples": of(seconds),
        });
        if let Some(reference) = reference {
            let same: serde_json::Map<String, Value> = (0..20)
                .map(|i| (format!("case {i}"), reference.into()))
                .collect();
            costs["reference_seconds"] = same.into();
        }
        baseline["facts"]["hardware"] = "one".into();
        baseline["costs"] = serde_json::json!([costs]);
    };
    let mut judged = |before: (f64, Option<f64>), now: (f64, Option<f64>)| -> Value {
        with(before.0, before.1, &mut baseline);
        fs::write(&path, baseline.to_string()).unwrap();
        with(now.0, now.1, &mut baseline);
        fs::write(dir.path().join("new.json"), baseline.to_string()).unwrap();
        let arguments = ["regress", "--baseline", "main", "--current", "new.json"];
        let output = hdbench(dir.path(), &arguments);
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        line(&told["judgement"], "unet", "prediction of a case").clone()
    };
    let is = |line: &Value, verdict: &str, change: f64| {
        assert_eq!(line["verdict"], verdict, "{line}");
        assert!(
            (line["change"].as_f64().unwrap() - change).abs() < 1e-9,
            "{line}"
        );
    };
    let slower = judged((1.0, Some(0.02)), (1.6, Some(0.032)));
    is(&slower, "no-evidence", 1.0);
    assert_eq!(
        slower["current"].as_f64().unwrap().round(),
        2.0,
        "as measured"
    );
    let reason = slower["reason"].as_str().unwrap();
    assert!(
        reason.contains("1.60 times as long for the same work"),
        "{reason}"
    );
    is(
        &judged((1.0, Some(0.02)), (1.6, Some(0.02))),
        "regressed",
        1.6,
    );
    let faster = judged((1.0, Some(0.02)), (1.0, Some(0.01)));
    is(&faster, "regressed", 2.0);
    is(&judged((1.0, None), (1.6, None)), "regressed", 1.6);
    // A baseline of before says nothing of its machine, and so nothing of these seconds.
    let unknown = judged((1.0, None), (1.6, Some(0.02)));
    is(&unknown, "not-comparable", 1.6);
    assert_eq!(
        unknown["reason"],
        "the baseline does not tell how fast its machine was"
    );
}

#[test]
fn power_is_the_loss_that_is_seen() {
    let dir = setup(&scores(|case| if case % 2 == 0 { 0.05 } else { -0.05 }));
    let output = hdbench(dir.path(), &[&REGRESS[..], &["--power"]].concat());
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let lines = told["lines"].as_array().unwrap();
    let hybrid = lines
        .iter()
        .find(|line| line["algorithm"] == "hybrid" && line["metric"] == "lesion dice")
        .unwrap();
    let (sd, loss) = (
        hybrid["sd"].as_f64().unwrap(),
        hybrid["loss"].as_f64().unwrap(),
    );
    assert!((sd - 0.0513).abs() < 0.001, "{sd}");
    // Twenty cases and eight lines: a t test at 0.05 / 8 would want about 0.8 standard deviations.
    assert!(
        loss > 0.01 + 0.5 * sd && loss < 0.01 + 1.3 * sd,
        "{loss} at {sd}"
    );
    // A baseline of one replicate alone has no spread: what is known without one is told.
    let alone = hdbench(dir.path(), &["regress", "--baseline", "main", "--power"]);
    assert_eq!(alone.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&alone.stderr).contains("no spread"));
    let told: Value = serde_json::from_slice(&alone.stdout).unwrap();
    let line = &told["lines"][0];
    assert_eq!((&line["n"], &line["fewest"]), (&json!(20), &json!(8)));
    assert_eq!((&line["sd"], &line["loss"]), (&Value::Null, &Value::Null));
}

#[track_caller]
fn not_comparable(dir: &Path, says: &str) {
    let output = hdbench(dir, &REGRESS);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{says}: {errors}");
    assert!(errors.contains(says), "{says}: {errors}");
}

#[test]
fn values_that_a_metric_cannot_have_are_not_comparable() {
    let lost = scores(|_| -0.3);
    let dice = |value: &str| {
        let at = lost.find("hybrid,0,0,volume-3,lesion,dice,1,").unwrap();
        let end = at + lost[at..].find(",strict").unwrap();
        format!(
            "{}hybrid,0,0,volume-3,lesion,dice,1,{value},{value}{}",
            &lost[..at],
            &lost[end..]
        )
    };
    for value in ["inf", "-inf", "8", "1000000000", "-0.5"] {
        let dir = setup(&dice(value));
        not_comparable(dir.path(), &format!("{value} (volume-3) is no dice"));
        // Nor is it a baseline.
        let save = ["baseline", "save", "new", "--name", "other"];
        let saved = hdbench(dir.path(), &save);
        assert_eq!(saved.status.code(), Some(3), "{value}");
        let arguments = ["regress", "--baseline", "new", "--current", "old"];
        assert_eq!(
            hdbench(dir.path(), &arguments).status.code(),
            Some(7),
            "{value}"
        );
    }
}

#[test]
fn a_case_that_is_there_twice_is_not_comparable() {
    let good = scores(|_| 0.0);
    let header = good.lines().next().unwrap().len() + 1;
    let lost = scores(|_| -0.3);
    let dir = setup(&format!("{lost}{}", &scores(|_| 0.3)[header..]));
    not_comparable(dir.path(), "20 cases are there twice");
    // Once in the table, twice in the baseline: as another entry, and as another key of one.
    let dir = setup(&good);
    let path = dir.path().join("reports/baseline/main.json");
    let text = fs::read_to_string(&path).unwrap();
    let baseline: Value = serde_json::from_str(&text).unwrap();
    let mut again = baseline.clone();
    let metrics = again["figures"].as_array_mut().unwrap();
    let metric = metrics
        .iter()
        .find(|f| f["label"] == "lesion" && f["metric"] == "dice");
    let metric = metric.unwrap().clone();
    metrics.push(metric);
    fs::write(&path, again.to_string()).unwrap();
    not_comparable(
        dir.path(),
        "the baseline cannot be judged by: 20 cases are there twice",
    );
    let keys =
        baseline
            .to_string()
            .replacen("\"volume-4\":0.64", "\"volume-4\":0.64,\"volume-4\":0.1", 1);
    assert_ne!(keys, baseline.to_string());
    fs::write(&path, keys).unwrap();
    not_comparable(
        dir.path(),
        "the baseline cannot be judged by: 1 cases are there twice: volume-4",
    );
}

#[test]
fn cases_that_had_no_value_are_not_comparable() {
    let dir = setup(&scores(|_| 0.0));
    let path = dir.path().join("reports/baseline/main.json");
    let mut baseline: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for metric in baseline["figures"].as_array_mut().unwrap() {
        if metric["metric"] == "dice" && metric["label"] == "lesion" {
            for case in 0..14 {
                metric["values"][format!("volume-{case}")] = Value::Null;
            }
        }
    }
    fs::write(&path, baseline.to_string()).unwrap();
    not_comparable(
        dir.path(),
        "14 of 20 cases have a value now where the baseline has none",
    );
}

#[test]
fn a_case_called_as_all_of_them_is_refused() {
    let dir = setup(&scores(|_| 0.0).replace("volume-4,", "_all,"));
    let output = hdbench(dir.path(), &REGRESS);
    assert_eq!(output.status.code(), Some(3));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("a case is called _all"), "{errors}");
}

#[test]
fn a_partial_evaluation_is_no_baseline() {
    let dir = setup(&scores(|_| 0.0));
    let failures = "case,reason\nvolume-20,\"cannot be read; hint: none\"\n";
    fs::write(dir.path().join("new/failures.csv"), failures).unwrap();
    for scores in ["new", "new/metrics_long.csv"] {
        let saved = hdbench(dir.path(), &["baseline", "save", scores, "--name", "part"]);
        let errors = String::from_utf8_lossy(&saved.stderr);
        assert_eq!(saved.status.code(), Some(3), "{errors}");
        assert!(
            errors.contains("1 cases failed in it (volume-20)"),
            "{errors}"
        );
        let arguments = ["regress", "--baseline", scores, "--current", "old"];
        assert_eq!(hdbench(dir.path(), &arguments).status.code(), Some(7));
    }
    // As what is judged it lacks nothing that the baseline has, and the comment says what it lacks.
    let judgement = judged(dir.path(), 0);
    let notes = judgement["notes"].to_string();
    assert!(
        notes.contains("1 cases failed when they were scored: volume-20"),
        "{notes}"
    );
}

#[test]
fn what_was_not_compared_has_not_passed() {
    let all = scores(|_| 0.0);
    let kept = all.lines().filter(|line| !line.contains(",assd,"));
    let kept: String = kept.map(|line| format!("{line}\n")).collect();
    let dir = setup(&kept);
    let output = hdbench(dir.path(), &[&REGRESS[..], &["--out", "gate"]].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let says = "Passed but for 2 lines that were not required and not compared";
    assert!(errors.contains(says), "{errors}");
    let comment = fs::read_to_string(dir.path().join("gate/comment.md")).unwrap();
    assert!(comment.contains(&format!("### ⚠️ {says}")), "{comment}");
    // A policy that requires nothing is not passed by nothing either.
    fs::write(
        dir.path().join("policy.toml"),
        "format = 1\nlevel = 0.05\n[[accuracy]]\nfigure = \"liver:assd\"\nmargin = 0.1\nrequired = false\n",
    )
    .unwrap();
    let output = hdbench(
        dir.path(),
        &[&REGRESS[..], &["--policy", "policy.toml"]].concat(),
    );
    assert_eq!(output.status.code(), Some(7));
}

/// Whatever the level and the draws: a loss in every case is one.
#[test]
fn few_draws_and_a_low_level_do_not_make_a_gate_that_cannot_fail() {
    let dir = setup(&scores(|_| -0.3));
    for (level, resamples) in [("0.0004", 2000), ("0.05", 100), ("0.00001", 100)] {
        let policy = format!(
            "format = 1\nlevel = {level}\nresamples = {resamples}\n[[accuracy]]\nfigure = \"lesion:dice\"\nmargin = 0.01\n"
        );
        fs::write(dir.path().join("policy.toml"), policy).unwrap();
        let arguments = [&REGRESS[..], &["--policy", "policy.toml"]].concat();
        let output = hdbench(dir.path(), &arguments);
        assert_eq!(output.status.code(), Some(6), "{level}, {resamples}");
    }
    fs::write(
        dir.path().join("policy.toml"),
        "format = 1\nlevel = 1e-9\n[[accuracy]]\nfigure = \"lesion:dice\"\nmargin = 0.01\n",
    )
    .unwrap();
    let output = hdbench(
        dir.path(),
        &[&REGRESS[..], &["--policy", "policy.toml"]].concat(),
    );
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{errors}");
    assert!(
        errors.contains("too few cases: 20 of the 31 that 2 lines need"),
        "{errors}"
    );
}

#[test]
fn baselines_are_listed_and_shown() {
    let dir = setup(&scores(|_| 0.0));
    let listed = hdbench(dir.path(), &["baseline", "list"]);
    let text = String::from_utf8(listed.stdout).unwrap();
    assert!(
        text.starts_with("main: 20 cases, unet, hybrid, hdbench "),
        "{text}"
    );
    let shown = hdbench(dir.path(), &["baseline", "show", "main"]);
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(
        text.contains("hybrid: lesion:dice") && text.contains("0.6950  N = 20"),
        "{text}"
    );
    let none = hdbench(dir.path(), &["baseline", "show", "other"]);
    assert_eq!(none.status.code(), Some(3));
    let bad = ["baseline", "save", "old", "--name", "../x"];
    assert_eq!(hdbench(dir.path(), &bad).status.code(), Some(2));
}

#[test]
fn golden_pairs_are_scored_analysed_and_gated() {
    use hdbench_testing::golden::{number, pairs};
    let dir = tempfile::tempdir().unwrap();
    let pairs = pairs();
    for (side, perfect) in [
        ("predictions", false),
        ("truth", true),
        ("references", true),
    ] {
        fs::create_dir(dir.path().join(side)).unwrap();
        for case in &pairs {
            let from = match perfect {
                true => &case.reference,
                false => &case.prediction,
            };
            let to = dir.path().join(side).join(format!("{}.nii.gz", case.name));
            fs::copy(from, to).unwrap();
        }
    }
    for side in ["predictions", "truth"] {
        let out = format!("scores-{side}");
        let arguments = [
            "evaluate",
            "--pred",
            side,
            "--ref",
            "references",
            "--out",
            &out,
        ];
        let output = hdbench(dir.path(), &arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{errors}");
    }
    let compared = hdbench(
        dir.path(),
        &["compare", "scores-predictions", "scores-truth"],
    );
    assert_eq!(compared.status.code(), Some(0));
    let told: Value = serde_json::from_slice(&compared.stdout).unwrap();
    // The mean over cases is that of MedPy's values; both masks empty is 1, and one empty 0, where
    // MedPy has no opinion.
    for (label, key) in [("liver", "liver"), ("lesion", "tumour")] {
        let dice = pairs.iter().map(|case| {
            let counts = &case.expected[key]["counts"];
            let [truth, predicted] = ["ref", "pred"].map(|side| counts[side].as_u64().unwrap());
            match (truth, predicted) {
                (0, 0) => 1.0,
                (0, _) | (_, 0) => 0.0,
                _ => number(&case.expected[key]["medpy"]["dc"]),
            }
        });
        let mean = dice.sum::<f64>() / pairs.len() as f64;
        let summary = told["summaries"]
            .as_array()
            .unwrap()
            .iter()
            .find(|summary| {
                summary["label"] == label
                    && summary["metric"] == "dice"
                    && summary["algorithm"] == "scores-predictions"
            });
        let found = summary.unwrap()["mean"].as_f64().unwrap();
        assert!((found - mean).abs() < 1e-12, "{label}: {found}, {mean}");
    }
    let better = told["comparisons"]
        .as_array()
        .unwrap()
        .iter()
        .find(|comparison| comparison["label"] == "lesion" && comparison["metric"] == "dice");
    assert_eq!(better.unwrap()["finding"], "better");
    let gate = [
        "regress",
        "--baseline",
        "scores-truth",
        "--current",
        "scores-predictions",
    ];
    let judged = hdbench(dir.path(), &gate);
    let errors = String::from_utf8_lossy(&judged.stderr);
    assert_eq!(judged.status.code(), Some(6), "{errors}");
    assert!(errors.contains("lesion dice of"), "{errors}");
}
