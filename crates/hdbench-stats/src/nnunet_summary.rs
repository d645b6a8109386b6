//! nnU-Net's `summary.json` as scores.

use std::collections::BTreeSet;
use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::{Shown as _, composed, name_of};
use hdbench_score::structures::{self, StructureSet};
use hdbench_score::{Label, MetricRow, Name};
use hdbench_volume::artifact::read_file;
use hdbench_volume::nnunet_folder::{Fold, TrainedFold};
use hdbench_volume::{LabelMap, dataset_json, split_image_name};
use serde_json::Value;

use super::scored::{EXPECTED, Scored};

/// nnU-Net's names of metrics that are ours under another name.
const OF_NNUNET: [(&str, &str); 2] = [("Dice", "dice"), ("IoU", "jaccard")];

/// Counts of voxels, which are nothing to average.
const COUNTS: [&str; 6] = ["TP", "FP", "FN", "TN", "n_pred", "n_ref"];

/// nnU-Net's `summary.json`, of its first version too: labels by the `dataset.json` beside or above it, else
/// 1 liver, 2 tumour where there are no others. In `fold_K/validation` the scores are those of fold K of the model.
pub(super) fn of_summary(path: &Path) -> Result<Scored> {
    let wrong = |problem: String| Error::malformed(path, problem, EXPECTED);
    let text = read_file(path).map_err(Error::read(path))?;
    let text = with_quoted_numbers(&String::from_utf8_lossy(&text));
    let summary: Value = serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?;
    let cases = cases_of(&summary).map_err(wrong)?;
    let keys = cases.iter().flat_map(|case| &case.labels);
    let values: BTreeSet<u16> = keys
        .filter_map(|(key, _)| values_of(key))
        .flatten()
        .collect();
    let trained = TrainedFold::of(path);
    let place = match &trained {
        // One note for all folds.
        Some(fold) => fold.trainer.as_path(),
        None => path,
    };
    let mut scored = Scored::default();
    let (names, note) = LabelNames::of(path, &values)?;
    if let Some(note) = note {
        scored.notes.push(format!("{}: {note}", place.shown()));
    }
    let folder = path.parent().and_then(Path::file_name);
    let (algorithm, fold) = match &trained {
        Some(TrainedFold {
            algorithm,
            fold: Fold::Number(number),
            ..
        }) => (algorithm.clone(), *number),
        Some(all) => (format!("{}, {}", all.algorithm, all.fold), 0),
        None => (name_of(folder.unwrap_or_default()).into_owned(), 0),
    };
    let algorithm = Name::from(algorithm);
    for SummaryCase { case, labels } in cases {
        let case = Name::from(case);
        let begin = scored.rows.len();
        for (key, metrics) in labels {
            let Some(label) = names.label_of(key) else {
                continue;
            };
            for (metric, value) in metrics.as_object().into_iter().flatten() {
                if COUNTS.contains(&metric.as_str()) {
                    continue;
                }
                let known = OF_NNUNET.iter().find(|(theirs, _)| theirs == metric);
                let metric = known.map_or(metric.as_str(), |(_, ours)| ours);
                let row = MetricRow {
                    task: Name::default(),
                    algorithm,
                    fold,
                    seed: 0,
                    case,
                    label: Some(label),
                    metric: metric.into(),
                    metric_version: 0,
                    value: number_of(value),
                    raw_value: number_of(value),
                    policy: "nnunet".into(),
                };
                // Our own file has both names of a metric.
                let twice =
                    |other: &MetricRow| other.label == row.label && other.metric == row.metric;
                if !scored.rows[begin..].iter().any(twice) {
                    scored.rows.push(row);
                }
            }
        }
    }
    if scored.rows.is_empty() {
        return Err(wrong("holds no metric of any label".into()));
    }
    let is_bare = |row: &MetricRow| row.label == Some(Label::LIVER_WITHOUT_LESIONS);
    if scored.rows.iter().any(is_bare) {
        scored.notes.push(format!(
            "{}: scores the liver without its tumours, as no region of both is declared: its metrics are those of \
             {}, and no metric of the whole liver is compared with them",
            place.shown(),
            Label::LIVER_WITHOUT_LESIONS
        ));
    }
    Ok(scored)
}

/// A case of a `summary.json` with what it scored, by label.
struct SummaryCase<'a> {
    case: String,
    labels: Vec<(&'a str, &'a Value)>,
}

