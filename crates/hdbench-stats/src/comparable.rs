//! Whether the values of two algorithms are of one definition.

use std::collections::{BTreeMap, BTreeSet};

use hdbench_score::{ALL_CASES, MetricRow, Name};

use super::metric_table::MetricTable;
use super::scorer::Definition;

/// Metrics of which there is one formula, whoever computes it: scorers differ in what they make of empty masks alone.
const ONE_FORMULA: [&str; 2] = ["dice", "jaccard"];

/// How far two algorithms' values of a metric may be held against each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Likeness {
    Same,
    /// By one formula of several scorers; what is to be said of it.
    Nearly(String),
    /// Not at all; why.
    Other(String),
}

/// Of a metric, by the places of two algorithms.
pub(super) fn likeness(metric: &MetricTable, a: usize, b: usize) -> Likeness {
    let of = |place: usize| metric.definitions.get(place).filter(|own| !own.is_empty());
    let (Some(own), Some(other)) = (of(a), of(b)) else {
        return Likeness::Same;
    };
    if own == other {
        return Likeness::Same;
    }
    let words = |place: usize, own: &BTreeSet<Definition>| {
        let own: Vec<String> = own.iter().map(Definition::in_words).collect();
        format!("{} by {}", metric.algorithms[place], own.join(" and "))
    };
    let both = format!("{}: {}, {}", metric.name(), words(a, own), words(b, other));
    let scorers = |own: &BTreeSet<Definition>| -> BTreeSet<Name> {
        own.iter().map(|one| one.scorer).collect()
    };
    let apart = scorers(own).is_disjoint(&scorers(other)) && own.len() == 1 && other.len() == 1;
    match apart && ONE_FORMULA.contains(&metric.metric.as_str()) {
        true => Likeness::Nearly(format!(
            "{both}: one formula, over the cases that both give a value for"
        )),
        false => Likeness::Other(format!("{both}: other definitions; score both by one")),
    }
}

/// Whether all algorithms of a metric may be put in one order; why not.
pub(super) fn unlike(metric: &MetricTable) -> Option<String> {
    let all = 0..metric.algorithms.len();
    all.skip(1)
        .find_map(|other| match likeness(metric, 0, other) {
            Likeness::Other(why) => Some(why),
            _ => None,
        })
}

/// Algorithms that were scored on data sets of other names: their cases are taken for the same by their names alone.
pub(super) fn other_tasks(rows: &[MetricRow]) -> Option<String> {
    let mut tasks: BTreeMap<Name, BTreeSet<Name>> = BTreeMap::new();
    let mut last = None;
    for row in rows
        .iter()
        .filter(|row| row.case != ALL_CASES && !row.task.is_empty())
    {
        if last != Some((row.algorithm, row.task)) {
            tasks.entry(row.algorithm).or_default().insert(row.task);
            last = Some((row.algorithm, row.task));
        }
    }
    let mut tasks = tasks.iter();
    let (first, own) = tasks.next()?;
    let (second, other) = tasks.find(|(_, other)| *other != own)?;
    let words = |own: &BTreeSet<Name>| {
        own.iter()
            .map(|name| name.as_str())
            .collect::<Vec<_>>()
            .join(" and ")
    };
    Some(format!(
        "data sets have other names, {} of {first} and {} of {second}: cases of one name are taken for the same",
        words(own),
        words(other)
    ))
}
