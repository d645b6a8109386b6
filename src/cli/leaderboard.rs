use std::path::{Path, PathBuf};

use clap::Args;

use super::output::print_json;
use super::progress::Reporter;
use super::study_options::{cores, pool};
use super::table_output::{for_terminal, print_tables};
use crate::artifact::Results;
use crate::error::{Error, Result};
use crate::evaluation::lits::{LitsScored, score_lits};
use crate::evaluation::{DEFAULT_JOBS, LabelMapChoice, PairOptions, evaluate, pair, structures};
use crate::progress::Progress;
use crate::report::{Entry, RankBy, leaderboard, leaderboard_json, write_tables};
use crate::text::{Shown as _, name_of};
use crate::volume::dataset_json;

/// Score and rank any number of submissions as the LiTS challenge does.
///
/// One that cannot be scored, or lacks a case, stops no other: it is shown without a place.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hdbench leaderboard ours.zip theirs.zip --ref references
  hdbench leaderboard archives/*.zip --ref LiTS/training --rank-by mean-rank --out board

Files in DIR: leaderboard.md, leaderboard.csv, leaderboard.tex.

Exit codes: 0 all are scored; 3 none is, or a path is wrong; 4 some are incomplete, the others are
ranked; 75 interrupted.")]
pub struct Leaderboard {
    /// Archives, or folders of label maps
    #[arg(value_name = "ZIP|DIR", required = true)]
    submissions: Vec<PathBuf>,
    /// Reference label maps: a folder of any depth, or a zip archive
    #[arg(long = "ref", value_name = "PATH")]
    reference: PathBuf,
    /// What the references' labels are: auto, lits, nnunet, msd, or FROM=TO,...
    #[arg(long, value_name = "MAP", default_value = "auto")]
    ref_label_map: LabelMapChoice,
    /// lesion-dice-per-case (the challenge's), lesion-dice-global, liver-dice-per-case,
    /// liver-dice-global, tumour-burden-rmse, or mean-rank (of all five)
    #[arg(long, value_name = "METRIC", default_value = "lesion-dice-per-case")]
    rank_by: RankBy,
    /// Where the table goes as files
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// JSON instead of a table (also when standard output is no terminal)
    #[arg(long)]
    json: bool,
}

/// The folder that the table goes to.
const RESULTS: Results<'_> = Results {
    names: &["leaderboard.md", "leaderboard.csv", "leaderboard.tex"],
    first: "leaderboard.csv",
    is_ours: &|folder, _| {
        let table = std::fs::read_to_string(folder.join("leaderboard.csv"));
        let header = table.unwrap_or_default();
        let header = header.lines().next().unwrap_or_default();
        ["rank", "submission", "mean_rank"]
            .iter()
            .all(|column| header.split(',').any(|name| name == *column))
    },
};

impl Leaderboard {
    pub fn exec(self) -> Result<()> {
        self.out
            .as_deref()
            .map_or(Ok(()), |out| RESULTS.check(out))?;
        let reporter = Reporter::new()?;
        let scored = self.score(&reporter);
        reporter.finish();
        let entries = scored?;
        if entries.iter().all(|entry| entry.totals.is_none()) {
            let problem = entries.iter().find_map(|entry| entry.problem.clone());
            return Err(Error::malformed(
                &self.submissions[0],
                problem.unwrap_or_else(|| "cannot be scored".into()),
                "no submission could be scored against these references",
            ));
        }
        let references = entries.iter().map(references).max().unwrap_or_default();
        let table = leaderboard(&entries, self.rank_by, references)?;
        if let Some(out) = &self.out {
            RESULTS.replace(out, |to| write_tables(std::slice::from_ref(&table), to))?;
            reporter.note(&format!("table in {}", out.shown()));
        }
        if self.json || !for_terminal() {
            print_json(&leaderboard_json(
                &entries,
                &table,
                self.rank_by,
                references,
            ))?;
        } else {
            print_tables(std::slice::from_ref(&table))?;
        }
        verdict(&entries)
    }

    /// Other structures than liver and tumour have no place in the challenge's table.
    fn refuse_other_structures(&self) -> Result<()> {
        if self.ref_label_map != LabelMapChoice::Auto {
            return Ok(());
        }
        let Some((path, set)) = structures::beside(&self.reference)? else {
            return Ok(());
        };
        if matches!(dataset_json::read(&path, ""), Ok(Some(_))) {
            return Ok(());
        }
        let names: Vec<&str> = set.structures.iter().map(|own| own.name.as_str()).collect();
        Err(Error::usage(
            format!(
                "leaderboard ranks by liver and lesion as the LiTS challenge does, and {} names {}",
                path.shown(),
                shortened(&names)
            ),
            "any structures are ranked by `hdbench analyze`, of a folder that `hdbench evaluate` wrote for each \
             submission",
        ))
    }

    fn score(&self, reporter: &Reporter) -> Result<Vec<Entry>> {
        self.refuse_other_structures()?;
        let (reference_map, note) = self.ref_label_map.resolve(&self.reference)?;
        if let Some(note) = note {
            reporter.note(&format!("note: {note}"));
        }
        let options = PairOptions {
            reference_map,
            ..PairOptions::default()
        };
        let mut entries = Vec::new();
        for (path, name) in self.submissions.iter().zip(names(&self.submissions)) {
            let entry = match self.entry(path, &name, &options, reporter) {
                Err(stop @ Error::Interrupted { .. }) => return Err(stop),
                Err(error) => {
                    reporter.note(&format!("error: {name}: {error}"));
                    Entry {
                        name,
                        totals: None,
                        missing: 0,
                        problem: Some(first_line(&error)),
                    }
                }
                Ok(entry) => entry,
            };
            entries.push(entry);
        }
        // What could not be opened lacks every reference.
        let all = entries.iter().map(references).max().unwrap_or_default();
        for entry in entries.iter_mut().filter(|entry| entry.totals.is_none()) {
            entry.missing = all;
        }
        Ok(entries)
    }

    fn entry(
        &self,
        path: &Path,
        name: &str,
        options: &PairOptions,
        reporter: &Reporter,
    ) -> Result<Entry> {
        let pairing = pair(path, &self.reference)?;
        for note in &pairing.notes {
            reporter.note(&format!("note: {name}: {note}"));
        }
        for warning in &pairing.warnings {
            reporter.note(&format!("warning: {name}: {warning}"));
        }
        let jobs = cores().min(DEFAULT_JOBS);
        let outcome = evaluate(&pairing.pairs, jobs, &pool(cores())?, reporter, |pair| {
            score_lits(pair, options)
        })?;
        let warnings = outcome.scored.iter().flat_map(|case| &case.warnings);
        for warning in warnings {
            reporter.note(&format!("warning: {name}: {warning}"));
        }
        let missing = pairing.missing.first();
        let missing = missing.map(|one| format!("no prediction for {}", one.case));
        let failed = outcome.failures.first();
        let failed =
            failed.map(|failure| format!("{}: {}", failure.case, first_line(&failure.error)));
        Ok(Entry {
            name: name.to_owned(),
            totals: LitsScored::totals(&outcome.scored),
            missing: pairing.missing.len() + outcome.failures.len(),
            problem: missing.or(failed),
        })
    }
}

/// The first few of many names.
fn shortened(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    let more = if names.len() > SHOWN { ", ..." } else { "" };
    names[..names.len().min(SHOWN)].join(", ") + more
}

/// How many references a submission was held against.
fn references(entry: &Entry) -> usize {
    entry.missing + entry.totals.as_ref().map_or(0, |totals| totals.cases)
}

/// File names where they tell the submissions apart, else whole paths.
fn names(paths: &[PathBuf]) -> Vec<String> {
    let short = |path: &PathBuf| path.file_name().map(|name| name_of(name).into_owned());
    let names: Vec<String> = paths.iter().filter_map(short).collect();
    let mut different = names.clone();
    different.sort_unstable();
    different.dedup();
    if different.len() == paths.len() {
        return names;
    }
    paths
        .iter()
        .map(|path| name_of(path.as_os_str()).into_owned())
        .collect()
}

fn first_line(error: &Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().to_owned()
}

fn verdict(entries: &[Entry]) -> Result<()> {
    let failed: Vec<&str> = entries
        .iter()
        .filter(|entry| !entry.is_complete())
        .map(|entry| entry.name.as_str())
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(Error::Partial {
        what: "submissions",
        failed: failed.len(),
        total: entries.len(),
        names: failed.join(", "),
    })
}
