use clap::Args;

use super::output::print;
use crate::analysis::RANKING_PRESETS;
use crate::error::{Error, ExitCode, Result};
use crate::evaluation::structures::built_in_names;
use crate::evaluation::{
    explain_distances, explain_lits, explain_metric, explain_strict, explain_structures,
    explained_metrics,
};
use crate::gate::{DEFAULT_POLICY, DEFAULT_POLICY_OF_ANY};
use crate::recipe::explain_recipes;
use crate::submission::explain_rules;

/// Explain a metric, a profile, a set of structures, a policy, the gate or an exit code.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hdbench explain                       every topic
  hdbench explain lits | less
  hdbench explain kits23                a set of structures
  hdbench explain detection_recall_iou_gt_0.5
  hdbench explain 6                     an exit code")]
pub struct Explain {
    /// What to explain; without it, every topic is listed
    topic: Option<String>,
}

/// A topic that is no metric and no exit code: its name, what it is about, its text.
type Topic = (&'static str, &'static str, fn() -> String);

const TOPICS: [Topic; 9] = [
    (
        "lits",
        "profile: the official LiTS scorer, where it departs from the paper, and what strict does instead",
        || explain_lits().to_owned(),
    ),
    (
        "strict",
        "profile: the default definitions, and the policy for empty masks",
        explain_strict,
    ),
    (
        "distances",
        "which of our columns is the hd95, assd or nsd of MedPy, MONAI, SimpleITK, panoptica and others",
        explain_distances,
    ),
    (
        "statistics",
        "intervals and how often they hold, claims, tests, what is comparable",
        || include_str!("../../docs/statistics.md").to_owned(),
    ),
    (
        "ranking",
        "rules of rankings over several metrics, by name and as a TOML file",
        || RANKING_PRESETS.to_owned(),
    ),
    (
        "gate",
        "policy: what hdbench regress tests and how, and its default TOML file",
        explain_gate,
    ),
    (
        "recipe",
        "the two recipes and three scales field by field: meaning, range, and where each value comes from",
        explain_recipes,
    ),
    (
        "submission",
        "the rules of a LiTS submission, and what --fix mends",
        explain_rules,
    ),
    (
        "exit-codes",
        "what every exit code says, and what to do",
        exit_codes,
    ),
];

impl Explain {
    pub fn exec(self) -> Result<()> {
        let Some(topic) = &self.topic else {
            return print(&topics()?);
        };
        if let Some((.., text)) = TOPICS.iter().find(|(name, ..)| name == topic) {
            return print(&text());
        }
        if let Some(text) = explain_structures(topic) {
            return print(&text);
        }
        if let Some(text) = explain_metric(topic)? {
            return print(&text);
        }
        let code = topic.parse::<u8>().ok();
        let code = ExitCode::ALL
            .into_iter()
            .find(|known| Some(*known as u8) == code);
        if let Some(code) = code {
            return print(&exit_code(code));
        }
        let metrics = explained_metrics()?;
        let names = TOPICS.iter().map(|(name, ..)| *name);
        let names = names.chain(metrics.iter().map(String::as_str));
        let names = names.chain(built_in_names());
        let near = names
            .map(|name| (strsim::jaro_winkler(name, topic), name))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        Err(Error::usage(
            format!("there is nothing to explain under {topic:?}"),
            match near {
                Some((likeness, name)) if likeness > 0.8 => format!("is it {name}?"),
                _ => "hdbench explain lists every topic".into(),
            },
        ))
    }
}

/// The built-in sets of structures that no topic has the name of.
fn sets() -> impl Iterator<Item = &'static str> {
    let is_topic = |name: &&str| TOPICS.iter().any(|(topic, ..)| topic == name);
    built_in_names()
        .into_iter()
        .filter(move |name| !is_topic(name))
}

fn topics() -> Result<String> {
    let mut text = String::from("Topics\n");
    for (name, about, _) in TOPICS {
        text += &format!("  {name:<12} {about}\n");
    }
    text += "\nSets of structures\n";
    for name in sets() {
        text += &format!("  {name}\n");
    }
    text += "\nMetrics, also with their endings (assd_6n, nsd_2mm, detection_recall_iou_gt_0.5)\n";
    for name in explained_metrics()? {
        text += &format!("  {name}\n");
    }
    let codes: Vec<String> = ExitCode::ALL
        .iter()
        .map(|code| (*code as u8).to_string())
        .collect();
    text += &format!("\nExit codes\n  {}\n", codes.join(", "));
    Ok(text)
}

fn explain_gate() -> String {
    format!(
        "{}{DEFAULT_POLICY}\n{}",
        include_str!("gate.txt"),
        commented(DEFAULT_POLICY_OF_ANY)
    )
}

/// Lines that a reader of the text above them as a policy passes over.
fn commented(text: &str) -> String {
    let lines = text.lines().map(|line| match line.strip_prefix('#') {
        Some(comment) => format!("#{comment}\n"),
        None => format!("# {line}").trim_end().to_owned() + "\n",
    });
    lines.collect()
}

fn exit_code(code: ExitCode) -> String {
    format!(
        "{:>3}  {}\n     {}\n",
        code as u8,
        code.meaning(),
        code.remedy()
    )
}

fn exit_codes() -> String {
    let mut text = String::from(
        "The exit codes of hdbench\n\
         =========================\n\n\
         Errors go to standard error; what was earned before one is on disk.\n\n",
    );
    for code in ExitCode::ALL {
        text += &exit_code(code);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_code_is_explained() {
        let text = exit_codes();
        for code in ["  0  done", "  3  a file is missing", " 75  interrupted"] {
            assert!(text.lines().any(|line| line.starts_with(code)), "{text}");
        }
    }
}
