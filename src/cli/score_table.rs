//! The table that `hdbench evaluate` shows on a terminal.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::evaluation::{ALL_CASES, Description, Label, MetricRow, describe};

/// Between the columns.
const GAP: &str = "   ";

/// How much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The metrics of [`HEADLINE`] and, of profile `lits`, all.
    Headline,
    Everything,
}

/// What people ask for first; the others go by definition, threshold or tolerance.
const HEADLINE: [&str; 25] = [
    "dice",
    "voe",
    "rvd",
    "precision",
    "recall",
    "assd",
    "rmsd",
    "msd",
    "hd95",
    "nsd_2mm",
    "volume_pred_ml",
    "volume_ref_ml",
    "detection_precision_iou_gt_0",
    "detection_recall_iou_gt_0",
    "detection_f1_iou_gt_0",
    "detection_precision_iou_gt_0.5",
    "detection_recall_iou_gt_0.5",
    "detection_f1_iou_gt_0.5",
    "detection_f1_one_to_one_iou_ge_0.5",
    "tumour_burden_pred",
    "tumour_burden_ref",
    "tumour_burden_error",
    "dice_global",
    "tumour_burden_rmse",
    "tumour_burden_max_error",
];

/// Whether a metric is among [`HEADLINE`], or stands in for one that was not asked for: a distance
/// by another border rule, a surface Dice at another tolerance.
fn is_headline(metric: &str, all: &BTreeSet<&str>) -> bool {
    let stands_in = match metric.split_once('_') {
        Some((distance @ ("assd" | "rmsd" | "msd" | "hd95"), rule)) => {
            rule.ends_with('n') && !rule.contains('_') && !all.contains(distance)
        }
        Some(("nsd", _)) => !all.contains("nsd_2mm"),
        _ => false,
    };
    HEADLINE.contains(&metric) || stands_in
}

impl Shown {
    /// The rows that are shown, and how many metrics are not.
    fn of(self, rows: &[MetricRow]) -> (Vec<MetricRow>, usize) {
        let names = |rows: &mut dyn Iterator<Item = &MetricRow>| -> BTreeSet<String> {
            rows.map(|row| row.metric.clone()).collect()
        };
        let all = names(&mut rows.iter());
        let known: BTreeSet<&str> = all.iter().map(String::as_str).collect();
        let kept: Vec<MetricRow> = rows
            .iter()
            .filter(|row| {
                self == Self::Everything
                    || !row.policy.starts_with("strict")
                    || is_headline(&row.metric, &known)
            })
            .cloned()
            .collect();
        let left = all.len() - names(&mut kept.iter()).len();
        (kept, left)
    }
}

/// Shows what was scored: each metric's mean and standard deviation over the cases that have a
/// value, how many those are, metrics pooled over all cases, and the conventions that stood in for
/// values.
pub fn render(
    rows: &[MetricRow],
    scored: usize,
    all: usize,
    profile: &str,
    shown: Shown,
) -> String {
    let (rows, left) = shown.of(rows);
    let rows = rows.as_slice();
    let mut text = format!("{scored} of {all} cases scored, profile {profile}");
    if scored < all {
        text += "; the others are in no metric below";
    }
    text += "\nfractions from 0 to 1, distances in mm, volumes in mL; mean ± standard deviation, \
             cases with a value / cases scored\n\n";
    text += &columns("", ["liver", "lesion", "both"], &by_case(rows, scored));
    text += &columns(
        "over all cases together",
        ["liver", "lesion", "both"],
        &pooled(rows),
    );
    text += &conventions(rows, scored);
    if left > 0 {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "\n{left} more metrics are in metrics_long.csv, and here with --format full"
        );
    }
    text
}

/// Cells by metric, one for each label.
type Cells = Vec<(String, [Option<String>; 3])>;

fn place(label: Option<Label>) -> usize {
    match label {
        Some(Label::LIVER | Label::LIVER_WITHOUT_LESIONS) => 0,
        Some(Label::LESION) => 1,
        None => 2,
    }
}

fn put(cells: &mut Cells, metric: &str, label: Option<Label>, cell: String) {
    let index = cells.iter().position(|(name, _)| name == metric);
    let index = index.unwrap_or_else(|| {
        cells.push((metric.to_owned(), [const { None }; 3]));
        cells.len() - 1
    });
    cells[index].1[place(label)] = Some(cell);
}

fn by_case(rows: &[MetricRow], scored: usize) -> Cells {
    let mut cells = Cells::new();
    for metric in describe(rows) {
        let cell = mean(&metric, scored);
        put(&mut cells, &metric.metric, metric.label, cell);
    }
    cells
}

