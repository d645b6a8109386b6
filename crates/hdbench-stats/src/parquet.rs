use std::borrow::Borrow as _;
use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;
use hdbench_score::{Label, MetricRow, TidyRows};
use hdbench_volume::artifact::write_atomic;
use polars::prelude::{
    Column, CompatLevel, DataFrame, NamedFrom, PolarsError, PolarsResult, SchemaExt as _, Series,
};
// Not `polars` with its feature `parquet`, nor `polars-io`: they bring a streaming engine and three compressors in C.
use polars_parquet::write::{
    CompressionOptions, FileWriter, StatisticsOptions, Version, WriteOptions, get_dtype_encoding,
    row_group_iter,
};

/// Every reader of Parquet knows gzip, and the program has it already.
const OPTIONS: WriteOptions = WriteOptions {
    statistics: StatisticsOptions {
        min_value: true,
        max_value: true,
        distinct_count: false,
        null_count: true,
        binary_statistics_truncate_length: None,
    },
    version: Version::V1,
    compression: CompressionOptions::Gzip(None),
    data_page_size: None,
};

/// Rows that are in memory as columns at once: a group of the file.
const ROWS_A_GROUP: usize = 1 << 14;

/// Writes the tidy table as Parquet: the columns of `metrics_long.csv` in their order, numbers as
/// numbers (`fold`, `metric_version` u32, `seed` u64, `value`, `raw_value` f64 with NaN where there
/// is none), a label that is none as null. Compressed by gzip; 16,384 rows a group.
///
/// # Errors
/// `Error::Write`; `Error::Internal` if polars refuses the table.
pub fn write_parquet(path: &Path, rows: impl TidyRows) -> Result<()> {
    // Compressed it is small, and so what is written fails as any file does.
    let bytes = encode(rows)
        .map_err(|e: PolarsError| Error::Internal(format!("{}: Parquet: {e}", path.shown())))?;
    write_atomic(path, &bytes)
}

fn encode(rows: impl TidyRows) -> PolarsResult<Vec<u8>> {
    let schema = table(&[])?.schema().to_arrow(CompatLevel::newest());
    let encodings = schema.iter_values();
    let encodings: Vec<_> = encodings
        .map(|field| get_dtype_encoding(&field.dtype))
        .collect();
    let mut file = FileWriter::try_new(Vec::new(), schema, OPTIONS)?;
    let mut rows = rows.into_iter().map(|row| row.borrow().clone());
    loop {
        let group: Vec<MetricRow> = rows.by_ref().take(ROWS_A_GROUP).collect();
        if group.is_empty() {
            break;
        }
        let table = table(&group)?;
        for batch in table.iter_chunks(CompatLevel::newest(), false) {
            let columns = file.parquet_schema().fields().to_vec();
            let rows = batch.len() as u64;
            let encoded = row_group_iter(batch, encodings.clone().into(), columns, OPTIONS);
            file.write(rows, encoded)?;
        }
    }
    file.end(None)?;
    Ok(file.into_inner())
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
    use std::io::Cursor;

    use polars_parquet::read::{
        BasicDecompressor, PageReader, column_iter_to_arrays, infer_schema, read_metadata,
    };

    use super::*;

    /// The columns of a file in their order.
    fn read(path: &Path) -> Vec<Series> {
        let bytes = std::fs::read(path).unwrap();
        let metadata = read_metadata(&mut Cursor::new(&bytes)).unwrap();
        let schema = infer_schema(&metadata).unwrap();
        let columns = schema.iter_values().enumerate().map(|(index, field)| {
            let mut arrays = Vec::new();
            for group in &metadata.row_groups {
                let column = &group.parquet_columns()[index];
                let range = column.byte_range();
                let chunk = bytes[range.start as usize..range.end as usize].to_vec();
                let pages = PageReader::new(Cursor::new(chunk.into()), column, vec![], usize::MAX);
                let pages = BasicDecompressor::new(pages, vec![]);
                let kind = &column.descriptor().descriptor.primitive_type;
                let (found, _) =
                    column_iter_to_arrays(vec![pages], vec![kind], field.clone(), None).unwrap();
                arrays.extend(found);
            }
            Series::try_from((field.name.clone(), arrays)).unwrap()
        });
        columns.collect()
    }

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
        let table = DataFrame::new(2, read(&path).into_iter().map(Column::from).collect()).unwrap();
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
        let bytes = std::fs::read(&path).unwrap();
        let metadata = read_metadata(&mut Cursor::new(&bytes)).unwrap();
        assert_eq!(metadata.num_rows, 0);
        assert_eq!(infer_schema(&metadata).unwrap().len(), 11);
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
        let columns = read(&path);
        let values = columns
            .iter()
            .find(|column| column.name() == "value")
            .unwrap()
            .f64()
            .unwrap();
        assert_eq!(values.len(), count);
        assert!((0..count).all(|at| values.get(at) == Some(at as f64)));
    }
}
