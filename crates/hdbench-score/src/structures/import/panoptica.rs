//! panoptica's YAML (2.1), which BraTS is scored by since 2026.
//!
//! Keys about logging and speed say nothing of scores and are passed over.

use hdbench_ground::near::nearest;

use super::super::empty::{Becomes, EmptyRule, Situation};
use super::super::instances::Score;
use super::super::problem::Problem;
use super::super::set::{Structure, StructureSet};
use super::super::values::{self, Values};
use super::draft::{Draft, values_of};
use super::panoptica_instances::{Group, InstancePlan, truth};
use super::panoptica_metric::{Of, empty_rules, metrics};
use super::yaml::{Kind, Yaml};
use crate::instance_metric::{FOUND, InstanceMetric};

/// Classes that panoptica reads from its YAML.
const TAGS: [&str; 17] = [
    "Panoptica_Evaluator",
    "InputType",
    "ConnectedComponentsInstanceApproximator",
    "OneHotConnectedComponentsInstanceApproximator",
    "CCABackend",
    "NaiveThresholdMatching",
    "MaxBipartiteMatching",
    "MaximizeMergeMatching",
    "Metric",
    "EdgeCaseHandler",
    "EdgeCaseResult",
    "MetricZeroTPEdgeCaseHandling",
    "SegmentationClassGroups",
    "LabelGroup",
    "LabelMergeGroup",
    "LabelPartGroup",
    "PanopticaSpeedToggles",
];

/// Keys that are taken over, or say nothing of scores.
const KEYS: [&str; 14] = [
    "expected_input",
    "instance_approximator",
    "instance_matcher",
    "edge_case_handler",
    "segmentation_class_groups",
    "instance_metrics",
    "global_metrics",
    "decision_metric",
    "decision_threshold",
    "per_region_evaluation",
    "save_group_times",
    "log_times",
    "verbose",
    "speed_toggles",
];

/// What all groups are called where there are none.
const UNGROUPED: &str = "ungrouped";

/// Reads one.
pub(super) fn read(yaml: &Yaml, name: &str) -> Result<StructureSet, Problem> {
    known_tags(yaml)?;
    if !yaml.is("Panoptica_Evaluator") {
        return Err(yaml.wrong(
            "is no configuration of panoptica",
            "it begins with !Panoptica_Evaluator",
        ));
    }
    let mut draft = Draft::new();
    for (key, value) in yaml.entries() {
        let key = key.text().unwrap_or_default();
        if !KEYS.contains(&key) && !value.is_null() {
            draft.note(format!("{key} is not taken over."));
        }
    }
    if truth(yaml, "per_region_evaluation")? {
        draft.note(
            "per_region_evaluation is not taken over: instances are matched in the whole volume."
                .to_owned(),
        );
    }
    let instances = InstancePlan::read(yaml, &mut draft)?;
    let of_masks = metrics(yaml, Of::Masks, &["DSC"], &mut draft)?;
    let of_instances = metrics(
        yaml,
        Of::Instances,
        &["DSC", "IOU", "ASSD", "RVD"],
        &mut draft,
    )?;
    let empty = empty_rules(yaml, &mut draft)?;
    for group in groups(yaml, &mut draft)? {
        let instances = instances.of(&group, &mut draft);
        let mut metrics = of_masks.clone();
        let mut empty = empty.clone();
        if instances.is_some() {
            metrics.extend(of_matches(&of_instances));
            empty.extend(of_nothing());
        } else if group.is_single {
            // One instance is the structure itself.
            let others = of_instances
                .iter()
                .filter(|metric| !of_masks.contains(metric));
            metrics.extend(others.cloned());
        }
        draft.structures.push(Structure {
            name: group.name,
            values: group.values,
            instances,
            metrics: (!metrics.is_empty()).then_some(metrics),
            empty,
        });
    }
    draft.set(name)
}

/// What panoptica reports of instances whatever it is asked, then the metrics of those that are matched.
fn of_matches(metrics: &[String]) -> impl Iterator<Item = String> + '_ {
    use InstanceMetric::{
        FalseNegatives, FalsePositives, PanopticQuality, Precision, Recall, RecognitionQuality,
        TruePositives,
    };
    let always = [
        TruePositives,
        FalsePositives,
        FalseNegatives,
        Precision,
        Recall,
        RecognitionQuality,
    ];
    let quality = |(metric, score)| {
        let is_asked = metrics.iter().any(|asked| asked == metric);
        is_asked.then_some(PanopticQuality(score))
    };
    let qualities = [("jaccard", Score::Iou), ("dice", Score::Dice)]
        .into_iter()
        .filter_map(quality);
    let named = always
        .into_iter()
        .chain(qualities)
        .map(InstanceMetric::name);
    let means = metrics.iter().map(|metric| format!("{FOUND}{metric}"));
    named.collect::<Vec<_>>().into_iter().chain(means)
}

