//! The charts of scores.

use hdbench_ground::error::{Error, Result};
use hdbench_score::Label;
use hdbench_stats::chart::{BurdenPlot, TumourSizes, case_dots};
use hdbench_stats::{Boundary, Burdens, CaseGroups, Wanted, metric_tables};
use pyo3::prelude::*;

use crate::failure::exception;
use crate::sheet::Chart;
use crate::tidy::Source;

fn drawn(py: Python<'_>, chart: impl FnOnce() -> Result<Chart> + Send) -> PyResult<Chart> {
    py.detach(chart).map_err(|error| exception(py, &error))
}

/// Every case of some metrics as a dot.
#[pyfunction]
pub fn dots(py: Python<'_>, source: Source, metrics: Vec<String>) -> PyResult<Chart> {
    drawn(py, || {
        let rows = source.scored()?.rows;
        let wanted = Wanted::of(&metrics, &rows)?;
        Chart::of(case_dots(&metric_tables(&rows, |row| wanted.has(row))?))
    })
}

/// Bland and Altman's plot of the tumour burdens.
#[pyfunction]
pub fn tumour_burdens(py: Python<'_>, source: Source) -> PyResult<Chart> {
    drawn(py, || {
        let burdens = Burdens::of(&source.scored()?.rows)?;
        if burdens.is_empty() {
            return Err(Error::usage(
                "these scores have no tumour burdens",
                "score structures called liver and lesion together, without `metrics`",
            ));
        }
        Chart::of(BurdenPlot(burdens))
    })
}

/// Tumour volumes with the line between small and large.
#[pyfunction]
pub fn tumour_volumes(
    py: Python<'_>,
    source: Source,
    structure: String,
    boundary_ml: Option<f64>,
) -> PyResult<Chart> {
    drawn(py, || {
        let rows = source.scored()?.rows;
        let label = Label::new(&structure);
        let volumes = metric_tables(&rows, |row| {
            row.label == Some(label) && row.metric == "volume_ref_ml"
        })?;
        let volumes = volumes.first().ok_or_else(|| {
            Error::usage(
                format!("these scores have no volume_ref_ml of {structure:?}"),
                "name a structure that was scored, with that metric",
            )
        })?;
        let boundary = boundary_ml.map_or(Boundary::LargestGap, Boundary::At);
        Chart::of(TumourSizes(CaseGroups::divide(volumes, boundary)?))
    })
}
