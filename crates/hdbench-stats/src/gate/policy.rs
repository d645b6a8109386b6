use std::collections::BTreeSet;
use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::range::{Rule, first_fault};
use hdbench_score::{Label, MetricRow};
use hdbench_volume::artifact::read_text;
use serde::Deserialize;
use toml::{Table, Value};

use crate::made_from::Quantity;
use crate::{better, range, towards_zero};

/// The policy that holds unless another one is named, with its comments.
pub const DEFAULT_POLICY: &str = include_str!("policy.toml");

/// The policy that holds where other structures than liver and lesion are scored, likewise.
pub const DEFAULT_POLICY_OF_ANY: &str = include_str!("policy_of_any.toml");

/// Stands for every structure of the baseline.
const EVERY: &str = "*";

/// Version of the policy's layout.
const FORMAT: u32 = 1;

const RULES: &[Rule] = &[
    Rule::number(
        "level",
        1e-12,
        0.49,
        "the chance of a false alarm; from a half on a coin would do",
    ),
    Rule::whole(
        "resamples",
        100,
        1_000_000,
        "fewer say nothing of a tail, more take minutes a line",
    ),
];

const ACCURACY_RULES: &[Rule] = &[
    Rule::number(
        "margin",
        0.0,
        1e9,
        "a mean loss up to it is accepted, in the metric's unit",
    ),
    Rule::yes_no("required"),
];

const COST_RULES: &[Rule] = &[
    Rule::number(
        "ratio",
        1.0,
        1e9,
        "new by old up to which a difference is noise",
    ),
    Rule::number(
        "floor",
        0.0,
        1e12,
        "differences below are noise, seconds or MB",
    ),
    Rule::yes_no("required"),
];

/// What is gated on.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    format: u32,
    /// Chance of any false alarm among the accuracy lines.
    pub level: f64,
    /// Draws of the bootstrap.
    #[serde(default = "resamples")]
    pub resamples: usize,
    /// Metrics of accuracy.
    #[serde(default)]
    pub accuracy: Vec<AccuracyRule>,
    /// Speed and memory.
    #[serde(default)]
    pub cost: Vec<CostRule>,
}

/// A metric of accuracy and what may be lost of it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccuracyRule {
    /// `lesion:dice`, a metric of a structure, `*:dice`, that of every structure, or a bare metric of several
    /// together; its older name is still read.
    #[serde(alias = "figure")]
    pub metric: String,
    /// A mean loss up to this is accepted, in the metric's unit.
    pub margin: f64,
    /// Whether the gate fails if the line cannot be compared.
    #[serde(default = "yes")]
    pub required: bool,
}

/// A cost and how much it may grow.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostRule {
    /// What is measured.
    pub quantity: Quantity,
    /// New by old up to which a difference is noise, above 1.
    pub ratio: f64,
    /// Differences below are noise whatever their ratio, seconds or MB.
    #[serde(default)]
    pub floor: f64,
    /// Whether the gate fails if the line cannot be compared.
    #[serde(default)]
    pub required: bool,
}

fn resamples() -> usize {
    crate::statistics::RESAMPLES
}

fn yes() -> bool {
    true
}

impl AccuracyRule {
    /// Label and metric.
    pub fn parts(&self) -> (Option<Label>, &str) {
        match self.metric.split_once(':') {
            Some((label, metric)) => (Some(Label::new(label)), metric),
            None => (None, &self.metric),
        }
    }

    /// Whether this line is of a metric of a structure.
    pub(super) fn gates(&self, label: Option<Label>, metric: &str) -> bool {
        let (own, name) = self.parts();
        name == metric && (own == label || (self.is_of_every() && label.is_some()))
    }

    fn is_of_every(&self) -> bool {
        self.parts().0.is_some_and(|label| label.name() == EVERY)
    }
}

impl Policy {
    /// Reads a policy; without a path, the default one of a baseline.
    ///
    /// # Errors
    /// As [`Policy::read`].
    pub fn read_for(path: Option<&Path>, baseline: &[MetricRow]) -> Result<Self> {
        let lits = [Label::LIVER, Label::LESION, Label::LIVER_WITHOUT_LESIONS];
        let is_other = |row: &MetricRow| row.label.is_some_and(|label| !lits.contains(&label));
        match path {
            None if baseline.iter().any(is_other) => Self::parse(
                DEFAULT_POLICY_OF_ANY,
                Path::new("the default policy of any structures"),
            ),
            path => Self::read(path),
        }
    }

