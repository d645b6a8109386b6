//! The tidy table by column, as Python has it.

use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_score::{Label, MetricRow, Name, describe};
use hdbench_stats::gate::{CostSamples, SourceFacts};
use hdbench_stats::{NoStudies, Scored, Studies, range};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::failure::exception;

/// The columns of `metrics_long.csv`.
#[derive(FromPyObject)]
pub struct Columns {
    #[pyo3(item)]
    task: Vec<String>,
    #[pyo3(item)]
    algorithm: Vec<String>,
    #[pyo3(item)]
    fold: Vec<u32>,
    #[pyo3(item)]
    seed: Vec<u64>,
    #[pyo3(item)]
    case: Vec<String>,
    #[pyo3(item)]
    label: Vec<Option<String>>,
    #[pyo3(item)]
    metric: Vec<String>,
    #[pyo3(item)]
    metric_version: Vec<u32>,
    #[pyo3(item)]
    value: Vec<f64>,
    #[pyo3(item)]
    raw_value: Vec<f64>,
    #[pyo3(item)]
    policy: Vec<String>,
}

impl Columns {
    /// As rows.
    fn rows(&self) -> Result<Vec<MetricRow>> {
        let rows = self.value.len();
        let lengths = [
            self.task.len(),
            self.algorithm.len(),
            self.fold.len(),
            self.seed.len(),
            self.case.len(),
            self.label.len(),
            self.metric.len(),
            self.metric_version.len(),
            self.raw_value.len(),
            self.policy.len(),
        ];
        if lengths.iter().any(|&length| length != rows) {
            return Err(Error::usage(
                "the columns are not of one length",
                "give every column a value a row",
            ));
        }
        let row = |at: usize| MetricRow {
            task: (&self.task[at]).into(),
            algorithm: (&self.algorithm[at]).into(),
            fold: self.fold[at],
            seed: self.seed[at],
            case: (&self.case[at]).into(),
            label: self.label[at].as_deref().map(Label::new),
            metric: (&self.metric[at]).into(),
            metric_version: self.metric_version[at],
            value: self.value[at],
            raw_value: self.raw_value[at],
            policy: (&self.policy[at]).into(),
        };
        Ok((0..rows).map(row).collect())
    }
}

/// Studies' folders, which only the command reads.
pub struct OfCommand;

impl Studies for OfCommand {
    fn scored(&self, folder: &Path) -> Result<Option<Scored>> {
        match folder.join("study.toml").is_file() {
            false => Ok(None),
            true => Err(Error::malformed(
                folder,
                "is a study's folder, which only the command reads",
                "`hdbench baseline save --name NAME RUN` makes a file of it that hdbench.regress takes; `hdbench \
                 analyze RUN` and `hdbench compare` show the rest",
            )),
        }
    }

    fn made_from(&self, path: &Path) -> Result<(SourceFacts, Vec<CostSamples>)> {
        NoStudies.made_from(path)
    }
}

/// Scores in memory or at a path.
#[derive(FromPyObject)]
pub struct Source {
    /// What messages call it.
    #[pyo3(item)]
    name: String,
    #[pyo3(item)]
    path: Option<PathBuf>,
    #[pyo3(item)]
    columns: Option<Columns>,
    /// Of those in memory: cases that failed when the others were scored.
    #[pyo3(item)]
    failed: Vec<String>,
}

impl Source {
    /// What messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The path, of scores that are at one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Cases that failed when the others were scored, of scores in memory.
    pub fn failed(&self) -> &[String] {
        &self.failed
    }

    /// Its scores, where no case is twice.
    ///
    /// # Errors
    /// `Error::Malformed` for what holds no scores, or a case twice; `Error::Read`.
    pub fn scored(&self) -> Result<Scored> {
        if let Some(path) = &self.path {
            return Scored::read_once(path, &OfCommand);
        }
        let rows = self
            .columns
            .as_ref()
            .map_or(Ok(Vec::new()), Columns::rows)?;
        let scored = Scored {
            rows,
            ..Scored::default()
        };
        let name = Path::new(&self.name);
        scored.named(name)?.once(name)
    }
}

