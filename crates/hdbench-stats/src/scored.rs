//! Scored predictions wherever they lie: a study, a folder of `hdbench evaluate`, a tidy table, nnU-Net's
//! `summary.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::{Shown as _, cell_words, composed, name_of};
use hdbench_score::{ALL_CASES, Label, Row, read_metrics_long};
use hdbench_volume::artifact::{open_file, read_file};
use hdbench_volume::{LabelMap, dataset_json};
use serde::Deserialize;
use serde_json::Value;

use super::figures::repeated_cases;
use super::size_groups::SizedLesion;
use crate::studies::Studies;

/// Scores of some algorithms.
#[derive(Clone, Debug, Default)]
pub struct Scored {
    /// The tidy table.
    pub rows: Vec<Row>,
    /// Lesions of both sides by algorithm, where a `lesions.csv` lies beside.
    pub lesions: BTreeMap<String, Vec<SizedLesion>>,
    /// What was left out or taken otherwise than it is named.
    pub notes: Vec<String>,
    /// Of a study: cells that were begun and whose results are not this study's, with the reason. They
    /// are in no row.
    pub unjudged: Vec<String>,
}

/// What a message suggests.
const EXPECTED: &str = "name a study's folder, a folder that `hdbench evaluate` wrote, a \
     metrics_long.csv, or nnU-Net's summary.json";

impl Scored {
    /// Reads what a path holds.
    ///
    /// # Errors
    /// `Error::Malformed` where nothing is scored, a file does not parse, or a case bears the name of all of them;
    /// `Error::Read`.
    pub fn read(path: &Path, studies: &dyn Studies) -> Result<Self> {
        Self::read_any(path, studies)?.named(path)
    }

    /// Reads a `metrics_long.csv`, with the `lesions.csv` beside it.
    ///
    /// # Errors
    /// As [`Scored::read`].
    pub fn of_tidy(path: &Path) -> Result<Self> {
        of_tidy(path)
    }

    /// Refuses cases and metrics whose names say something else.
    ///
    /// # Errors
    /// `Error::Malformed`.
    pub fn named(self, path: &Path) -> Result<Self> {
        if self.rows.iter().any(Row::is_of_case_named_all) {
            return Err(Error::malformed(
                path,
                format!(
                    "a case is called {ALL_CASES}, which is how tables name all cases together"
                ),
                "give the case another name and score it again",
            ));
        }
        let nameless = |row: &Row| row.case.is_empty() || row.metric.is_empty();
        if self.rows.iter().any(nameless) {
            return Err(Error::malformed(
                path,
                "a case or a metric has an empty name",
                "give it its name, or leave it out",
            ));
        }
        Ok(self)
    }

    /// [`Scored::read`], where in addition no case may be there twice: nobody knows which of its values counts.
    ///
    /// # Errors
    /// As [`Scored::read`].
    pub fn read_once(path: &Path, studies: &dyn Studies) -> Result<Self> {
        let scored = Self::read(path, studies)?;
        let again: Vec<&str> = repeated_cases(&scored.rows).into_iter().collect();
        match again.first() {
            None => Ok(scored),
            Some(first) => Err(Error::malformed(
                path,
                format!("{} cases are there twice ({first} ...)", again.len()),
                "keep one row of each metric of a case; replicates differ in their seed",
            )),
        }
    }

