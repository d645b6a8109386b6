use std::collections::BTreeMap;

use hdbench_ground::error::{Error, Result};
use hdbench_score::{ALL_CASES, Label, MetricRow};
use polars::prelude::{
    Column, DataFrame, IntoLazy, NamedFrom, PolarsError, PolarsResult, Series, col, len,
};

/// A metric over the test cases of a cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aggregate {
    /// Over the cases for which it is defined; NaN if there are none.
    pub mean: f64,
    /// Sample standard deviation (n - 1); none below two cases.
    pub sd: Option<f64>,
    /// Cases for which it is defined.
    pub n: usize,
    /// All cases.
    pub cases: usize,
}

/// Aggregates by algorithm, label (none for metrics of both) and metric.
pub type Aggregates = BTreeMap<(String, Option<Label>, String), Aggregate>;

/// Mean, standard deviation and counts of each metric over cases, by algorithm. Pooled rows are
/// taken as they are. The result does not depend on the number of threads: values are added up in
/// the order of the case names.
pub fn aggregate(rows: &[MetricRow]) -> Result<Aggregates> {
    let failed = |e: PolarsError| Error::Internal(format!("aggregation: {e}"));
    let mut rows: Vec<&MetricRow> = rows.iter().collect();
    rows.sort_by(|a, b| (&a.case, a.fold, a.seed).cmp(&(&b.case, b.fold, b.seed)));
    let mut aggregates = over_cases(&rows).map_err(failed)?;
    for row in rows.iter().filter(|row| row.case == ALL_CASES) {
        let key = (row.algorithm.clone(), row.label, row.metric.clone());
        let cases = rows
            .iter()
            .filter(|other| other.algorithm == row.algorithm && other.case != ALL_CASES)
            .filter(|other| other.label == Some(Label::Liver) && other.metric == "dice")
            .count();
        aggregates.insert(
            key,
            Aggregate {
                mean: row.value,
                sd: None,
                n: cases,
                cases,
            },
        );
    }
    Ok(aggregates)
}

fn over_cases(rows: &[&MetricRow]) -> PolarsResult<Aggregates> {
    let rows: Vec<&&MetricRow> = rows.iter().filter(|row| row.case != ALL_CASES).collect();
    let text = |name: &str, of: fn(&MetricRow) -> &str| {
        let values: Vec<&str> = rows.iter().map(|row| of(row)).collect();
        Column::from(Series::new(name.into(), values))
    };
    let values: Vec<f64> = rows.iter().map(|row| row.value).collect();
    let table = DataFrame::new(
        rows.len(),
        vec![
            text("algorithm", |row| &row.algorithm),
            text("label", |row| row.label.map_or("", Label::name)),
            text("metric", |row| &row.metric),
            Column::from(Series::new("value".into(), values)),
        ],
    )?;
    let defined = col("value").filter(col("value").is_not_nan());
    let grouped = table
        .lazy()
        .group_by_stable([col("algorithm"), col("label"), col("metric")])
        .agg([
            defined.clone().mean().alias("mean"),
            defined.clone().std(1).alias("sd"),
            defined
                .count()
                .cast(polars::prelude::DataType::UInt64)
                .alias("n"),
            len().cast(polars::prelude::DataType::UInt64).alias("cases"),
        ])
        .collect()?;
    let texts = |name: &str| grouped.column(name)?.str().cloned();
    let floats = |name: &str| grouped.column(name)?.f64().cloned();
    let counts = |name: &str| grouped.column(name)?.u64().cloned();
    let (algorithm, label, metric) = (texts("algorithm")?, texts("label")?, texts("metric")?);
    let (mean, sd) = (floats("mean")?, floats("sd")?);
    let (n, cases) = (counts("n")?, counts("cases")?);
    let mut aggregates = Aggregates::new();
    for index in 0..grouped.height() {
        let named = |texts: &polars::prelude::StringChunked| {
            texts.get(index).unwrap_or_default().to_owned()
        };
        let label = Label::named(&named(&label));
        aggregates.insert(
            (named(&algorithm), label, named(&metric)),
            Aggregate {
                mean: mean.get(index).unwrap_or(f64::NAN),
                sd: sd.get(index),
                n: n.get(index).unwrap_or(0) as usize,
                cases: cases.get(index).unwrap_or(0) as usize,
            },
        );
    }
    Ok(aggregates)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(case: &str, metric: &str, value: f64) -> MetricRow {
        MetricRow {
            task: "t".into(),
            algorithm: "unet".into(),
            fold: 0,
            seed: 0,
            case: case.into(),
            label: Some(Label::Liver),
            metric: metric.into(),
            metric_version: 1,
            value,
            raw_value: value,
            policy: "strict".into(),
        }
    }

    #[test]
    fn undefined_values_are_left_out_and_counted() {
        let rows = [
            row("a", "assd", 1.0),
            row("b", "assd", f64::NAN),
            row("c", "assd", 3.0),
            row("a", "dice", 0.5),
            row("b", "dice", 0.5),
            row("c", "dice", 0.8),
            row("_all", "dice_global", 0.7),
        ];
        let found = aggregate(&rows).unwrap();
        let of = |metric: &str| found[&("unet".into(), Some(Label::Liver), metric.into())];
        let assd = of("assd");
        assert_eq!((assd.mean, assd.n, assd.cases), (2.0, 2, 3));
        assert!((assd.sd.unwrap() - 2.0_f64.sqrt()).abs() < 1e-12);
        assert!((of("dice").mean - 0.6).abs() < 1e-12);
        let global = of("dice_global");
        assert_eq!((global.mean, global.sd, global.n), (0.7, None, 3));
    }

    #[test]
    fn a_metric_defined_nowhere_has_no_mean() {
        let found = aggregate(&[row("a", "assd", f64::NAN)]).unwrap();
        let (_, assd) = found.iter().next().unwrap();
        assert!(assd.mean.is_nan());
        assert_eq!((assd.n, assd.cases, assd.sd), (0, 1, None));
    }
}
