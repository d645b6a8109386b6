use super::from_files::LitsScored;
use crate::{ALL_CASES, Label, MetricRow, Origin};

/// Of every metric of this profile: the official scorer does not change any more.
const METRIC_VERSION: u32 = 1;

/// As the official scorer gives it.
const PLAIN: &str = "lits";
/// 0, 0, 1 and the penalties stand in for a liver that was not predicted.
const NO_LIVER: &str = "lits:no_liver_predicted";
/// Dice is 1 where neither side has a lesion.
const NO_LESION: &str = "lits:both_empty";
/// 0, 0, 1 and the penalties stand in for lesions of which none was detected in the whole set.
const NOTHING_DETECTED: &str = "lits:nothing_detected";

/// The rows of `metrics_long.csv`: what the official scorer computes of each case, then its 24
/// metrics over all of them, both under its own names less the label (`lesion_dice_per_case` is
/// `dice_per_case` of `lesion`). Where it puts a number in place of one that does not exist, the
/// raw value is NaN and the policy says why.
pub fn lits_rows(origin: &Origin, cases: &[LitsScored]) -> Vec<MetricRow> {
    let mut rows = Vec::new();
    let mut push = |case: &str, label, metric: &str, value: f64, policy: &str| {
        rows.push(MetricRow {
            task: origin.task,
            algorithm: origin.algorithm,
            fold: origin.fold,
            seed: origin.seed,
            case: case.into(),
            label,
            metric: metric.into(),
            metric_version: METRIC_VERSION,
            value,
            raw_value: if policy == PLAIN { value } else { f64::NAN },
            policy: policy.into(),
        });
    };
    for LitsScored { case, scores, .. } in cases {
        let liver = if scores.liver_predicted {
            PLAIN
        } else {
            NO_LIVER
        };
        for (metric, value) in scores.liver.named() {
            push(case, Some(Label::LIVER), metric, value, liver);
        }
        push(
            case,
            Some(Label::LIVER),
            "dice_per_case",
            scores.liver_dice,
            liver,
        );
        let lesions = [scores.reference_lesions, scores.predicted_lesions];
        let policy = if lesions == [0, 0] { NO_LESION } else { PLAIN };
        push(
            case,
            Some(Label::LESION),
            "dice_per_case",
            scores.lesion_dice,
            policy,
        );
        for (metric, count) in [("count_ref", lesions[0]), ("count_pred", lesions[1])] {
            push(case, Some(Label::LESION), metric, count as f64, PLAIN);
        }
        for (suffix, counts) in [
            ("", scores.detection),
            ("_greater_zero", scores.detection_greater_zero),
        ] {
            for (metric, count) in [
                ("true_positives", counts.true_positives),
                ("false_positives", counts.false_positives),
                ("false_negatives", counts.false_negatives),
            ] {
                let metric = format!("{metric}{suffix}");
                push(case, Some(Label::LESION), &metric, count as f64, PLAIN);
            }
        }
        let difference = scores.burden_difference;
        push(case, None, "tumorburden_difference", difference, liver);
    }
    let detected = cases.iter().any(|case| !case.scores.lesions.is_empty());
    let totals = LitsScored::totals(cases);
    for (name, value) in totals.iter().flat_map(|totals| totals.metric_values()) {
        let (label, metric) = split(name);
        let of_lesions = label == Some(Label::LESION) && OF_DETECTED.contains(&metric);
        let policy = if of_lesions && !detected {
            NOTHING_DETECTED
        } else {
            PLAIN
        };
        push(ALL_CASES, label, metric, value, policy);
    }
    rows
}

/// Metrics that are means over the detected lesions.
const OF_DETECTED: [&str; 7] = ["dice", "jaccard", "voe", "rvd", "assd", "rmsd", "msd"];

fn split(name: &str) -> (Option<Label>, &str) {
    Label::LITS
        .into_iter()
        .find_map(|label| {
            let metric = name.strip_prefix(label.name())?.strip_prefix('_')?;
            Some((Some(label), metric))
        })
        .unwrap_or((None, name))
}
