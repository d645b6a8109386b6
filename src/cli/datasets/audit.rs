use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::source::Jobs;
use crate::cli::output::{print, print_json};
use crate::cli::progress::Reporter;
use crate::dataset::audit::{Audit as Findings, Evidence, SameScan, Side, Unreadable, audit};
use crate::error::{Error, Result};
use crate::text::{Shown as _, name_of};

/// Find scans that are in the training and in the test set, also cropped, flipped or converted.
#[derive(Args, Debug)]
#[command(after_help = "\
Each side is a folder of any layout, or a lock file of `hdbench datasets lock`, which knows only
whether all voxels are the same. The same folder twice: scans that occur more than once in it.
Exit code 4 if a scan is on both sides, or if a case could not be read.

Examples:
  hdbench datasets audit LiTS 3Dircadb1
  hdbench datasets audit LiTS LiTS                   duplicates
  hdbench datasets audit train.lock test.lock")]
pub struct Audit {
    /// Folder or lock file of the training cases
    #[arg(value_name = "TRAIN")]
    train: PathBuf,
    /// Folder or lock file of the test cases
    #[arg(value_name = "TEST")]
    test: PathBuf,
    /// JSON instead of text (also when standard output is no terminal)
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    jobs: Jobs,
}

impl Audit {
    pub fn exec(self) -> Result<()> {
        let (train, test) = (Side::open(&self.train)?, Side::open(&self.test)?);
        let reporter = Reporter::new()?;
        let findings = audit(&train, &test, self.jobs.get(), &reporter);
        reporter.finish();
        let findings = findings?;
        if self.json || !std::io::stdout().is_terminal() {
            print_json(&json!({
                "train": name_of(self.train.as_os_str()),
                "test": name_of(self.test.as_os_str()),
                "train_cases": findings.train_cases,
                "test_cases": findings.test_cases,
                "by_hash_alone": findings.by_hash_alone,
                "leaks": findings.leaks().count(),
                "pairs": findings.pairs.iter().map(entry).collect::<Vec<_>>(),
                "unreadable": findings.unreadable.iter().map(|case| json!({
                    "case": case.case,
                    "error": case.error.to_string(),
                })).collect::<Vec<_>>(),
            }))?;
        } else {
            print(&text(&findings))?;
        }
        verdict(&findings, &self.train, &self.test)
    }
}

fn entry(pair: &SameScan) -> Value {
    let mut entry = json!({
        "train": pair.train,
        "test": pair.test,
        "leak": pair.is_leak(),
        "in_table": pair.in_table,
        "evidence": match pair.evidence {
            Evidence::Marks(_) => "marks",
            Evidence::Voxels => "voxels",
            Evidence::TableAlone => "table",
        },
    });
    if let Evidence::Marks(overlap) = &pair.evidence {
        entry["shared_marks"] = json!(overlap.shared);
        entry["share_of_smaller"] = json!(overlap.share_of_smaller);
        entry["relation"] = json!(overlap.relation.to_string());
    }
    entry
}

fn text(findings: &Findings) -> String {
    let mut text = String::new();
    for Unreadable { case, error } in &findings.unreadable {
        text += &format!("error: {case}: {error}\n");
    }
    for pair in &findings.pairs {
        text += &format!("{} = {}: {}\n", pair.train, pair.test, evidence(pair));
    }
    if findings.by_hash_alone {
        text += "a lock file holds no marks: only scans with exactly the same voxels are found, and \
                 the published table of LiTS and 3DIRCADb\n";
    }
    text + &format!(
        "{} training and {} test cases, {} scans on both sides\n",
        findings.train_cases,
        findings.test_cases,
        findings.leaks().count()
    )
}

fn evidence(pair: &SameScan) -> String {
    let table = if pair.in_table && pair.is_leak() {
        "; LiTS volume 27 + N is 3DIRCADb patient N"
    } else {
        ""
    };
    format!("{}{table}", pair.evidence)
}

fn verdict(findings: &Findings, train: &Path, test: &Path) -> Result<()> {
    let leaks: Vec<String> = findings
        .leaks()
        .map(|pair| format!("{} = {}", pair.train, pair.test))
        .collect();
    if !leaks.is_empty() {
        return Err(Error::Refuted {
            problem: format!(
                "{} scans of {} are also in {}: {}",
                leaks.len(),
                test.shown(),
                train.shown(),
                leaks.join(", ")
            ),
            hint: "take them out of the training set, or scores on them are training scores".into(),
        });
    }
    if !findings.unreadable.is_empty() {
        return Err(Error::Partial {
            what: "cases",
            failed: findings.unreadable.len(),
            total: findings.train_cases + findings.test_cases,
            names: findings
                .unreadable
                .iter()
                .map(|case| case.case.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        });
    }
    Ok(())
}
