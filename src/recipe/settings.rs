use std::collections::BTreeSet;

use clap::ValueEnum;
use hdbench_ground::near::nearest;
use hdbench_ground::range::{Fault, Rule, first_fault};
use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::rules::{RECIPE, SCALE};
use super::{Recipe, RecipeName, Scale, ScaleName, fit};
use crate::error::{Error, Result};

/// Everything a study can change about the method and its size.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub recipe: Recipe,
    pub scale: Scale,
}

impl Settings {
    /// Two presets.
    pub fn named(recipe: RecipeName, scale: ScaleName) -> Self {
        Self {
            recipe: Recipe::named(recipe),
            scale: Scale::named(scale),
        }
    }

    /// Two presets with changes, checked; each as for [`Settings::set`].
    pub fn with(recipe: RecipeName, scale: ScaleName, changes: &[String]) -> Result<Self> {
        let mut settings = Self::named(recipe, scale);
        for change in changes {
            settings.set(change)?;
        }
        settings.check()?;
        Ok(settings)
    }

    /// Changes one field: `KEY=VALUE`, the key a field of the recipe or the scale (`recipe.KEY` or
    /// `scale.KEY` where both have it), the value as `study.toml` has it, quotes left out.
    ///
    /// # Errors
    /// An unknown key, with the nearest known one, or a value that the field does not take.
    pub fn set(&mut self, assignment: &str) -> Result<()> {
        let (key, text) = split(assignment)?;
        let mut recipe = table(&self.recipe)?;
        let mut scale = table(&self.scale)?;
        let (in_recipe, in_scale, field) = match key.split_once('.') {
            Some(("recipe", field)) => (true, false, field),
            Some(("scale", field)) => (false, true, field),
            _ => (true, true, key),
        };
        // A scale's unset fields are not in its table.
        let recipe_has = in_recipe && field != "name" && recipe.contains_key(field);
        let scale_has = in_scale && scale_fields().any(|known| known == field);
        match (recipe_has, scale_has) {
            (true, true) => Err(Error::usage(
                format!("{field} is a field of the recipe and of the scale"),
                format!("say recipe.{field} or scale.{field}; the scale's wins where it is set"),
            )),
            (false, false) => Err(unknown(key, &recipe)),
            (true, false) => {
                recipe.insert(field.to_owned(), value(text, recipe.get(field)));
                held(&recipe, RECIPE, key, field)?;
                self.recipe = read(recipe, field, text)?;
                Ok(())
            }
            (false, true) => {
                scale.insert(field.to_owned(), value(text, scale.get(field)));
                held(&scale, SCALE, key, field)?;
                self.scale = read(scale, field, text)?;
                Ok(())
            }
        }
    }

    /// Refuses what cannot be built or trained.
    ///
    /// # Errors
    /// `Error::Usage` naming the field, what it takes and why.
    pub fn check(&self) -> Result<()> {
        let (recipe, scale) = (table(&self.recipe)?, table(&self.scale)?);
        let fault = field_fault(Some(&recipe), Some(&scale)).or_else(|| self.unfit());
        fault.map_or(Ok(()), |fault| Err(fault.of_flag()))
    }

    /// What is wrong with fields that are each what they should be, but not together.
    pub fn unfit(&self) -> Option<Fault> {
        fit::fault(&self.recipe, &self.scale)
    }

    /// What is wrong with a field of a file's tables `recipe` and `scale`.
    pub fn field_fault_of(file: &Table) -> Option<Fault> {
        let table = |key| file.get(key).and_then(Value::as_table);
        field_fault(table("recipe"), table("scale"))
    }

    /// Fields with other values than before, `scale.iterations: 60 before, 90 now`.
    pub fn differences(&self, before: &Self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for (name, old, new) in [
            ("recipe", table(&before.recipe)?, table(&self.recipe)?),
            ("scale", table(&before.scale)?, table(&self.scale)?),
        ] {
            let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            let word = |value: Option<&Value>| value.map_or("unset".to_owned(), Value::to_string);
            for key in keys {
                let (old, new) = (old.get(key), new.get(key));
                if old != new {
                    found.push(format!(
                        "{name}.{key}: {} before, {} now",
                        word(old),
                        word(new)
                    ));
                }
            }
        }
        Ok(found)
    }

