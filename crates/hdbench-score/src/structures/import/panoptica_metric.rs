//! panoptica's metrics and edge cases under the names that they have here.

use super::super::empty::{Becomes, EmptyRule, Situation};
use super::super::nearest::meant;
use super::super::problem::Problem;
use super::draft::Draft;
use super::yaml::Yaml;

/// Each metric (`metrics/metrics.py`) and ours of the same definition. Surfaces are by 6 neighbours; ASSD is the mean of
/// the two directed means. NSD is the mean of two shares, not the share of both surfaces, and has no equal.
const METRICS: [(&str, Option<&str>); 10] = [
    ("DSC", Some("dice")),
    ("IOU", Some("jaccard")),
    ("ASSD", Some("masd_6n")),
    ("clDSC", None),
    ("RVD", Some("rvd")),
    ("RVAE", None),
    ("CEDI", None),
    ("HD", Some("msd_6n")),
    ("HD95", Some("hd95_6n")),
    ("NSD", None),
];

/// Those that are distances.
const DISTANCES: [&str; 3] = ["ASSD", "HD", "HD95"];

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

fn ours(name: &str) -> Option<&'static str> {
    METRICS.iter().find(|(known, _)| *known == name)?.1
}

/// The metrics of a key, by our names.
pub(super) fn metrics(
    yaml: &Yaml,
    key: &str,
    default: &[&'static str],
    draft: &mut Draft,
) -> Result<Vec<String>, Problem> {
    let names: Vec<&str> = match yaml.get(key) {
        Some(list) => list.items().iter().map(name_of).collect::<Result<_, _>>()?,
        None => default.to_vec(),
    };
    let mut metrics: Vec<String> = Vec::new();
    for name in names {
        let Some(ours) = ours(name) else {
            draft.note(format!("{key}: {name} has no equal here and is left out."));
            continue;
        };
        if key == "global_metrics" && DISTANCES.contains(&name) {
            draft.note(format!(
                "{key}: {name} is in mm here, in voxels in panoptica."
            ));
        }
        if !metrics.iter().any(|metric| metric == ours) {
            metrics.push(ours.to_owned());
        }
    }
    Ok(metrics)
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
        let Some(metric) = ours(name) else { continue };
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
            rules.push(EmptyRule {
                metric: metric.to_owned(),
                situation,
                becomes,
            });
        }
    }
    Ok(rules)
}

fn default_rules() -> Vec<EmptyRule> {
    let mut rules = Vec::new();
    for (name, none, else_) in DEFAULTS {
        let Some(metric) = ours(name) else { continue };
        for (situation, _) in SITUATIONS {
            let value = match situation {
                Situation::BothEmpty => none,
                _ => else_,
            };
            rules.push(EmptyRule {
                metric: metric.to_owned(),
                situation,
                becomes: Becomes::number(value),
            });
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
