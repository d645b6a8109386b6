use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;
use hdbench_score::{ALL_CASES, FAILURES, Label, MetricRow, Name, failed_cases};
use hdbench_volume::artifact::{read_file, write_atomic};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::line::some;
use super::policy::{AccuracyRule, Policy};
use super::soundness::unsound;
use crate::made_from::{CostSamples, SourceFacts};
use crate::{Scored, Studies, better, towards_zero};

/// Marks a file as a baseline, with the version of its layout.
const FORMAT: &str = "hdbench.baseline/1";

/// The volume of the reference in every case: it tells whether two results are against the same labels.
pub(super) const REFERENCE_VOLUME: &str = "volume_ref_ml";

/// Results to hold others against: metrics of every case, costs, and what they were made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    /// What they were made from.
    pub facts: SourceFacts,
    /// The tidy rows of single cases whose metric has a better and a worse, and reference volumes.
    pub rows: Vec<MetricRow>,
    /// Measurements of speed and memory.
    pub costs: Vec<CostSamples>,
    /// What was left out when the results were read.
    pub notes: Vec<String>,
    /// Cases that failed when the others were scored; none in a saved baseline.
    pub unscored: Vec<String>,
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: String,
    facts: SourceFacts,
    /// A baseline's key has its older name, so that those that are kept stay readable.
    #[serde(rename = "figures")]
    metrics: Vec<StoredMetric>,
    costs: Vec<CostSamples>,
}

/// One metric of one algorithm by case.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredMetric {
    task: Name,
    algorithm: Name,
    fold: u32,
    seed: u64,
    label: Option<Label>,
    metric: Name,
    metric_version: u32,
    values: Values,
}

/// Cases with their values, `null` for one without. JSON lets a key stand twice, of which a map would keep the last
/// in silence: here both are kept, for the gate to name them.
#[derive(Default)]
struct Values(Vec<(Name, Option<f64>)>);

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        // In the order of the names, whatever that of the rows.
        let sorted: BTreeMap<Name, Option<f64>> = self.0.iter().copied().collect();
        to.collect_map(sorted)
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Values;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("values by case")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Values, A::Error> {
                let mut values = Values::default();
                while let Some(entry) = map.next_entry()? {
                    values.0.push(entry);
                }
                Ok(values)
            }
        }
        from.deserialize_map(Entries)
    }
}

impl Baseline {
    /// Reads a baseline's file, or takes what `hdbench analyze` takes: a study, a folder of `hdbench
    /// evaluate`, a tidy table, nnU-Net's `summary.json`, the folds of a trained model.
    ///
    /// # Errors
    /// `Error::Malformed` where nothing is scored or a file does not parse; `Error::Read`.
    pub fn read(path: &Path, studies: &dyn Studies) -> Result<Self> {
        match stored(path)? {
            Some(stored) => Ok(stored.into()),
            None => Self::of_scored(path, studies),
        }
    }

    fn of_scored(path: &Path, studies: &dyn Studies) -> Result<Self> {
        let scored = Scored::read(path, studies)?;
        if !scored.unjudged.is_empty() {
            return Err(Error::NotComparable {
                problem: format!(
                    "{}: not every network is finished as this study has it (hdbench status lists \
                     them): {}",
                    path.shown(),
                    scored.unjudged.join("; ")
                ),
            });
        }
        let (facts, measured) = studies.made_from(path)?;
        let unscored = unscored(path)?
            .into_iter()
            .chain(scored.failed.iter().cloned());
        let unscored = unscored.collect();
        Ok(Self {
            costs: measured,
            ..Self::of(scored, facts, unscored)
        })
    }

    /// Scores to hold others against, without costs; `unscored` names the cases that failed when the others were
    /// scored.
    pub fn of(scored: Scored, facts: SourceFacts, unscored: Vec<String>) -> Self {
        let kept = |row: &MetricRow| {
            row.case != ALL_CASES
                && (better(&row.metric).is_some()
                    || towards_zero(&row.metric)
                    || row.metric == REFERENCE_VOLUME)
        };
        Self {
            facts,
            rows: scored.rows.into_iter().filter(kept).collect(),
            costs: Vec::new(),
            notes: scored.notes.into_iter().chain(scored.warnings).collect(),
            unscored,
        }
    }

    /// Whether later results can be held against these: nothing failed, no value is impossible, no case is there
    /// twice.
    ///
    /// # Errors
    /// `Error::Malformed` naming `scores`, where these results are from.
    pub fn check(&self, scores: &Path) -> Result<()> {
        if self.rows.is_empty() {
            return Err(Error::malformed(
                scores,
                "these results have no metric of any case",
                "score some cases first",
            ));
        }
        if !self.unscored.is_empty() {
            return Err(Error::malformed(
                scores,
                format!(
                    "is a partial evaluation: {} cases failed in it ({}), and no later gate would see them",
                    self.unscored.len(),
                    some(&self.unscored.iter().collect::<Vec<_>>())
                ),
                "mend them and score again, or score without them: take their references out of --ref, or \
                 leave missing predictions out with --allow-missing",
            ));
        }
        let mut metrics: BTreeMap<_, Vec<MetricRow>> = BTreeMap::new();
        for row in &self.rows {
            let metric = (row.algorithm, row.label, row.metric);
            metrics.entry(metric).or_default().push(row.clone());
        }
        for ((algorithm, label, metric), rows) in metrics {
            if let Some(problem) = unsound(&rows) {
                let label = label.map_or(String::new(), |label| format!("{label} "));
                return Err(Error::malformed(
                    scores,
                    format!("{label}{metric} of {algorithm}: {problem}"),
                    "score these cases again with hdbench evaluate",
                ));
            }
        }
        Ok(())
    }

