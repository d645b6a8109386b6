//! All pairs of two folders, as the command scores them.

use std::path::PathBuf;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::progress::Stop;
use hdbench_score::{
    CaseResults, DEFAULT_JOBS, Failure, FolderOptions, FolderPlan, LabelMapChoice, MetricRow,
    Options, Origin, ScoredCase, StrictCase, missing_predictions, pair, rows, with_every_structure,
    write_summary,
};
use hdbench_table::{Cell, Column, Direction, Exporter as _, Latex, Table, TableRow, Unit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::failure::exception;
use crate::plan::Wanted;
use crate::threads::{heard, pool};
use crate::tidy::{columns_of, summary_of};

/// What is asked of two folders.
#[derive(FromPyObject)]
pub struct Asked {
    #[pyo3(item)]
    pred: PathBuf,
    #[pyo3(item)]
    r#ref: PathBuf,
    #[pyo3(item)]
    wanted: Wanted,
    #[pyo3(item)]
    label_maps: [Option<String>; 2],
    #[pyo3(item)]
    jobs: Option<usize>,
    #[pyo3(item)]
    allow_missing: bool,
    #[pyo3(item)]
    ignore_geometry: bool,
    #[pyo3(item)]
    task: Option<String>,
    #[pyo3(item)]
    algorithm: Option<String>,
    #[pyo3(item)]
    summary: Option<PathBuf>,
}

/// What came of it.
struct Evaluated {
    rows: Vec<MetricRow>,
    cases: usize,
    failures: Vec<Failure>,
    notes: Vec<String>,
}

/// Scores all pairs of two folders; gives the rows by column, and what failed.
#[pyfunction]
pub fn evaluate<'py>(py: Python<'py>, asked: Asked) -> PyResult<Bound<'py, PyDict>> {
    let stop = Stop::default();
    let evaluated = heard(py, &stop, || evaluated(&asked, &stop))?;
    to_python(py, &evaluated)
}

fn evaluated(asked: &Asked, stop: &Stop) -> Result<Evaluated> {
    let roots = [asked.pred.as_path(), asked.r#ref.as_path()];
    let pairing = pair(roots[0], roots[1])?;
    let mut notes = pairing.notes.clone();
    notes.extend(pairing.warnings.iter().cloned());
    if !pairing.extra.is_empty() {
        let count = pairing.extra.len();
        notes.push(format!(
            "{count} predictions have no reference and are left out"
        ));
    }
    let (mut failures, missing) = missing_predictions(&pairing, roots[0]);
    notes.extend(missing);
    if asked.allow_missing {
        failures.clear();
    }
    let (plan, planned) = FolderPlan::of(roots, folder_options(asked, stop)?)?;
    notes.extend(planned);
    let (origin, note) =
        Origin::of_folders(roots, asked.task.as_deref(), asked.algorithm.as_deref());
    notes.extend(note);
    let threads = pool()?;
    let jobs = asked
        .jobs
        .unwrap_or(threads.current_num_threads().min(DEFAULT_JOBS));
    let score = |pair: &_| plan.score(pair);
    let found = hdbench_score::evaluate(&pairing.pairs, jobs, &threads, stop, score)?;
    let cases = finished(found, &plan, &mut failures, &mut notes);
    if cases.is_empty() {
        let first = failures
            .first()
            .map(|one| format!("{}: {}", one.case, one.error));
        return Err(Error::malformed(
            roots[0],
            format!("none of {} cases could be scored", failures.len()),
            first.map_or_else(String::new, |first| format!("the first: {first}")),
        ));
    }
    if let Some(path) = &asked.summary {
        write_summary(path, &cases)?;
    }
    Ok(Evaluated {
        rows: rows(origin, &cases).into_iter().collect(),
        cases: cases.len(),
        failures,
        notes,
    })
}

fn folder_options(asked: &Asked, stop: &Stop) -> Result<FolderOptions> {
    let choice = |text: &Option<String>| match text {
        Some(text) => text.parse(),
        None => Ok(LabelMapChoice::Auto),
    };
    let metrics = Options {
        stop: stop.clone(),
        ..asked.wanted.options()?
    };
    Ok(FolderOptions {
        structures: asked.wanted.set()?,
        label_maps: [choice(&asked.label_maps[0])?, choice(&asked.label_maps[1])?],
        ignore_geometry: asked.ignore_geometry,
        metrics,
    })
}

fn finished(
    found: CaseResults<StrictCase>,
    plan: &FolderPlan,
    failures: &mut Vec<Failure>,
    notes: &mut Vec<String>,
) -> Vec<ScoredCase> {
    let CaseResults {
        mut scored,
        failures: failed,
    } = found;
    failures.extend(failed);
    if let FolderPlan::Structures(plan) = plan
        && plan.reading.every_value
    {
        with_every_structure(&mut scored, &plan.metrics);
    }
    for case in &scored {
        notes.extend(case.notes.iter().cloned());
        if let Some(apart) = case.apart {
            let mm = apart.mm;
            notes.push(format!(
                "{}: prediction and reference place the same voxel up to {mm:.2} mm apart; compared by index",
                case.scored.case
            ));
        }
    }
    scored.into_iter().map(|case| case.scored).collect()
}

fn to_python<'py>(py: Python<'py>, found: &Evaluated) -> PyResult<Bound<'py, PyDict>> {
    let rows = &found.rows;
    let table = PyDict::new(py);
    table.set_item("summary", summary_of(py, rows)?)?;
    table.set_item("columns", columns_of(py, rows)?)?;
    table.set_item("cases", found.cases)?;
    let failures = found
        .failures
        .iter()
        .map(|one| (one.case.clone(), one.error.to_string()));
    table.set_item("failures", PyList::new(py, failures)?)?;
    table.set_item("notes", &found.notes)?;
    Ok(table)
}