    fn read_any(path: &Path, studies: &dyn Studies) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir()
            && let Some(scored) = studies.scored(path)?
        {
            return Ok(scored);
        }
        if path.is_dir() {
            let tidy = path.join("metrics_long.csv");
            let summary = path.join("summary.json");
            return if tidy.is_file() {
                of_tidy(&tidy)
            } else if summary.is_file() {
                of_summary(&summary)
            } else {
                Err(Error::malformed(path, "holds no scores", EXPECTED))
            };
        }
        match name.rsplit_once('.').map(|(_, end)| end) {
            Some("csv") => of_tidy(path),
            Some("json") => of_summary(path),
            _ if !path.exists() => Err(Error::read(path)(std::io::ErrorKind::NotFound.into())),
            _ => Err(Error::malformed(path, "is no table of scores", EXPECTED)),
        }
    }

    /// Puts the scores of several paths side by side. Algorithms of the same name in several of them
    /// are told apart by the paths' names.
    ///
    /// # Errors
    /// As [`Scored::read_once`]; `Error::Malformed` where no two of them share a case; `Error::Usage` where names
    /// cannot be told apart.
    pub fn read_all(paths: &[PathBuf], studies: &dyn Studies) -> Result<Self> {
        let parts = paths.iter().map(|path| Self::read_once(path, studies));
        let mut parts: Vec<Self> = parts.collect::<Result<_>>()?;
        refuse_strangers(paths, &parts)?;
        let names: Vec<BTreeSet<String>> = parts.iter().map(Self::algorithms).collect();
        let shared: BTreeSet<String> = names
            .iter()
            .flatten()
            .filter(|name| names.iter().filter(|own| own.contains(*name)).count() > 1)
            .cloned()
            .collect();
        if !shared.is_empty() {
            for (part, place) in parts.iter_mut().zip(places(paths)?) {
                part.rename(|name| match shared.contains(name) {
                    true => format!("{place}: {name}"),
                    false => name.to_owned(),
                });
            }
        }
        let mut all = Self::default();
        for part in parts {
            all.rows.extend(part.rows);
            all.lesions.extend(part.lesions);
            all.notes.extend(part.notes);
            all.unjudged.extend(part.unjudged);
        }
        Ok(all)
    }

    /// The names of the algorithms.
    pub fn algorithms(&self) -> BTreeSet<String> {
        self.rows.iter().map(|row| row.algorithm.clone()).collect()
    }

    /// Gives the algorithms other names.
    pub fn rename(&mut self, name: impl Fn(&str) -> String) {
        for row in &mut self.rows {
            row.algorithm = name(&row.algorithm);
        }
        self.lesions = std::mem::take(&mut self.lesions)
            .into_iter()
            .map(|(algorithm, lesions)| (name(&algorithm), lesions))
            .collect();
    }
}

/// Scores of which no two share a case have nothing to be compared in.
fn refuse_strangers(paths: &[PathBuf], parts: &[Scored]) -> Result<()> {
    let cases = |part: &Scored| -> BTreeSet<String> {
        let own = part.rows.iter().filter(|row| row.case != ALL_CASES);
        own.map(|row| row.case.clone()).collect()
    };
    let cases: Vec<BTreeSet<String>> = parts.iter().map(cases).collect();
    let shares = |(place, own): (usize, &BTreeSet<String>)| {
        cases[..place].iter().any(|other| !own.is_disjoint(other))
    };
    match paths {
        [first, second, ..] if !cases.iter().enumerate().any(shares) => Err(Error::malformed(
            second,
            format!("has no case in common with {}", first.display()),
            "analyze scores of the same cases, under the same names, or each of them alone",
        )),
        _ => Ok(()),
    }
}

/// Short names of paths that tell them apart.
pub fn places(paths: &[PathBuf]) -> Result<Vec<String>> {
    let stem = |path: &PathBuf| {
        let name = path.file_stem().unwrap_or(path.as_os_str());
        name_of(name).into_owned()
    };
    let whole = |path: &PathBuf| name_of(path.as_os_str()).into_owned();
    for names in [
        paths.iter().map(stem).collect::<Vec<_>>(),
        paths.iter().map(whole).collect(),
    ] {
        if names.iter().collect::<BTreeSet<_>>().len() == paths.len() {
            return Ok(names);
        }
    }
    Err(Error::usage(
        "the same scores are named twice",
        "name each of them once",
    ))
}

fn of_tidy(path: &Path) -> Result<Scored> {
    let rows = read_metrics_long(path)?;
    let Some(first) = rows.first() else {
        return Err(Error::malformed(path, "has no row", EXPECTED));
    };
    let algorithm = first.algorithm.clone();
    let mut lesions = BTreeMap::new();
    let beside = path.with_file_name("lesions.csv");
    // Lesions have no column for the algorithm: they belong to it where there is only one.
    if beside.is_file() && rows.iter().all(|row| row.algorithm == algorithm) {
        lesions.insert(algorithm, read_lesions(&beside)?);
    }
    Ok(Scored {
        rows,
        lesions,
        ..Scored::default()
    })
}