    /// What differs from the presets of the same names, `key = value`, in the fields' order.
    pub fn changes(&self) -> Result<Vec<String>> {
        let preset = Self::named(self.recipe.name, self.scale.name);
        let mut changes = Vec::new();
        for (ours, theirs) in [
            (table(&self.recipe)?, table(&preset.recipe)?),
            (table(&self.scale)?, table(&preset.scale)?),
        ] {
            for (key, value) in &ours {
                if theirs.get(key) != Some(value) {
                    changes.push(format!("{key} = {value}"));
                }
            }
        }
        Ok(changes)
    }
}

/// What is wrong with the first field that holds what it does not take.
fn field_fault(recipe: Option<&Table>, scale: Option<&Table>) -> Option<Fault> {
    let of = |table: Option<&Table>, rules, prefix| first_fault(table?, rules, prefix);
    let problem = of(recipe, RECIPE, "recipe.").or_else(|| of(scale, SCALE, "scale."))?;
    Some(Fault::new(problem, LISTED))
}

const LISTED: &str = "`hdbench explain recipe` lists every field with what it takes";

/// The fields of a scale, unset ones included.
fn scale_fields() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    SCALE.iter().filter_map(move |rule| {
        let (field, _) = rule.key.split_once('.').unwrap_or((rule.key, ""));
        let new = field != last;
        last = field;
        new.then_some(field)
    })
}

/// One point of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Arm {
    /// What it sets, fit for a folder's name, e.g. `upsampling-nearest`.
    pub name: String,
    /// What it sets, `KEY=VALUE`.
    pub sets: Vec<String>,
    pub settings: Settings,
}

/// The most arms of a sweep.
const MOST_ARMS: usize = 64;

/// Every combination of values: `KEY=VALUE,VALUE,...` each, `recipe=paper,released` among them.
///
/// # Errors
/// As [`Settings::set`] and [`Settings::check`]; a key given twice.
pub fn sweep(start: &Settings, axes: &[String]) -> Result<Vec<Arm>> {
    let mut arms = vec![Arm {
        name: String::new(),
        sets: Vec::new(),
        settings: start.clone(),
    }];
    let mut seen: Vec<&str> = Vec::new();
    // A recipe replaces all fields, so that it has to come before changes of single ones.
    let (recipes, fields): (Vec<&String>, Vec<&String>) =
        axes.iter().partition(|axis| axis.starts_with("recipe="));
    for axis in recipes.into_iter().chain(fields) {
        let (key, text) = split(axis)?;
        if seen.contains(&key) {
            return Err(Error::usage(
                format!("{key} is swept twice"),
                "give all its values at once, --sweep KEY=A,B",
            ));
        }
        seen.push(key);
        let values = values(text);
        let count = arms.len().saturating_mul(values.len());
        if count > MOST_ARMS {
            return Err(Error::usage(
                format!("the sweep makes {count} arms or more, expected at most {MOST_ARMS}"),
                "every arm is a study of its own, trained whole: sweep fewer keys or values at once",
            ));
        }
        let mut next = Vec::with_capacity(arms.len() * values.len());
        for arm in &arms {
            for value in &values {
                next.push(arm.with(key, value)?);
            }
        }
        arms = next;
    }
    for arm in &arms {
        arm.settings.check()?;
    }
    for (index, arm) in arms.iter().enumerate() {
        if arms[..index].iter().any(|other| other.name == arm.name) {
            return Err(Error::usage(
                format!("the sweep has {} twice", arm.name),
                "give each value once",
            ));
        }
    }
    Ok(arms)
}

impl Arm {
    fn with(&self, key: &str, value: &str) -> Result<Self> {
        let mut arm = self.clone();
        if key == "recipe" {
            let name = RecipeName::from_str(value, false).map_err(|_| {
                Error::usage(
                    format!("{value:?} is no recipe"),
                    "recipes are paper and released",
                )
            })?;
            arm.settings.recipe = Recipe::named(name);
        } else {
            arm.settings.set(&format!("{key}={value}"))?;
        }
        arm.sets.push(format!("{key}={value}"));
        let safe = |text: &str| {
            text.chars()
                .map(|c| {
                    if c.is_ascii_alphanumeric() || "._-".contains(c) {
                        c
                    } else {
                        '-'
                    }
                })
                .collect::<String>()
        };
        let piece = match key {
            "recipe" => safe(value),
            _ => format!(
                "{}-{}",
                safe(key),
                safe(value.trim_matches(['{', '}', ' ']))
            ),
        };
        arm.name = if arm.name.is_empty() {
            piece
        } else {
            format!("{}+{piece}", arm.name)
        };
        Ok(arm)
    }
}

