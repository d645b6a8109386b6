//! Any algorithm as a row: commands in a study, through the binary.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::harness::{hdbench, phantoms, states, text};

/// A folder with phantoms, and their label maps under the names of the cases: an algorithm that is always right.
fn answers() -> tempfile::TempDir {
    let dir = phantoms();
    let script =
        "test -f \"$1/$3.nii.gz\" && cp \"$(dirname \"$0\")/answers/$3.nii.gz\" \"$2/$3.nii.gz\"\n";
    fs::write(dir.path().join("copy.sh"), script).unwrap();
    let answers = dir.path().join("answers");
    fs::create_dir(&answers).unwrap();
    for entry in fs::read_dir(dir.path().join("phantoms")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if let Some(rest) = name.strip_prefix("segmentation-") {
            fs::copy(&path, answers.join(format!("volume-{rest}"))).unwrap();
        }
    }
    dir
}

/// Writes a study's file: two folds, none of our networks, these algorithms.
fn study_file(dir: &Path, algorithms: &str) {
    let text = format!(
        "study = \"ablation\"\ndata = \"phantoms\"\nout = \"run\"\nvariant = []\n{algorithms}"
    );
    fs::write(dir.join("study.toml"), text).unwrap();
}

const COPY: &str = r#"
[algorithm.answers]
name = "The answers"
run = ["sh", "{here}/copy.sh", "{input}", "{output}", "{case}"]
version = ["cp", "--version"]
trained_on = "the test cases"
per = "case"
"#;

fn run(dir: &Path, code: i32) -> String {
    let output = hdbench(dir, &["study", "run", "study.toml"]);
    text(&output, code);
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn an_algorithm_is_a_row_with_its_costs_and_is_not_asked_twice() {
    let dir = answers();
    let dir = dir.path();
    study_file(dir, COPY);
    let planned = text(&hdbench(dir, &["study", "plan", "study.toml"]), 0);
    assert!(planned.contains("answers/fold_0/seed_0"), "{planned}");
    assert!(!dir.join("run").exists());
    run(dir, 0);
    let cell = dir.join("run/answers/fold_0/seed_0");
    let report = json(&dir.join("run/report/report.json"));
    let rows = report["content"]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["title"], "The answers");
    assert_eq!(rows[0]["scores"]["liver_dice_per_case"]["mean"], 1.0);
    assert!(rows[0]["cost"]["prediction_seconds"].as_f64().unwrap() > 0.0);
    let page = fs::read_to_string(dir.join("run/report/index.html")).unwrap();
    assert!(page.contains("trained on the test cases"));
    let cases = fs::read_to_string(cell.join("cases.csv")).unwrap();
    let head = cases.lines().next().unwrap();
    assert!(head.ends_with(",wall_seconds,cpu_seconds,peak_memory_mb,gpu_peak_mb,gpu_area_mb_s"));
    let environment = json(&cell.join("env.json"));
    let version = environment["external"]["version"].as_str().unwrap();
    assert!(version.starts_with("cp "), "{version}");
    for scratch in ["scratch", "scans"] {
        assert!(!cell.join(scratch).exists(), "{scratch} is left");
    }

    let made = fs::metadata(cell.join("predictions/made.json"))
        .unwrap()
        .modified()
        .unwrap();
    run(dir, 0);
    let again = fs::metadata(cell.join("predictions/made.json"))
        .unwrap()
        .modified()
        .unwrap();
    assert_eq!(made, again);
    assert_eq!(states(dir)[0].1["state"], "done");
    text(&hdbench(dir, &["verify", "run"]), 0);
    let again = dir.join("again");
    let cell = [
        "reproduce",
        "run",
        "answers/fold_0/seed_0",
        "--out",
        again.to_str().unwrap(),
    ];
    let reproduced = text(&hdbench(dir, &cell), 0);
    assert!(reproduced.contains("\"predictions\": true"), "{reproduced}");

    // Predictions that were made elsewhere are a row of their own, without costs.
    let elsewhere = [
        "study",
        "add",
        "run",
        "--algorithm",
        "elsewhere",
        "--predictions",
        "answers",
    ];
    text(&hdbench(dir, &elsewhere), 0);
    let report = json(&dir.join("run/report/report.json"));
    let rows = report["content"]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[1]["scores"]["liver_dice_per_case"]["mean"], 1.0);
    assert_eq!(rows[1]["cost"]["prediction_seconds"], Value::Null);
    let taken = [
        "study",
        "add",
        "run",
        "--algorithm",
        "answers",
        "--predictions",
        "answers",
    ];
    text(&hdbench(dir, &taken), 2);

    // What the numbers mean is another now.
    study_file(
        dir,
        &format!("{COPY}labels = {{ 1 = \"liver\", 2 = \"liver\" }}\n"),
    );
    run(dir, 0);
    // Whoever does not look for lesions has no scores of them, neither bad ones nor the best.
    let report = json(&dir.join("run/report/report.json"));
    let rows = report["content"]["rows"].as_array().unwrap();
    let scores = |row: &Value| row["scores"].as_object().unwrap().len();
    assert!(rows[0]["scores"]["lesion_dice_per_case"].is_null());
    assert!(
        rows[0]["scores"]["liver_dice_per_case"]["mean"]
            .as_f64()
            .unwrap()
            > 0.9
    );
    assert_eq!(rows[1]["scores"]["lesion_dice_per_case"]["mean"], 1.0);
    assert!(scores(&rows[0]) < scores(&rows[1]));
    let table = fs::read_to_string(dir.join("run/report/tables/ablation.md")).unwrap();
    let line = table
        .lines()
        .find(|line| line.contains("The answers"))
        .unwrap();
    assert!(line.contains('—'), "{line}");
    let page = fs::read_to_string(dir.join("run/report/index.html")).unwrap();
    assert!(page.contains("All 2 algorithms are scored."));
    assert!(!page.contains("training-loss") && !page.contains("ImageNet"));
    assert!(page.contains("hdbench ablation") && page.contains("--no-variants --algorithms FILE"));
    text(&hdbench(dir, &["verify", "run"]), 0);
}

