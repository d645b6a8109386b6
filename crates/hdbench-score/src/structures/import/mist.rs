//! MIST's JSON: an evaluation (2.3, `evaluation/evaluator.py`) or the description of a data set.

use hdbench_volume::components::Connectivity;

use super::super::empty::{Becomes, EmptyRule, Situation};
use super::super::instances::{Bound, Dilation, Instances, InstancesBy, Matching, MinVolume};
use super::super::problem::Problem;
use super::super::set::{Structure, StructureSet};
use super::draft::{Draft, values_of};
use super::json::{Json, once};

/// A volume in mm3, steps of dilation and consolidation, and a tolerance in mm, where a metric does not say them
/// (`lesion_wise_metrics.py`).
const DEFAULTS: [(&str, f64); 4] = [
    ("min_lesion_volume", 10.0),
    ("dilation_iters", 3.0),
    ("gt_consolidation_iters", 0.0),
    ("tolerance", 1.0),
];

/// Whether a file of these contents is one.
pub(super) fn is_one(json: &Json) -> bool {
    let Some(entries) = json.object() else {
        return false;
    };
    let is_class = |(_, class): &(String, Json)| class.get("labels").is_some();
    json.get("final_classes").is_some() || !entries.is_empty() && entries.iter().all(is_class)
}

/// Reads one.
pub(super) fn read(json: &Json, name: &str) -> Result<StructureSet, Problem> {
    let mut draft = Draft::new();
    if let Some(classes) = json.get("final_classes").and_then(Json::object) {
        once("final_classes", classes)?;
        for (class, labels) in classes {
            let structure = named(&mut draft, class, labels)?;
            draft.structures.push(structure);
        }
        return draft.set(name);
    }
    let classes = json.object().unwrap_or_default();
    once("the file", classes)?;
    for (class, definition) in classes {
        let labels = definition.get("labels").unwrap_or(&Json::Other);
        let mut structure = named(&mut draft, class, labels)?;
        for (key, _) in definition.object().unwrap_or_default() {
            if key != "labels" && key != "metrics" {
                draft.note(format!("{class}: {key:?} is not taken over."));
            }
        }
        metrics(&mut draft, class, definition.get("metrics"), &mut structure)?;
        draft.structures.push(structure);
    }
    draft.set(name)
}

fn named(draft: &mut Draft, class: &str, labels: &Json) -> Result<Structure, Problem> {
    let numbers = labels.wholes().ok_or_else(|| {
        Problem::new(
            format!("class {class:?} has no list of labels"),
            "\"labels\": [1, 2, 3]",
        )
    })?;
    let values = values_of(class, &numbers)?;
    Ok(Structure::new(draft.name(class), values))
}

/// What a class asks for, and the masks' worst and best values with it.
fn metrics(
    draft: &mut Draft,
    class: &str,
    metrics: Option<&Json>,
    structure: &mut Structure,
) -> Result<(), Problem> {
    let Some(metrics) = metrics else {
        return Ok(());
    };
    let metrics = metrics.object().ok_or_else(|| {
        Problem::new(
            format!("class {class:?}: metrics has to be an object"),
            "\"metrics\": {\"dice\": {}}",
        )
    })?;
    once(&format!("class {class:?}, metrics"), metrics)?;
    let mut names: Vec<String> = Vec::new();
    for (metric, options) in metrics {
        let lesions = metric.strip_prefix("lesion_wise_");
        let of_masks = lesions.unwrap_or(metric);
        let bare = match of_masks {
            "dice" => "dice".to_owned(),
            "haus95" => "hd95_surfel".to_owned(),
            "surf_dice" => {
                let mm = option(class, metric, options, "tolerance")?;
                format!("nsd_{mm}mm")
            }
            "avg_surf" if lesions.is_none() => "assd_surfel".to_owned(),
            "f1" if lesions.is_some() => "detection_f1".to_owned(),
            _ => {
                draft.note(format!(
                    "{class}: the metric {metric:?} has no equal here and is left out."
                ));
                continue;
            }
        };
        unknown_options(draft, class, metric, options);
        if lesions.is_some() {
            let own = instances(class, metric, options)?;
            match &structure.instances {
                Some(first) if *first != own => draft.note(format!(
                    "{class}: {metric:?} has other lesions than the metrics before it; they are taken as those have \
                     them."
                )),
                Some(_) => {}
                None => structure.instances = Some(own),
            }
        }
        if lesions.is_some() && of_masks == "haus95" {
            draft.note(
                "lesion_wise_haus95: a missed or false lesion is the diagonal of the image here, of the box of both \
                 masks in MIST."
                    .to_owned(),
            );
        }
        names.push(match lesions {
            Some(_) if of_masks != "f1" => format!("lesionwise_{bare}"),
            _ => bare.clone(),
        });
        if of_masks != "f1" {
            rules(&bare, of_masks == "haus95", &mut structure.empty);
        }
    }
    structure.metrics = (!names.is_empty()).then_some(names);
    Ok(())
}