/// Key and value.
fn split(assignment: &str) -> Result<(&str, &str)> {
    // Behind a line break TOML would go on with another key.
    if assignment.chars().any(|c| c.is_control() && c != '\t') {
        return Err(Error::usage(
            format!("{assignment:?} holds more than one line"),
            "give every KEY=VALUE a --set of its own",
        ));
    }
    let parts = assignment.split_once('=');
    let parts = parts.map(|(key, value)| (key.trim(), value.trim()));
    parts
        .filter(|(key, value)| !key.is_empty() && !value.is_empty())
        .ok_or_else(|| {
            Error::usage(
                format!("{assignment:?} sets nothing"),
                "write KEY=VALUE, e.g. upsampling=nearest",
            )
        })
}

/// Refuses a table whose changed field holds what it does not take.
fn held(table: &Table, rules: &[Rule], key: &str, field: &str) -> Result<()> {
    let prefix = key.strip_suffix(field).unwrap_or("");
    let fault = first_fault(table, rules, prefix).map(|problem| Fault::new(problem, LISTED));
    fault.map_or(Ok(()), |fault| Err(fault.of_flag()))
}

/// Splits at commas outside brackets and braces.
fn values(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut depth = 0_usize;
    for c in text.chars() {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if c == ',' && depth == 0 {
            pieces.push(String::new());
        } else if let Some(last) = pieces.last_mut() {
            last.push(c);
        }
    }
    pieces.iter().map(|piece| piece.trim().to_owned()).collect()
}

/// The text as TOML, as a word where it is none. A kind alone stands for a table that needs no more.
fn value(text: &str, old: Option<&Value>) -> Value {
    let parsed = format!("v = {text}").parse::<Table>().ok();
    let value = parsed
        .filter(|table| table.len() == 1 && !has_comment(text))
        .and_then(|mut table| table.remove("v"))
        .unwrap_or_else(|| Value::String(text.to_owned()));
    match (&value, old) {
        (Value::String(_), Some(Value::Table(old))) if old.contains_key("kind") => {
            Value::Table(Table::from_iter([("kind".to_owned(), value)]))
        }
        _ => value,
    }
}

/// Whether TOML would pass over the end of a text; no setting's words hold a number sign.
fn has_comment(text: &str) -> bool {
    text.contains('#')
}

fn table(of: &impl Serialize) -> Result<Table> {
    Table::try_from(of).map_err(|e| Error::Internal(e.to_string()))
}

fn read<T: DeserializeOwned>(table: Table, field: &str, text: &str) -> Result<T> {
    table.try_into().map_err(|e: toml::de::Error| {
        let message = e.message().trim().to_owned();
        Error::usage(format!("{field} does not take {text:?}: {message}"), LISTED)
    })
}

