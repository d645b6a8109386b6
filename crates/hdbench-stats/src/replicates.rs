//! Several trainings of one network as one.

use std::collections::BTreeMap;

use hdbench_score::{ALL_CASES, Label, MetricRow, Name};

/// The mean over replicates of every metric value, where it is defined; a value over all cases of a fold is
/// dropped where there are several folds, because it is none of their union.
pub fn over_replicates(rows: Vec<MetricRow>, several_folds: bool) -> Vec<MetricRow> {
    let mut groups: BTreeMap<(u32, Name, Option<Label>, Name), Vec<MetricRow>> = BTreeMap::new();
    for row in rows {
        if several_folds && row.case == ALL_CASES {
            continue;
        }
        let key = (row.fold, row.case, row.label, row.metric);
        groups.entry(key).or_default().push(row);
    }
    let mean = |values: Vec<f64>| {
        let defined: Vec<f64> = values.into_iter().filter(|value| !value.is_nan()).collect();
        match defined.len() {
            0 => f64::NAN,
            n => defined.iter().sum::<f64>() / n as f64,
        }
    };
    groups
        .into_values()
        .filter_map(|rows| {
            let value = mean(rows.iter().map(|row| row.value).collect());
            let raw_value = mean(rows.iter().map(|row| row.raw_value).collect());
            let first = rows.into_iter().next()?;
            Some(MetricRow {
                value,
                raw_value,
                ..first
            })
        })
        .collect()
}
