//! The table that `hdbench evaluate` shows on a terminal.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::ops::Range;

use unicode_width::UnicodeWidthStr;

use crate::evaluation::{ALL_CASES, Description, Label, MetricRow, Name, TidyRows, describe};

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
const HEADLINE: [&str; 28] = [
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
    "detection_precision",
    "detection_recall",
    "detection_f1",
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
    let of_instances = ["instance_", "lesionwise_", "panoptic_", "recognition_"];
    if of_instances.iter().any(|begin| metric.starts_with(begin)) {
        return true;
    }
    let stands_in = match metric.split_once('_') {
        Some((distance @ ("assd" | "rmsd" | "msd" | "hd95"), rule)) => {
            rule.ends_with('n') && !rule.contains('_') && !all.contains(distance)
        }
        Some(("nsd", _)) => !all.contains("nsd_2mm"),
        _ => false,
    };
    HEADLINE.contains(&metric) || stands_in
}

/// Which rows are shown.
struct Kept {
    metrics: BTreeSet<Name>,
    /// How many metrics are not.
    left: usize,
}

impl Shown {
    fn of(self, rows: impl TidyRows) -> Kept {
        let mut all = BTreeSet::new();
        let mut of_lits = BTreeSet::new();
        for row in rows {
            let row: &MetricRow = row.borrow();
            all.insert(row.metric);
            if row.policy.starts_with("lits") {
                of_lits.insert(row.metric);
            }
        }
        let known: BTreeSet<&str> = all.iter().map(|name| name.as_str()).collect();
        // No more than the headline has: they were chosen one by one.
        let is_short = all.len() <= HEADLINE.len();
        let is_kept = |metric: &&Name| {
            self == Self::Everything
                || is_short
                || of_lits.contains(*metric)
                || is_headline(metric, &known)
        };
        let metrics: BTreeSet<Name> = all.iter().filter(is_kept).copied().collect();
        Kept {
            left: all.len() - metrics.len(),
            metrics,
        }
    }
}

/// The rows of some metrics, of all that there are.
#[derive(Clone, Copy)]
struct RowsOf<'a, R> {
    rows: R,
    metrics: &'a BTreeSet<Name>,
}

impl<'a, R: TidyRows<IntoIter: 'a, Item: 'a>> IntoIterator for RowsOf<'a, R> {
    type Item = R::Item;
    type IntoIter = Box<dyn Iterator<Item = R::Item> + 'a>;

    fn into_iter(self) -> Self::IntoIter {
        let Self { rows, metrics } = self;
        let rows = rows.into_iter();
        Box::new(rows.filter(|row| metrics.contains(&row.borrow().metric)))
    }
}

/// Shows what was scored: each metric's mean and standard deviation over the cases that have a
/// value, how many those are, metrics pooled over all cases, and the conventions that stood in for
/// values.
pub fn render<'a>(
    rows: impl TidyRows<IntoIter: 'a, Item: 'a>,
    scored: usize,
    all: usize,
    profile: &str,
    shown: Shown,
) -> String {
    let Kept { metrics, left } = shown.of(rows);
    let rows = RowsOf {
        rows,
        metrics: &metrics,
    };
    let mut text = format!("{scored} of {all} cases scored, profile {profile}");
    if scored < all {
        text += "; the others are in no metric below";
    }
    text += "\nfractions from 0 to 1, distances in mm, volumes in mL; mean ± standard deviation, \
             cases with a value / cases scored\n\n";
    let heads = heads(rows);
    let (by_case, pooled) = (by_case(rows, scored, &heads), pooled(rows, &heads));
    let together = "over all cases together";
    if heads.len() > MOST_COLUMNS && shown == Shown::Headline {
        text += &turned("", &heads, &by_case, &SHORT);
        text += &turned(together, &heads, &pooled, &SHORT_POOLED);
    } else {
        for first in (0..heads.len()).step_by(MOST_COLUMNS) {
            let part = first..(first + MOST_COLUMNS).min(heads.len());
            text += &columns("", &heads, &by_case, part.clone());
            text += &columns(together, &heads, &pooled, part);
        }
    }
    text += &conventions(rows, scored, &heads);
    if left > 0 {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "\n{left} more metrics are in metrics_long.csv, and here with --format full"
        );
    }
    text
}

/// Structures that stand side by side; more of them stand below each other.
const MOST_COLUMNS: usize = 4;

/// What is shown of many structures, over single cases and over all together.
const SHORT: [&str; 4] = ["dice", "hd95", "assd", "nsd_2mm"];
const SHORT_POOLED: [&str; 1] = ["dice_global"];

/// Cells by metric, one for each head.
type Cells = Vec<(String, Vec<Option<String>>)>;

/// The structures in the order of the rows; none for what several have together, which stands last.
fn heads(rows: impl TidyRows) -> Vec<Option<Label>> {
    let mut heads: Vec<Option<Label>> = Vec::new();
    for row in rows {
        let label = row.borrow().label;
        if !heads.contains(&label) {
            heads.push(label);
        }
    }
    heads.sort_by_key(Option::is_none);
    heads
}

