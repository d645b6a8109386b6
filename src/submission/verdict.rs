use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::challenge::{Challenge, Weight};
use super::rule::Rule;
use crate::error::{Error, Result};
use crate::text::{Shown as _, shown};

/// Number of findings of a rule that are named in an error's one line.
const NAMED: usize = 3;

/// How a rule, or the whole archive, came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleStatus {
    /// Nothing could be looked at: an archive that does not open has no files to check.
    Skipped,
    /// Kept.
    Passed,
    /// Broken, and the challenge takes the archive all the same.
    Warning,
    /// Broken: the archive is refused.
    Failed,
}

impl RuleStatus {
    /// In lower case, as JSON has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Passed => "passed",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// One entry that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its name in the archive, or the one that is missing; empty for what concerns the whole.
    pub entry: String,
    /// What was expected and found.
    pub message: String,
    /// The way out; empty where `mend` is one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hint: String,
    /// What `--fix` does about it; absent where only the user can help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Finding {
    /// One that only the user can do something about.
    pub(super) fn new(entry: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            entry: entry.to_owned(),
            message: message.into(),
            hint: hint.into(),
            mend: None,
        }
    }

    /// One that can be mended, and how.
    pub(super) fn mendable(
        entry: &str,
        message: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self {
            mend: Some(mend.into()),
            ..Self::new(entry, message, "")
        }
    }

    /// What an error says about an entry.
    pub(super) fn of_error(entry: &str, error: &Error) -> Self {
        match error {
            Error::Malformed { problem, hint, .. } => Self::new(entry, problem, hint),
            Error::Read { source, .. } => Self::new(entry, format!("cannot read: {source}"), ""),
            other => Self::new(entry, other.to_string().replace('\n', "; "), ""),
        }
    }
}

/// How one rule came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleVerdict {
    /// Its name, `file-names`.
    pub rule: Rule,
    /// Passed, or what became of it.
    pub status: RuleStatus,
    /// What holds where it is kept.
    pub statement: String,
    /// How many entries it was held against.
    pub looked_at: usize,
    /// The entries that break it, sorted by name.
    pub findings: Vec<Finding>,
}

/// How all rules came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdicts {
    /// The challenge that it is for.
    pub challenge: String,
    /// What says so in a command.
    #[serde(skip)]
    pub(super) flag: String,
    /// The archive or folder.
    #[serde(serialize_with = "crate::text::path_as_text")]
    pub archive: PathBuf,
    /// The worst of all rules.
    pub status: RuleStatus,
    /// Files in the archive.
    pub entries: usize,
    /// Test volumes it was held against.
    pub test_volumes: usize,
    /// Every rule of the challenge, in the order of [`Rule::ALL`].
    pub rules: Vec<RuleVerdict>,
}

impl Verdicts {
    /// How a rule came out.
    pub fn of(&self, rule: Rule) -> Option<&RuleVerdict> {
        self.rules.iter().find(|verdict| verdict.rule == rule)
    }

    /// The rules that failed.
    pub fn failed(&self) -> impl Iterator<Item = &RuleVerdict> {
        self.with(RuleStatus::Failed)
    }

    /// The rules that are broken without harm.
    pub fn warnings(&self) -> impl Iterator<Item = &RuleVerdict> {
        self.with(RuleStatus::Warning)
    }

    fn with(&self, status: RuleStatus) -> impl Iterator<Item = &RuleVerdict> {
        self.rules
            .iter()
            .filter(move |verdict| verdict.status == status)
    }

    /// Whether all that fails can be mended.
    pub fn is_mendable(&self) -> bool {
        self.failed()
            .flat_map(|verdict| &verdict.findings)
            .all(|finding| finding.mend.is_some())
    }

    /// An error if a rule failed.
    ///
    /// # Errors
    /// `Error::Refused` naming the rules.
    pub fn verdict(&self) -> Result<()> {
        if self.status < RuleStatus::Failed {
            return Ok(());
        }
        let rules: Vec<String> = self.failed().map(named).collect();
        let hint = if self.is_mendable() {
            format!(
                "`hdbench submit-lits check {} --test DIR{} --fix OUT.zip` mends all of it",
                self.archive.shown(),
                self.flag
            )
        } else {
            "the findings say what was expected; what --fix cannot mend has to be made again".into()
        };
        Err(Error::Refused {
            archive: self.archive.clone(),
            problem: rules.join("; "),
            hint,
        })
    }
}

