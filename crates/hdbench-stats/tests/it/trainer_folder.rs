//! The folds of a trained model of nnU-Net, as it leaves them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use hdbench_score::Name;
use hdbench_stats::{NoStudies, Scored, metric_tables};

const TRAINER: &str = "nnUNetTrainer__nnUNetPlans__3d_fullres";

/// nnU-Net's file of these cases; Dice is that of the number.
fn summary(folder: &Path, cases: &[(&str, f64)]) {
    fs::create_dir_all(folder).unwrap();
    let cases: Vec<String> = cases
        .iter()
        .map(|(case, dice)| {
            format!(
                r#"{{"metrics": {{"1": {{"Dice": {dice}, "IoU": NaN, "TP": 3}}, "(1, 2, 3)": {{"Dice": 0.5}}}},
                     "prediction_file": "/p/{case}.nii.gz", "reference_file": "/r/{case}.nii.gz"}}"#
            )
        })
        .collect();
    let text = format!(r#"{{"metric_per_case": [{}]}}"#, cases.join(", "));
    fs::write(folder.join("summary.json"), text).unwrap();
}

fn tidy(folder: &Path, algorithm: &str, case: &str) {
    fs::create_dir_all(folder).unwrap();
    let head = "task,algorithm,fold,seed,case,label,metric,metric_version,value,raw_value,policy";
    let row = format!("t,{algorithm},0,0,{case},spleen,dice,1,0.5,0.5,strict");
    let pooled = format!("t,{algorithm},0,0,_all,spleen,dice_global,1,0.5,0.5,strict");
    fs::write(
        folder.join("metrics_long.csv"),
        format!("{head}\n{row}\n{pooled}\n"),
    )
    .unwrap();
}

fn dataset(trainer: &Path, cases: usize) {
    let text = format!(
        r#"{{"labels": {{"background": 0, "spleen": [1], "organs": [1, 2, 3]}}, "numTraining": {cases}}}"#
    );
    fs::write(trainer.join("dataset.json"), text).unwrap();
}

/// Three folds of a data set of six cases.
fn trained(trainer: &Path) {
    for fold in 0..3 {
        let [a, b] = [2 * fold, 2 * fold + 1].map(|case| format!("case_{case}"));
        let folder = trainer.join(format!("fold_{fold}/validation"));
        summary(&folder, &[(a.as_str(), 0.25), (b.as_str(), 0.75)]);
    }
    dataset(trainer, 6);
}

fn read(path: &Path) -> Scored {
    Scored::read(path, &NoStudies).unwrap()
}

#[track_caller]
fn refused(path: &Path, says: &[&str]) {
    let error = Scored::read(path, &NoStudies).unwrap_err().to_string();
    for text in says {
        assert!(error.contains(text), "{text}: {error}");
    }
}

#[test]
fn folds_are_pooled_under_the_names_of_the_data_set() {
    let dir = tempfile::tempdir().unwrap();
    let trainer = dir.path().join(TRAINER);
    trained(&trainer);
    let scored = read(&trainer);
    assert_eq!(scored.warnings, [""; 0]);
    assert_eq!(scored.algorithms(), BTreeSet::from([TRAINER.to_owned()]));
    let cases = scored.rows.iter().map(|row| (row.fold, row.case));
    let cases: BTreeSet<(u32, Name)> = cases.collect();
    assert_eq!(cases.len(), 6);
    assert!(cases.contains(&(2, "case_5".into())), "{cases:?}");
    let tables = metric_tables(&scored.rows, |row| row.metric == "dice").unwrap();
    let names: Vec<String> = tables.iter().map(|table| table.name()).collect();
    assert_eq!(names, ["organs dice", "spleen dice"]);
    assert_eq!(tables[1].values.mean(), Some(0.5));
    assert_eq!(scored.notes.len(), 1, "{:?}", scored.notes);
}

#[test]
fn what_is_missing_of_a_cross_validation_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let trainer = dir.path().join(TRAINER);
    trained(&trainer);
    fs::remove_file(trainer.join("fold_1/validation/summary.json")).unwrap();
    let [warning] = read(&trainer).warnings.try_into().unwrap();
    assert!(
        warning.ends_with(
            "folds 1, 3, 4 are not there or not scored; 4 of 6 training cases are scored"
        ),
        "{warning}"
    );
    // Without the number of cases a gap is seen, and what nnU-Net does by default.
    fs::remove_file(trainer.join("dataset.json")).unwrap();
    let [warning] = read(&trainer).warnings.try_into().unwrap();
    assert!(
        warning.ends_with("folds 1, 3, 4 are not there or not scored"),
        "{warning}"
    );
    for fold in [1, 3, 4] {
        let case = format!("more_{fold}");
        summary(
            &trainer.join(format!("fold_{fold}/validation")),
            &[(case.as_str(), 0.5)],
        );
    }
    assert!(read(&trainer).warnings.is_empty());
    dataset(&trainer, 9);
    let [warning] = read(&trainer).warnings.try_into().unwrap();
    assert!(warning.contains("7 of 9 training cases"), "{warning}");
    summary(&trainer.join("fold_all/validation"), &[("case_0", 0.5)]);
    let scored = read(&trainer);
    assert!(
        scored
            .notes
            .iter()
            .any(|note| note.contains("fold_all is left out"))
    );
    assert_eq!(scored.rows.len(), 3 * 7);
}

