//! The metrics that a structure can ask for, by the names of the tables.

use super::nearest::nearest;
use super::problem::Problem;
use crate::metric::{Metric, Options};
use crate::metrics::surface::Border;

/// Means over the instances of the reference that are found.
pub(super) const FOUND: &str = "instance_";

/// Means over all instances of the reference and all false alarms, which have the value of the rules for empty masks.
pub(super) const LESIONWISE: &str = "lesionwise_";

/// Counts and shares of instances.
const DETECTION: [&str; 6] = [
    "detection_precision",
    "detection_recall",
    "detection_f1",
    "detection_tp",
    "detection_fp",
    "detection_fn",
];

/// Whether a metric compares instances: `instance_dice` (mean over the found ones), `lesionwise_hd95` (missed and
/// false ones too), `detection_f1`.
pub fn is_instance_metric(name: &str) -> bool {
    whole(name) != name || DETECTION.contains(&name)
}

/// The metric of the masks under an instance metric: `dice` of `instance_dice`.
fn whole(name: &str) -> &str {
    let of = |prefix| name.strip_prefix(prefix);
    of(FOUND).or_else(|| of(LESIONWISE)).unwrap_or(name)
}

/// Whether this names a metric.
pub(super) fn check_metric(name: &str) -> Result<(), Problem> {
    let known: Vec<String> = known().collect();
    let bare = whole(name);
    if is_nsd(bare) || known.iter().any(|known| known == bare) || DETECTION.contains(&name) {
        return Ok(());
    }
    let near = nearest(bare, known.iter().map(String::as_str).chain(["nsd_2mm"]));
    let near = near.map(|near| format!("{}{near}", &name[..name.len() - bare.len()]));
    let near = near.or_else(|| nearest(name, DETECTION).map(str::to_owned));
    let hint = match near {
        Some(near) => format!("did you mean {near}?"),
        None => "such as dice, jaccard, hd95, assd, nsd_2mm, rvd, instance_dice, lesionwise_hd95 or detection_f1"
            .to_owned(),
    };
    Err(Problem::new(format!("{name:?} is no metric"), hint))
}

/// Metrics of whole masks, in every border rule.
fn known() -> impl Iterator<Item = String> {
    let options = Options {
        borders: Border::ALL.to_vec(),
        ..Options::default()
    };
    Metric::all(&options)
        .into_iter()
        .filter(|metric| !matches!(metric, Metric::Nsd(_)))
        .map(|metric| metric.name().into_owned())
}

/// `nsd_2mm`, `nsd_1.5mm`: a tolerance above 0 in mm. Those of KiTS are no whole number of micrometres.
fn is_nsd(name: &str) -> bool {
    let digits = name
        .strip_prefix("nsd_")
        .and_then(|rest| rest.strip_suffix("mm"))
        .filter(|text| text.starts_with(|c: char| c.is_ascii_digit()));
    digits
        .and_then(|text| text.parse::<f64>().ok())
        .is_some_and(|mm| mm > 0.0 && mm.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_known_by_their_names_in_the_tables() {
        for (name, of_instances) in [
            ("dice", false),
            ("hd95", false),
            ("hd95_6n", false),
            ("masd_26n", false),
            ("nsd_2mm", false),
            ("nsd_1.0330772532390826mm", false),
            ("instance_dice", true),
            ("lesionwise_nsd_1mm", true),
            ("detection_f1", true),
        ] {
            assert_eq!(check_metric(name), Ok(()), "{name}");
            assert_eq!(is_instance_metric(name), of_instances, "{name}");
        }
        for (name, hint) in [
            ("dise", "did you mean dice?"),
            ("instance_dise", "did you mean instance_dice?"),
            ("nsd_2", "did you mean nsd_2mm?"),
            ("detection_f2", "did you mean detection_f1?"),
        ] {
            let problem = check_metric(name).unwrap_err();
            assert_eq!(problem.text, format!("{name:?} is no metric"));
            assert_eq!(problem.hint, hint);
        }
    }
}
