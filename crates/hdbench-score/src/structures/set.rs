//! A set of structures: what is scored.

use std::collections::BTreeMap;

use hdbench_ground::error::Result;

use super::empty::EmptyRule;
use super::instances::{Instances, InstancesBy, Matching};
use super::metric_word::{check_metric, is_instance_metric};
use super::name::{check_name, folded};
use super::problem::Problem;
use super::values::Values;

/// What is scored: structures, what is ignored, and what could not be taken over from where it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct StructureSet {
    /// What it is called: a built-in name, or that of its file.
    pub name: String,
    /// In the order of the tables. None where `every_value` holds.
    pub structures: Vec<Structure>,
    /// Label values of the reference whose voxels count nowhere, on neither side, ascending. Of a structure that holds
    /// one, no voxel of the reference has it, and predictions of it elsewhere are wrong.
    pub ignore: Vec<u16>,
    /// Whether every value that is found in a file, those to be ignored apart, is a structure named by its
    /// number.
    pub every_value: bool,
    /// What a file of another program says that could not be taken over, a sentence each.
    pub notes: Vec<String>,
}

/// A named set of label values that is scored.
#[derive(Clone, Debug, PartialEq)]
pub struct Structure {
    /// Its name in the tables; see [`check_name`].
    pub name: String,
    /// The label values that are of it. Those of two structures may overlap.
    pub values: Values,
    /// How it falls into instances. None: it is scored as a whole.
    pub instances: Option<Instances>,
    /// The metrics that are asked for, by their names in the tables. None: those of the profile.
    pub metrics: Option<Vec<String>>,
    /// Where its values for empty masks are others than the profile's; by metric and situation, ascending.
    pub empty: Vec<EmptyRule>,
}

impl Structure {
    /// One that is scored as a whole, by the profile's metrics and policy.
    pub fn new(name: impl Into<String>, values: Values) -> Self {
        Self {
            name: name.into(),
            values,
            instances: None,
            metrics: None,
            empty: Vec::new(),
        }
    }

    /// Whether it is no more than its name and values.
    pub(super) fn is_plain(&self) -> bool {
        self.instances.is_none() && self.metrics.is_none() && self.empty.is_empty()
    }

    /// Puts the rules in their order and looks for what cannot be.
    pub(super) fn checked(mut self) -> Result<Self, Problem> {
        check_name(&self.name).map_err(|text| Problem::new(text, ANOTHER_NAME))?;
        let of = |problem: Problem| Problem {
            text: format!("structure {:?}: {}", self.name, problem.text),
            ..problem
        };
        for metric in self.metrics.iter().flatten() {
            check_metric(metric).map_err(of)?;
            if self.instances.is_none() && is_instance_metric(metric) {
                return Err(of(Problem::new(
                    format!("the metric {metric:?} compares instances, and it has none"),
                    WITH_INSTANCES,
                )));
            }
        }
        if let Some(problem) = self.instances.as_ref().and_then(cannot_be) {
            return Err(of(problem));
        }
        if let Some(twice) = self.metrics.as_deref().and_then(first_repeated) {
            return Err(of(Problem::new(
                format!("the metric {twice:?} is there twice"),
                "remove one",
            )));
        }
        for rule in &self.empty {
            check_metric(&rule.metric).map_err(of)?;
        }
        self.empty
            .sort_by(|a, b| (&a.metric, a.situation).cmp(&(&b.metric, b.situation)));
        Ok(self)
    }
}

/// The way out of a name that cannot be.
pub(super) const ANOTHER_NAME: &str = "give it another name";

/// The way out where an instance metric has nothing to compare.
const WITH_INSTANCES: &str = "remove the metric, or say what an instance is: instances = { by = \"components\", neighbours = 26, \
     match = \"one-to-one\", score = \"iou\", at-least = 0.5 }";

/// What of instances contradicts itself.
fn cannot_be(instances: &Instances) -> Option<Problem> {
    let are_values = instances.by == InstancesBy::Values;
    let are_of_values = !matches!(instances.by, InstancesBy::Components(_));
    if instances.matching == Matching::SameValue && !are_values {
        return Some(Problem::new(
            "its instances are matched by equal value, and are no values",
            "by = \"values\", or another match",
        ));
    }
    if are_of_values && instances.consolidation.is_some() {
        return Some(Problem::new(
            "its instances are told apart by their values, and those that touch once grown are to be one",
            "by = \"components\", or remove the consolidation",
        ));
    }
    None
}

fn first_repeated(metrics: &[String]) -> Option<&String> {
    let repeated = metrics
        .iter()
        .enumerate()
        .find(|(at, metric)| metrics[..*at].contains(metric));
    repeated.map(|(_, metric)| metric)
}

impl StructureSet {
    /// A set of these.
    pub(super) fn of(name: impl Into<String>, structures: Vec<Structure>) -> Self {
        Self {
            name: name.into(),
            structures,
            ignore: Vec::new(),
            every_value: false,
            notes: Vec::new(),
        }
    }

    /// Looks for what cannot be among several structures, and checks each: with its place among them if one is
    /// at fault.
    pub(super) fn checked(mut self) -> Result<Self, (Option<usize>, Problem)> {
        self.ignore.sort_unstable();
        let mut names = BTreeMap::new();
        let structures = std::mem::take(&mut self.structures);
        for (at, structure) in structures.into_iter().enumerate() {
            let structure = structure.checked().map_err(|problem| (Some(at), problem))?;
            if let Some(other) = names.insert(folded(&structure.name), structure.name.clone()) {
                return Err((
                    Some(at),
                    Problem::new(
                        format!(
                            "the names {other:?} and {:?} are the same but for their case",
                            structure.name
                        ),
                        "give one of them another name",
                    ),
                ));
            }
            self.structures.push(structure);
        }
        if self.structures.is_empty() != self.every_value {
            let text = match self.every_value {
                true => "every value is to be a structure, and some are named as well",
                false => "names no structure",
            };
            return Err((
                None,
                Problem::new(
                    text,
                    "[structures] holds them, such as liver = [1, 2]; or every-value = true alone",
                ),
            ));
        }
        Ok(self)
    }

    /// The same structures, all with these metrics; of every value, the metrics are those of the options.
    ///
    /// # Errors
    /// `Error::Usage` for what is no metric, for one that is there twice, and for one of instances where a structure
    /// has none.
    pub fn with_metrics(mut self, metrics: &[String]) -> Result<Self> {
        let of = |problem: Problem| problem.of_argument("metrics");
        for metric in metrics {
            check_metric(metric).map_err(of)?;
        }
        for structure in &mut self.structures {
            structure.metrics = Some(metrics.to_vec());
        }
        self.checked().map_err(|(_, problem)| of(problem))
    }

    /// The structure of this name.
    pub fn structure(&self, name: &str) -> Option<&Structure> {
        self.structures
            .iter()
            .find(|structure| structure.name == name)
    }
}
