//! What a person sees of the verdicts.

use crate::submission::{Finding, Rule, RuleStatus, RuleVerdict, Verdicts, WrittenArchive};
use crate::text::{Shown as _, shown};

/// Number of findings of a rule that are shown; JSON has all.
const SHOWN: usize = 5;

/// Every rule in a line, with its findings below it.
pub fn verdicts(verdicts: &Verdicts) -> String {
    let mut text: String = verdicts.rules.iter().map(rule).collect();
    let count = |status: RuleStatus| {
        let with = |rule: &&RuleVerdict| rule.status == status;
        verdicts.rules.iter().filter(with).count()
    };
    text += &format!(
        "\n{}: {} files, {} test volumes; rules: {} passed, {} with warnings, {} failed, {} not looked at\n",
        verdicts.archive.shown(),
        verdicts.entries,
        verdicts.test_volumes,
        count(RuleStatus::Passed),
        count(RuleStatus::Warning),
        count(RuleStatus::Failed),
        count(RuleStatus::Skipped)
    );
    text
}

/// What was done, and how the result is judged; where nothing was written, why.
pub fn written(written: &WrittenArchive) -> String {
    written_but(written, &[])
}

/// The same for predictions: that they are packed, named and laid as the challenge wants is no news.
pub fn packed(written: &WrittenArchive) -> String {
    written_but(
        written,
        &[
            Rule::NotGzipped,
            Rule::Gzipped,
            Rule::FileNames,
            Rule::Flat,
            Rule::InFolder,
        ],
    )
}

fn written_but(written: &WrittenArchive, expected: &[Rule]) -> String {
    let Some(archive) = &written.archive else {
        return verdicts(&written.before) + "nothing was written: not all of it can be mended\n";
    };
    let mut text = String::new();
    let rules = written.before.rules.iter();
    for found in rules.filter(|found| !expected.contains(&found.rule)) {
        let mended = found.findings.iter().filter(|found| found.mend.is_some());
        text += &limited(mended.map(done).collect());
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text += &verdicts(written.last());
    text + &format!("{}: written, read again and checked\n", archive.shown())
}

fn done(finding: &Finding) -> String {
    format!(
        "{}: {}: {}\n",
        shown(&finding.entry),
        shown(&finding.message),
        shown(finding.mend.as_deref().unwrap_or_default())
    )
}

fn rule(verdict: &RuleVerdict) -> String {
    let status = match verdict.status {
        RuleStatus::Failed => "FAILED",
        other => other.as_str(),
    };
    let line = format!(
        "{status:<8} {:<22} {}\n",
        verdict.rule.id(),
        verdict.statement
    );
    line + &limited(verdict.findings.iter().map(finding).collect())
}

fn finding(finding: &Finding) -> String {
    let mut text = String::from("           ");
    if !finding.entry.is_empty() {
        text += &format!("{}: ", shown(&finding.entry));
    }
    text += &format!("{}\n", shown(&finding.message));
    if let Some(mend) = &finding.mend {
        text += &format!("             --fix: {}\n", shown(mend));
    }
    if !finding.hint.is_empty() {
        text += &format!("             hint: {}\n", finding.hint);
    }
    text
}

fn limited(lines: Vec<String>) -> String {
    let more = lines.len().saturating_sub(SHOWN);
    let mut text = lines[..lines.len() - more].concat();
    if more > 0 {
        text += &format!("           and {more} more; --json lists all\n");
    }
    text
}
