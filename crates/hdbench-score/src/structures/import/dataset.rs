//! `dataset.json` of nnU-Net and of the Medical Segmentation Decathlon.
//!
//! Of the file its `labels` alone say what is scored. `regions_class_order` says in which order nnU-Net
//! writes regions into one map; scores do not depend on it.

use std::collections::BTreeMap;

use super::super::problem::Problem;
use super::super::set::{Structure, StructureSet};
use super::draft::{Draft, values_of};
use super::json::{Json, once};

/// nnU-Net's name for voxels that are not annotated.
const IGNORE: &str = "ignore";

/// What a label that cannot be read should look like.
const FORMS: &str =
    "\"liver\": 1, \"whole tumour\": [1, 2, 3], or the Decathlon's \"1\": \"liver\"";

/// Whether a file of these contents is one.
pub(super) fn is_one(json: &Json) -> bool {
    json.get("labels")
        .is_some_and(|labels| labels.object().is_some())
}

/// Reads one. It is called as it says, else by `name`.
pub(super) fn read(json: &Json, name: &str) -> Result<StructureSet, Problem> {
    let labels = json
        .get("labels")
        .and_then(Json::object)
        .unwrap_or_default();
    once("labels", labels)?;
    let mut draft = Draft::new();
    for (label, values) in pairs(labels)? {
        if label.eq_ignore_ascii_case(IGNORE) {
            draft.ignore = values_of(&label, &values)?.iter().collect();
        } else if values == [0] {
            if !label.eq_ignore_ascii_case("background") {
                draft.note(format!(
                    "labels: {label:?} is 0, the background, and no structure."
                ));
            }
        } else {
            let name = draft.name(&label);
            let values = values_of(&label, &values)?;
            draft.structures.push(Structure::new(name, values));
        }
    }
    let own = json.get("name").and_then(Json::text);
    draft.set(own.filter(|own| !own.is_empty()).unwrap_or(name))
}

/// Each name with its values, in the order of the file.
fn pairs(labels: &[(String, Json)]) -> Result<Vec<(String, Vec<i64>)>, Problem> {
    let from_value = |(key, value): &(String, Json)| {
        let key = key.parse::<i64>().ok()?;
        Some((value.text()?.to_owned(), key))
    };
    let decathlon: Option<Vec<(String, i64)>> = labels.iter().map(from_value).collect();
    let Some(decathlon) = decathlon else {
        let pair = |(name, value): &(String, Json)| {
            let values = value.wholes().ok_or_else(|| {
                Problem::new(
                    format!("labels: {name:?} has no label value or list of them"),
                    FORMS,
                )
            })?;
            Ok((name.clone(), values))
        };
        return labels.iter().map(pair).collect();
    };
    // A name that several values have is one structure of them all.
    let mut pairs: Vec<(String, Vec<i64>)> = Vec::new();
    let mut places = BTreeMap::new();
    for (name, value) in decathlon {
        let place = *places.entry(name.clone()).or_insert(pairs.len());
        match pairs.get_mut(place) {
            Some((_, values)) => values.push(value),
            None => pairs.push((name, vec![value])),
        }
    }
    Ok(pairs)
}