    /// With a line for each structure of these rows in place of one for every structure; structures that have a line
    /// of their own keep that.
    pub(super) fn of_structures(&self, rows: &[MetricRow]) -> Self {
        let named = |label: Label, metric: &str| {
            let mut own = self.accuracy.iter().filter(|rule| !rule.is_of_every());
            own.any(|rule| rule.parts() == (Some(label), metric))
        };
        let lines = |rule: &AccuracyRule| -> Vec<AccuracyRule> {
            if !rule.is_of_every() {
                return vec![rule.clone()];
            }
            let (_, metric) = rule.parts();
            let own = rows.iter().filter(|row| row.metric == metric);
            let labels: BTreeSet<Label> = own.filter_map(|row| row.label).collect();
            if labels.is_empty() && rule.required {
                // Nothing to compare is no pass.
                return vec![rule.clone()];
            }
            let labels = labels.into_iter().filter(|label| !named(*label, metric));
            let line = |label: Label| AccuracyRule {
                metric: format!("{label}:{metric}"),
                ..rule.clone()
            };
            labels.map(line).collect()
        };
        Self {
            accuracy: self.accuracy.iter().flat_map(lines).collect(),
            ..self.clone()
        }
    }

    /// Reads a policy; without a path, the default one.
    ///
    /// # Errors
    /// `Error::Read`; `Error::Malformed` for what is no policy or gates nothing.
    pub fn read(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else {
            return Self::parse(DEFAULT_POLICY, Path::new("the default policy"));
        };
        let text = read_text(path).map_err(Error::read(path))?;
        Self::parse(&text, path)
    }

    /// Reads the text of a policy; `path` stands for it in messages.
    ///
    /// # Errors
    /// `Error::Malformed`, as of [`Policy::read`].
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let wrong = |problem: String| {
            Error::malformed(
                path,
                problem,
                "`hdbench explain gate` prints the default policy, which says what each key means",
            )
        };
        // What is no table is told by its own reading.
        if let Some(problem) = text.parse().ok().and_then(|file| fault(&file)) {
            return Err(wrong(problem));
        }
        let policy: Self = toml::from_str(text).map_err(|e| wrong(e.to_string()))?;
        policy.problem().map_or(Ok(policy), |p| Err(wrong(p)))
    }

    fn problem(&self) -> Option<String> {
        if self.format != FORMAT {
            return Some(format!(
                "format {} is not the {FORMAT} that this version reads",
                self.format
            ));
        }
        if self.accuracy.is_empty() && self.cost.is_empty() {
            return Some("it gates nothing".into());
        }
        for rule in &self.accuracy {
            let (label, metric) = rule.parts();
            if label.is_some_and(|label| label.name().trim().is_empty()) {
                return Some(format!(
                    "{}: no structure stands before the colon",
                    rule.metric
                ));
            }
            if better(metric).is_none() && !towards_zero(metric) {
                return Some(format!(
                    "{}: this metric has no better and no worse",
                    rule.metric
                ));
            }
            if let Some(most) = largest_loss(metric).filter(|most| rule.margin >= *most) {
                return Some(format!(
                    "{}: no loss is above a margin of {}: the metric changes by {most} at most",
                    rule.metric, rule.margin
                ));
            }
        }
        None
    }
}

/// What is wrong with the first key of a policy's file that holds what it does not take.
fn fault(file: &Table) -> Option<String> {
    let lines = |key: &str| file.get(key).and_then(Value::as_array);
    let of_lines = |key: &'static str, rules: &'static [Rule]| {
        let lines = lines(key).into_iter().flatten().filter_map(Value::as_table);
        lines.enumerate().find_map(move |(place, line)| {
            first_fault(line, rules, &format!("{key} {}: ", place + 1))
        })
    };
    first_fault(file, RULES, "")
        .or_else(|| of_lines("accuracy", ACCURACY_RULES))
        .or_else(|| of_lines("cost", COST_RULES))
}

