//! From a set of structures to what is scored of it.

use super::label::Label;
use super::metric::{Options, Tolerance};
use super::scored_structure::{LabelSet, ScoredStructure};
use super::structure_case::StructureOptions;
use super::structures::{Instances, InstancesBy, Matching, Structure, StructureSet};

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
    /// Of a set, with the metrics and tolerances of `base` and those that its structures name. `values` are the
    /// label values of the files, for a set that makes a structure of each.
    pub fn of(set: &StructureSet, base: Options, values: impl IntoIterator<Item = u16>) -> Self {
        let mut left_out: Vec<String> = set.notes.clone();
        let structures = match set.every_value {
            true => values
                .into_iter()
                .filter(|value| !set.ignore.contains(value))
                .map(of_value)
                .collect(),
            false => {
                let structures = set.structures.iter();
                structures.map(|own| scored(own, &mut left_out)).collect()
            }
        };
        let mut tolerances = base.tolerances.clone();
        tolerances.extend(set.structures.iter().flat_map(named_tolerances));
        tolerances.sort_unstable();
        tolerances.dedup();
        Self {
            metrics: Options {
                tolerances,
                structures,
                ..base
            },
            reading: StructureOptions {
                ignore: set.ignore.clone(),
                ..StructureOptions::default()
            },
            left_out,
        }
    }
}

fn of_value(value: u16) -> ScoredStructure {
    ScoredStructure {
        label: Label::new(&value.to_string()),
        values: LabelSet::One(value),
        instances: None,
    }
}

fn scored(structure: &Structure, left_out: &mut Vec<String>) -> ScoredStructure {
    let name = &structure.name;
    let values = &structure.values;
    let is_open = values.contains(u16::MAX) && values.count() > 1;
    let is_one_run = values.runs().count() == 1;
    let first = values.iter().next().unwrap_or(1);
    let connectivity = structure.instances.as_ref().and_then(|instances| {
        let connectivity = match instances.by {
            InstancesBy::Components(connectivity) => Some(connectivity),
            _ => None,
        };
        if connectivity.is_none() {
            left_out.push(format!("{name}: instances by values are not scored yet"));
        } else if !is_plain(instances) {
            left_out.push(format!(
                "{name}: instances are counted as found where they overlap, in groups, as LiTS does; the matching \
                 that is asked for is not scored yet"
            ));
        }
        connectivity
    });
    let asked = structure.metrics.iter().flatten();
    let of_instances: Vec<&str> = asked
        .map(String::as_str)
        .filter(|metric| metric.starts_with("instance_") || metric.starts_with("lesionwise_"))
        .collect();
    if !of_instances.is_empty() {
        left_out.push(format!(
            "{name}: not scored yet: {}",
            of_instances.join(", ")
        ));
    }
    if !structure.empty.is_empty() {
        left_out.push(format!(
            "{name}: its values for empty masks are those of profile strict; others are not taken over yet"
        ));
    }
    ScoredStructure {
        label: Label::new(name),
        values: match is_open && is_one_run {
            true => LabelSet::AtLeast(first),
            false => LabelSet::of(values.iter()),
        },
        instances: connectivity,
    }
}

/// Whether nothing is asked of the instances that the groups of LiTS do not give.
fn is_plain(instances: &Instances) -> bool {
    instances.matching == Matching::OverlapGroups
        && instances.counts_if.is_none()
        && instances.consolidation.is_none()
        && instances.min_volume.is_none()
}

/// The tolerances of the surface Dices that a structure names.
fn named_tolerances(structure: &Structure) -> Vec<Tolerance> {
    let names = structure.metrics.iter().flatten();
    names
        .filter_map(|name| name.strip_prefix("nsd_")?.strip_suffix("mm"))
        .filter_map(|mm| Tolerance::from_mm(mm.parse().ok()?))
        .collect()
}
