//! The cases of two folders by the definitions of a profile, and the files of the command.

use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::progress::Stop;
use hdbench_score::lits::{LitsScored, lits_rows, score_lits};
use hdbench_score::{
    Apart, CasePair, CaseResults, DEFAULT_JOBS, FAILURES, Failure, FolderOptions, FolderPlan,
    LabelMapChoice, MetricRow, Options, Origin, Pairing, RESULTS, ScoredCase, TidyRows,
    missing_predictions, pair, pair_options, rows, with_every_structure, write_failures,
    write_lits, write_strict,
};
use hdbench_stats::write_parquet;
use pyo3::prelude::*;

use crate::plan::{Defined, Wanted};
use crate::threads::pool;

/// What is asked of two folders.
#[derive(FromPyObject)]
pub struct Asked {
    #[pyo3(item)]
    pred: PathBuf,
    #[pyo3(item)]
    r#ref: PathBuf,
    #[pyo3(item)]
    wanted: Wanted,
    #[pyo3(item)]
    defined: Defined,
    /// Whether the official LiTS scorer's metrics are asked for.
    #[pyo3(item)]
    is_lits: bool,
    #[pyo3(item)]
    label_maps: [Option<String>; 2],
    #[pyo3(item)]
    jobs: Option<usize>,
    #[pyo3(item)]
    allow_missing: bool,
    #[pyo3(item)]
    ignore_geometry: bool,
    #[pyo3(item)]
    task: Option<String>,
    #[pyo3(item)]
    algorithm: Option<String>,
    /// Where the files go.
    #[pyo3(item)]
    out: Option<PathBuf>,
    #[pyo3(item)]
    volume_bins: Vec<f64>,
}

impl Asked {
    fn label_maps(&self) -> Result<[LabelMapChoice; 2]> {
        let choice = |text: &Option<String>| match text {
            Some(text) => text.parse(),
            None => Ok(LabelMapChoice::Auto),
        };
        Ok([choice(&self.label_maps[0])?, choice(&self.label_maps[1])?])
    }

    fn folder_options(&self, stop: &Stop) -> Result<FolderOptions> {
        Ok(FolderOptions {
            structures: self.wanted.set()?,
            label_maps: self.label_maps()?,
            ignore_geometry: self.ignore_geometry,
            metrics: Options {
                stop: stop.clone(),
                ..self.wanted.options(&self.defined)?
            },
        })
    }
}

/// What came of it.
pub struct Evaluated {
    pub rows: Vec<MetricRow>,
    pub cases: usize,
    pub failures: Vec<Failure>,
    pub notes: Vec<String>,
}

/// Scores all pairs of two folders, and writes the files where they are asked for.
///
/// # Errors
/// As the command; where no case can be scored, the reasons take the place of earlier files.
pub fn evaluated(asked: &Asked, stop: &Stop) -> Result<Evaluated> {
    if let Some(out) = &asked.out {
        RESULTS.check(out)?;
    }
    let roots = [asked.pred.as_path(), asked.r#ref.as_path()];
    let pairing = pair(roots[0], roots[1])?;
    let (origin, note) =
        Origin::of_folders(roots, asked.task.as_deref(), asked.algorithm.as_deref());
    let (failures, mut notes) = paired(asked, &pairing);
    notes.extend(note);
    let work = Work {
        asked,
        stop,
        pairs: &pairing.pairs,
        origin,
        failures,
        notes,
    };
    match asked.is_lits {
        true => work.lits(),
        false => work.strict(),
    }
}

/// The references without a prediction as failures, unless they are allowed, and what pairing noticed.
fn paired(asked: &Asked, pairing: &Pairing) -> (Vec<Failure>, Vec<String>) {
    let mut notes = pairing.notes.clone();
    notes.extend(pairing.warnings.iter().cloned());
    if !pairing.extra.is_empty() {
        let count = pairing.extra.len();
        notes.push(format!(
            "{count} predictions have no reference and are left out"
        ));
    }
    let (mut failures, missing) = missing_predictions(pairing, &asked.pred);
    notes.extend(missing);
    if asked.allow_missing {
        failures.clear();
    }
    (failures, notes)
}

/// What both profiles write.
fn write_rows(out: &Path, rows: impl TidyRows, failures: &[Failure]) -> Result<()> {
    hdbench_score::write_rows(out, rows, failures)?;
    write_parquet(&out.join("metrics_long.parquet"), rows)
}

/// The cases while they are scored.
struct Work<'a> {
    asked: &'a Asked,
    stop: &'a Stop,
    pairs: &'a [CasePair],
    origin: Origin,
    /// Missing ones first.
    failures: Vec<Failure>,
    notes: Vec<String>,
}