fn head(label: Option<Label>) -> &'static str {
    label.map_or("both", Label::name)
}

fn put(
    cells: &mut Cells,
    heads: &[Option<Label>],
    metric: &str,
    label: Option<Label>,
    cell: String,
) {
    let index = cells.iter().position(|(name, _)| name == metric);
    let index = index.unwrap_or_else(|| {
        cells.push((metric.to_owned(), vec![None; heads.len()]));
        cells.len() - 1
    });
    if let Some(place) = heads.iter().position(|head| *head == label) {
        cells[index].1[place] = Some(cell);
    }
}

fn by_case(rows: impl TidyRows, scored: usize, heads: &[Option<Label>]) -> Cells {
    let mut cells = Cells::new();
    for metric in describe(rows) {
        let cell = mean(&metric, scored);
        put(&mut cells, heads, &metric.metric, metric.label, cell);
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

fn pooled(rows: impl TidyRows, heads: &[Option<Label>]) -> Cells {
    let mut cells = Cells::new();
    for row in rows {
        let row: &MetricRow = row.borrow();
        if row.case != ALL_CASES {
            continue;
        }
        let value = if row.value.is_nan() {
            "undefined".to_owned()
        } else {
            number(row.value)
        };
        put(&mut cells, heads, &row.metric, row.label, value);
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

/// A line a metric, a column a structure; columns without any cell are left out.
fn columns(title: &str, heads: &[Option<Label>], cells: &Cells, part: Range<usize>) -> String {
    let used: Vec<usize> = part
        .filter(|&column| cells.iter().any(|(_, row)| row[column].is_some()))
        .collect();
    let lines = cells
        .iter()
        .filter(|(_, row)| used.iter().any(|&column| row[column].is_some()))
        .map(|(name, row)| {
            let row = used.iter().map(|&column| row[column].clone());
            (name.as_str(), row.map(Option::unwrap_or_default).collect())
        });
    let heads = used.iter().map(|&column| head(heads[column]).to_owned());
    aligned(title, heads.collect(), lines.collect())
}

/// A line a structure, a column a metric.
fn turned(title: &str, heads: &[Option<Label>], cells: &Cells, metrics: &[&str]) -> String {
    let shown: Vec<&(String, Vec<Option<String>>)> = metrics
        .iter()
        .filter_map(|metric| cells.iter().find(|(name, _)| name == metric))
        .collect();
    let lines = heads
        .iter()
        .enumerate()
        .filter(|(_, label)| label.is_some());
    let lines = lines.map(|(place, label)| {
        let row = shown.iter().map(|(_, row)| row[place].clone());
        (head(*label), row.map(Option::unwrap_or_default).collect())
    });
    let names = shown.iter().map(|(name, _)| name.clone());
    aligned(title, names.collect(), lines.collect())
}

/// Lines under their heads, the names to the left, the cells to the right.
fn aligned(title: &str, heads: Vec<String>, lines: Vec<(&str, Vec<String>)>) -> String {
    let mut text = String::new();
    if lines.is_empty() || heads.is_empty() {
        return text;
    }
    let names = lines.iter().map(|(name, _)| *name).chain([title]);
    let names = names.map(UnicodeWidthStr::width).max().unwrap_or(0);
    let widths: Vec<usize> = (0..heads.len())
        .map(|column| {
            let cells = lines.iter().map(|(_, row)| row[column].as_str());
            let cells = cells.chain([heads[column].as_str()]);
            cells.map(UnicodeWidthStr::width).max().unwrap_or(0)
        })
        .collect();
    let pad = |text: &str, width: usize| " ".repeat(width.saturating_sub(text.width()));
    for (name, row) in [(title, heads)].into_iter().chain(lines) {
        let mut line = format!("{name}{}", pad(name, names));
        for (cell, width) in row.iter().zip(&widths) {
            line += &format!("{GAP}{}{cell}", pad(cell, *width));
        }
        text += line.trim_end();
        text.push('\n');
    }
    text.push('\n');
    text
}

/// What stood in for a value, by label and situation: read off the rows, so that it cannot differ
/// from what the files say.
fn conventions(rows: impl TidyRows, scored: usize, heads: &[Option<Label>]) -> String {
    #[derive(Default)]
    struct Situation {
        cases: BTreeSet<Name>,
        /// Each metric with the values it was given, in the order of the rows.
        imputed: Vec<(&'static str, BTreeSet<String>)>,
        undefined: Vec<&'static str>,
    }
    let mut found: BTreeMap<(usize, &str), Situation> = BTreeMap::new();
    for row in rows {
        let row: &MetricRow = row.borrow();
        let policy = row.policy.as_str().split_once(':');
        let Some((_, situation)) = policy.filter(|_| row.case != ALL_CASES) else {
            continue;
        };
        let place = heads.iter().position(|head| *head == row.label);
        let place = place.unwrap_or_default();
        let entry = found.entry((place, situation)).or_default();
        entry.cases.insert(row.case);
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
        let label = heads[label].map_or("tumour burden", Label::name);
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
