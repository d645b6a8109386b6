use std::path::{Path, PathBuf};

use clap::Args;
use hdbench_ground::near::meant;
use hdbench_table::Table;

use crate::artifact::Results;
use crate::cell::PREDICTIONS;
use crate::cli::model_options::CellOptions;
use crate::cli::output::print_json;
use crate::cli::progress::Reporter;
use crate::cli::study_options::{cores, pool};
use crate::cli::table_output::{for_terminal, print_tables};
use crate::error::{Error, Result};
use crate::evaluation::lits::{LitsScored, score_lits};
use crate::evaluation::{
    CasePair, DEFAULT_JOBS, Failure, LabelMapChoice, PairOptions, evaluate, pair,
};
use crate::progress::Progress;
use crate::report::{Entry, RankBy, leaderboard, leaderboard_json, write_tables};
use crate::study::{Algorithm, Cell, Role, Study};
use crate::text::{Shown as _, name_of};

/// Score and rank any number of submissions, as the LiTS challenge does or by any structures.
///
/// One that cannot be scored, or lacks a case, stops no other: it is shown without a place.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hdbench leaderboard ours.zip theirs.zip --ref references
  hdbench leaderboard archives/*.zip --ref LiTS/training --rank-by mean-rank --out board
  hdbench leaderboard teams/* --ref labelsTs --structures kits23 --rank-by mean-rank
  hdbench leaderboard a b c --ref labelsTs --structure kidney=1-3 --metric dice,hd95
  hdbench leaderboard theirs.zip --study runs/lits --algorithm nnunet,hdenseunet --ref references

Files in DIR: leaderboard.md, leaderboard.csv, leaderboard.tex; of other structures
leaderboard_structures.* beside them.

Exit codes: 0 all are scored; 3 none is, or a path is wrong; 4 some are incomplete, the others are
ranked; 75 interrupted.")]
pub struct Leaderboard {
    /// Archives, or folders of label maps
    #[arg(value_name = "ZIP|DIR", required_unless_present = "study")]
    submissions: Vec<PathBuf>,
    /// Rank what the algorithms of a study predicted, too, under their names in its tables
    #[arg(long, value_name = "RUN")]
    study: Option<PathBuf>,
    /// Of the study, these networks and other algorithms alone
    #[arg(
        long = "algorithm",
        value_name = "NAME,...",
        value_delimiter = ',',
        requires = "study"
    )]
    algorithms: Vec<String>,
    #[command(flatten)]
    cell: CellOptions,
    /// Reference label maps: a folder of any depth, or a zip archive
    #[arg(long = "ref", value_name = "PATH")]
    pub(super) reference: PathBuf,
    /// What the references' labels are: auto, lits, nnunet, msd, or FROM=TO,...
    #[arg(long, value_name = "MAP", default_value = "auto")]
    pub(super) ref_label_map: LabelMapChoice,
    /// Rank by these structures: a built-in name (`hdbench structures list`), or a file. Default: those of a dataset.json
    /// beside the references, else liver and lesion as the challenge does
    #[arg(long, value_name = "FILE|NAME", conflicts_with_all = ["ref_label_map", "structure"])]
    pub(super) structures: Option<String>,
    /// Rank by this structure, by its label values: wt=1,2,4; may be given several times
    #[arg(long, value_name = "NAME=VALUES", conflicts_with = "ref_label_map")]
    pub(super) structure: Vec<String>,
    /// Metrics of the structures' tables
    #[arg(
        long = "metric",
        value_name = "METRIC,...",
        value_delimiter = ',',
        default_value = "dice"
    )]
    pub(super) metrics: Vec<String>,
    /// Of LiTS: lesion-dice-per-case (the default and the challenge's), lesion-dice-global,
    /// liver-dice-per-case, liver-dice-global, tumour-burden-rmse, or mean-rank (of all five). Of structures: a metric
    /// (the default, the first of --metric), STRUCTURE:METRIC, or mean-rank
    #[arg(long, value_name = "METRIC")]
    pub(super) rank_by: Option<String>,
    /// Where the table goes as files
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// JSON instead of a table (also when standard output is no terminal)
    #[arg(long)]
    json: bool,
}

/// The folder that the table goes to.
const RESULTS: Results<'_> = Results {
    names: &[
        "leaderboard.md",
        "leaderboard.csv",
        "leaderboard.tex",
        "leaderboard_structures.md",
        "leaderboard_structures.csv",
        "leaderboard_structures.tex",
    ],
    wrote: &|_| Vec::new(),
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
        // A slip of the hand is none of the submissions that cannot be scored.
        for path in self.submissions.iter().chain([&self.reference]) {
            std::fs::metadata(path).map_err(Error::read(path))?;
        }
        let reporter = Reporter::new()?;
        match self.structure_set(&reporter)? {
            Some(set) => self.rank_structures(&set, &reporter),
            None => self.rank_lits(&reporter),
        }
    }

    /// As the challenge does.
    fn rank_lits(&self, reporter: &Reporter) -> Result<()> {
        if let Some(metric) = self.metrics.iter().find(|metric| *metric != "dice") {
            return Err(Error::usage(
                format!("--metric {metric}: the challenge's table has metrics of its own"),
                "name structures to rank by other metrics: --structure liver=1-2 --structure lesion=2",
            ));
        }
        let by: RankBy = self
            .rank_by
            .as_deref()
            .unwrap_or("lesion-dice-per-case")
            .parse()?;
        let scored = self.score(reporter);
        reporter.finish();
        let entries = scored?;
        if entries.iter().all(|entry| entry.totals.is_none()) {
            let problem = entries.iter().find_map(|entry| entry.problem.clone());
            return Err(self.refuse_all(problem));
        }
        let references = entries.iter().map(references).max().unwrap_or_default();
        let table = leaderboard(&entries, by, references)?;
        self.show(std::slice::from_ref(&table), reporter, || {
            leaderboard_json(&entries, &table, by, references)
        })?;
        let incomplete = entries.iter().filter(|entry| !entry.is_complete());
        verdict(incomplete.map(|entry| entry.name.as_str()), entries.len())
    }

    /// Files where they are asked for, and the table or JSON.
    pub(super) fn show(
        &self,
        tables: &[Table],
        reporter: &Reporter,
        json: impl FnOnce() -> serde_json::Value,
    ) -> Result<()> {
        if let Some(out) = &self.out {
            RESULTS.replace(out, |to| write_tables(tables, to))?;
            reporter.note(&format!("table in {}", out.shown()));
        }
        match self.json || !for_terminal() {
            true => print_json(&json()),
            false => print_tables(tables),
        }
    }

    pub(super) fn refuse_all(&self, problem: Option<String>) -> Error {
        Error::malformed(
            self.submissions.first().unwrap_or(&self.reference),
            problem.unwrap_or_else(|| "cannot be scored".into()),
            "no submission could be scored against these references",
        )
    }

    fn score(&self, reporter: &Reporter) -> Result<Vec<Entry>> {
        let (reference_map, note) = self.ref_label_map.resolve(&self.reference)?;
        if let Some(note) = note {
            reporter.note(&format!("note: {note}"));
        }
        let options = PairOptions {
            reference_map,
            ..PairOptions::default()
        };
        let mut entries = self.each_submission(
            reporter,
            |path, name| self.entry(path, name, &options, reporter),
            |name, problem| Entry {
                name,
                totals: None,
                missing: 0,
                problem: Some(problem),
            },
        )?;
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
        let held = self.held(path, name, reporter, |pair| score_lits(pair, options))?;
        for warning in held.cases.iter().flat_map(|case| &case.warnings) {
            reporter.note(&format!("warning: {name}: {warning}"));
        }
        Ok(Entry {
            name: name.to_owned(),
            totals: LitsScored::totals(&held.cases),
            missing: held.lacking(),
            problem: held.problem,
        })
    }

    /// What the algorithms of the study have predicted, under their titles.
    fn of_study(&self) -> Result<Vec<(String, PathBuf)>> {
        let Some(run) = &self.study else {
            return Ok(Vec::new());
        };
        let study = Study::read(run)?;
        let all = study.algorithms_of(Role::Own);
        let chosen: Vec<Algorithm> = match self.algorithms.as_slice() {
            [] => all,
            names => {
                let known: Vec<&str> = all.iter().map(|algorithm| algorithm.id()).collect();
                let one = |name: &String| {
                    let found = all.iter().find(|algorithm| algorithm.id() == name);
                    found.copied().ok_or_else(|| {
                        let problem = format!("--algorithm {name}: {} has none", run.shown());
                        Error::usage(problem, meant(name, &known))
                    })
                };
                names.iter().map(one).collect::<Result<_>>()?
            }
        };
        let place = |algorithm: Algorithm| {
            let cell = Cell {
                algorithm,
                fold: self.cell.fold,
                seed: self.cell.seed,
            };
            let folder = cell.folder(run).join(PREDICTIONS);
            (study.title(algorithm), folder)
        };
        Ok(chosen.into_iter().map(place).collect())
    }

    /// Every submission's entry; one that cannot be scored is told and stops no other.
    pub(super) fn each_submission<E>(
        &self,
        reporter: &Reporter,
        entry: impl Fn(&Path, &str) -> Result<E>,
        unscored: impl Fn(String, String) -> E,
    ) -> Result<Vec<E>> {
        let named = names(&self.submissions).into_iter();
        let named = named.zip(self.submissions.iter().cloned());
        let of_study = self.of_study()?;
        named
            .chain(of_study)
            .map(|(name, path)| match entry(&path, &name) {
                Err(error) if !matches!(error, Error::Interrupted { .. }) => {
                    reporter.note(&format!("error: {name}: {error}"));
                    Ok(unscored(name, first_line(&error)))
                }
                scored => scored,
            })
            .collect()
    }

    /// Holds a submission against the references.
    pub(super) fn held<T: Send>(
        &self,
        path: &Path,
        name: &str,
        reporter: &Reporter,
        score: impl Fn(&CasePair) -> Result<T> + Sync,
    ) -> Result<Held<T>> {
        let pairing = pair(path, &self.reference)?;
        for note in &pairing.notes {
            reporter.note(&format!("note: {name}: {note}"));
        }
        for warning in &pairing.warnings {
            reporter.note(&format!("warning: {name}: {warning}"));
        }
        let jobs = cores().min(DEFAULT_JOBS);
        let outcome = evaluate(&pairing.pairs, jobs, &pool(cores())?, reporter, score)?;
        let missing = pairing.missing.first();
        let missing = missing.map(|one| format!("no prediction for {}", one.case));
        let failed = outcome.failures.first();
        let failed = failed.map(|one| format!("{}: {}", one.case, first_line(&one.error)));
        Ok(Held {
            cases: outcome.scored,
            failures: outcome.failures,
            missing: pairing.missing.len(),
            problem: missing.or(failed),
        })
    }
}

/// What came of holding a submission against the references.
pub(super) struct Held<T> {
    pub(super) cases: Vec<T>,
    pub(super) failures: Vec<Failure>,
    /// References without a prediction.
    missing: usize,
    /// Why the first reference without a score has none.
    pub(super) problem: Option<String>,
}

impl<T> Held<T> {
    /// References without a score.
    pub(super) fn lacking(&self) -> usize {
        self.missing + self.failures.len()
    }
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

/// An error where some have no place.
pub(super) fn verdict<'a>(incomplete: impl Iterator<Item = &'a str>, total: usize) -> Result<()> {
    let failed: Vec<&str> = incomplete.collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(Error::Partial {
        what: "submissions",
        failed: failed.len(),
        total,
        names: failed.join(", "),
    })
}