/// Of nnU-Net v2 `metric_per_case`, of v1 `results.all`, which has the files among the labels.
fn cases_of(summary: &Value) -> Result<Vec<SummaryCase<'_>>, String> {
    let old = summary["results"]["all"].as_array();
    let new = summary["metric_per_case"].as_array();
    let Some(entries) = new.or(old) else {
        return Err("has no list `metric_per_case`, nor `results.all` as nnU-Net v1 has".into());
    };
    let is_old = new.is_none();
    let (file, metrics) = match is_old {
        true => ("test", None),
        false => ("prediction_file", Some("metrics")),
    };
    let case = |entry: &'_ Value| -> Option<String> {
        let named = entry["case"].as_str().map(composed);
        named.or_else(|| case_of(entry[file].as_str()?))
    };
    entries
        .iter()
        .map(|entry| {
            let case = case(entry).ok_or_else(|| format!("a case has no `{file}`"))?;
            let labels = match metrics {
                Some(metrics) => entry[metrics].as_object(),
                None => entry.as_object(),
            };
            let labels = labels.ok_or_else(|| format!("{case} has no `metrics`"))?;
            Ok(SummaryCase {
                labels: labels.iter().map(|(key, v)| (key.as_str(), v)).collect(),
                case,
            })
        })
        .collect()
}

/// What the labels of a `summary.json` are called.
enum LabelNames {
    /// Liver and tumour, as this program calls them whatever their values.
    LiverAndTumour(LabelMap),
    /// As a `dataset.json` calls them.
    Structures(StructureSet),
    /// By nnU-Net's own names of them: their values.
    Values,
}

impl LabelNames {
    /// Of a file and the label values in it, and what is to be said of them.
    fn of(path: &Path, values: &BTreeSet<u16>) -> Result<(Self, Option<String>)> {
        let Some((dataset, set)) = structures::above(path)? else {
            let is_lits = values.iter().all(|value| [1, 2].contains(value));
            return Ok(match is_lits {
                true => (
                    Self::LiverAndTumour(LabelMap::lits()),
                    Some("labels 1 and 2 are taken for liver and tumour: no dataset.json is there or above".into()),
                ),
                false => (
                    Self::Values,
                    Some("labels go by their numbers: no dataset.json is there or above".into()),
                ),
            });
        };
        if structures::is_of_liver_and_tumour(&dataset, &set)
            && let Some(found) = dataset_json::read(&dataset, "mend or remove it")?
        {
            let note = format!(
                "labels of {} ({}): {}",
                dataset.shown(),
                found.convention,
                found.map
            );
            return Ok((Self::LiverAndTumour(found.map), Some(note)));
        }
        let note = format!("labels have the names of {}", dataset.shown());
        Ok((Self::Structures(set), Some(note)))
    }

    /// What a label is, `2` or a region `(1, 2)`; none for what is no label, or background.
    fn label_of(&self, key: &str) -> Option<Label> {
        let values = values_of(key)?;
        if values.is_empty() || (values.len() == 1 && values.contains(&0)) {
            return None;
        }
        let named = match self {
            Self::Values => None,
            Self::LiverAndTumour(map) => of_liver_and_tumour(&values, map),
            Self::Structures(set) => {
                let own = set.structures.iter();
                let own = own.filter(|own| own.values.iter().eq(values.iter().copied()));
                own.map(|own| Label::new(&own.name)).next()
            }
        };
        // Another structure goes by nnU-Net's own name of it.
        Some(named.unwrap_or_else(|| Label::new(key)))
    }
}

/// The values of a label or region; none for what is neither.
fn values_of(key: &str) -> Option<BTreeSet<u16>> {
    let values = key.trim_matches(['(', ')', '[', ']']).split(',');
    let values = values.map(str::trim).filter(|value| !value.is_empty());
    values.map(|value| value.parse().ok()).collect()
}

fn of_liver_and_tumour(values: &BTreeSet<u16>, map: &LabelMap) -> Option<Label> {
    let of =
        |class: u8| -> BTreeSet<u16> { map.values_of(class).into_iter().map(u16::from).collect() };
    let (liver, tumours) = (of(1), of(2));
    if *values == tumours {
        Some(Label::LESION)
    } else if *values == &liver | &tumours {
        Some(Label::LIVER)
    } else if *values == liver {
        Some(Label::LIVER_WITHOUT_LESIONS)
    } else {
        None
    }
}

/// Numbers of Python that JSON has not.
const UNJSON: [(&str, f64); 3] = [
    ("NaN", f64::NAN),
    ("-Infinity", f64::NEG_INFINITY),
    ("Infinity", f64::INFINITY),
];