/// The shares that panoptica leaves out because they divide by nothing.
fn of_nothing() -> impl Iterator<Item = EmptyRule> {
    use InstanceMetric::{Precision, Recall, RecognitionQuality};
    use Situation::{BothEmpty, PredictionEmpty, ReferenceEmpty};
    let rules = [
        (Precision, BothEmpty),
        (Precision, PredictionEmpty),
        (Recall, BothEmpty),
        (Recall, ReferenceEmpty),
        (RecognitionQuality, BothEmpty),
    ];
    rules.into_iter().map(|(metric, situation)| EmptyRule {
        metric: metric.name(),
        situation,
        becomes: Becomes::Undefined,
    })
}

/// Refuses tags that panoptica does not have, anywhere.
fn known_tags(yaml: &Yaml) -> Result<(), Problem> {
    if let Some(tag) = yaml.tag.as_deref().filter(|tag| !TAGS.contains(tag)) {
        let hint = match nearest(tag, TAGS) {
            Some(near) => format!("did you mean !{near}?"),
            None => "none of panoptica's classes".to_owned(),
        };
        return Err(yaml.wrong(format!("unknown tag !{tag}"), hint));
    }
    for (key, value) in yaml.entries() {
        known_tags(key)?;
        known_tags(value)?;
    }
    yaml.items().iter().try_for_each(known_tags)
}

fn groups(yaml: &Yaml, draft: &mut Draft) -> Result<Vec<Group>, Problem> {
    const FORM: &str = "wt: !LabelMergeGroup {value_labels: [1, 2, 3]}";
    let Some(all) = yaml.get("segmentation_class_groups") else {
        let values = Values::at_least(1).map_err(|problem| yaml.wrong(problem, FORM))?;
        return Ok(vec![Group {
            name: UNGROUPED.to_owned(),
            values,
            is_merged: false,
            is_single: false,
        }]);
    };
    let listed = all
        .get("groups")
        .ok_or_else(|| all.wrong("has no groups", FORM))?;
    let named: Vec<(String, &Yaml)> = match &listed.kind {
        Kind::Map(entries) => entries
            .iter()
            .map(|(name, group)| (name.text().unwrap_or_default().to_lowercase(), group))
            .collect(),
        Kind::List(items) => (0..)
            .zip(items)
            .map(|(at, group)| (format!("group_{at}"), group))
            .collect(),
        Kind::Scalar(..) => return Err(listed.wrong("groups has to be a map", FORM)),
    };
    let mut groups = Vec::new();
    for (name, group) in named {
        match group.tag.as_deref() {
            Some("LabelGroup" | "LabelMergeGroup") => {}
            Some("LabelPartGroup") => {
                draft.note(format!(
                    "segmentation_class_groups: {name}, a LabelPartGroup, is left out."
                ));
                continue;
            }
            _ => return Err(group.wrong(format!("the group {name:?} is no !LabelGroup"), FORM)),
        }
        let labels = group
            .get("value_labels")
            .ok_or_else(|| group.wrong(format!("the group {name:?} has no value_labels"), FORM))?;
        let items = match &labels.kind {
            Kind::List(items) => items.iter().collect(),
            _ => vec![labels],
        };
        let number = |item: &Yaml| {
            let number = item.text().and_then(|text| text.parse::<i64>().ok());
            number.ok_or_else(|| {
                let text = item.text().unwrap_or("a list");
                item.wrong(values::no_value(format_args!("{text:?}")), FORM)
            })
        };
        let numbers: Vec<i64> = items.into_iter().map(number).collect::<Result<_, _>>()?;
        groups.push(Group {
            values: values_of(&name, &numbers).map_err(|problem| problem.in_line(labels.line))?,
            is_merged: group.is("LabelMergeGroup"),
            is_single: truth(group, "single_instance")?,
            name: draft.name(&name),
        });
    }
    Ok(groups)
}
