//! What instances are in panoptica, and how they are matched.

use hdbench_volume::components::Connectivity;

use super::super::instances::{
    Agreement, Assignment, Bound, Instances, InstancesBy, Matching, Score,
};
use super::super::problem::Problem;
use super::super::values::Values;
use super::draft::Draft;
use super::panoptica_metric::name_of;
use super::yaml::Yaml;

/// A group of labels.
pub(super) struct Group {
    pub(super) name: String,
    pub(super) values: Values,
    pub(super) is_merged: bool,
    pub(super) is_single: bool,
}

/// What instances are in all groups.
pub(super) struct InstancePlan {
    by: Parts,
    /// None: it could not be taken over, which is noted.
    matching: Option<Matching>,
    counts_if: Option<Agreement>,
}

#[derive(Clone, Copy, PartialEq)]
enum Parts {
    /// By 26 neighbours, unequal values apart (cc3d).
    Cc3d,
    /// By 6 neighbours, values joined (scipy).
    Scipy,
    Values,
    /// Another way, which is noted.
    Unknown,
}

impl InstancePlan {
    /// What the configuration says.
    pub(super) fn read(yaml: &Yaml, draft: &mut Draft) -> Result<Self, Problem> {
        let input = yaml.get("expected_input");
        let (by, matching) = match input.map_or(Some("MATCHED_INSTANCE"), Yaml::text) {
            Some("SEMANTIC") => (parts(yaml, draft)?, matching(yaml, draft)?),
            Some("UNMATCHED_INSTANCE") => (Parts::Values, matching(yaml, draft)?),
            Some("MATCHED_INSTANCE") => (Parts::Values, Some(Matching::SameValue)),
            other => {
                let of = input.unwrap_or(yaml);
                return Err(of.wrong(
                    format!("{:?} is no InputType", other.unwrap_or("a list")),
                    "one of SEMANTIC, UNMATCHED_INSTANCE, MATCHED_INSTANCE",
                ));
            }
        };
        Ok(Self {
            by,
            matching,
            counts_if: decision(yaml, draft)?,
        })
    }

    /// The instances of a group.
    pub(super) fn of(&self, group: &Group, draft: &mut Draft) -> Option<Instances> {
        let by = match self.by {
            _ if group.is_single => InstancesBy::Values,
            Parts::Unknown => return None,
            Parts::Scipy => InstancesBy::Components(Connectivity::Six),
            Parts::Cc3d if group.is_merged || group.values.single().is_some() => {
                InstancesBy::Components(Connectivity::TwentySix)
            }
            Parts::Cc3d => InstancesBy::ComponentsOfEachValue(Connectivity::TwentySix),
            Parts::Values if group.is_merged && group.values.single().is_none() => {
                draft.note(format!(
                    "segmentation_class_groups: {}, merged, is one instance, and scored as a whole.",
                    group.name
                ));
                return None;
            }
            Parts::Values => InstancesBy::Values,
        };
        let matching = match group.is_single {
            true => Matching::SameValue,
            false => self.matching?,
        };
        Some(Instances {
            by,
            matching,
            counts_if: self.counts_if,
            consolidation: None,
            min_volume: None,
        })
    }
}

fn parts(yaml: &Yaml, draft: &mut Draft) -> Result<Parts, Problem> {
    const FORM: &str =
        "instance_approximator: !ConnectedComponentsInstanceApproximator {cca_backend: null}";
    let approximator = yaml.get("instance_approximator").ok_or_else(|| {
        yaml.wrong(
            "has no instance_approximator, and expects SEMANTIC input",
            FORM,
        )
    })?;
    if approximator.is("OneHotConnectedComponentsInstanceApproximator") {
        draft.note(
            "instance_approximator: OneHotConnectedComponentsInstanceApproximator is not taken over, and instances \
             are left out."
                .to_owned(),
        );
        return Ok(Parts::Unknown);
    }
    if !approximator.is("ConnectedComponentsInstanceApproximator") {
        return Err(approximator.wrong("instance_approximator is none of panoptica's", FORM));
    }
    match approximator
        .get("cca_backend")
        .map(|backend| (backend, backend.text()))
    {
        None | Some((_, Some("cc3d"))) => Ok(Parts::Cc3d),
        Some((_, Some("scipy"))) => Ok(Parts::Scipy),
        Some((backend, _)) => Err(backend.wrong("is no CCABackend", "one of cc3d, scipy")),
    }
}

