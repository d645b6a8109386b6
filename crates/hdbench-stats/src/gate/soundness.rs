use hdbench_score::MetricRow;

use super::line::some;
use crate::{range, repeated_cases};

/// A value beyond the range of its metric by no more than this came of rounding, as 1.0000000000000002 does.
const SLACK: f64 = 1e-9;

/// Why the rows of a metric of one side are nothing to judge by: values that it cannot have, or a case that is
/// there twice. Of a case without a value there is nothing to say here.
pub(super) fn unsound(rows: &[MetricRow]) -> Option<String> {
    impossible(rows).or_else(|| twice(rows))
}

fn twice(rows: &[MetricRow]) -> Option<String> {
    let again: Vec<&str> = repeated_cases(rows).into_iter().collect();
    (!again.is_empty()).then(|| format!("{} cases are there twice: {}", again.len(), some(&again)))
}

/// Infinite ones, and a Dice of 8: an outlier that no prediction gives would outweigh every true loss.
fn impossible(rows: &[MetricRow]) -> Option<String> {
    let wrong: Vec<&MetricRow> = rows
        .iter()
        .filter(|row| !row.value.is_nan() && !possible(row))
        .collect();
    let named: Vec<String> = wrong
        .iter()
        .map(|row| format!("{} ({})", row.value, row.case))
        .collect();
    let first = wrong.first()?;
    let bounds = range(&first.metric).map_or(String::new(), |range| {
        format!(", which lies between {} and {}", range.start(), range.end())
    });
    Some(format!("{} is no {}{bounds}", some(&named), first.metric))
}

fn possible(row: &MetricRow) -> bool {
    let within = range(&row.metric).is_none_or(|range| {
        let slack = SLACK * range.end().abs();
        (range.start() - slack..=range.end() + slack).contains(&row.value)
    });
    row.value.is_finite() && within
}
