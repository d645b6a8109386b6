use std::path::Path;

use polars::prelude::{
    Column, DataFrame, NamedFrom, ParquetWriter, PolarsError, PolarsResult, Series,
};

use crate::artifact::write_atomic;
use crate::error::{Error, Result};
use crate::evaluation::{Label, Row};

/// Writes the tidy table as Parquet: the columns of `metrics_long.csv` in their order, numbers as
/// numbers (`fold`, `metric_version` u32, `seed` u64, `value`, `raw_value` f64 with NaN where there
/// is none), a label that is none as null.
///
/// # Errors
/// `Error::Write`; `Error::Internal` if polars refuses the table.
pub fn write_parquet(path: &Path, rows: &[Row]) -> Result<()> {
    let bytes = encode(rows)
        .map_err(|e: PolarsError| Error::Internal(format!("{}: Parquet: {e}", path.display())))?;
    write_atomic(path, &bytes)
}

fn encode(rows: &[Row]) -> PolarsResult<Vec<u8>> {
    let mut table = DataFrame::new(
        rows.len(),
        vec![
            text(rows, "task", |row| &row.task),
            text(rows, "algorithm", |row| &row.algorithm),
            numbers(rows, "fold", |row| row.fold),
            numbers(rows, "seed", |row| row.seed),
            text(rows, "case", |row| &row.case),
            labels(rows),
            text(rows, "metric", |row| &row.metric),
            numbers(rows, "metric_version", |row| row.metric_version),
            numbers(rows, "value", |row| row.value),
            numbers(rows, "raw_value", |row| row.raw_value),
            text(rows, "policy", |row| &row.policy),
        ],
    )?;
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut table)?;
    Ok(bytes)
}

fn text(rows: &[Row], name: &str, of: fn(&Row) -> &str) -> Column {
    let values: Vec<&str> = rows.iter().map(of).collect();
    Column::from(Series::new(name.into(), values))
}

fn labels(rows: &[Row]) -> Column {
    let values: Vec<Option<&str>> = rows.iter().map(|row| row.label.map(Label::name)).collect();
    Column::from(Series::new("label".into(), values))
}

fn numbers<T>(rows: &[Row], name: &str, of: fn(&Row) -> T) -> Column
where
    Series: NamedFrom<Vec<T>, [T]>,
{
    let values: Vec<T> = rows.iter().map(of).collect();
    Column::from(Series::new(name.into(), values))
}