#[derive(Deserialize)]
struct LesionRow {
    case: String,
    side: String,
    volume_ml: f64,
    equivalent_diameter_mm: f64,
    detected: bool,
    dice: f64,
}

fn read_lesions(path: &Path) -> Result<Vec<SizedLesion>> {
    let wrong = |e: csv::Error| {
        Error::malformed(
            path,
            e.to_string(),
            "expected lesions.csv as `hdbench evaluate` writes it",
        )
    };
    let file = open_file(path).map_err(Error::read(path))?;
    csv::Reader::from_reader(file)
        .deserialize::<LesionRow>()
        .map(|row| {
            let row = row.map_err(wrong)?;
            Ok(SizedLesion {
                case: cell_words(&row.case).to_owned(),
                reference: row.side == "reference",
                volume_ml: row.volume_ml,
                equivalent_diameter_mm: row.equivalent_diameter_mm,
                detected: row.detected,
                dice: row.dice,
            })
        })
        .collect()
}

/// nnU-Net's names of figures that are ours under another name.
const OF_NNUNET: [(&str, &str); 2] = [("Dice", "dice"), ("IoU", "jaccard")];

/// Counts of voxels, which are nothing to average.
const COUNTS: [&str; 6] = ["TP", "FP", "FN", "TN", "n_pred", "n_ref"];

/// nnU-Net's `summary.json`, of its first version too: labels by the `dataset.json` beside or above it, else
/// 1 liver, 2 tumour.
fn of_summary(path: &Path) -> Result<Scored> {
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
        for (key, figures) in labels {
            let Some(label) = label_of(key, &map) else {
                continue;
            };
            for (metric, value) in figures.as_object().into_iter().flatten() {
                if COUNTS.contains(&metric.as_str()) {
                    continue;
                }
                let known = OF_NNUNET.iter().find(|(theirs, _)| theirs == metric);
                let metric = known.map_or(metric.as_str(), |(_, ours)| ours);
                let row = Row {
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
                // Our own file has both names of a figure.
                let twice = |other: &Row| other.label == row.label && other.metric == row.metric;
                if !scored.rows[begin..].iter().any(twice) {
                    scored.rows.push(row);
                }
            }
        }
    }
    if scored.rows.is_empty() {
        return Err(wrong(format!(
            "holds no figure of liver or tumour, which are labels {map}"
        )));
    }
    let is_bare = |row: &Row| row.label == Some(Label::LiverWithoutLesions);
    if scored.rows.iter().any(is_bare) {
        scored.notes.push(format!(
            "{}: scores the liver without its tumours, as no region of both is declared: its figures are those of \
             {}, and no figure of the whole liver is compared with them",
            path.shown(),
            Label::LiverWithoutLesions
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

/// What a label of a `summary.json` is, `2` or a region `(1, 2)`; none for what is neither liver nor tumour.
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
        Some(Label::Lesion)
    } else if values == &liver | &tumours {
        Some(Label::Liver)
    } else if values == liver {
        Some(Label::LiverWithoutLesions)
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
            let row = |row: &Row| (row.label.unwrap().name(), row.value);
            rows.iter().map(row).collect::<Vec<_>>()
        };
        assert_eq!(found(), [("liver_without_lesions", 0.4), ("lesion", 0.95)]);
        let json = r#"{"labels": {"background": 0, "tumor": 1, "liver": 2}}"#;
        std::fs::write(dir.path().join("dataset.json"), json).unwrap();
        assert_eq!(found(), [("lesion", 0.4), ("liver_without_lesions", 0.95)]);
        let json = r#"{"labels": {"background": 0, "liver": 1}}"#;
        std::fs::write(dir.path().join("dataset.json"), json).unwrap();
        assert_eq!(found(), [("liver", 0.4)]);
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
