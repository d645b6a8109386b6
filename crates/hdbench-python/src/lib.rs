//! The Python module `hdbench._hdbench`: what the package of `python/hdbench` calls. Arrays come in, plain Python values
//! go out; every number is one of hdbench-score's.
//!
//! A module uses only modules above it in this list.

mod failure;
mod threads;
mod side;
mod plan;
mod values;
mod score;
mod masks;
mod sheet;
mod tidy;
mod profiles;
mod folders;
mod analysis;
mod charts;

use pyo3::prelude::*;

/// What the package calls.
#[pymodule(gil_used = false)]
fn _hdbench(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    m.add_function(wrap_pyfunction!(score::score, m)?)?;
    m.add_function(wrap_pyfunction!(masks::mask_metrics, m)?)?;
    m.add_function(wrap_pyfunction!(masks::mask_counts, m)?)?;
    m.add_function(wrap_pyfunction!(masks::mask_surfels, m)?)?;
    m.add_function(wrap_pyfunction!(masks::mask_distances, m)?)?;
    m.add_function(wrap_pyfunction!(masks::mask_quantiles, m)?)?;
    m.add_function(wrap_pyfunction!(masks::mask_share_near, m)?)?;
    m.add_function(wrap_pyfunction!(folders::evaluate, m)?)?;
    m.add_function(wrap_pyfunction!(folders::latex, m)?)?;
    m.add_function(wrap_pyfunction!(tidy::read_scores, m)?)?;
    m.add_function(wrap_pyfunction!(tidy::checked_columns, m)?)?;
    m.add_function(wrap_pyfunction!(tidy::short_names, m)?)?;
    m.add_function(wrap_pyfunction!(analysis::compare, m)?)?;
    m.add_function(wrap_pyfunction!(analysis::rank, m)?)?;
    m.add_function(wrap_pyfunction!(analysis::regress, m)?)?;
    m.add_function(wrap_pyfunction!(charts::dots, m)?)?;
    m.add_function(wrap_pyfunction!(charts::tumour_burdens, m)?)?;
    m.add_function(wrap_pyfunction!(charts::tumour_volumes, m)?)?;
    m.add_class::<sheet::Chart>()?;
    m.add_function(wrap_pyfunction!(side::grid_of, m)?)?;
    m.add_function(wrap_pyfunction!(plan::metric_names, m)?)?;
    m.add_function(wrap_pyfunction!(plan::structure_sets, m)?)?;
    Ok(())
}
