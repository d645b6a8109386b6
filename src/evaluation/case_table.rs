use std::path::Path;

use super::case::ScoredCase;
use super::figure::{Label, Metric};
use super::lesion::LesionSide;
use super::tidy::write_csv;
use crate::error::Result;

/// Writes `cases.csv`, one row a case: the values under the policy (`liver_dice`, `lesion_dice`,
/// …), the tumour burdens, and the numbers of reference lesions, of those found at IoU above 0,
/// and of false alarms.
pub fn write_cases(path: &Path, cases: &[ScoredCase]) -> Result<()> {
    let mut columns = vec!["case".to_owned()];
    for label in Label::ALL {
        columns.extend(Metric::ALL.map(|metric| format!("{label}_{}", metric.name())));
    }
    columns.extend(
        [
            "tumour_burden_pred",
            "tumour_burden_ref",
            "tumour_burden_error",
            "reference_lesions",
            "detected_lesions",
            "false_alarms",
        ]
        .map(str::to_owned),
    );
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    write_csv(path, &columns, cases.iter().map(row))
}

fn row(case: &ScoredCase) -> (&str, Vec<f64>, [usize; 3]) {
    let scores = &case.scores;
    let labels = Label::ALL
        .into_iter()
        .flat_map(|label| scores.label(label).figures())
        .map(|(_, figure)| figure.value);
    let burdens = scores.burdens().map(|(_, figure)| figure.value);
    let count = |side, found| {
        let matching = |lesion: &&super::Lesion| lesion.side == side && lesion.detected == found;
        scores.lesions.iter().filter(matching).count()
    };
    let detected = count(LesionSide::Reference, true);
    let missed = count(LesionSide::Reference, false);
    (
        &case.case,
        labels.chain(burdens).collect(),
        [
            detected + missed,
            detected,
            count(LesionSide::Prediction, false),
        ],
    )
}