#[test]
fn a_row_is_taken_out_and_one_that_cannot_be_had_is_none() {
    let dir = answers();
    let dir = dir.path();
    study_file(dir, COPY);
    run(dir, 0);
    let rows = || -> Vec<String> {
        let report = json(&dir.join("run/report/report.json"));
        let rows = report["content"]["rows"].as_array().unwrap().iter();
        rows.map(|row| row["variant"].as_str().unwrap().to_owned())
            .collect()
    };
    let add = |name: &str, code| {
        let words = [
            "study",
            "add",
            "run",
            "--predictions",
            "answers",
            "--algorithm",
            name,
        ];
        text(&hdbench(dir, &words), code);
    };
    add("theirs", 0);
    assert_eq!(rows(), ["answers", "theirs"]);
    let remove = |words: &[&str], code| -> String {
        let output = hdbench(
            dir,
            &[&["study", "remove", "run", "--algorithm"], words].concat(),
        );
        text(&output, code);
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(remove(&["their"], 2).contains("its algorithms: answers, theirs"));
    let record = dir.join("run/theirs/fold_0/seed_0/state.json");
    remove(&["theirs"], 0);
    assert_eq!(rows(), ["answers"]);
    assert!(record.is_file());
    add("theirs", 0);
    remove(&["theirs", "--purge"], 0);
    assert!(!dir.join("run/theirs").exists());
    // A study has at least one row.
    remove(&["answers"], 2);

    let lost = fs::read_dir(dir.join("run/answers/fold_0/seed_0/predictions")).unwrap();
    let lost = lost.map(|entry| entry.unwrap().file_name());
    let lost = lost.map(|name| name.to_string_lossy().into_owned());
    let lost = lost.filter(|name| name.ends_with(".nii.gz")).min().unwrap();
    fs::remove_file(dir.join("answers").join(lost)).unwrap();
    add("partly", 4);
    assert_eq!(rows(), ["answers"]);
    assert!(!dir.join("run/partly").exists());
    let kept = fs::read_to_string(dir.join("run/study.toml")).unwrap();
    assert!(!kept.contains("partly"), "{kept}");
}

#[test]
fn an_edited_script_makes_its_row_stale() {
    let dir = answers();
    let dir = dir.path();
    study_file(dir, COPY);
    run(dir, 0);
    let made = || fs::read(dir.join("run/answers/fold_0/seed_0/predictions/made.json")).unwrap();
    let first = made();
    let script = fs::read_to_string(dir.join("copy.sh")).unwrap();
    fs::write(dir.join("copy.sh"), format!("# Another.\n{script}")).unwrap();
    let stale = &states(dir)[0].1;
    assert_eq!(stale["state"], "stale");
    let why = stale.to_string();
    assert!(why.contains("a file of the algorithm's command"), "{why}");
    run(dir, 0);
    assert_eq!(states(dir)[0].1["state"], "done");
    assert_ne!(made(), first);
}

#[test]
fn what_a_studys_algorithms_predicted_is_ranked_by_their_titles() {
    let dir = answers();
    let dir = dir.path();
    study_file(dir, COPY);
    run(dir, 0);
    // The references of the cases that fold 0 has held out.
    fs::create_dir(dir.join("held")).unwrap();
    for entry in fs::read_dir(dir.join("run/answers/fold_0/seed_0/predictions")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".nii.gz") {
            let reference = name.replace("volume-", "segmentation-");
            fs::copy(
                dir.join("answers").join(name),
                dir.join("held").join(reference),
            )
            .unwrap();
        }
    }
    let board = [
        "leaderboard",
        "answers",
        "--study",
        "run",
        "--ref",
        "held",
        "--json",
    ];
    let ranked: Value = serde_json::from_str(&text(&hdbench(dir, &board), 0)).unwrap();
    let ranked = ranked.to_string();
    assert!(
        ranked.contains("\"The answers\"") && ranked.contains("\"answers\""),
        "{ranked}"
    );
    let other = [&board[..], &["--algorithm", "answer"]].concat();
    let output = hdbench(dir, &other);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("did you mean answers?"), "{said}");
}