fn unknown(key: &str, recipe: &Table) -> Error {
    let recipe = recipe.keys().cloned();
    let fields: Vec<String> = recipe.chain(scale_fields().map(str::to_owned)).collect();
    let bare = key.rsplit('.').next().unwrap_or(key);
    // A slip of the hand, or a part of the name; anything further is no suggestion.
    let near = nearest(bare, fields.iter().map(String::as_str));
    let holding: BTreeSet<&str> = fields
        .iter()
        .map(String::as_str)
        .filter(|field| field.contains(bare))
        .collect();
    let holding: Vec<&str> = holding.into_iter().collect();
    let hint = match near {
        Some(field) => format!("did you mean {field}?"),
        None if bare.len() > 3 && !holding.is_empty() => {
            format!("did you mean {}?", holding.join(" or "))
        }
        None => LISTED.to_owned(),
    };
    Error::usage(format!("{key:?} is no field of a recipe or a scale"), hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{HybridInput, Schedule, Upsampling};

    fn demo() -> Settings {
        Settings::named(RecipeName::Paper, ScaleName::Demo)
    }

    #[test]
    fn single_fields_are_changed() {
        let mut settings = demo();
        for assignment in [
            "upsampling=nearest",
            "schedule=constant",
            "hybrid_input={kind=\"logits\",factor=1.0}",
            "iterations=7",
            "recipe.learning_rate=0.5",
            "scale.learning_rate = 0.25",
            "zoom=[1.0, 1.0]",
            "depth=16",
        ] {
            settings.set(assignment).unwrap();
        }
        settings.check().unwrap();
        assert_eq!(settings.recipe.upsampling, Upsampling::Nearest);
        assert_eq!(settings.recipe.schedule, Schedule::Constant);
        assert_eq!(settings.recipe.hybrid_input, HybridInput::Logits(1.0));
        assert_eq!(settings.recipe.learning_rate, 0.5);
        assert_eq!(settings.scale.learning_rate, Some(0.25));
        assert_eq!(settings.scale.depth, Some(16));
        assert_eq!(settings.scale.iterations, 7);
        let changes = settings.changes().unwrap();
        assert!(
            changes.contains(&"upsampling = \"nearest\"".to_owned()),
            "{changes:?}"
        );
        assert_eq!(changes.len(), 8);
        assert!(demo().changes().unwrap().is_empty());
    }

    #[test]
    fn wrong_settings_are_refused_with_a_way_out() {
        for (assignment, words) in [
            ("upsamplin=nearest", "did you mean upsampling?"),
            ("recipe.iterations=3", "is no field"),
            ("upsampling=cubic", "takes linear or nearest, not \"cubic\""),
            (
                "iterations=many",
                "iterations takes a whole number from 1 to 100000000, not \"many\"",
            ),
            ("scale.batch=1e3", "scale.batch takes a whole number"),
            ("foo=1", "`hdbench explain recipe` lists"),
            (
                "threshold=1",
                "did you mean lesion_threshold or liver_threshold?",
            ),
            (
                "dense_2d=3",
                "takes a table of stem, growth, blocks, decoder, not 3",
            ),
            (
                "schedule=cosine",
                "takes polynomial or constant, not \"cosine\"",
            ),
            ("schedule=polynomial", "missing field `power`"),
            ("iterations=1\nbatch=2", "more than one line"),
            ("iterations=1 # batch=2", "takes a whole number"),
            ("iterations=99999999999999999999", "takes a whole number"),
            (
                "learning_rate=1",
                "say recipe.learning_rate or scale.learning_rate",
            ),
            ("name=paper", "is no field"),
            ("upsampling", "write KEY=VALUE"),
        ] {
            let error = demo().set(assignment).unwrap_err().to_string();
            assert!(error.contains(words), "{assignment}: {error}");
        }
        for assignment in [
            "hybrid_skips=false",
            "patch=65",
            "depth=6",
            "batch=0",
            "dense_2d={stem=16,growth=8,blocks=[2,2,2,2],decoder=[30,28,12,12,8]}",
            "dense_3d={stem=8,growth=6,blocks=[2,2,2,2],decoder=[24,20,20,8,8]}",
        ] {
            let mut settings = demo();
            settings
                .set(assignment)
                .and_then(|()| settings.check())
                .unwrap_err();
        }
    }

    #[test]
    fn a_sweep_is_every_combination() {
        let axes = ["upsampling=linear,nearest", "recipe=paper,released"].map(str::to_owned);
        let arms = sweep(&demo(), &axes).unwrap();
        let names: Vec<&str> = arms.iter().map(|arm| arm.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "paper+upsampling-linear",
                "paper+upsampling-nearest",
                "released+upsampling-linear",
                "released+upsampling-nearest"
            ]
        );
        assert_eq!(arms[2].settings.recipe.upsampling, Upsampling::Linear);
        assert_eq!(arms[2].settings.recipe.name, RecipeName::Released);
        let values = ["hybrid_input={kind=\"logits\",factor=1.0},{kind=\"logits\",factor=250.0}"];
        let arms = sweep(&demo(), &values.map(str::to_owned)).unwrap();
        assert_eq!(arms.len(), 2);
        assert!(
            arms[0]
                .name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        );
        for wrong in [
            vec!["recipe=paper,other"],
            vec!["upsampling=linear", "upsampling=nearest"],
            vec!["upsampling=linear,linear"],
        ] {
            let axes: Vec<String> = wrong.into_iter().map(str::to_owned).collect();
            sweep(&demo(), &axes).unwrap_err();
        }
        // Each arm has a folder, and folders are made before anything else is looked at.
        let many: Vec<String> = (1..400).map(|n| n.to_string()).collect();
        let axes = [format!("iterations={}", many.join(","))];
        let error = sweep(&demo(), &axes).unwrap_err().to_string();
        assert!(
            error.contains("399 arms") && error.contains("at most 64"),
            "{error}"
        );
        let ten = (1..11).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
        let axes = ["iterations", "coarse_iterations"].map(|key| format!("{key}={ten}"));
        assert!(
            sweep(&demo(), &axes)
                .unwrap_err()
                .to_string()
                .contains("100 arms")
        );
    }
}
