//! The metrics that a structure can ask for, by the names of the tables.

use hdbench_ground::near::nearest;

use super::problem::Problem;
use crate::instance_metric::{FOUND, InstanceMetric, LESIONWISE};
use crate::metric::Metric;

/// Whether a metric compares instances: `instance_dice` (mean over the found ones), `lesionwise_hd95` (missed and
/// false ones too), `detection_f1`.
pub fn is_instance_metric(name: &str) -> bool {
    whole(name) != name || InstanceMetric::named(name).is_some()
}

/// The metric of the masks under an instance metric: `dice` of `instance_dice`.
fn whole(name: &str) -> &str {
    let of = |prefix| name.strip_prefix(prefix);
    of(FOUND).or_else(|| of(LESIONWISE)).unwrap_or(name)
}

/// Whether this names a metric.
pub(super) fn check_metric(name: &str) -> Result<(), Problem> {
    if Metric::named(name).is_some() || InstanceMetric::named(name).is_some() {
        return Ok(());
    }
    let known = Metric::names();
    let bare = whole(name);
    let near = nearest(bare, known.iter().map(String::as_str).chain(["nsd_2mm"]));
    let near = near.map(|near| format!("{}{near}", &name[..name.len() - bare.len()]));
    let near = near.or_else(|| nearest(name, InstanceMetric::plain_names()).map(str::to_owned));
    let hint = match near {
        Some(near) => format!("did you mean {near}?"),
        None => "such as dice, jaccard, hd95, assd, nsd_2mm, rvd, instance_dice, lesionwise_hd95 or detection_f1"
            .to_owned(),
    };
    Err(Problem::new(format!("{name:?} is no metric"), hint))
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
