use std::path::Path;

use hdbench_ground::error::Result;
use hdbench_ground::text::words_cell;

use super::describe::Described;
use super::tidy::{TidyRows, write_csv};

/// Writes `cases.csv` from the tidy rows of one evaluation: one row a case, one column a metric
/// (`liver_dice`, `lesion_true_positives`, …), the values under the policy.
///
/// Every case has the same metrics, in the same order.
pub fn write_wide(path: &Path, rows: impl TidyRows) -> Result<()> {
    let Described { cases, metrics, .. } = Described::of(rows);
    let names: Vec<String> = metrics.iter().map(|metric| metric.name()).collect();
    let columns: Vec<&str> = std::iter::once("case")
        .chain(names.iter().map(String::as_str))
        .collect();
    let rows = cases.into_iter().enumerate().map(|(index, case)| {
        let values: Vec<f64> = metrics.iter().map(|metric| metric.values[index]).collect();
        (words_cell(case.as_str()), values)
    });
    write_csv(path, &columns, rows)
}