/// Python's JSON with those numbers as strings; what stands in a string, such as a case's name, stays.
fn with_quoted_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let number = UNJSON.iter().find(|(name, _)| rest.starts_with(name));
        if let (false, Some((name, _))) = (in_string, number) {
            out += &format!("\"{name}\"");
            rest = &rest[name.len()..];
            continue;
        }
        if next == '"' && !escaped {
            in_string = !in_string;
        }
        escaped = next == '\\' && !escaped;
        out.push(next);
        rest = &rest[next.len_utf8()..];
    }
    out
}

/// A number, NaN for what is none.
fn number_of(value: &Value) -> f64 {
    let named = |text: &str| UNJSON.iter().find(|(name, _)| *name == text);
    let unjson = value.as_str().and_then(named).map(|(_, number)| *number);
    value.as_f64().or(unjson).unwrap_or(f64::NAN)
}

fn case_of(file: &str) -> Option<String> {
    let name = Path::new(file).file_name()?.to_str()?;
    let stem = split_image_name(name).map(|(stem, _)| stem);
    Some(composed(stem.unwrap_or(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_a_summary_are_what_its_data_set_says() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("fold_0/validation");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("summary.json");
        let case = r#"{"metrics": {"1": {"Dice": 0.4}, "2": {"Dice": 0.95}}, "prediction_file": "/p/c0.nii.gz"}"#;
        std::fs::write(&path, format!(r#"{{"metric_per_case": [{case}]}}"#)).unwrap();
        let found = || {
            let rows = Scored::read(&path, &crate::NoStudies).unwrap().rows;
            let row = |row: &MetricRow| (row.label.unwrap().name(), row.value);
            rows.iter().map(row).collect::<Vec<_>>()
        };
        assert_eq!(found(), [("liver_without_lesions", 0.4), ("lesion", 0.95)]);
        let json = r#"{"labels": {"background": 0, "tumor": 1, "liver": 2}}"#;
        std::fs::write(dir.path().join("dataset.json"), json).unwrap();
        assert_eq!(found(), [("lesion", 0.4), ("liver_without_lesions", 0.95)]);
        let json = r#"{"labels": {"background": 0, "liver": 1}}"#;
        std::fs::write(dir.path().join("dataset.json"), json).unwrap();
        assert_eq!(found(), [("liver", 0.4), ("2", 0.95)]);
        // What is neither is called as the data set calls it.
        let json = r#"{"labels": {"background": 0, "spleen": 1, "kidneys": [2], "both": [1, 2]}}"#;
        std::fs::write(dir.path().join("dataset.json"), json).unwrap();
        assert_eq!(found(), [("spleen", 0.4), ("kidneys", 0.95)]);
        std::fs::remove_file(dir.path().join("dataset.json")).unwrap();
        // Three labels of nobody knows what are no liver.
        let three = case.replace(
            r#""2": "#,
            r#""(1, 2)": {"Dice": 0.6}, "2": {"Dice": 0.1}, "3": "#,
        );
        std::fs::write(&path, format!(r#"{{"metric_per_case": [{three}]}}"#)).unwrap();
        assert_eq!(
            found(),
            [("(1, 2)", 0.6), ("1", 0.4), ("2", 0.1), ("3", 0.95)]
        );
        // The first version of nnU-Net.
        let case = r#"{"2": {"Dice": 0.8, "Recall": NaN}, "reference": "/r/c.nii.gz", "test": "/x/c.nii.gz"}"#;
        std::fs::write(&path, format!(r#"{{"results": {{"all": [{case}]}}}}"#)).unwrap();
        let rows = Scored::read(&path, &crate::NoStudies).unwrap().rows;
        assert_eq!(
            (rows[0].case.as_str(), rows[0].metric.as_str()),
            ("c", "dice")
        );
        assert_eq!((rows[0].value, rows.len()), (0.8, 2));
    }

    #[test]
    fn a_metric_or_a_case_without_a_name_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("summary.json");
        let of = |case: &str, metric: &str| {
            let text = format!(
                r#"{{"metric_per_case": [{{"case": "{case}", "metrics": {{"2": {{"{metric}": 0.5}}}}}}]}}"#
            );
            std::fs::write(&path, text).unwrap();
            Scored::read(&path, &crate::NoStudies)
        };
        assert_eq!(of("volume-1", "Dice").unwrap().rows.len(), 1);
        for (case, metric) in [("volume-1", ""), ("", "Dice")] {
            let error = of(case, metric).unwrap_err().to_string();
            assert!(
                error.contains("a case or a metric has an empty name"),
                "{error}"
            );
        }
    }
}
