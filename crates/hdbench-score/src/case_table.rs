use std::path::Path;

use hdbench_ground::error::Result;
use hdbench_ground::text::words_cell;

use super::case::{Instances, ScoredCase};
use super::criterion::Criterion;
use super::label::Label;
use super::lesion::LesionSide;
use super::metric::BURDENS;
use super::options::Options;
use super::tidy::write_csv;

/// Writes `cases.csv`, one row a case: the values under the policy (`liver_dice`, `lesion_dice`,
/// …, `lesion_detection_f1_iou_gt_0.5`, …), the tumour burdens, and of every structure with instances the
/// numbers of those of the reference, of those found at IoU above 0, and of false alarms
/// (`reference_lesions`, `detected_lesions`, `false_alarms`; of other structures with their name before
/// it). The columns are those of the first case, as all are scored with the same options; without a case
/// those of the default options.
pub fn write_cases(path: &Path, cases: &[ScoredCase]) -> Result<()> {
    write_cases_with(path, cases, &[])
}

/// The same with further columns behind them: a name and a value a case each, NaN where there is none.
pub fn write_cases_with(
    path: &Path,
    cases: &[ScoredCase],
    further: &[(&str, Vec<f64>)],
) -> Result<()> {
    let mut columns = vec!["case".to_owned()];
    match cases.first() {
        Some(first) => columns.extend(values(first).into_iter().map(|(name, _)| name)),
        None => columns.extend(default_columns()),
    }
    let counted = match cases.first() {
        Some(first) => first.scores.instances().map(|(label, _)| label).collect(),
        None => vec![Label::LESION],
    };
    columns.extend(counted.iter().flat_map(|label| count_columns(*label)));
    columns.extend(further.iter().map(|(name, _)| (*name).to_owned()));
    let rows = cases.iter().enumerate().map(|(index, case)| {
        let values: Vec<f64> = values(case).into_iter().map(|(_, value)| value).collect();
        let counts: Vec<usize> = case
            .scores
            .instances()
            .flat_map(|(_, instances)| instance_counts(instances))
            .collect();
        let further: Vec<f64> = further.iter().map(|(_, values)| values[index]).collect();
        (words_cell(&case.case), values, counts, further)
    });
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    write_csv(path, &columns, rows)
}

fn count_columns(label: Label) -> [String; 3] {
    match label {
        Label::LESION => ["reference_lesions", "detected_lesions", "false_alarms"].map(Into::into),
        label => ["reference_instances", "detected_instances", "false_alarms"]
            .map(|name| format!("{label}_{name}")),
    }
}

fn values(case: &ScoredCase) -> Vec<(String, f64)> {
    let scores = &case.scores;
    let mut values = Vec::new();
    for structure in &scores.structures {
        let label = structure.label;
        let metrics = structure.metric_values();
        values.extend(metrics.map(|(metric, f)| (format!("{label}_{}", metric.name()), f.value)));
        let detections = structure.detections().into_iter();
        values.extend(detections.map(|(name, f)| (format!("{label}_{name}"), f.value)));
    }
    let burdens = scores.burdens().into_iter();
    values.extend(burdens.map(|(name, f)| (name.to_owned(), f.value)));
    values
}

fn default_columns() -> Vec<String> {
    let options = Options::default();
    let mut columns = Vec::new();
    for label in Label::LITS {
        let metrics = options.metrics().into_iter();
        columns.extend(metrics.map(|metric| format!("{label}_{}", metric.name())));
    }
    for criterion in Criterion::all(&options) {
        columns.extend(
            criterion
                .names()
                .map(|(name, _)| format!("{}_{name}", Label::LESION)),
        );
    }
    columns.extend(BURDENS.map(str::to_owned));
    columns
}

/// Reference instances, those found, and false alarms.
fn instance_counts(instances: &Instances) -> [usize; 3] {
    let mut counts = [0; 3];
    for lesion in instances.list.iter() {
        match lesion.side {
            LesionSide::Reference => {
                counts[0] += 1;
                counts[1] += usize::from(lesion.detected);
            }
            LesionSide::Prediction => counts[2] += usize::from(!lesion.detected),
        }
    }
    counts
}
