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
    /// What the set asks for and is not scored, a sentence each; to be shown to the user.
    pub left_out: Vec<String>,
}

impl StructuresPlan {
    /// Of a set, with the metrics of `base` for structures that name none.
    pub fn of(set: &StructureSet, base: Options) -> Self {
        let structures = set.structures.iter().map(scored).collect();
        Self {
            metrics: Options { structures, ..base },
            reading: StructureOptions {
                ignore: set.ignore.clone(),
                every_value: set.every_value,
                ..StructureOptions::default()
            },
            left_out: set.notes.clone(),
        }
    }
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
