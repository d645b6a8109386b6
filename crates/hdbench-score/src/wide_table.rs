use std::path::Path;

use hdbench_ground::error::Result;
use hdbench_ground::text::words_cell;

use super::describe::{case_names, describe};
use super::tidy::{Row, write_csv};

/// Writes `cases.csv` from the tidy rows of one evaluation: one row a case, one column a figure
/// (`liver_dice`, `lesion_true_positives`, …), the values under the policy.
///
/// Every case has the same figures, in the same order.
pub fn write_wide(path: &Path, rows: &[Row]) -> Result<()> {
    let figures = describe(rows);
    let names: Vec<String> = figures.iter().map(|figure| figure.name()).collect();
    let columns: Vec<&str> = std::iter::once("case")
        .chain(names.iter().map(String::as_str))
        .collect();
    let rows = case_names(rows)
        .into_iter()
        .enumerate()
        .map(|(index, case)| {
            let values: Vec<f64> = figures.iter().map(|figure| figure.values[index]).collect();
            (words_cell(case).into_owned(), values)
        });
    write_csv(path, &columns, rows)
}
