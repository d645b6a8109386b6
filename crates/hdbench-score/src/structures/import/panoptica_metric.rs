//! panoptica's metrics and edge cases under the names that they have here.

use hdbench_ground::near::meant;

use super::super::empty::{Becomes, EmptyRule, Situation};
use super::super::problem::Problem;
use super::draft::Draft;
use super::yaml::Yaml;

/// Each metric (`metrics/metrics.py`) and ours of the same definition: of instances, and of whole masks, which
/// panoptica measures in voxels. Surfaces are by 6 neighbours; ASSD is the mean of the two directed means.
const METRICS: [(&str, Option<[&str; 2]>); 10] = [
    ("DSC", Some(["dice"; 2])),
    ("IOU", Some(["jaccard"; 2])),
    ("ASSD", Some(["masd_6n", "masd_6n_voxels"])),
    ("clDSC", None),
    ("RVD", Some(["rvd"; 2])),
    ("RVAE", None),
    ("CEDI", None),
    ("HD", Some(["msd_6n", "msd_6n_voxels"])),
    ("HD95", Some(["hd95_6n", "hd95_6n_voxels"])),
    ("NSD", Some(["nsd_panoptica", "nsd_panoptica_voxels"])),
];

/// Whose metrics they are.
#[derive(Clone, Copy)]
pub(super) enum Of {
    /// `instance_metrics`.
    Instances,
    /// `global_metrics`.
    Masks,
}

impl Of {
    fn key(self) -> &'static str {
        match self {
            Self::Instances => "instance_metrics",
            Self::Masks => "global_metrics",
        }
    }
}

/// The name of a `!Metric`.
pub(super) fn name_of(metric: &Yaml) -> Result<&'static str, Problem> {
    let text = metric.text().unwrap_or_default();
    let found = METRICS.iter().find(|(name, _)| *name == text);
    found.map(|(name, _)| *name).ok_or_else(|| {
        let known: Vec<&str> = METRICS.iter().map(|(name, _)| *name).collect();
        metric.wrong(
            format!("{text:?} is no metric of panoptica"),
            meant(text, &known),
        )
    })
}

/// Our names of one of theirs, of instances and of whole masks.
fn ours(name: &str) -> Option<[&'static str; 2]> {
    METRICS.iter().find(|(known, _)| *known == name)?.1
}

/// The metrics of a key, by our names.
pub(super) fn metrics(
    yaml: &Yaml,
    of: Of,
    default: &[&'static str],
    draft: &mut Draft,
) -> Result<Vec<String>, Problem> {
    let key = of.key();
    let names: Vec<&str> = match yaml.get(key) {
        Some(list) => list.items().iter().map(name_of).collect::<Result<_, _>>()?,
        None => default.to_vec(),
    };
    let mut metrics: Vec<String> = Vec::new();
    for name in names {
        let Some([of_instances, of_masks]) = ours(name) else {
            draft.note(format!("{key}: {name} has no equal here and is left out."));
            continue;
        };
        let ours = match of {
            Of::Instances => of_instances,
            Of::Masks => of_masks,
        };
        if !metrics.iter().any(|metric| metric == ours) {
            metrics.push(ours.to_owned());
        }
    }
    Ok(metrics)
}

/// The rules of one metric under both of its names.
fn rules_of(names: [&str; 2], situation: Situation, becomes: Becomes) -> Vec<EmptyRule> {
    let mut names = names.to_vec();
    names.dedup();
    let rule = |metric: &str| EmptyRule {
        metric: metric.to_owned(),
        situation,
        becomes,
    };
    names.into_iter().map(rule).collect()
}

/// What panoptica takes where a file says nothing: a metric, no instances, and anything else
/// (`utils/edge_case_handling.py`).
const DEFAULTS: [(&str, f64, f64); 4] = [
    ("DSC", f64::NAN, 0.0),
    ("IOU", f64::NAN, 0.0),
    ("ASSD", f64::NAN, f64::INFINITY),
    ("RVD", f64::NAN, f64::NAN),
];

/// Each situation and panoptica's key for it.
const SITUATIONS: [(Situation, &str); 4] = [
    (Situation::BothEmpty, "no_instances_result"),
    (Situation::ReferenceEmpty, "empty_reference_result"),
    (Situation::PredictionEmpty, "empty_prediction_result"),
    (Situation::NoMatch, "normal"),
];

/// The rules of `edge_case_handler`, by our names.
pub(super) fn empty_rules(yaml: &Yaml, draft: &mut Draft) -> Result<Vec<EmptyRule>, Problem> {
    let handler = yaml.get("edge_case_handler");
    let Some(cases) = handler.and_then(|handler| handler.get("listmetric_zeroTP_handling")) else {
        return Ok(default_rules());
    };
    let mut rules = Vec::new();
    for (metric, results) in cases.entries() {
        let name = name_of(metric)?;
        // A metric without an equal is noted where it is asked for.
        let Some(names) = ours(name) else { continue };
        let default = results.get("default_result");
        for (situation, key) in SITUATIONS {
            let result = results.get(key).or(default).ok_or_else(|| {
                let hint = format!("{key}: !EdgeCaseResult NAN");
                results.wrong(format!("the edge cases of {name} do not say {key}"), hint)
            })?;
            let Some(becomes) = becomes(result)? else {
                draft.note(format!(
                    "edge_case_handler: {name}, {key}: NONE is not taken over."
                ));
                continue;
            };
            rules.extend(rules_of(names, situation, becomes));
        }
    }
    Ok(rules)
}

fn default_rules() -> Vec<EmptyRule> {
    let mut rules = Vec::new();
    for (name, none, else_) in DEFAULTS {
        let Some(names) = ours(name) else { continue };
        for (situation, _) in SITUATIONS {
            let value = match situation {
                Situation::BothEmpty => none,
                _ => else_,
            };
            rules.extend(rules_of(names, situation, Becomes::number(value)));
        }
    }
    rules
}

/// An `!EdgeCaseResult`; none for `NONE`.
fn becomes(result: &Yaml) -> Result<Option<Becomes>, Problem> {
    const KNOWN: [&str; 5] = ["INF", "NAN", "ZERO", "ONE", "NONE"];
    let text = result.text().unwrap_or_default();
    let value = match text {
        "INF" => f64::INFINITY,
        "NAN" => f64::NAN,
        "ZERO" => 0.0,
        "ONE" => 1.0,
        "NONE" => return Ok(None),
        _ => {
            return Err(result.wrong(
                format!("{text:?} is no EdgeCaseResult"),
                meant(text, &KNOWN),
            ));
        }
    };
    Ok(Some(Becomes::number(value)))
}