impl Work<'_> {
    /// Scores the cases, one at least.
    fn score<T: Send>(&mut self, score: impl Fn(&CasePair) -> Result<T> + Sync) -> Result<Vec<T>> {
        let threads = pool()?;
        let most = threads.current_num_threads().min(DEFAULT_JOBS);
        let jobs = self.asked.jobs.unwrap_or(most);
        let CaseResults { scored, failures } =
            hdbench_score::evaluate(self.pairs, jobs, &threads, self.stop, score)?;
        self.failures.extend(failures);
        match scored.is_empty() {
            true => Err(self.nothing()?),
            false => Ok(scored),
        }
    }

    /// The error where no case has scores, once the reasons are written.
    fn nothing(&self) -> Result<Error> {
        if let Some(out) = &self.asked.out {
            RESULTS.replace(out, |to| write_failures(&to.join(FAILURES), &self.failures))?;
        }
        let first = self.failures.first();
        let first = first.map(|one| format!("the first: {}: {}", one.case, one.error));
        Ok(Error::malformed(
            &self.asked.pred,
            format!("none of {} cases could be scored", self.failures.len()),
            first.unwrap_or_default(),
        ))
    }

    fn strict(mut self) -> Result<Evaluated> {
        let roots = [self.asked.pred.as_path(), self.asked.r#ref.as_path()];
        let (plan, notes) = FolderPlan::of(roots, self.asked.folder_options(self.stop)?)?;
        self.notes.extend(notes);
        let mut found = self.score(|pair| plan.score(pair))?;
        if let FolderPlan::Structures(plan) = &plan
            && plan.reading.every_value
        {
            with_every_structure(&mut found, &plan.metrics);
        }
        for case in &found {
            self.tell(&case.scored.case, &case.notes, case.apart);
        }
        let cases: Vec<ScoredCase> = found.into_iter().map(|case| case.scored).collect();
        let rows = rows(self.origin, &cases);
        if let Some(out) = &self.asked.out {
            let has_set = matches!(plan, FolderPlan::Structures(_));
            RESULTS.replace(out, |to| {
                write_strict(to, &cases, has_set, &self.asked.volume_bins)?;
                write_rows(to, rows, &self.failures)
            })?;
        }
        Ok(Evaluated {
            rows: rows.into_iter().collect(),
            cases: cases.len(),
            failures: self.failures,
            notes: self.notes,
        })
    }

    fn lits(mut self) -> Result<Evaluated> {
        let roots = [self.asked.pred.as_path(), self.asked.r#ref.as_path()];
        let maps = self.asked.label_maps()?;
        let (reading, notes) = pair_options(roots, &maps, self.asked.ignore_geometry)?;
        self.notes.extend(notes);
        let found: Vec<LitsScored> = self.score(|pair| score_lits(pair, &reading))?;
        for case in &found {
            self.notes.extend(case.warnings.iter().cloned());
            self.tell(&case.case, &case.notes, case.apart);
        }
        if !self.failures.is_empty() {
            self.notes.push(format!(
                "the totals cover {} of {} cases; the official scorer would have stopped without any score",
                found.len(),
                found.len() + self.failures.len()
            ));
        }
        let rows = lits_rows(&self.origin, &found);
        if let Some(out) = &self.asked.out {
            RESULTS.replace(out, |to| {
                write_lits(to, &found, &rows)?;
                write_rows(to, &rows, &self.failures)
            })?;
        }
        Ok(Evaluated {
            rows,
            cases: found.len(),
            failures: self.failures,
            notes: self.notes,
        })
    }

    /// Keeps what is odd about the files of a case.
    fn tell(&mut self, case: &str, notes: &[String], apart: Option<Apart>) {
        self.notes.extend(notes.iter().cloned());
        self.notes.extend(apart.map(|apart| {
            let mm = apart.mm;
            format!(
                "{case}: prediction and reference place the same voxel up to {mm:.2} mm apart; compared by index"
            )
        }));
    }
}
