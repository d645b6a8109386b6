//! A job, from its input folder to its last output.

use std::path::Path;
use std::time::Duration;

use hdbench_ground::error::{Error, Result};

use super::appearing::Appearing;
use super::job_run::{JobRun, failure, failure_of, gpu_note, interrupted, model_folder, notes_of};
use super::offers::Offers;
use super::workplace::Workplace;
use crate::failure::FailureCause;
use crate::input::convert::Link;
use crate::input::originals::Originals;
use crate::input::staged::{refuse_inputs, stage, staged_names};
use crate::job::{CaseInput, CaseRan, Job, Ran, Watch};
use crate::measured::Measured;
use crate::table::algorithm::Per;
use crate::table::quantity::in_words;
use crate::watch::samples::{divided, together};
use crate::watch::supervise::{Ended, Ending, supervise};

/// Bytes of a job's first and of its last output that the log keeps; with many runs each has its share, but not less
/// than the other.
const LOG_BYTES: usize = 1 << 20;
const LOG_BYTES_AT_LEAST: usize = 16 * 1024;

/// How an algorithm for all cases is run without links to the user's files.
const WITHOUT_LINKS: &str =
    "with per = \"case\" the algorithm sees a read-only copy, from an image a read-only folder";

/// Runs an algorithm on the cases of a job: its input folder is laid out, it is started, watched and measured, and
/// [`Watch::output`] is told of every output. Whatever it does wrong is the failure of the cases that it was for.
///
/// A program that ends with another code than 0, or is ended for its time, has failed for every case whose output is
/// the last or is not there; outputs after which another had begun are taken all the same, and so is the last if it is
/// packed, whole to its end, and had stood for longer than any other was being written.
///
/// # Errors
/// `Error::Interrupted`, after all that was finished was told of; `Error::Write` for a disk that is full;
/// `Error::Malformed` for a CT that a command wrote to through its link, however it ended; what [`refuse_inputs`] and
/// [`Watch::output`] give.
pub fn run(job: &Job<'_>, watch: &dyn Watch) -> Result<Ran> {
    refuse_inputs(job.algorithm, job.cases)?;
    let workplace = Workplace::of(job)?;
    let mut running = Running {
        job,
        watch,
        workplace: &workplace,
        names: staged_names(job.algorithm.input, job.cases),
        cases: job.cases.iter().map(never_run).collect(),
        totals: Vec::new(),
        notes: Vec::new(),
    };
    running.tell_of_leftovers();
    if let Some(note) = gpu_note(job).filter(|_| !job.cases.is_empty()) {
        running.note(note);
    }
    let runs: Vec<Vec<usize>> = match job.algorithm.per {
        Per::Case => (0..job.cases.len()).map(|case| vec![case]).collect(),
        Per::Folder if job.cases.is_empty() => Vec::new(),
        Per::Folder => vec![(0..job.cases.len()).collect()],
    };
    for indices in &runs {
        let bound = (LOG_BYTES / runs.len()).max(LOG_BYTES_AT_LEAST);
        if !running.run(indices, bound)? {
            break;
        }
    }
    Ok(Ran {
        cases: running.cases,
        total: together(running.totals.iter()),
        notes: running.notes,
    })
}

fn never_run(case: &CaseInput) -> CaseRan {
    CaseRan {
        case: case.name.clone(),
        measured: None,
        failure: None,
    }
}

/// A job that goes on.
struct Running<'a> {
    job: &'a Job<'a>,
    watch: &'a dyn Watch,
    workplace: &'a Workplace,
    /// Of the cases in the input folder.
    names: Vec<String>,
    cases: Vec<CaseRan>,
    totals: Vec<Measured>,
    notes: Vec<String>,
}

