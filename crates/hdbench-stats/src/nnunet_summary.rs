//! nnU-Net's `summary.json` as scores.

use std::collections::BTreeSet;
use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::{Shown as _, composed, name_of};
use hdbench_score::{Label, MetricRow};
use hdbench_volume::artifact::read_file;
use hdbench_volume::{LabelMap, dataset_json};
use serde_json::Value;

use super::scored::{EXPECTED, Scored};

/// nnU-Net's names of metrics that are ours under another name.
const OF_NNUNET: [(&str, &str); 2] = [("Dice", "dice"), ("IoU", "jaccard")];

/// Counts of voxels, which are nothing to average.
const COUNTS: [&str; 6] = ["TP", "FP", "FN", "TN", "n_pred", "n_ref"];

/// nnU-Net's `summary.json`, of its first version too: labels by the `dataset.json` beside or above it, else
/// 1 liver, 2 tumour.
pub(super) fn of_summary(path: &Path) -> Result<Scored> {
    let wrong = |problem: String| Error::malformed(path, problem, EXPECTED);
    let text = read_file(path).map_err(Error::read(path))?;
    let text = with_quoted_numbers(&String::from_utf8_lossy(&text));
    let summary: Value = serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?;
    let description = dataset_json::above(path)?;
    let mut scored = Scored::default();
    let map = match &description {
        Some(found) => {
            scored.notes.push(format!(
                "{}: labels of {} ({}): {}",
                path.shown(),
                found.path.shown(),
                found.convention,
                found.map
            ));
            found.map.clone()
        }
        None => LabelMap::lits(),
    };
    let folder = path.parent().and_then(Path::file_name);
    let algorithm = name_of(folder.unwrap_or_default()).into_owned();
    for SummaryCase { case, labels } in cases_of(&summary).map_err(wrong)? {
        let begin = scored.rows.len();
        for (key, metrics) in labels {
            let Some(label) = label_of(key, &map) else {
                continue;
            };
            for (metric, value) in metrics.as_object().into_iter().flatten() {
                if COUNTS.contains(&metric.as_str()) {
                    continue;
                }
                let known = OF_NNUNET.iter().find(|(theirs, _)| theirs == metric);
                let metric = known.map_or(metric.as_str(), |(_, ours)| ours);
                let row = MetricRow {
                    task: String::new(),
                    algorithm: algorithm.clone(),
                    fold: 0,
                    seed: 0,
                    case: case.clone(),
                    label: Some(label),
                    metric: metric.to_owned(),
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
        return Err(wrong(format!(
            "holds no metric of liver or tumour, which are labels {map}"
        )));
    }
    let is_bare = |row: &MetricRow| row.label == Some(Label::LIVER_WITHOUT_LESIONS);
    if scored.rows.iter().any(is_bare) {
        scored.notes.push(format!(
            "{}: scores the liver without its tumours, as no region of both is declared: its metrics are those of \
             {}, and no metric of the whole liver is compared with them",
            path.shown(),
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

/// What a label of a `summary.json` is, `2` or a region `(1, 2)`; none for what is no label, or background.
fn label_of(key: &str, map: &LabelMap) -> Option<Label> {
    let values = key.trim_matches(['(', ')', '[', ']']).split(',');
    let values = values.map(str::trim).filter(|value| !value.is_empty());
    let values: BTreeSet<u8> = values
        .map(|value| value.parse().ok())
        .collect::<Option<_>>()?;
    let of = |class: u8| -> BTreeSet<u8> { map.values_of(class).into_iter().collect() };
    let (liver, tumours) = (of(1), of(2));
    if values.is_empty() {
        None
    } else if values == tumours {
        Some(Label::LESION)
    } else if values == &liver | &tumours {
        Some(Label::LIVER)
    } else if values == liver {
        Some(Label::LIVER_WITHOUT_LESIONS)
    } else if values.len() == 1 && values.contains(&0) {
        None
    } else {
        // Another structure goes by nnU-Net's own name of it.
        Some(Label::new(key))
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
    let stem = name.strip_suffix(".nii.gz").or(name.strip_suffix(".nii"));
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
        // The first version of nnU-Net.
        std::fs::remove_file(dir.path().join("dataset.json")).unwrap();
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
