use std::borrow::Borrow as _;
use std::io::Write;
use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;
use hdbench_score::{Label, MetricRow, TidyRows};
use hdbench_volume::artifact::write_atomic_with;
use polars::prelude::{Column, DataFrame, NamedFrom, PolarsError, PolarsResult, Series};
// Not `polars` with its feature `parquet`: that brings the whole streaming engine along.
use polars_io::prelude::ParquetWriter;

/// Rows that are in memory as columns at once: a group of the file.
const ROWS_A_GROUP: usize = 1 << 14;

/// Writes the tidy table as Parquet: the columns of `metrics_long.csv` in their order, numbers as
/// numbers (`fold`, `metric_version` u32, `seed` u64, `value`, `raw_value` f64 with NaN where there
/// is none), a label that is none as null; 16,384 rows a group.
///
/// # Errors
/// `Error::Write`; `Error::Internal` if polars refuses the table.
pub fn write_parquet(path: &Path, rows: impl TidyRows) -> Result<()> {
    write_atomic_with(path, |out| {
        encode(rows, out).map_err(|e| match e {
            PolarsError::IO { error, .. } => Error::write(path)(std::io::Error::other(error)),
            e => Error::Internal(format!("{}: Parquet: {e}", path.shown())),
        })
    })
}

fn encode(rows: impl TidyRows, out: impl Write) -> PolarsResult<()> {
    // One column after the other: side by side they are packed in memory all at once.
    let file = ParquetWriter::new(out).set_parallel(false);
    let mut file = file.batched(table(&[])?.schema())?;
    let mut rows = rows.into_iter().map(|row| row.borrow().clone());
    loop {
        let group: Vec<MetricRow> = rows.by_ref().take(ROWS_A_GROUP).collect();
        if group.is_empty() {
            break;
        }
        file.write_batch(&table(&group)?)?;
    }
    file.finish()?;
    Ok(())
}

fn table(rows: &[MetricRow]) -> PolarsResult<DataFrame> {
    DataFrame::new(
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
    )
}

fn text(rows: &[MetricRow], name: &str, of: fn(&MetricRow) -> &str) -> Column {
    let values: Vec<&str> = rows.iter().map(of).collect();
    Column::from(Series::new(name.into(), values))
}

fn labels(rows: &[MetricRow]) -> Column {
    let values: Vec<Option<&str>> = rows.iter().map(|row| row.label.map(Label::name)).collect();
    Column::from(Series::new("label".into(), values))
}

fn numbers<T>(rows: &[MetricRow], name: &str, of: fn(&MetricRow) -> T) -> Column
where
    Series: NamedFrom<Vec<T>, [T]>,
{
    let values: Vec<T> = rows.iter().map(of).collect();
    Column::from(Series::new(name.into(), values))
}

#[cfg(test)]
mod tests {
    use polars_io::prelude::{ParquetReader, SerReader};

    use super::*;

    fn row(case: &str, label: Option<Label>, value: f64) -> MetricRow {
        MetricRow {
            task: "t".into(),
            algorithm: "unet".into(),
            fold: 1,
            seed: 7,
            case: case.into(),
            label,
            metric: "dice".into(),
            metric_version: 1,
            value,
            raw_value: f64::NAN,
            policy: "strict".into(),
        }
    }

    #[test]
    fn the_table_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics_long.parquet");
        let rows = [
            row("volume-3", Some(Label::LIVER), 0.1),
            row("_all", None, f64::NAN),
        ];
        write_parquet(&path, &rows).unwrap();
        let table = ParquetReader::new(std::fs::File::open(&path).unwrap())
            .finish()
            .unwrap();
        let names = table.get_column_names();
        let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        assert_eq!(
            names.join(","),
            "task,algorithm,fold,seed,case,label,metric,metric_version,value,raw_value,policy"
        );
        let texts = |name: &str| -> Vec<Option<String>> {
            let column = table.column(name).unwrap().str().unwrap();
            (0..2).map(|i| column.get(i).map(str::to_owned)).collect()
        };
        assert_eq!(
            texts("case"),
            [Some("volume-3".into()), Some("_all".into())]
        );
        assert_eq!(texts("label"), [Some("liver".into()), None]);
        let value = table.column("value").unwrap().f64().unwrap();
        assert_eq!(value.get(0), Some(0.1));
        assert!(value.get(1).is_some_and(f64::is_nan), "NaN is no null");
        assert_eq!(table.column("seed").unwrap().u64().unwrap().get(1), Some(7));
        assert_eq!(table.column("fold").unwrap().u32().unwrap().get(0), Some(1));
        write_parquet(&path, &rows[..0]).unwrap();
        let table = ParquetReader::new(std::fs::File::open(&path).unwrap());
        assert_eq!(table.finish().unwrap().shape(), (0, 11));
    }

    #[test]
    fn more_rows_than_a_group_holds_are_all_there_and_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics_long.parquet");
        let count = 2 * ROWS_A_GROUP + 1;
        let rows: Vec<MetricRow> = (0..count)
            .map(|at| row("volume-3", Some(Label::LIVER), at as f64))
            .collect();
        write_parquet(&path, &rows).unwrap();
        let table = ParquetReader::new(std::fs::File::open(&path).unwrap());
        let table = table.finish().unwrap();
        let values = table.column("value").unwrap().f64().unwrap();
        assert!((0..count).all(|at| values.get(at) == Some(at as f64)));
        assert_eq!(table.height(), count);
    }
}
