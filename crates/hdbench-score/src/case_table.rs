use std::path::Path;

use hdbench_ground::error::Result;
use hdbench_ground::text::words_cell;

use super::case::ScoredCase;
use super::criterion::Criterion;
use super::lesion::LesionSide;
use super::metric::{BURDENS, Label, Metric, Options};
use super::tidy::write_csv;

/// Writes `cases.csv`, one row a case: the values under the policy (`liver_dice`, `lesion_dice`,
/// …, `lesion_detection_f1_iou_gt_0.5`, …), the tumour burdens, and the numbers of reference
/// lesions, of those found at IoU above 0, and of false alarms. The columns are those of the first
/// case, as all are scored with the same options; without a case those of the default options.
pub fn write_cases(path: &Path, cases: &[ScoredCase]) -> Result<()> {
    let named: Vec<Vec<(String, f64)>> = cases.iter().map(values).collect();
    let by_default = default_columns();
    let of_first = named
        .first()
        .map(|first| first.iter().map(|(name, _)| name.as_str()));
    let mut columns = vec!["case"];
    match of_first {
        Some(names) => columns.extend(names),
        None => columns.extend(by_default.iter().map(String::as_str)),
    }
    columns.extend(["reference_lesions", "detected_lesions", "false_alarms"]);
    let rows = cases.iter().zip(&named).map(|(case, named)| {
        let values: Vec<f64> = named.iter().map(|&(_, value)| value).collect();
        (words_cell(&case.case), values, lesion_counts(case))
    });
    write_csv(path, &columns, rows)
}

fn values(case: &ScoredCase) -> Vec<(String, f64)> {
    let scores = &case.scores;
    let mut values = Vec::new();
    for label in scores.labels() {
        let metrics = scores.label(label).metric_values();
        values.extend(metrics.map(|(metric, f)| (format!("{label}_{}", metric.name()), f.value)));
    }
    let detections = scores.detections().into_iter();
    values.extend(detections.map(|(name, f)| (format!("{}_{name}", Label::Lesion), f.value)));
    let burdens = scores.burdens().into_iter();
    values.extend(burdens.map(|(name, f)| (name.to_owned(), f.value)));
    values
}

fn default_columns() -> Vec<String> {
    let options = Options::default();
    let mut columns = Vec::new();
    for label in Label::ALL {
        let metrics = Metric::all(&options).into_iter();
        columns.extend(metrics.map(|metric| format!("{label}_{}", metric.name())));
    }
    for criterion in Criterion::all(&options) {
        columns.extend(
            criterion
                .names()
                .map(|(name, _)| format!("{}_{name}", Label::Lesion)),
        );
    }
    columns.extend(BURDENS.map(str::to_owned));
    columns
}

/// Reference lesions, those found, and false alarms.
fn lesion_counts(case: &ScoredCase) -> [usize; 3] {
    let mut counts = [0; 3];
    for lesion in case.scores.lesions.iter() {
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