/// Rows by column.
pub fn columns_of<'py>(py: Python<'py>, rows: &[MetricRow]) -> PyResult<Bound<'py, PyDict>> {
    let columns = PyDict::new(py);
    macro_rules! column {
        ($name:literal, $of:expr) => {
            columns.set_item($name, PyList::new(py, rows.iter().map($of))?)?
        };
    }
    column!("task", |row| row.task.as_str());
    column!("algorithm", |row| row.algorithm.as_str());
    column!("fold", |row| row.fold);
    column!("seed", |row| row.seed);
    column!("case", |row| row.case.as_str());
    column!("label", |row| row.label.map(|label| label.name()));
    column!("metric", |row| row.metric.as_str());
    column!("metric_version", |row| row.metric_version);
    column!("value", |row| row.value);
    column!("raw_value", |row| row.raw_value);
    column!("policy", |row| row.policy.as_str());
    Ok(columns)
}

/// Each metric of each structure over the cases, by algorithm in the order of their first rows.
pub fn summary_of<'py>(py: Python<'py>, rows: &[MetricRow]) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    let mut algorithms: Vec<Name> = Vec::new();
    for row in rows {
        if algorithms.last() != Some(&row.algorithm) && !algorithms.contains(&row.algorithm) {
            algorithms.push(row.algorithm);
        }
    }
    for algorithm in &algorithms {
        let own: Vec<MetricRow>;
        let own = match algorithms.len() {
            1 => rows,
            _ => {
                let rows = rows.iter().filter(|row| row.algorithm == *algorithm);
                own = rows.cloned().collect();
                &own
            }
        };
        for metric in describe(own) {
            let of = metric.statistics();
            let [q25, median, q75] = of.quartiles;
            list.append((
                metric.label.map(|label| label.name()),
                metric.metric.as_str(),
                of.count,
                of.mean,
                of.sd,
                of.min,
                q25,
                median,
                q75,
                of.max,
                algorithm.as_str(),
            ))?;
        }
    }
    Ok(list)
}

/// Rows as `evaluate` gives them.
fn found<'py>(py: Python<'py>, scored: &Scored) -> PyResult<Bound<'py, PyDict>> {
    let table = PyDict::new(py);
    table.set_item("summary", summary_of(py, &scored.rows)?)?;
    table.set_item("columns", columns_of(py, &scored.rows)?)?;
    table.set_item("cases", scored.cases().len())?;
    let failures = scored.failed.iter();
    let failures = failures.map(|case| (case, "failed when the others were scored"));
    table.set_item("failures", PyList::new(py, failures)?)?;
    table.set_item("notes", PyList::new(py, scored.told().collect::<Vec<_>>())?)?;
    Ok(table)
}

/// Scores at a path: a folder of `hdbench evaluate`, a `metrics_long.csv`, nnU-Net's `summary.json`, its folds.
#[pyfunction]
pub fn read_scores(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyDict>> {
    let scored = py.detach(|| Scored::read_once(&path, &OfCommand));
    found(py, &scored.map_err(|error| exception(py, &error))?)
}

/// Refuses a value that its metric cannot have, such as a Dice in percent.
fn in_range(rows: &[MetricRow]) -> Result<()> {
    let is_outside = |row: &&MetricRow| {
        !row.value.is_nan() && range(&row.metric).is_some_and(|range| !range.contains(&row.value))
    };
    let Some(row) = rows.iter().find(is_outside) else {
        return Ok(());
    };
    let wide = range(&row.metric).map_or(String::new(), |range| {
        format!("{} to {}", range.start(), range.end())
    });
    Err(Error::usage(
        format!(
            "{} of {} is {}, outside {wide}",
            row.metric, row.case, row.value
        ),
        "fractions are in 0 to 1, not in percent; a measure of your own needs a name of its own",
    ))
}

/// Columns from elsewhere, as `evaluate` gives them.
#[pyfunction]
pub fn checked_columns(py: Python<'_>, source: Source) -> PyResult<Bound<'_, PyDict>> {
    let scored = source.scored().and_then(|scored| {
        in_range(&scored.rows)?;
        Ok(scored)
    });
    found(py, &scored.map_err(|error| exception(py, &error))?)
}

/// Names of paths that tell them apart, as the command calls them.
#[pyfunction]
pub fn short_names(py: Python<'_>, paths: Vec<PathBuf>) -> PyResult<Vec<String>> {
    hdbench_stats::short_names(&paths).map_err(|error| exception(py, &error))
}
