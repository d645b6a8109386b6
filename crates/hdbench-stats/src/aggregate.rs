use std::collections::{BTreeMap, BTreeSet};

use hdbench_ground::error::Result;
use hdbench_score::{ALL_CASES, Label, MetricRow, Name};

use super::groups::{Keys, groups};
use super::statistics::{mean, sample_sd};

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
pub type Aggregates = BTreeMap<(Name, Option<Label>, Name), Aggregate>;

/// Mean, standard deviation and counts of each metric over cases, by algorithm. Pooled rows are
/// taken as they are. The result does not depend on the number of threads: values are added up in
/// the order of the case names.
pub fn aggregate(rows: &[MetricRow]) -> Result<Aggregates> {
    let mut rows: Vec<&MetricRow> = rows.iter().collect();
    rows.sort_by(|a, b| (&a.case, a.fold, a.seed).cmp(&(&b.case, b.fold, b.seed)));
    let mut aggregates = over_cases(&rows)?;
    let mut scored: BTreeMap<Name, BTreeSet<_>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.case != ALL_CASES) {
        let case = (row.case, row.fold, row.seed);
        scored.entry(row.algorithm).or_default().insert(case);
    }
    for row in rows.iter().filter(|row| row.case == ALL_CASES) {
        let key = (row.algorithm, row.label, row.metric);
        let cases = scored.get(&row.algorithm).map_or(0, BTreeSet::len);
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

fn over_cases(rows: &[&MetricRow]) -> Result<Aggregates> {
    let rows: Vec<&MetricRow> = rows
        .iter()
        .copied()
        .filter(|row| row.case != ALL_CASES)
        .collect();
    let text = |of: fn(&MetricRow) -> &str| rows.iter().map(|row| of(row)).collect();
    let keys: Vec<Keys<'_>> = vec![
        ("algorithm", text(|row| &row.algorithm)),
        ("label", text(|row| row.label.map_or("", Label::name))),
        ("metric", text(|row| &row.metric)),
    ];
    let aggregate = |group: Vec<usize>| {
        let first = rows[group[0]];
        let defined: Vec<f64> = group
            .iter()
            .map(|&row| rows[row].value)
            .filter(|value| !value.is_nan())
            .collect();
        (
            (first.algorithm, first.label, first.metric),
            Aggregate {
                mean: mean(&defined).unwrap_or(f64::NAN),
                sd: sample_sd(&defined),
                n: defined.len(),
                cases: group.len(),
            },
        )
    };
    let groups = groups(rows.len(), keys)?;
    Ok(groups.into_iter().map(aggregate).collect())
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
            label: Some(Label::LIVER),
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
        let of = |metric: &str| found[&("unet".into(), Some(Label::LIVER), metric.into())];
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
