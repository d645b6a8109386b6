//! Our own format.

use std::path::Path;

use ::toml::de::DeTable;
use hdbench_ground::error::Result;
use hdbench_ground::text::composed;

use super::super::empty::{Becomes, BecomesWord, EmptyRule, Situation};
use super::super::instances::Instances;
use super::super::metric_word::check_metric;
use super::super::name::check_name;
use super::super::problem::Problem;
use super::super::set::{ANOTHER_NAME, Structure, StructureSet};
use super::super::values::{self, Values};
use super::super::word::{Word, read_word};
use super::instances;
use super::table::{Field, Lines, Section};

const KEYS: [&str; 8] = [
    "name",
    "notes",
    "ignore",
    "every-value",
    "metrics",
    "instances",
    "empty",
    "structures",
];

const STRUCTURE_KEYS: [&str; 4] = ["labels", "metrics", "instances", "empty"];

/// The way out of label values that are none.
const LABELS: &str = "labels = 4, [1, 2, 4], \"1-26\", or \"1-\" for 1 or more";

impl StructureSet {
    /// Reads our TOML, as [`StructureSet::to_toml`] writes it. `path` is where it stands; a set that has no name is
    /// called as its file.
    ///
    /// # Errors
    /// `Error::Malformed` with the line: for what is no TOML, keys that are not known, and what a set cannot be.
    pub fn from_toml(text: &str, path: &Path) -> Result<Self> {
        let named = path.file_stem().unwrap_or_default().to_string_lossy();
        read(text, &named).map_err(|problem| problem.of_file(path))
    }
}

/// Reads a text; `name` is what it is called if it does not say.
pub(in super::super) fn read(text: &str, name: &str) -> Result<StructureSet, Problem> {
    let lines = Lines::new(text);
    let table = DeTable::parse(text).map_err(|e| {
        let problem = Problem::new(
            format!("is no TOML: {}", e.message().trim()),
            "hdbench structures show lits prints a set of structures",
        );
        match e.span() {
            Some(span) => problem.in_line(lines.of(span.start)),
            None => problem,
        }
    })?;
    let root = Section::root(&lines, table.get_ref());
    root.only(&KEYS)?;
    let common = Common::read(&root)?;
    let mut places = Vec::new();
    let mut set = StructureSet::of(name, Vec::new());
    if let Some(field) = root.get("name") {
        set.name = field.text()?.to_owned();
    }
    if let Some(field) = root.get("notes") {
        for item in field.items()? {
            set.notes.push(item.text()?.to_owned());
        }
    }
    if let Some(field) = root.get("ignore") {
        set.ignore = labels(&field)?.iter().collect();
    }
    if let Some(field) = root.get("every-value") {
        set.every_value = field.truth()?;
        common.refuse_with_every_value(&field, set.every_value)?;
    }
    if let Some(field) = root.get("structures") {
        let section = field.table(String::new())?;
        for field in section.fields() {
            set.structures.push(structure(&field, &common)?);
            places.push(field.line);
        }
    }
    set.checked()
        .map_err(|(at, problem)| problem.in_line(at.map_or(1, |at| places[at])))
}

/// What stands above the structures, and holds for each that does not say otherwise.
struct Common {
    metrics: Option<Vec<String>>,
    instances: Option<Instances>,
    empty: Vec<EmptyRule>,
}

impl Common {
    fn read(section: &Section<'_>) -> Result<Self, Problem> {
        let instances = section.get("instances").map(|field| {
            let section = field.table("instances".to_owned())?;
            instances::read(&section)
        });
        Ok(Self {
            metrics: section
                .get("metrics")
                .map(|field| metrics(&field))
                .transpose()?,
            instances: instances.transpose()?,
            empty: empty(section)?,
        })
    }

    fn refuse_with_every_value(&self, field: &Field<'_>, every_value: bool) -> Result<(), Problem> {
        let says = self.metrics.is_some() || self.instances.is_some() || !self.empty.is_empty();
        match every_value && says {
            true => Err(field.wrong(
                "every value as it is found is scored by the profile alone",
                "remove metrics, instances and empty, or name the structures",
            )),
            false => Ok(()),
        }
    }
}

