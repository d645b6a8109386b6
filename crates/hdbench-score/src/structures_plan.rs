//! From a set of structures to what is scored of it.

use super::instance_metric::InstanceMetric;
use super::label::Label;
use super::metric::Metric;
use super::options::Options;
use super::scored_structure::{LabelSet, ScoredStructure};
use super::structure_case::StructureOptions;
use super::structures::{InstancesBy, Matching, Structure, StructureSet};

/// What is scored of a set of structures.
#[derive(Clone, Debug)]
pub struct StructuresPlan {
    /// The structures with their metrics.
    pub metrics: Options,
    /// How the label maps are read.
    pub reading: StructureOptions,
    /// What the set asks for and is not scored, or not as it may be meant, a sentence each; to be shown to the user.
    pub left_out: Vec<String>,
}

impl StructuresPlan {
    /// Of a set, with the metrics of `base` for structures that name none.
    pub fn of(set: &StructureSet, base: Options) -> Self {
        let structures = set.structures.iter().map(scored).collect();
        let mut left_out = set.notes.clone();
        left_out.extend(set.structures.iter().filter_map(|own| ignored(own, set)));
        Self {
            metrics: Options { structures, ..base },
            reading: StructureOptions {
                ignore: set.ignore.clone(),
                every_value: set.every_value,
                ..StructureOptions::default()
            },
            left_out,
        }
    }
}

/// What to say of a structure that holds values to be ignored, as it does in nnU-Net if its user says so.
fn ignored(structure: &Structure, set: &StructureSet) -> Option<String> {
    let held = |value: &&u16| structure.values.contains(**value);
    let held: Vec<String> = set.ignore.iter().filter(held).map(u16::to_string).collect();
    (!held.is_empty()).then(|| {
        format!(
            "Structure {:?} holds values that are ignored ({}): those of the reference never count, and predictions of \
             them elsewhere are false positives.",
            structure.name,
            held.join(", ")
        )
    })
}

fn scored(structure: &Structure) -> ScoredStructure {
    let values = &structure.values;
    let is_open = values.contains(u16::MAX) && values.count() > 1;
    let is_one_run = values.runs().count() == 1;
    let first = values.iter().next().unwrap_or(1);
    let asked = |names: &[String]| {
        let metrics = names.iter().filter_map(|name| Metric::named(name));
        metrics.collect::<Vec<Metric>>()
    };
    let of_instances = |names: &[String]| {
        let metrics = names.iter().filter_map(|name| InstanceMetric::named(name));
        metrics.collect::<Vec<InstanceMetric>>()
    };
    let instance_metrics = match (&structure.instances, structure.metrics.as_deref()) {
        (None, _) => Vec::new(),
        (Some(_), Some(names)) => of_instances(names),
        (Some(instances), None) => {
            let is_of_groups = instances.matching == Matching::OverlapGroups
                && matches!(instances.by, InstancesBy::Components(_));
            match is_of_groups {
                // Theirs are counted at every threshold as it is.
                true => Vec::new(),
                false => InstanceMetric::usual(),
            }
        }
    };
    ScoredStructure {
        metrics: structure.metrics.as_deref().map(asked),
        instances: structure.instances.clone(),
        instance_metrics,
        empty: structure.empty.clone(),
        ..ScoredStructure::new(
            Label::new(&structure.name),
            match is_open && is_one_run {
                true => LabelSet::AtLeast(first),
                false => LabelSet::of(values.iter()),
            },
        )
    }
}