impl Running<'_> {
    fn tell_of_leftovers(&mut self) {
        if !self.workplace.ended.is_empty() {
            let names = self.workplace.ended.join(", ");
            self.note(format!(
                "ended what an earlier run had left running: {names}"
            ));
        }
    }

    fn note(&mut self, text: String) {
        self.watch.note(&format!("{}: {text}", self.job.id));
        self.notes.push(text);
    }

    /// Runs the algorithm once, on some of the cases; whether it is of use to go on.
    fn run(&mut self, indices: &[usize], log_bound: usize) -> Result<bool> {
        let job = self.job;
        let algorithm = job.algorithm;
        let mut folders = self.workplace.folders()?;
        folders.model = model_folder(job)?;
        let names: Vec<String> = indices.iter().map(|&i| self.names[i].clone()).collect();
        let stems: Vec<&str> = names.iter().map(String::as_str).collect();
        let (Some(input), Some(output)) = (folders.input.clone(), folders.output.clone()) else {
            return Err(Error::Internal("a run without folders".to_owned()));
        };
        self.lay_out(indices, &stems, &input)?;
        let originals = Originals::below(&input)?;
        let case = (algorithm.per == Per::Case).then(|| stems[0]);
        let timeout = self.timeout(indices.len());
        let job_run = JobRun {
            job,
            workplace: self.workplace,
            folders: &folders,
        };
        let title = case.unwrap_or("run").to_owned();
        let allowed = algorithm.allowed_in_run();
        let start = job_run.program(&algorithm.run, &allowed, case, timeout, log_bound, title)?;
        let mut appearing =
            Appearing::of(&output, self.workplace.folder(), algorithm.input, &stems);
        let watch = self.watch;
        let offers = Offers {
            job,
            watch,
            indices,
        };
        let ended = supervise(&start, &|| watch.interrupted(), &mut |at| {
            appearing.look(at);
            match algorithm.per {
                // One case's output is taken once its program has ended well.
                Per::Case => Ok(()),
                Per::Folder => offers.early(&mut appearing, at),
            }
        });
        // What was made of a CT that is no more what it was is not asked for.
        originals.refuse_changes(job.id, WITHOUT_LINKS)?;
        let ended = ended?;
        appearing.look(ended.wall_seconds);
        for note in notes_of(&ended) {
            let note = case.map_or(note.clone(), |case| format!("{case}: {note}"));
            self.note(note);
        }
        self.settle(indices, &stems, &ended, &appearing, timeout)
    }

    /// Fills the input folder.
    fn lay_out(&self, indices: &[usize], stems: &[&str], input: &Path) -> Result<()> {
        let link = match (self.job.container, self.job.algorithm.per) {
            (Some(_), _) => Link::Real,
            (None, Per::Case) => Link::Copied,
            // Copies of all would need as much room as the data set.
            (None, Per::Folder) => Link::Symbolic,
        };
        let cases = indices.iter().map(|&i| &self.job.cases[i]);
        let staged: Vec<_> = cases.zip(stems.iter().copied()).collect();
        stage(
            self.job.algorithm.input,
            &staged,
            input,
            link,
            &|| match self.watch.interrupted() {
                true => Err(interrupted()),
                false => Ok(()),
            },
        )
    }

    /// How long a run may take.
    fn timeout(&mut self, cases: usize) -> Option<Duration> {
        let of_case = self.job.algorithm.timeout.as_ref()?.duration();
        let timeout = of_case * u32::try_from(cases).unwrap_or(u32::MAX);
        if cases > 1 {
            self.note(format!(
                "{cases} cases may take {} together, {} each",
                in_words(timeout),
                in_words(of_case)
            ));
        }
        Some(timeout)
    }

    /// What became of every case of a run that has ended; whether it is of use to go on.
    fn settle(
        &mut self,
        indices: &[usize],
        stems: &[&str],
        ended: &Ended,
        appearing: &Appearing<'_>,
        timeout: Option<Duration>,
    ) -> Result<bool> {
        let whole = ended.samples.between(0.0, ended.wall_seconds);
        let measured = self.measured(indices, ended, &whole, appearing);
        self.totals.push(whole);
        let cause = failure_of(&self.job.algorithm.run, ended, timeout, indices.len());
        let is_well = ended.ending == Ending::Code(0);
        let finished = appearing.finished();
        let standing = appearing.standing(ended.asked_at.unwrap_or(ended.wall_seconds));
        let offers = Offers {
            job: self.job,
            watch: self.watch,
            indices,
        };
        let mut is_of_use = true;
        for (at, &index) in indices.iter().enumerate() {
            let is_written = is_well || finished.contains(&at) || appearing.is_taken(at);
            let case = &mut self.cases[index];
            case.measured = measured[at].clone();
            if is_written {
                case.failure = offers.last(appearing, at, stems[at], &measured[at], ended)?;
            } else if standing.contains(&at) && offers.standing(appearing, at, &measured[at])? {
                case.failure = None;
            } else if let Some(cause) = &cause {
                is_of_use &= !matches!(cause, FailureCause::NotStarted { .. });
                case.failure = Some(failure(cause.clone(), ended));
            }
        }
        if ended.ending == Ending::Interrupted {
            return Err(interrupted());
        }
        if !is_of_use {
            // It will not be there for the next case either.
            for case in self
                .cases
                .iter_mut()
                .filter(|case| case.measured.is_none() && case.failure.is_none())
            {
                case.failure = cause.clone().map(|cause| failure(cause, ended));
            }
        }
        Ok(is_of_use)
    }

    /// What each case of a run cost; none of a case that never got anywhere.
    fn measured(
        &mut self,
        indices: &[usize],
        ended: &Ended,
        whole: &Measured,
        appearing: &Appearing<'_>,
    ) -> Vec<Option<Measured>> {
        if matches!(ended.ending, Ending::NotStarted(..)) {
            return vec![None; indices.len()];
        }
        let is_first = self.totals.is_empty();
        if indices.len() == 1 {
            let warm_up = is_first;
            return vec![Some(Measured {
                warm_up,
                ..whole.clone()
            })];
        }
        let mut measured = vec![None; indices.len()];
        match appearing.intervals(ended.wall_seconds) {
            Some(intervals) if !intervals.is_empty() => {
                for (order, (case, [from, to])) in intervals.into_iter().enumerate() {
                    let part = ended.samples.between(from, to);
                    measured[case] = Some(Measured {
                        warm_up: order == 0,
                        ..part
                    });
                }
            }
            _ => {
                measured.fill(Some(divided(whole, indices.len())));
                self.note(format!(
                    "when each case ended could not be seen: the run's time is divided by its {} cases",
                    indices.len()
                ));
            }
        }
        measured
    }
}