/// Best where both masks are empty, worst where one is.
fn rules(metric: &str, is_distance: bool, rules: &mut Vec<EmptyRule>) {
    if rules.iter().any(|rule| rule.metric == metric) {
        return;
    }
    let (best, worst) = match is_distance {
        true => (Becomes::Value(0.0), Becomes::Diagonal),
        false => (Becomes::Value(1.0), Becomes::Value(0.0)),
    };
    for (situation, becomes) in [
        (Situation::BothEmpty, best),
        (Situation::ReferenceEmpty, worst),
        (Situation::PredictionEmpty, worst),
    ] {
        rules.push(EmptyRule {
            metric: metric.to_owned(),
            situation,
            becomes,
        });
    }
}

/// A number that a metric may be given.
fn option(class: &str, metric: &str, options: &Json, key: &str) -> Result<f64, Problem> {
    let wrong = || {
        Problem::new(
            format!("class {class:?}, {metric}: {key} has to be a number of 0 or more"),
            format!("\"{metric}\": {{\"{key}\": 3}}"),
        )
    };
    let default = DEFAULTS.iter().find(|(known, _)| *known == key);
    match (options.get(key), default) {
        (Some(value), _) => value
            .number()
            .filter(|number| number.is_finite() && *number >= 0.0)
            .ok_or_else(wrong),
        (None, Some((_, default))) => Ok(*default),
        (None, None) => Err(wrong()),
    }
}

fn unknown_options(draft: &mut Draft, class: &str, metric: &str, options: &Json) {
    for (key, _) in options.object().unwrap_or_default() {
        if !DEFAULTS.iter().any(|(known, _)| known == key) {
            draft.note(format!("{class}, {metric}: {key:?} is not taken over."));
        }
    }
}

/// Components by 18 neighbours everywhere; a lesion below the volume leaves, and what only it touches is a false
/// alarm.
fn instances(class: &str, metric: &str, options: &Json) -> Result<Instances, Problem> {
    let steps = |key| -> Result<Option<Dilation>, Problem> {
        let number = option(class, metric, options, key)?;
        let whole =
            number.fract() == 0.0 && number <= f64::from(super::super::instances::MOST_STEPS);
        match whole {
            true if number == 0.0 => Ok(None),
            true => Ok(Some(Dilation::Steps(number as u32))),
            false => Err(Problem::new(
                format!("class {class:?}, {metric}: {key} has to be a whole number up to 100"),
                format!("\"{metric}\": {{\"{key}\": 3}}"),
            )),
        }
    };
    let mm3 = option(class, metric, options, "min_lesion_volume")?;
    Ok(Instances {
        by: InstancesBy::Components(Connectivity::Eighteen),
        matching: Matching::Touching(steps("dilation_iters")?),
        counts_if: None,
        consolidation: steps("gt_consolidation_iters")?,
        min_volume: (mm3 > 0.0).then_some(MinVolume {
            mm3: Bound::AtLeast(mm3),
            excuses: false,
        }),
    })
}
