//! What a set of structures scores, in words.

use hdbench_ground::text::wrapped;

use crate::structures::{
    Agreement, Becomes, Bound, Dilation, Instances, InstancesBy, Matching, Structure, StructureSet,
    Word, built_in, built_in_text,
};

/// Characters after which a line is broken.
const WIDTH: usize = 100;

/// The definitions of a built-in set of structures: its source with what differs from it, then each structure with
/// its values, its instances, its metrics and its values for empty masks; `None` for a name that is not built in.
pub fn explain_structures(name: &str) -> Option<String> {
    let set = built_in(name)?;
    let head = built_in_text(name)?
        .lines()
        .take_while(|line| line.starts_with('#'));
    let head: Vec<&str> = head
        .map(|line| line.trim_start_matches(['#', ' ']))
        .collect();
    let mut text = format!("{}: {}\n", set.name, of_count(&set));
    text += "\n";
    for line in wrapped(&head.join(" "), WIDTH) {
        text += &format!("{line}\n");
    }
    if set.every_value {
        text += "\nEvery value that is found in a file is a structure named by its number.\n";
    }
    // Structures that differ in nothing but their name and values are said together.
    let mut said: Vec<(String, Vec<&Structure>)> = Vec::new();
    for structure in &set.structures {
        let rules = rules_of(structure);
        match said.iter_mut().find(|(known, _)| *known == rules) {
            Some((_, like)) => like.push(structure),
            None => said.push((rules, vec![structure])),
        }
    }
    for (rules, like) in said {
        text.push('\n');
        for structure in like {
            text += &format!("{:<28} labels {}\n", structure.name, structure.values);
        }
        text += &rules;
    }
    text += "\nThe set as a file of its own: `hdbench structures show ";
    text += &format!(
        "{}`. What a metric is: `hdbench explain METRIC`.\n",
        set.name
    );
    Some(text)
}

fn of_count(set: &StructureSet) -> String {
    match set.structures.len() {
        0 => "a structure of every value".into(),
        1 => "one structure".into(),
        count => format!("{count} structures"),
    }
}

/// A paragraph of its own, indented.
fn line(words: &str) -> String {
    let lines = wrapped(words, WIDTH - 4).into_iter();
    lines.map(|line| format!("    {line}\n")).collect()
}

fn rules_of(structure: &Structure) -> String {
    let mut text = match &structure.metrics {
        Some(metrics) => line(&format!("metrics: {}", metrics.join(", "))),
        None => line("metrics: those of the profile strict (hdbench explain strict)"),
    };
    if let Some(instances) = &structure.instances {
        text += &line(&of_instances(instances));
    }
    let mut rules: Vec<String> = Vec::new();
    for rule in &structure.empty {
        let situation = rule.situation.word().replace('-', " ");
        let becomes = match rule.becomes {
            Becomes::Value(value) => value.to_string(),
            Becomes::Undefined => "no value".into(),
            Becomes::AsComputed => "as computed".into(),
            Becomes::Diagonal => "the diagonal of the image".into(),
        };
        rules.push(format!("{} {situation} {becomes}", rule.metric));
    }
    match rules.is_empty() {
        true => text += &line("empty masks: as strict has them"),
        false => {
            text += &line(&format!(
                "empty masks: {}; else as strict has them",
                rules.join(", ")
            ))
        }
    }
    text
}

/// What an instance is, and when two are the same one, in a sentence.
fn of_instances(instances: &Instances) -> String {
    let by = match instances.by {
        InstancesBy::Components(connectivity) => {
            format!("components of {} neighbours", neighbours(connectivity))
        }
        InstancesBy::ComponentsOfEachValue(connectivity) => {
            format!(
                "components of equal value, of {} neighbours",
                neighbours(connectivity)
            )
        }
        InstancesBy::Values => "each value one".into(),
    };
    let matching = match instances.matching {
        Matching::OverlapGroups => "matched where they overlap, in groups, as LiTS has it".into(),
        Matching::Touching(None) => "matched with all predicted ones that overlap".into(),
        Matching::Touching(Some(dilation)) => {
            format!(
                "matched with all predicted ones that touch them grown {}",
                by_how_much(dilation)
            )
        }
        Matching::SameValue => "matched by equal value".into(),
        Matching::Scored(assignment, agreement) => {
            format!("matched {}, where {}", assignment.word(), near(agreement))
        }
    };
    let mut text = format!("instances: {by}, {matching}");
    if let Some(agreement) = instances.counts_if {
        text += &format!("; a match counts where {}", near(agreement));
    }
    if let Some(dilation) = instances.consolidation {
        text += &format!(
            "; those of the reference that touch grown {} are one",
            by_how_much(dilation)
        );
    }
    if let Some(least) = instances.min_volume {
        let what = match least.excuses {
            true => "and what is matched with smaller ones counts for nothing",
            false => "and what is matched with smaller ones alone is a false alarm",
        };
        text += &format!(
            "; those of the reference count with {} mm3, {what}",
            limit(least.mm3)
        );
    }
    text
}

fn neighbours(connectivity: hdbench_volume::components::Connectivity) -> u32 {
    use hdbench_volume::components::Connectivity::{Eighteen, Six, TwentySix};
    match connectivity {
        Six => 6,
        Eighteen => 18,
        TwentySix => 26,
    }
}

fn by_how_much(dilation: Dilation) -> String {
    match dilation {
        Dilation::Steps(1) => "by one step of 18 neighbours".into(),
        Dilation::Steps(steps) => format!("by {steps} steps of 18 neighbours"),
        Dilation::Mm(mm) => format!("by {mm} mm"),
    }
}

fn near(agreement: Agreement) -> String {
    let score = match agreement.score.word() {
        "iou" => "the intersection over union",
        _ => "the Dice coefficient",
    };
    format!("{score} is {}", limit(agreement.bound))
}

fn limit(bound: Bound) -> String {
    match bound {
        Bound::Above(limit) => format!("more than {limit}"),
        Bound::AtLeast(limit) => format!("{limit} or more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structures::built_in_names;

    #[test]
    fn every_built_in_set_is_explained_with_its_source_and_rules() {
        for name in built_in_names() {
            let text = explain_structures(name).unwrap();
            assert!(
                text.lines().all(|line| line.chars().count() <= 160),
                "{name}: {text}"
            );
        }
        let text = explain_structures("brats-mets").unwrap();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "brats-evaluation 0.0.10",
            "labels 1,3",
            "components of 26 neighbours, matched one-to-one, where the Dice coefficient is 0.000001 or more",
            "hd95_6n no match inf",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(explain_structures("brats").is_none());
    }
}