/// From the best value of a metric to its worst; nothing for one without bounds.
fn largest_loss(metric: &str) -> Option<f64> {
    let range = range(metric)?;
    Some(match towards_zero(metric) {
        true => range.start().abs().max(range.end().abs()),
        false => range.end() - range.start(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        Policy::parse(text, Path::new("p.toml"))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn the_default_policy_is_one() {
        let policy = Policy::read(None).unwrap();
        assert_eq!(policy.accuracy[0].parts(), (Some(Label::LESION), "dice"));
        assert!(policy.accuracy[0].required && !policy.cost[0].required);
    }

    #[test]
    fn a_star_is_every_structure_of_the_baseline() {
        let row = |label: &str, metric: &str| MetricRow {
            task: "t".into(),
            algorithm: "a".into(),
            fold: 0,
            seed: 0,
            case: "c".into(),
            label: Some(Label::new(label)),
            metric: metric.into(),
            metric_version: 1,
            value: 0.5,
            raw_value: 0.5,
            policy: "strict".into(),
        };
        let rows = [row("spleen", "dice"), row("wt", "dice"), row("wt", "hd95")];
        let lines = |policy: &Policy, rows: &[MetricRow]| -> Vec<(String, f64)> {
            let lines = policy.of_structures(rows).accuracy;
            lines
                .into_iter()
                .map(|rule| (rule.metric, rule.margin))
                .collect()
        };
        let by_default = Policy::read_for(None, &rows).unwrap();
        let expected = [
            ("spleen:dice".to_owned(), 0.01),
            ("wt:dice".to_owned(), 0.01),
        ];
        assert_eq!(lines(&by_default, &rows), expected);
        // A structure's own line goes first; what is required and nowhere stays, to be missed.
        let text = "format = 1\nlevel = 0.05\n[[accuracy]]\nmetric = \"*:dice\"\nmargin = 0.1\n\
                    [[accuracy]]\nmetric = \"wt:dice\"\nmargin = 0.2\n";
        let own = Policy::parse(text, Path::new("p.toml")).unwrap();
        let expected = [("spleen:dice".to_owned(), 0.1), ("wt:dice".to_owned(), 0.2)];
        assert_eq!(lines(&own, &rows), expected);
        assert_eq!(lines(&own, &[])[0].0, "*:dice");
        // Liver and lesion have the policy that they always had.
        let lits = [row("lesion", "dice"), row("liver", "dice")];
        assert_eq!(
            Policy::read_for(None, &lits).unwrap(),
            Policy::read(None).unwrap()
        );
    }

    #[test]
    fn a_policy_that_could_not_fail_is_refused() {
        assert!(problem("format = 1\nlevel = 0.05").contains("gates nothing"));
        let rule = "format = 1\nlevel = 0.05\n[[accuracy]]\n";
        for (line, said) in [
            (
                "metric = \":dice\"\nmargin = 0",
                "no structure stands before the colon",
            ),
            ("metric = \"lesion:volume_ref_ml\"\nmargin = 0", "no better"),
            (
                "metric = \"lesion:dice\"\nmargin = -1",
                "accuracy 1: margin takes a number from 0 to 1000000000, not -1",
            ),
            ("metric = \"lesion:dice\"\nmargin = nan", "not nan"),
            ("metric = \"lesion:dice\"\nmargn = 0.1", "margn"),
            (
                "metric = \"lesion:dice\"\nmargin = 1",
                "changes by 1 at most",
            ),
            (
                "metric = \"lesion:dice\"\nmargin = 1e9",
                "changes by 1 at most",
            ),
            (
                "metric = \"tumour_burden_error\"\nmargin = 1.5",
                "changes by 1 at most",
            ),
        ] {
            let told = problem(&format!("{rule}{line}"));
            assert!(told.contains(said) && told.contains("p.toml"), "{told}");
        }
        assert!(problem("format = 2\nlevel = 0.05").contains("format 2"));
        let cost = "format = 1\nlevel = 0.05\n[[cost]]\nquantity = \"training-step-seconds\"\n";
        for (text, said) in [
            ("format = 1\nlevel = 0.5", "level takes a number"),
            (
                "format = 1\nlevel = 0.05\nresamples = 99",
                "resamples takes a whole number from 100 to 1000000, not 99: ",
            ),
            (&format!("{cost}ratio = 0.9"), "cost 1: ratio takes"),
            (
                &format!("{cost}ratio = 1.1\nfloor = inf"),
                "cost 1: floor takes",
            ),
        ] {
            let told = problem(text);
            assert!(told.contains(said) && told.contains("p.toml"), "{told}");
        }
    }
}