#[test]
fn a_case_without_a_prediction_is_its_cells_failure_or_counts_as_empty() {
    let dir = answers();
    let dir = dir.path();
    study_file(dir, COPY);
    run(dir, 0);
    let cell = dir.join("run/answers/fold_0/seed_0");
    let tested: Vec<String> = fs::read_dir(cell.join("predictions"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter_map(|name| Some(name.strip_suffix(".nii.gz")?.to_owned()))
        .collect();
    let lost = &tested[0];
    fs::remove_file(dir.join("answers").join(format!("{lost}.nii.gz"))).unwrap();
    let forced = [
        "study",
        "run",
        "study.toml",
        "--force",
        "answers/fold_0/seed_0",
    ];
    let output = hdbench(dir, &forced);
    text(&output, 4);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let reason = format!("1 of {} cases have no prediction", tested.len());
    assert!(
        told.contains(&reason) && told.contains("No such file or directory"),
        "{told}"
    );
    assert!(told.contains("missing = \"empty\""), "{told}");
    for other in &tested[1..] {
        assert!(cell.join(format!("predictions/{other}.nii.gz")).is_file());
    }
    // What is kept of it is on record, and nothing of it is another than it was.
    let verified = hdbench(dir, &["verify", "run"]);
    let told: Value = serde_json::from_slice(&verified.stdout).unwrap();
    let of_cell = |problem: &Value| problem.to_string().contains("answers/fold_0");
    let problems = told["mismatches"].as_array().unwrap();
    assert!(!problems.iter().any(of_cell), "{told}");
    study_file(dir, &format!("{COPY}missing = \"empty\"\n"));
    let told = run(dir, 0);
    assert!(
        told.contains(&format!("{lost}: ")) && told.contains("counts as empty"),
        "{told}"
    );
    let tidy = fs::read_to_string(cell.join("metrics_long.csv")).unwrap();
    let dice = tidy
        .lines()
        .find(|line| line.contains(&format!(",{lost},liver,dice,")));
    assert!(dice.unwrap().contains(",0.0,"), "{dice:?}");
    // The reader of the report is told.
    let of = tested.len();
    let said =
        format!("The answers: 1 of {of} cases ({lost}) without a prediction count as empty.");
    for file in ["report.md", "tables/ablation.md"] {
        let text = fs::read_to_string(dir.join("run/report").join(file)).unwrap();
        assert!(text.contains(&said), "{file}: {text}");
    }
}

#[test]
fn a_cause_of_all_cases_is_told_once() {
    let dir = answers();
    let dir = dir.path();
    study_file(dir, &COPY.replace("{here}/copy.sh", "{here}/none.sh"));
    let told = run(dir, 4);
    let count = |part: &str| told.matches(part).count();
    assert!(count("have no prediction") > 0, "{told}");
    assert_eq!(
        count("ended with exit code"),
        count("have no prediction"),
        "{told}"
    );
    assert!(!told.contains("the others are kept"), "{told}");
}

#[test]
fn what_cannot_be_run_is_refused_before_anything_begins() {
    let dir = answers();
    let dir = dir.path();
    let refused = |algorithm: &str, code, expected: &[&str]| {
        study_file(dir, algorithm);
        let told = run(dir, code);
        for part in expected {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(!dir.join("run").exists());
    };
    let table = |rest: &str| format!("[algorithm.theirs]\n{rest}");
    refused(
        &table("run = [\"x\", \"{inptu}\"]\n"),
        3,
        &["inptu", "algorithm.theirs"],
    );
    refused(&table("run = \"x {input}\"\n"), 3, &["a list of arguments"]);
    refused(
        &table("run = [\"x\"]\nmising = \"fail\"\n"),
        3,
        &["mising", "missing"],
    );
    refused(
        "[algorithm.unet]\nrun = [\"x\", \"{input}\", \"{output}\"]\n",
        3,
        &["unet"],
    );
    let capitals = "[algorithm.A]\nname = \"one\"\n".to_owned()
        + "run = [\"x\", \"{input}\", \"{output}\"]\n[algorithm.a]\n"
        + "run = [\"x\", \"{input}\", \"{output}\"]\n";
    refused(&capitals, 3, &["has the name of the row A"]);
    refused("", 3, &["variant = [] leaves no row", "[algorithm.NAME]"]);
    let own = "run = [\"x\", \"{input}\", \"{output}\"]\nname = \"H-DenseUNet\"\n";
    refused(&table(own), 3, &["that of another row"]);
    let twice = table("run = [\"x\", \"{input}\", \"{output}\"]\nname = \"other\"\n")
        + "[algorithm.other]\nrun = [\"x\", \"{input}\", \"{output}\"]\n";
    refused(&twice, 3, &["that of another row"]);
}

#[test]
fn an_algorithm_of_a_study_predicts_and_packs_test_volumes() {
    let dir = answers();
    let dir = dir.path();
    // The challenge's names of the same cases.
    let script =
        "name=${3#test-}; cp \"$(dirname \"$0\")/answers/$name.nii.gz\" \"$2/$3.nii.gz\"\n";
    fs::write(dir.join("copy.sh"), script).unwrap();
    study_file(dir, COPY);
    run(dir, 0);
    let rehearse = [
        "submit-lits",
        "rehearse",
        "--model",
        "run",
        "--data",
        "phantoms",
        "--out",
        "rehearsal",
    ];
    let told = |arguments: &[&str], code| -> (Value, String) {
        let output = hdbench(dir, arguments);
        let said = text(&output, code);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        (serde_json::from_str(&said).unwrap_or_default(), errors)
    };
    let (_, errors) = told(&[&rehearse[..], &["--algorithm", "answer"]].concat(), 2);
    assert!(errors.contains("its algorithms: answers"), "{errors}");
    let asked = [&rehearse[..], &["--algorithm", "answers"]].concat();
    let (made, errors) = told(&asked, 0);
    assert_eq!(made["scores"]["lesion_dice_per_case"], 1.0, "{made}");
    assert!(made["predicted"]["made"].as_u64().unwrap() > 0);
    assert!(errors.contains("trained on the test cases"), "{errors}");
    let (again, _) = told(&asked, 0);
    assert_eq!(again["predicted"]["made"], 0);

    let test = "rehearsal/test";
    let (all, _) = told(
        &[
            "submit-lits",
            "--study",
            "run",
            "--test",
            test,
            "--out",
            "archives",
        ],
        0,
    );
    assert_eq!(all[0]["variant"], "answers");
    assert!(dir.join("archives/answers.zip").is_file());
    // One case's output is missing: nothing is packed, and the others are kept.
    let lost = fs::read_dir(dir.join(test))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let lost = lost.file_name().to_string_lossy().replace("test-", "");
    let lost = lost.split('.').next().unwrap().to_owned();
    fs::remove_file(dir.join("answers").join(format!("{lost}.nii.gz"))).unwrap();
    let one = [
        "submit-lits",
        "--model",
        "run",
        "--algorithm",
        "answers",
        "--test",
        test,
        "--out",
        "one.zip",
    ];
    let (_, errors) = told(&one, 3);
    assert!(
        errors.contains(&lost) && errors.contains("have no prediction"),
        "{errors}"
    );
    assert!(!dir.join("one.zip").exists());
}

/// A CT reaches an algorithm as its table asks: whatever the data set has it in.
#[test]
fn inputs_are_laid_out_as_an_algorithm_asks_for_them() {
    let dir = answers();
    let dir = dir.path();
    // What the input is, is looked at by the algorithm itself.
    let script = "head -c 20 \"$1/$3.mha\" | grep -q ObjectType || exit 3\n\
                  cp \"$(dirname \"$0\")/answers/$3.nii.gz\" \"$2/$3.nii.gz\"\n";
    fs::write(dir.join("copy.sh"), script).unwrap();
    study_file(dir, &format!("{COPY}input = \"mha\"\n"));
    run(dir, 0);
    let dice = |run: &str| -> f64 {
        let report = json(&dir.join(run).join("report/report.json"));
        let row = &report["content"]["rows"][0];
        row["scores"]["liver_dice_per_case"]["mean"]
            .as_f64()
            .unwrap_or_default()
    };
    assert_eq!(dice("run"), 1.0);

    // Patients of 3DIRCADb are DICOM series, and their folds a cross-validation without a network of ours.
    for made in [
        &[
            "datasets", "synth", "--layout", "ircadb", "--matrix", "64", "--out", "ircadb",
        ][..],
        &[
            "datasets",
            "convert",
            "--from",
            "ircadb",
            "--to",
            "lits",
            "ircadb",
            "converted",
        ],
    ] {
        text(&hdbench(dir, made), 0);
    }
    let script = "test -f \"$1/$3/image_0\" || exit 3\n\
                  cp \"$(dirname \"$0\")/converted/segmentation-${3##*.}.nii.gz\" \"$2/$3.nii.gz\"\n";
    fs::write(dir.join("copy.sh"), script).unwrap();
    fs::write(dir.join("rows.toml"), format!("{COPY}input = \"dicom\"\n")).unwrap();
    let crossval = [
        "crossval",
        "--data",
        "ircadb",
        "--no-variants",
        "--algorithms",
        "rows.toml",
        "--out",
        "folds",
    ];
    text(&hdbench(dir, &crossval), 0);
    let report = json(&dir.join("folds/report/report.json"));
    let cases = report["content"]["rows"][0]["per_case"].as_array().unwrap();
    assert_eq!(cases.len(), 15);
    assert!(
        cases
            .iter()
            .all(|case| case["liver_dice"] == 1.0 && case["lesion_dice"] == 1.0)
    );
    assert_eq!(report["content"]["rows"].as_array().unwrap().len(), 1);
}