    /// Writes the file.
    ///
    /// # Errors
    /// As [`Baseline::check`]; `Error::Write`.
    pub fn save(&self, path: &Path) -> Result<()> {
        self.check(path)?;
        let mut metrics: Vec<StoredMetric> = Vec::new();
        let mut places: BTreeMap<_, usize> = BTreeMap::new();
        for row in &self.rows {
            let key = (
                row.task,
                row.algorithm,
                row.fold,
                row.seed,
                row.label,
                row.metric,
                row.metric_version,
            );
            let place = *places.entry(key).or_insert_with(|| {
                metrics.push(StoredMetric {
                    task: row.task,
                    algorithm: row.algorithm,
                    fold: row.fold,
                    seed: row.seed,
                    label: row.label,
                    metric: row.metric,
                    metric_version: row.metric_version,
                    values: Values::default(),
                });
                metrics.len() - 1
            });
            let value = Some(row.value).filter(|value| !value.is_nan());
            metrics[place].values.0.push((row.case, value));
        }
        let stored = Stored {
            format: FORMAT.into(),
            facts: self.facts.clone(),
            metrics,
            costs: self.costs.clone(),
        };
        let mut text =
            serde_json::to_vec_pretty(&stored).map_err(|e| Error::Internal(e.to_string()))?;
        text.push(b'\n');
        write_atomic(path, &text)
    }

    /// Drops the metrics and costs that a policy does not gate.
    pub fn keep(&mut self, policy: &Policy) {
        self.rows.retain(|row| {
            let gated = |rule: &AccuracyRule| rule.gates(row.label, &row.metric);
            row.metric == REFERENCE_VOLUME || policy.accuracy.iter().any(gated)
        });
        let gated = |own: &CostSamples| policy.cost.iter().any(|r| r.quantity == own.quantity);
        self.costs.retain(gated);
    }

    /// The names of the algorithms.
    pub fn algorithms(&self) -> Vec<String> {
        let mut names: Vec<Name> = Vec::new();
        for row in &self.rows {
            if !names.contains(&row.algorithm) {
                names.push(row.algorithm);
            }
        }
        names.into_iter().map(String::from).collect()
    }

    /// The names of the cases.
    pub fn cases(&self) -> std::collections::BTreeSet<&str> {
        self.rows.iter().map(|row| row.case.as_str()).collect()
    }
}

impl From<Stored> for Baseline {
    fn from(stored: Stored) -> Self {
        let rows = stored.metrics.into_iter().flat_map(|metric| {
            let StoredMetric {
                task,
                algorithm,
                fold,
                seed,
                label,
                metric,
                metric_version,
                values,
            } = metric;
            values.0.into_iter().map(move |(case, value)| {
                let value = value.unwrap_or(f64::NAN);
                MetricRow {
                    task,
                    algorithm,
                    fold,
                    seed,
                    case,
                    label,
                    metric,
                    metric_version,
                    value,
                    raw_value: value,
                    policy: Name::default(),
                }
            })
        });
        Self {
            facts: stored.facts,
            rows: rows.collect(),
            costs: stored.costs,
            notes: Vec::new(),
            unscored: Vec::new(),
        }
    }
}

/// The cases that an evaluation left behind, by its `failures.csv`.
fn unscored(scores: &Path) -> Result<Vec<String>> {
    let folder = match scores.is_dir() {
        true => scores,
        false => scores.parent().unwrap_or(scores),
    };
    let ours = ["metrics_long.csv", "summary.json"];
    let is_ours = |name: &std::ffi::OsStr| ours.iter().any(|own| name == *own);
    if scores.is_dir() || scores.file_name().is_some_and(is_ours) {
        return failed_cases(&folder.join(FAILURES));
    }
    Ok(Vec::new())
}

/// A baseline's file; nothing for anything else that may be scored.
fn stored(path: &Path) -> Result<Option<Stored>> {
    if !path.is_file() || path.extension().is_none_or(|end| end != "json") {
        return Ok(None);
    }
    let text = read_file(path).map_err(Error::read(path))?;
    let wrong = |e: serde_json::Error| {
        Error::malformed(
            path,
            e.to_string(),
            "save it again with hdbench baseline save",
        )
    };
    #[derive(Deserialize)]
    struct Head {
        format: Option<String>,
    }
    // What is no JSON at all, or no object, is left to the readers of other files.
    let Ok(Head {
        format: Some(format),
    }) = serde_json::from_slice(&text)
    else {
        return Ok(None);
    };
    if !format.starts_with("hdbench.baseline/") {
        return Ok(None);
    }
    if format != FORMAT {
        return Err(Error::malformed(
            path,
            format!("format {format} is not the {FORMAT} that this version reads"),
            "save it again with hdbench baseline save",
        ));
    }
    let stored: Stored = serde_json::from_slice(&text).map_err(wrong)?;
    let mut names = stored.metrics.iter().flat_map(|metric| &metric.values.0);
    if names.any(|(case, _)| case == ALL_CASES) {
        return Err(Error::malformed(
            path,
            format!("a case is called {ALL_CASES}, which is how tables name all cases together"),
            "save it again with hdbench baseline save",
        ));
    }
    Ok(Some(stored))
}

/// The baselines of a folder, by name.
///
/// # Errors
/// `Error::Read` for a folder that is there and cannot be listed.
pub fn list(dir: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    if !dir.exists() {
        return Ok(found);
    }
    for entry in std::fs::read_dir(dir).map_err(Error::read(dir))? {
        let path = entry.map_err(Error::read(dir))?.path();
        if let (Ok(Some(_)), Some(stem)) = (stored(&path), path.file_stem()) {
            found.push((stem.to_string_lossy().into_owned(), path.clone()));
        }
    }
    found.sort();
    Ok(found)
}