fn structure(field: &Field<'_>, common: &Common) -> Result<Structure, Problem> {
    let name = composed(field.key);
    check_name(&name).map_err(|text| Problem::new(text, ANOTHER_NAME).in_line(field.line))?;
    let plain = |values| Structure {
        name: name.clone(),
        values,
        instances: common.instances.clone(),
        metrics: common.metrics.clone(),
        empty: common.empty.clone(),
    };
    if !field.is_table() {
        let values = labels(field).map_err(|problem| Problem {
            text: format!("structure {name:?}: {}", problem.text),
            ..problem
        })?;
        return Ok(plain(values));
    }
    let section = field.table(format!("structure {name:?}"))?;
    section.only(&STRUCTURE_KEYS)?;
    let mut structure = plain(labels(&section.need("labels", LABELS)?)?);
    if let Some(field) = section.get("metrics") {
        structure.metrics = Some(metrics(&field)?);
    }
    if let Some(field) = section.get("instances") {
        let section = field.table(format!("structure {name:?}, instances"))?;
        structure.instances = Some(instances::read(&section)?);
    }
    let own = empty(&section)?;
    structure.empty.retain(|rule| {
        let same = |own: &EmptyRule| own.metric == rule.metric && own.situation == rule.situation;
        !own.iter().any(same)
    });
    structure.empty.extend(own);
    // What is left to be wrong is which metrics it has.
    let line = section
        .get("metrics")
        .map_or(field.line, |field| field.line);
    structure.checked().map_err(|problem| problem.in_line(line))
}

/// A value, a range in quotes, or a list of both.
fn labels(field: &Field<'_>) -> Result<Values, Problem> {
    let wrong = |field: &Field<'_>, problem: String| field.wrong(problem, LABELS);
    let mut runs = Vec::new();
    let items = match field.is_list() {
        true => field.items()?,
        false => vec![field.clone()],
    };
    for item in &items {
        if item.is_text() {
            for text in item.text()?.split(',') {
                runs.push(Values::run_of(text).map_err(|problem| wrong(item, problem))?);
            }
        } else {
            let number = item.integer().map_err(|problem| Problem {
                hint: LABELS.to_owned(),
                ..problem
            })?;
            let value = values::value(number).map_err(|problem| wrong(item, problem))?;
            runs.push(value..=value);
        }
    }
    Values::new(runs).map_err(|problem| wrong(field, problem))
}

fn metrics(field: &Field<'_>) -> Result<Vec<String>, Problem> {
    let mut metrics = Vec::new();
    for item in field.items()? {
        let metric = item.text()?;
        check_metric(metric).map_err(|problem| item.wrong(problem.text, problem.hint))?;
        metrics.push(metric.to_owned());
    }
    match metrics.is_empty() {
        true => Err(field.wrong(
            "metrics names none",
            "remove it for the metrics of the profile",
        )),
        false => Ok(metrics),
    }
}

/// `[empty.METRIC]`.
fn empty(section: &Section<'_>) -> Result<Vec<EmptyRule>, Problem> {
    let Some(field) = section.get("empty") else {
        return Ok(Vec::new());
    };
    let situations: Vec<&str> = Situation::WORDS.iter().map(|(word, _)| *word).collect();
    let mut rules = Vec::new();
    for metric in field.table("empty".to_owned())?.fields() {
        let section = metric.table(format!("empty.{}", metric.key))?;
        check_metric(metric.key).map_err(|problem| problem.in_line(metric.line))?;
        section.only(&situations)?;
        for field in section.fields() {
            rules.push(EmptyRule {
                metric: metric.key.to_owned(),
                situation: read_word("situation", field.key)
                    .map_err(|problem| problem.in_line(field.line))?,
                becomes: becomes(&field)?,
            });
        }
    }
    Ok(rules)
}

fn becomes(field: &Field<'_>) -> Result<Becomes, Problem> {
    if !field.is_text() {
        return Ok(Becomes::number(field.number()?));
    }
    let word = read_word("number or word", field.text()?)
        .map_err(|problem| field.wrong(problem.text, problem.hint))?;
    Ok(match word {
        BecomesWord::Undefined => Becomes::Undefined,
        BecomesWord::AsComputed => Becomes::AsComputed,
        BecomesWord::Diagonal => Becomes::Diagonal,
    })
}
