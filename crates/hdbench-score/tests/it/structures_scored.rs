//! Any structures against what the official scorers say of the same pairs (tests/data/structures).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hdbench_ground::error::Error;
use hdbench_ground::progress::{Silent, Stop};
use hdbench_score::metrics::surface::Border;
use hdbench_score::structures::{Instances, StructureSet, built_in};
use hdbench_score::{
    CasePair, CaseScores, Label, LabelSet, Metric, Options, ScoredStructure, Source, StrictCase,
    StructureOptions, StructuresPlan, evaluate, score_case_with, score_structures,
    with_every_structure, write_summary,
};
use hdbench_volume::Geometry;
use hdbench_volume::components::Connectivity;
use ndarray::Array3;
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/structures")
}

fn expected(tool: &str) -> Value {
    let path = folder().join("expected").join(format!("{tool}.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn pair(case: &str) -> CasePair {
    let file = |name: &str| Source::File(folder().join("pairs").join(case).join(name));
    CasePair {
        case: case.into(),
        prediction: file("pred.nii.gz"),
        reference: file("ref.nii.gz"),
    }
}

fn structure(name: &str, values: &[u16]) -> ScoredStructure {
    ScoredStructure::new(Label::new(name), LabelSet::of(values.iter().copied()))
}

fn score(case: &str, structures: Vec<ScoredStructure>, ignore: &[u16]) -> CaseScores {
    let options = StructureOptions {
        ignore: ignore.to_vec(),
        ..StructureOptions::default()
    };
    let metrics = Options {
        borders: vec![Border::Six, Border::Eighteen, Border::TwentySix],
        structures,
        ..Options::default()
    };
    let found = score_structures(&pair(case), &options, &metrics);
    found.unwrap().scored.scores
}

/// The structures of an nnU-Net summary by its keys: `3` or `(1, 2, 3)`.
fn keyed(summary: &Value) -> Vec<ScoredStructure> {
    let keys = summary["mean"].as_object().unwrap().keys();
    keys.map(|key| {
        let values = key.trim_matches(['(', ')']).split(',');
        let values: Vec<u16> = values.filter_map(|v| v.trim().parse().ok()).collect();
        structure(key, &values)
    })
    .collect()
}

#[test]
fn labels_regions_and_an_ignore_label_are_nnunets() {
    let mut compared = 0;
    for (file, ignore) in [("organs", &[][..]), ("kits", &[]), ("ignore", &[4])] {
        let summary = folder().join(format!("expected/nnunet/{file}_summary.json"));
        let text = std::fs::read_to_string(summary).unwrap();
        // nnU-Net writes NaN where it has no value.
        let summary: Value = serde_json::from_str(&text.replace("NaN", "null")).unwrap();
        let structures = keyed(&summary);
        for case in summary["metric_per_case"].as_array().unwrap() {
            let path = case["prediction_file"].as_str().unwrap();
            let name = Path::new(path).file_name().unwrap().to_str().unwrap();
            let scores = score(name.trim_end_matches(".nii.gz"), structures.clone(), ignore);
            for (key, theirs) in case["metrics"].as_object().unwrap() {
                let ours = &scores[Label::new(key)];
                let counts = ours.counts;
                for (field, count) in [
                    ("TP", counts.intersection),
                    ("FP", counts.prediction - counts.intersection),
                    ("FN", counts.reference - counts.intersection),
                    ("n_pred", counts.prediction),
                    ("n_ref", counts.reference),
                ] {
                    assert_eq!(
                        theirs[field].as_f64(),
                        Some(count as f64),
                        "{name} {key} {field}"
                    );
                }
                let raw = |metric| ours.metric_value(metric).unwrap().raw;
                for (field, value) in [("Dice", raw(Metric::Dice)), ("IoU", raw(Metric::Jaccard))] {
                    match theirs[field].as_f64() {
                        Some(theirs) => assert!((theirs - value).abs() < 1e-12, "{name} {key}"),
                        None => assert!(value.is_nan(), "{name} {key} {field}: {value}"),
                    }
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 50, "{compared}");
}

/// The counts TP, FP and FN of nnU-Net 2.8's `compute_metrics` of the pair `ignore_a`, whose reference holds 0 to 4.
#[test]
fn structures_that_hold_an_ignored_value_are_nnunets() {
    for (ignore, values, [tp, fp, missed]) in [
        (4, &[4][..], [0, 0, 0]),
        (4, &[3, 4], [18, 7, 12]),
        (4, &[1, 2, 3, 4], [1504, 201, 201]),
        (3, &[3], [0, 7, 0]),
        (3, &[2, 3], [329, 80, 67]),
        (3, &[1, 2, 3], [1474, 370, 201]),
    ] {
        let scores = score("ignore_a", vec![structure("a", values)], &[ignore]);
        let counts = scores[Label::new("a")].counts;
        let own = [
            counts.intersection,
            counts.prediction - counts.intersection,
            counts.reference - counts.intersection,
        ];
        assert_eq!(own, [tp, fp, missed], "{values:?} without {ignore}");
    }
}

#[test]
fn a_structure_that_holds_an_ignored_value_is_told() {
    let text = "ignore = [3, 5]\n[structures]\na = [1, 2]\nb = \"2-5\"\n";
    let set = StructureSet::from_toml(text, Path::new("set.toml")).unwrap();
    let plan = StructuresPlan::of(&set, Options::default());
    assert_eq!(
        plan.left_out,
        [
            "Structure \"b\" holds values that are ignored (3, 5): those of the reference never count, and predictions of \
            them elsewhere are false positives."
        ]
    );
}

fn surface(border: Border) -> Vec<(&'static str, Metric)> {
    vec![
        ("hd", Metric::Msd(border)),
        ("hd95", Metric::Hd95(border)),
        ("assd", Metric::Assd(border)),
    ]
}

#[test]
fn distances_of_many_structures_are_medpys() {
    let tool = expected("medpy");
    let mut compared = 0;
    for row in tool["rows"].as_array().unwrap() {
        let Some(values) = row["values"].as_object() else {
            continue;
        };
        let (case, name) = (
            row["case"].as_str().unwrap(),
            row["structure"].as_str().unwrap(),
        );
        let Ok(value) = name.parse::<u16>() else {
            continue;
        };
        let scores = score(case, vec![structure(name, &[value])], &[]);
        let ours = &scores[Label::new(name)];
        let metrics = match row["call"].as_str().unwrap() {
            "overlap" => vec![("dc", Metric::Dice), ("jc", Metric::Jaccard)],
            "connectivity 1" => surface(Border::Six),
            "connectivity 2" => surface(Border::Eighteen),
            "connectivity 3" => surface(Border::TwentySix),
            _ => continue,
        };
        for (theirs, metric) in metrics {
            // What MedPy refuses, or has no number for, is no value of ours either.
            let Some(theirs) = values.get(theirs).and_then(Value::as_f64) else {
                continue;
            };
            let raw = ours.metric_value(metric).unwrap().raw;
            if raw.is_nan() {
                continue;
            }
            let close = (raw - theirs).abs() <= 1e-6 * theirs.abs().max(1.0);
            assert!(close, "{case} {name} {metric:?}: {raw} for {theirs}");
            compared += 1;
        }
    }
    assert!(compared > 50, "{compared}");
}

#[test]
fn values_above_255_and_components_by_any_neighbourhood() {
    let wide = score("wide", vec![structure("top", &[65_535])], &[]);
    assert!(wide[Label::new("top")].counts.reference > 0);
    let by = |connectivity| {
        let lesion = ScoredStructure {
            instances: Some(Instances::grouped(connectivity)),
            ..structure("1", &[1])
        };
        let scores = score("instances_connectivity", vec![lesion], &[]);
        scores.instances_of(Label::new("1")).unwrap().list.len()
    };
    let found = [
        Connectivity::Six,
        Connectivity::Eighteen,
        Connectivity::TwentySix,
    ]
    .map(by);
    assert!(found[0] > found[1] && found[1] > found[2], "{found:?}");
}

#[test]
fn every_value_is_a_structure_of_every_case() {
    let plan = StructuresPlan::of(&built_in("all").unwrap(), Options::default());
    let cases = ["organs", "wide", "brats_gli"];
    let found = cases.map(|case| score_structures(&pair(case), &plan.reading, &plan.metrics));
    let mut found = found.map(Result::unwrap);
    let labels = |found: &[StrictCase]| -> Vec<BTreeSet<Label>> {
        let of = |case: &StrictCase| {
            case.scored
                .scores
                .structures
                .iter()
                .map(|own| own.label)
                .collect()
        };
        found.iter().map(of).collect()
    };
    let own = labels(&found);
    let all: BTreeSet<Label> = own.iter().flatten().copied().collect();
    assert!(own.iter().all(|own| own.len() < all.len()));
    with_every_structure(&mut found, &plan.metrics);
    // As if the values of all had been known before.
    let structures = all
        .iter()
        .map(|label| ScoredStructure::of_value(label.name().parse().unwrap()));
    let options = Options {
        structures: structures.collect(),
        ..Options::default()
    };
    for (case, found) in cases.into_iter().zip(found) {
        let known = score_structures(&pair(case), &StructureOptions::default(), &options).unwrap();
        // NaN is not equal to itself, its name is.
        assert_eq!(format!("{:?}", found.scored), format!("{:?}", known.scored));
    }
}

#[test]
fn a_value_of_no_structure_is_told() {
    let metrics = Options {
        structures: vec![structure("1", &[1])],
        ..Options::default()
    };
    let found = score_structures(&pair("organs"), &StructureOptions::default(), &metrics).unwrap();
    assert!(
        found.notes[0].contains("pred.nii.gz: values 2, 3"),
        "{:?}",
        found.notes
    );
    assert!(
        found.notes[0].ends_with("are in no structure"),
        "{:?}",
        found.notes
    );
}

#[test]
fn the_classes_of_kits_are_scored_as_kits_scores_them() {
    let plan = StructuresPlan::of(&built_in("kits23").unwrap(), Options::default());
    let tool = expected("kits");
    let mut compared = 0;
    for row in tool["rows"].as_array().unwrap() {
        let (Some(case), Some(name)) = (row["case"].as_str(), row["structure"].as_str()) else {
            continue;
        };
        if row["call"] != "case" || case == "average" {
            continue;
        }
        let scores = score_structures(&pair(case), &plan.reading, &plan.metrics).unwrap();
        let ours = scores.scored.scores[Label::new(name)].clone();
        let values: Vec<f64> = ours.metric_values().map(|(_, value)| value.value).collect();
        for (field, ours) in ["Dice", "SD"].into_iter().zip(&values) {
            let theirs = row["values"][field].as_f64().unwrap();
            assert!(
                (ours - theirs).abs() <= 1e-9,
                "{case} {name} {field}: {ours} for {theirs}"
            );
            compared += 1;
        }
        assert_eq!(values.len(), 2, "its own metrics and no more");
    }
    assert!(compared >= 12, "{compared}");
}

#[test]
fn a_summary_has_nnunets_numbers_whatever_metrics_a_structure_names() {
    let own = ScoredStructure {
        metrics: Some(vec![Metric::Hd95(Border::Six)]),
        ..structure("1", &[1])
    };
    let metrics = Options {
        structures: vec![own],
        ..Options::default()
    };
    let found = score_structures(&pair("organs"), &StructureOptions::default(), &metrics).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("summary.json");
    let counts = found.scored.scores[Label::new("1")].counts;
    write_summary(&path, &[found.scored]).unwrap();
    let summary: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for part in [
        &summary["mean"]["1"],
        &summary["metric_per_case"][0]["metrics"]["1"],
    ] {
        assert_eq!(part["Dice"].as_f64(), Some(counts.dice()));
        assert_eq!(part["IoU"].as_f64(), Some(counts.jaccard()));
        assert!(part["hd95_6n"].is_f64() && part["assd"].is_null());
    }
}

#[test]
fn a_case_stops_once_it_is_asked_to() {
    let stop = Stop::default();
    let metrics = Options {
        stop: stop.clone(),
        ..Options::default()
    };
    let organs = pair("organs");
    let structures = || score_structures(&organs, &StructureOptions::default(), &metrics);
    let grid = Geometry::axis_aligned([1, 2, 3], [1.0; 3]);
    let map = Array3::zeros(grid.shape);
    let arrays = || score_case_with(&map, &map, &grid, &metrics);
    assert!(structures().is_ok() && arrays().is_ok());
    // Asked within a case, it is no failure of that case: there is no result at all.
    let pool = rayon::ThreadPoolBuilder::new().build().unwrap();
    let found = evaluate(&[pair("organs")], 1, &pool, &Silent, |_| {
        stop.ask();
        structures()
    });
    assert!(matches!(found, Err(Error::Interrupted { .. })));
    assert!(matches!(structures(), Err(Error::Interrupted { .. })));
    assert!(matches!(arrays(), Err(Error::Interrupted { .. })));
}
