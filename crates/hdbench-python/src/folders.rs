//! All pairs of two folders, as the command scores them.

use hdbench_ground::progress::Stop;
use hdbench_table::{Cell, Column, Direction, Exporter as _, Latex, Table, TableRow, Unit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::failure::exception;
use crate::profiles::{Asked, Evaluated, evaluated};
use crate::threads::heard;
use crate::tidy::{columns_of, summary_of};

/// Scores all pairs of two folders; gives the rows by column, and what failed.
#[pyfunction]
pub fn evaluate<'py>(py: Python<'py>, asked: Asked) -> PyResult<Bound<'py, PyDict>> {
    let stop = Stop::default();
    let evaluated = heard(py, &stop, || evaluated(&asked, &stop))?;
    to_python(py, &evaluated)
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
    let name = Column::words("structure", "Structure");
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
        minor: false,
    }
}