/// `shape (test-segmentation-3.nii, test-segmentation-7.nii and 2 more)`.
fn named(verdict: &RuleVerdict) -> String {
    let names: Vec<_> = verdict
        .findings
        .iter()
        .map(|finding| shown(&finding.entry))
        .filter(|entry| !entry.is_empty())
        .collect();
    let mut text = verdict.rule.id().to_owned();
    if !names.is_empty() {
        text += &format!(" ({}", names[..names.len().min(NAMED)].join(", "));
        if names.len() > NAMED {
            text += &format!(" and {} more", names.len() - NAMED);
        }
        text.push(')');
    }
    text
}

/// What is found while a submission is looked at.
#[derive(Debug, Default)]
pub(super) struct Book {
    looked_at: BTreeMap<Rule, usize>,
    findings: Vec<(Rule, Finding)>,
}

impl Book {
    /// A rule is held against an entry.
    pub fn look(&mut self, rule: Rule) {
        *self.looked_at.entry(rule).or_default() += 1;
    }

    /// An entry breaks a rule.
    pub fn add(&mut self, rule: Rule, finding: Finding) {
        self.findings.push((rule, finding));
    }

    /// A rule is held against an entry, which may break it.
    pub fn judge(&mut self, rule: Rule, finding: Option<Finding>) {
        self.look(rule);
        self.findings.extend(finding.map(|finding| (rule, finding)));
    }

    /// What was found elsewhere.
    pub fn append(&mut self, other: Self) {
        for (rule, count) in other.looked_at {
            *self.looked_at.entry(rule).or_default() += count;
        }
        self.findings.extend(other.findings);
    }

    /// The verdicts; `lenient` rules are warnings where they would be failures.
    pub fn verdicts(
        self,
        challenge: &Challenge,
        archive: &Path,
        entries: usize,
        test_volumes: usize,
        lenient: &[Rule],
    ) -> Verdicts {
        // Findings of rules that the challenge does not hold fall away with the map.
        let mut findings: BTreeMap<Rule, Vec<Finding>> = BTreeMap::new();
        for (rule, finding) in self.findings {
            findings.entry(rule).or_default().push(finding);
        }
        let rules: Vec<RuleVerdict> = challenge
            .rules()
            .map(|(rule, weight)| {
                let mut findings = findings.remove(&rule).unwrap_or_default();
                findings.sort_by_key(|finding| numbers_by_value(&finding.entry));
                let looked_at = self.looked_at.get(&rule).copied().unwrap_or_default();
                let status = match (findings.is_empty(), looked_at) {
                    (false, _) if weight == Weight::Refused && !lenient.contains(&rule) => {
                        RuleStatus::Failed
                    }
                    (false, _) => RuleStatus::Warning,
                    (true, 0) => RuleStatus::Skipped,
                    (true, _) => RuleStatus::Passed,
                };
                RuleVerdict {
                    rule,
                    status,
                    statement: challenge.statement(rule),
                    looked_at,
                    findings,
                }
            })
            .collect();
        let worst = rules.iter().map(|verdict| verdict.status).max();
        Verdicts {
            challenge: challenge.id.clone(),
            flag: challenge.flag(),
            archive: archive.to_path_buf(),
            status: worst.unwrap_or(RuleStatus::Skipped),
            entries,
            test_volumes,
            rules,
        }
    }
}

/// Text and numbers in turn, so that `…-9.nii` comes before `…-10.nii`.
fn numbers_by_value(name: &str) -> Vec<(String, u64)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let digit = |c: char| c.is_ascii_digit();
        let text = rest.find(digit).unwrap_or(rest.len());
        let (text, after) = rest.split_at(text);
        let end = after.find(|c| !digit(c)).unwrap_or(after.len());
        let (number, after) = after.split_at(end);
        parts.push((text.to_owned(), number.parse().unwrap_or(0)));
        rest = after;
    }
    parts
}