fn matching(yaml: &Yaml, draft: &mut Draft) -> Result<Option<Matching>, Problem> {
    const FORM: &str = "instance_matcher: !NaiveThresholdMatching {matching_metric: !Metric IOU}";
    let matcher = yaml
        .get("instance_matcher")
        .ok_or_else(|| yaml.wrong("has no instance_matcher", FORM))?;
    let assignment = match matcher.tag.as_deref() {
        Some("NaiveThresholdMatching") if truth(matcher, "allow_many_to_one")? => {
            Assignment::GreedyManyToOne
        }
        Some("NaiveThresholdMatching") => Assignment::Greedy,
        Some("MaxBipartiteMatching") => Assignment::OneToOne,
        Some("MaximizeMergeMatching") => Assignment::Merging,
        _ => return Err(matcher.wrong("instance_matcher is none of panoptica's", FORM)),
    };
    let Some(score) = score(matcher, "matching_metric", "IOU")? else {
        draft.note(
            "instance_matcher: only IOU and DSC are matched by here, and instances are left out."
                .to_owned(),
        );
        return Ok(None);
    };
    let threshold = share(matcher, "matching_threshold", Some(0.5))?;
    let bound = match truth(matcher, "strict_threshold")? {
        true => Bound::Above(threshold),
        false => Bound::AtLeast(threshold),
    };
    Ok(Some(Matching::Scored(
        assignment,
        Agreement { score, bound },
    )))
}

/// The score that a metric is; none for metrics that are no share of two instances.
fn score(yaml: &Yaml, key: &str, default: &str) -> Result<Option<Score>, Problem> {
    let metric = match yaml.get(key) {
        Some(metric) => name_of(metric)?,
        None => default,
    };
    Ok(match metric {
        "IOU" => Some(Score::Iou),
        "DSC" => Some(Score::Dice),
        _ => None,
    })
}

fn decision(yaml: &Yaml, draft: &mut Draft) -> Result<Option<Agreement>, Problem> {
    if yaml.get("decision_metric").is_none() {
        return Ok(None);
    }
    let Some(score) = score(yaml, "decision_metric", "IOU")? else {
        draft.note("decision_metric: only IOU and DSC decide here, and it is left out.".to_owned());
        return Ok(None);
    };
    let bound = Bound::AtLeast(share(yaml, "decision_threshold", None)?);
    Ok(Some(Agreement { score, bound }))
}

/// A truth value; false where it is not said.
pub(super) fn truth(yaml: &Yaml, key: &str) -> Result<bool, Problem> {
    let Some(value) = yaml.get(key) else {
        return Ok(false);
    };
    match value.text().map(str::to_lowercase).as_deref() {
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        _ => Err(value.wrong(
            format!("{key} has to be true or false"),
            format!("{key}: true"),
        )),
    }
}

/// A share that a threshold is.
fn share(yaml: &Yaml, key: &str, default: Option<f64>) -> Result<f64, Problem> {
    let hint = format!("{key}: 0.5");
    let Some(value) = yaml.get(key) else {
        return default.ok_or_else(|| yaml.wrong(format!("does not say {key}"), hint));
    };
    let number = value.text().and_then(|text| text.parse::<f64>().ok());
    number
        .filter(|number| (0.0..=1.0).contains(number))
        .ok_or_else(|| value.wrong(format!("{key} has to be a share from 0 to 1"), hint))
}