/// Mean and standard deviation of a metric, with the number of cases; none where a structure has it not.
type Entry = Option<(f64, f64, usize)>;

/// A LaTeX table: a row a structure, a column a metric.
#[pyfunction]
pub fn latex(
    py: Python<'_>,
    title: String,
    caption: String,
    metrics: Vec<String>,
    rows: Vec<(String, Vec<Entry>)>,
) -> PyResult<String> {
    let name = Column {
        key: "structure".into(),
        title: "Structure".into(),
        group: None,
        unit: Unit::None,
        direction: None,
        decimals: 0,
        is_text: true,
    };
    let columns = metrics.iter().map(|metric| column(metric));
    let table = Table {
        id: "hdbench".into(),
        title,
        caption,
        fingerprint: format!("hdbench {}", env!("CARGO_PKG_VERSION")),
        columns: std::iter::once(name).chain(columns).collect(),
        rows: rows.into_iter().map(row).collect(),
        notes: Vec::new(),
    };
    let text = Latex
        .export(&table)
        .map_err(|error| exception(py, &error))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn row((name, entries): (String, Vec<Entry>)) -> TableRow {
    let cells = entries.into_iter().map(|entry| match entry {
        None => Cell::Missing,
        Some((value, sd, n)) => Cell::Number {
            value,
            sd: Some(sd).filter(|sd| sd.is_finite()),
            n: Some(n),
            interval: None,
            mark: None,
        },
    });
    TableRow {
        variant: None,
        cells: std::iter::once(Cell::text(name)).chain(cells).collect(),
        // Structures are no rivals: none is the best.
        reference: true,
    }
}

/// What begins the names of fractions, of distances in mm.
const FRACTIONS: [&str; 7] = [
    "dice",
    "jaccard",
    "voe",
    "precision",
    "recall",
    "specificity",
    "nsd",
];
const DISTANCES: [&str; 6] = ["assd", "masd", "rmsd", "msd", "hd95", "asd"];

fn column(metric: &str) -> Column {
    let begins = |names: &[&str]| names.iter().any(|name| metric.starts_with(name));
    let (unit, decimals) = match () {
        () if metric.ends_with("_voxels") => (Unit::None, 2),
        () if begins(&FRACTIONS) => (Unit::Percent, 1),
        () if begins(&DISTANCES) => (Unit::Millimetres, 2),
        () => (Unit::None, 2),
    };
    Column {
        key: metric.to_owned(),
        title: metric.to_owned(),
        group: None,
        unit,
        direction: match unit {
            Unit::Percent if metric != "voe" => Some(Direction::Up),
            Unit::Percent | Unit::Millimetres => Some(Direction::Down),
            _ => None,
        },
        decimals,
        is_text: false,
    }
}