#[test]
fn a_case_in_two_folds_is_refused_with_both_files() {
    let dir = tempfile::tempdir().unwrap();
    let trainer = dir.path().join(TRAINER);
    trained(&trainer);
    summary(&trainer.join("fold_2/validation"), &[("case_1", 0.5)]);
    refused(
        &trainer,
        &[
            "case_1",
            "fold_0/validation/summary.json",
            "fold_2/validation/summary.json",
        ],
    );
}

#[test]
fn scores_of_evaluate_count_where_all_folds_have_them() {
    let dir = tempfile::tempdir().unwrap();
    let trainer = dir.path().join(TRAINER);
    trained(&trainer);
    tidy(&trainer.join("fold_0"), TRAINER, "case_0");
    // Our own file beside it has values where nnU-Net's has none.
    let own = r#"{"hdbench": {"format": "hdbench.summary/1"}, "metric_per_case": []}"#;
    fs::write(trainer.join("fold_0/summary.json"), own).unwrap();
    let scored = read(&trainer);
    assert_eq!(
        scored.rows.iter().filter(|row| row.fold == 0).count(),
        2 * 3
    );
    assert!(scored.rows.iter().all(|row| row.policy == "nnunet"));
    assert!(
        scored
            .notes
            .iter()
            .any(|note| note.contains("folds 1, 2 have no metrics_long.csv")),
        "{:?}",
        scored.notes
    );
    tidy(&trainer.join("fold_1/validation"), TRAINER, "case_1");
    tidy(&trainer.join("fold_2"), TRAINER, "case_2");
    let scored = read(&trainer);
    let found: Vec<(u32, &str)> = scored
        .rows
        .iter()
        .map(|row| (row.fold, row.case.as_str()))
        .collect();
    assert_eq!(found, [(0, "case_0"), (1, "case_1"), (2, "case_2")]);
    // Failed cases are told, and kept for the gate.
    fs::write(
        trainer.join("fold_2/failures.csv"),
        "case,reason\ncase_5,broken\n",
    )
    .unwrap();
    let scored = read(&trainer);
    assert_eq!(scored.failed, ["case_5"]);
    assert!(
        scored.warnings[0].contains("case_5"),
        "{:?}",
        scored.warnings
    );
    // Two ways of scoring are not mixed.
    fs::remove_file(trainer.join("fold_0/metrics_long.csv")).unwrap();
    fs::remove_file(trainer.join("fold_1/validation/summary.json")).unwrap();
    refused(
        &trainer,
        &[
            "fold 0 has no metrics_long.csv",
            "fold 1 has no summary.json",
        ],
    );
}

#[test]
fn folds_of_several_names_are_one_algorithm() {
    let dir = tempfile::tempdir().unwrap();
    for (fold, algorithm) in [(0, "mine"), (1, "mine")] {
        tidy(
            &dir.path().join(format!("fold_{fold}")),
            algorithm,
            &format!("case_{fold}"),
        );
    }
    assert_eq!(
        read(dir.path()).algorithms(),
        BTreeSet::from(["mine".to_owned()])
    );
    let trainer = dir.path().join(TRAINER);
    for fold in 0..2 {
        tidy(
            &trainer.join(format!("fold_{fold}")),
            &format!("run{fold}"),
            &format!("case_{fold}"),
        );
    }
    assert_eq!(
        read(&trainer).algorithms(),
        BTreeSet::from([TRAINER.to_owned()])
    );
    tidy(&trainer.join("fold_1"), "run1", "case_0");
    refused(
        &trainer,
        &[
            "case_0",
            "fold_0/metrics_long.csv",
            "fold_1/metrics_long.csv",
        ],
    );
}

#[test]
fn a_folder_of_results_has_the_models_of_one_data_set() {
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("Dataset001_Organs");
    let other = "nnUNetTrainer__nnUNetPlans__2d";
    for name in [TRAINER, other] {
        trained(&set.join(name));
    }
    fs::create_dir_all(set.join("empty__p__c/fold_0")).unwrap();
    for path in [set.as_path(), dir.path()] {
        let scored = read(path);
        assert_eq!(
            scored.algorithms(),
            BTreeSet::from([TRAINER.to_owned(), other.to_owned()])
        );
        assert!(scored.warnings[0].contains("none of its folds is scored"));
    }
    trained(&dir.path().join("Dataset002_More").join(TRAINER));
    refused(
        dir.path(),
        &[
            "Dataset001_Organs, Dataset002_More",
            "name the folder of one data set",
        ],
    );
    refused(
        &set.join("empty__p__c"),
        &["none of its folds is scored", "hdbench evaluate"],
    );
    fs::create_dir(dir.path().join("none")).unwrap();
    refused(&dir.path().join("none"), &["holds no scores"]);
}