fn mean(metric: &Description, scored: usize) -> String {
    let found = metric.statistics();
    let value = match (found.count, found.sd.is_nan()) {
        (0, _) => "undefined".to_owned(),
        (_, true) => number(found.mean),
        (_, false) => format!("{} ± {}", number(found.mean), number(found.sd)),
    };
    format!("{value}  {:>2}/{scored}", found.count)
}

fn pooled(rows: &[MetricRow]) -> Cells {
    let mut cells = Cells::new();
    for row in rows.iter().filter(|row| row.case == ALL_CASES) {
        let value = if row.value.is_nan() {
            "undefined".to_owned()
        } else {
            number(row.value)
        };
        put(&mut cells, &row.metric, row.label, value);
    }
    cells
}

/// Enough digits to tell results apart; the files have all of them.
fn number(value: f64) -> String {
    match value.abs() {
        size if size == 0.0 || size == 1.0 => format!("{value}"),
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.1}"),
        size if size >= 10.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// Columns without any cell are left out.
fn columns(title: &str, heads: [&str; 3], cells: &Cells) -> String {
    let mut text = String::new();
    if cells.is_empty() {
        return text;
    }
    let width = |texts: &mut dyn Iterator<Item = &str>| {
        texts.map(|text| text.chars().count()).max().unwrap_or(0)
    };
    let used: Vec<(usize, usize)> = (0..3)
        .filter(|&column| cells.iter().any(|(_, row)| row[column].is_some()))
        .map(|column| {
            let texts = cells.iter().filter_map(|(_, row)| row[column].as_deref());
            (column, width(&mut texts.chain([heads[column]])))
        })
        .collect();
    let names = width(&mut cells.iter().map(|(name, _)| name.as_str()).chain([title]));
    let mut line = |name: &str, row: &dyn Fn(usize) -> String| {
        let mut line = format!("{name:<names$}");
        for &(column, width) in &used {
            line += &format!("{GAP}{:>width$}", row(column));
        }
        text += line.trim_end();
        text.push('\n');
    };
    line(title, &|column| heads[column].to_owned());
    for (name, row) in cells {
        line(name, &|column| row[column].clone().unwrap_or_default());
    }
    text.push('\n');
    text
}

/// What stood in for a value, by label and situation: read off the rows, so that it cannot differ
/// from what the files say.
fn conventions(rows: &[MetricRow], scored: usize) -> String {
    #[derive(Default)]
    struct Situation<'a> {
        cases: BTreeSet<&'a str>,
        /// Each metric with the values it was given, in the order of the rows.
        imputed: Vec<(&'a str, BTreeSet<String>)>,
        undefined: Vec<&'a str>,
    }
    let mut found: BTreeMap<(usize, &str), Situation<'_>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.case != ALL_CASES) {
        let Some((_, situation)) = row.policy.split_once(':') else {
            continue;
        };
        let entry = found.entry((place(row.label), situation)).or_default();
        entry.cases.insert(&row.case);
        let metric = row.metric.as_str();
        if row.value.is_nan() {
            if !entry.undefined.contains(&metric) {
                entry.undefined.push(metric);
            }
        } else if row.value != row.raw_value {
            if !entry.imputed.iter().any(|(name, _)| *name == metric) {
                entry.imputed.push((metric, BTreeSet::new()));
            }
            let values = entry.imputed.iter_mut().find(|(name, _)| *name == metric);
            if let Some((_, values)) = values {
                values.insert(number(row.value));
            }
        }
    }
    if found.is_empty() {
        return format!("edge cases: none, no mask of the {scored} cases is empty\n");
    }
    let mut text = String::from("edge cases (raw values stand beside these in metrics_long.csv)\n");
    for ((label, situation), entry) in found {
        let label = ["liver", "lesion", "tumour burden"][label];
        let mut parts = Vec::new();
        if !entry.imputed.is_empty() {
            let values = entry.imputed.iter().map(|(metric, values)| {
                let values: Vec<&str> = values.iter().map(String::as_str).collect();
                format!("{metric} {}", values.join(" or "))
            });
            let values: Vec<String> = values.collect();
            parts.push(format!("counted as {}", values.join(", ")));
        }
        if !entry.undefined.is_empty() {
            parts.push(format!(
                "undefined and in no mean: {}",
                entry.undefined.join(", ")
            ));
        }
        if parts.is_empty() {
            parts.push("values as the formulas give them".into());
        }
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  {label}, {}: {} of {scored} cases; {}",
            situation.replace('_', " "),
            entry.cases.len(),
            parts.join("; ")
        );
    }
    text
}
