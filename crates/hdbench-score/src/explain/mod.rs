//! What `hdbench explain` says about the scoring profiles.

mod distances;
mod metric;
mod profile;

pub use distances::explain_distances;
use hdbench_ground::text::wrapped;
pub use metric::{explain_metric, explained_metrics};
pub use profile::explain_structures;

use super::options::Options;
use super::policy::EmptyMask;
use super::policy_table::{PolicyRow, policy_table};

/// Characters after which a line of names is broken.
const WIDTH: usize = 100;

/// Every known departure of the official LiTS scorer, and with it of the profile `lits`, from the
/// paper's definitions, and what `strict` does instead.
pub fn explain_lits() -> &'static str {
    include_str!("lits.txt")
}

/// The definitions of the profile `strict` and its values for empty masks, every metric and
/// situation with its reason, from the policy that is applied.
pub fn explain_strict() -> String {
    let mut text = include_str!("strict.txt").to_owned();
    let options = Options {
        one_to_one: true,
        ..Options::default()
    };
    for (metrics, rows) in alike(&policy_table(&options)) {
        text.push('\n');
        for line in wrapped(&metrics.join(", "), WIDTH) {
            text += &line;
            text.push('\n');
        }
        for row in rows {
            text += &situation(row);
        }
    }
    text
}

/// What a metric becomes in a situation, in a line.
fn situation(row: &PolicyRow) -> String {
    let situation = match row.situation {
        EmptyMask::None => "nothing empty",
        EmptyMask::BothEmpty => "both empty",
        EmptyMask::ReferenceEmpty => "reference empty",
        EmptyMask::PredictionEmpty => "prediction empty",
        EmptyMask::NoMatch => "nothing matched",
    };
    format!("    {situation:<17} {} ({})\n", row.becomes, row.why)
}

/// Metrics that share the policy in every situation, in the order of the table.
fn alike(table: &[PolicyRow]) -> Vec<(Vec<&str>, &[PolicyRow])> {
    let mut groups: Vec<(Vec<&str>, &[PolicyRow])> = Vec::new();
    for rows in table.chunk_by(|a, b| a.metric == b.metric) {
        let name = rows[0].metric.as_str();
        let same = |other: &&mut (Vec<&str>, &[PolicyRow])| {
            let pairs = other.1.iter().zip(rows);
            other.1.len() == rows.len()
                && pairs
                    .clone()
                    .all(|(a, b)| (a.becomes, a.why) == (b.becomes, b.why))
        };
        match groups.iter_mut().find(same) {
            Some((names, _)) => names.push(name),
            None => groups.push((vec![name], rows)),
        }
    }
    groups
}
