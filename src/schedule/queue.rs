use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::jobs::Jobs;
use crate::error::{Error, Result};
use crate::text::Shown as _;
use crate::workers;

/// So long is waited for one of Slurm's programs: where its daemon is away, they wait for ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// So long by somebody who only wants to look.
const GLANCE: Duration = Duration::from_secs(5);

/// States in which a job still waits or works.
const ACTIVE: [&str; 9] = [
    "PENDING",
    "RUNNING",
    "CONFIGURING",
    "COMPLETING",
    "REQUEUED",
    "REQUEUE_HOLD",
    "RESIZING",
    "SUSPENDED",
    "STAGE_OUT",
];

/// A cell's job as Slurm sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QueuedJob {
    /// `41_2`.
    pub id: String,
    /// `PENDING`, `RUNNING`, `TIMEOUT`, `OUT_OF_MEMORY` ...
    pub state: String,
    /// Why it waits or ended; empty where Slurm says nothing.
    pub reason: String,
}

impl QueuedJob {
    /// Whether it still waits or works.
    pub fn is_active(&self) -> bool {
        ACTIVE.contains(&self.state.as_str())
    }

    /// `Slurm job 41_2: PENDING (Resources)`.
    pub fn words(&self) -> String {
        let reason = match self.reason.as_str() {
            "" | "None" => String::new(),
            reason => format!(" ({reason})"),
        };
        format!("Slurm job {}: {}{reason}", self.id, self.state)
    }
}

/// What Slurm says of each cell's job that was submitted, by the cell's name: by `squeue`, and for jobs that this
/// has forgotten by `sacct`, where the cluster keeps accounts, or by `scontrol`. Without jobs nothing is
/// asked.
///
/// # Errors
/// `Error::Usage` where Slurm does not answer; `Error::Malformed` for the study's list of jobs.
pub(super) fn jobs_of(run: &Path) -> Result<BTreeMap<String, QueuedJob>> {
    let jobs = Jobs::read(run)?;
    if jobs.jobs.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut states = queued(&jobs, GLANCE)?;
    let forgotten: Vec<&str> = jobs
        .jobs
        .iter()
        .map(|job| job.id.as_str())
        .filter(|id| !states.contains_key(*id))
        .collect();
    if !forgotten.is_empty() {
        states.extend(remembered(&forgotten));
    }
    Ok(jobs
        .jobs
        .iter()
        .filter_map(|job| Some((job.cell.clone(), states.get(&job.id)?.clone())))
        .collect())
}

/// Jobs that squeue no longer has.
fn remembered(ids: &[&str]) -> BTreeMap<String, QueuedJob> {
    let accounts = [
        "-X",
        "-P",
        "-n",
        "-j",
        &ids.join(","),
        "--format=JobID,State,ExitCode",
    ]
    .map(str::to_owned);
    if let Ok(text) = asked("sacct", &accounts, GLANCE) {
        return accounted(&text);
    }
    let mut found = BTreeMap::new();
    for id in ids {
        let arguments = ["-o", "show", "job", id].map(str::to_owned);
        if let Ok(text) = asked("scontrol", &arguments, GLANCE) {
            let state = field(&text, "JobState=");
            let reason = field(&text, "Reason=");
            if let Some(state) = state {
                let job = QueuedJob {
                    id: (*id).to_owned(),
                    state,
                    reason: reason.unwrap_or_default(),
                };
                found.insert(job.id.clone(), job);
            }
        }
    }
    found
}

/// What `sacct -X -P -n --format=JobID,State,ExitCode` prints. `CANCELLED by 1000` is a state; of a job
/// that ran several times, the last line counts.
fn accounted(text: &str) -> BTreeMap<String, QueuedJob> {
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split('|');
            let (id, state) = (fields.next()?, fields.next()?);
            let code = fields.next().unwrap_or_default();
            let job = QueuedJob {
                id: id.to_owned(),
                state: state.split_whitespace().next()?.to_owned(),
                reason: match code {
                    "" | "0:0" => String::new(),
                    code => format!("exit {code}"),
                },
            };
            Some((job.id.clone(), job))
        })
        .collect()
}

fn field(text: &str, name: &str) -> Option<String> {
    let mut words = text.split_whitespace();
    words.find_map(|word| word.strip_prefix(name).map(str::to_owned))
}

/// The elements that are still in the queue.
pub(super) fn active(jobs: &Jobs) -> Result<BTreeSet<String>> {
    if jobs.jobs.is_empty() {
        return Ok(BTreeSet::new());
    }
    let states = queued(jobs, PATIENCE)?;
    let active = states.into_values().filter(QueuedJob::is_active);
    Ok(active.map(|job| job.id).collect())
}

/// Every job that squeue still has, by `41_2`.
fn queued(jobs: &Jobs, patience: Duration) -> Result<BTreeMap<String, QueuedJob>> {
    let arrays: BTreeSet<&str> = jobs
        .jobs
        .iter()
        .filter_map(|job| job.id.split('_').next())
        .collect();
    // One that Slurm has forgotten makes squeue refuse the whole list: all of the user's are asked for.
    let arguments = ["-h", "-r", "-t", "all", "-o", "%i|%T|%r"].map(str::to_owned);
    let text = asked("squeue", &arguments, patience)?;
    let jobs = text.lines().filter_map(|line| {
        let mut fields = line.split('|');
        let (id, state) = (fields.next()?, fields.next()?);
        let array = id.split('_').next()?;
        arrays.contains(array).then(|| {
            let job = QueuedJob {
                id: id.to_owned(),
                state: state.to_owned(),
                reason: fields.next().unwrap_or_default().to_owned(),
            };
            (job.id.clone(), job)
        })
    });
    Ok(jobs.collect())
}

/// Takes a study's jobs out of the queue; cells that run save and end. Returns how many there were.
///
/// # Errors
/// `Error::Usage` where Slurm is not there.
pub fn cancel(run: &Path) -> Result<usize> {
    let jobs = Jobs::read_any(run)?;
    if let Some(original) = jobs.copied_from(run)? {
        return Err(Error::usage(
            format!(
                "{}: is a copy; its jobs are those of {}",
                run.shown(),
                original.shown()
            ),
            "cancel them there; a start here submits jobs of its own",
        ));
    }
    let active = active(&jobs)?;
    let mut ids: Vec<String> = active.into_iter().collect();
    let count = ids.len();
    ids.extend(jobs.report);
    if !ids.is_empty() {
        slurm("scancel", &ids)?;
    }
    Ok(count)
}

/// Runs one of Slurm's programs and returns what it prints.
pub(super) fn slurm(program: &str, arguments: &[String]) -> Result<String> {
    asked(program, arguments, PATIENCE)
}

/// So long at least is waited for what a program that has ended has printed.
const PIPES: Duration = Duration::from_millis(200);

/// A program that does not outlive the wait for it.
struct Asked(Child);

impl Drop for Asked {
    fn drop(&mut self) {
        // Of one that has ended, both do nothing.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads a stream to its end, on a thread of its own.
fn listen(stream: Option<Box<dyn Read + Send>>) -> Result<Receiver<String>> {
    let (send, receive) = mpsc::channel();
    workers::spawn("program", move || {
        let mut text = Vec::new();
        if let Some(mut stream) = stream {
            let _ = stream.read_to_end(&mut text);
        }
        // Nobody may wait for it any more.
        let _ = send.send(String::from_utf8_lossy(&text).into_owned());
    })?;
    Ok(receive)
}

fn asked(program: &str, arguments: &[String], patience: Duration) -> Result<String> {
    let missing = |e: std::io::Error| {
        let hint = "run this on a node from which jobs can be submitted, or use --engine local";
        Error::usage(format!("{program}: {e}"), hint)
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(missing)?;
    let out = child.stdout.take().map(|out| Box::new(out) as _);
    let errors = child.stderr.take().map(|errors| Box::new(errors) as _);
    let mut child = Asked(child);
    // Both are read while it runs: a pipe that is full would stop it.
    let (out, errors) = (listen(out)?, listen(errors)?);
    let began = Instant::now();
    let silent = || {
        Error::usage(
            format!("{program} did not answer for {} s", patience.as_secs()),
            "the cluster's controller may be away: try again later",
        )
    };
    let status = loop {
        if let Some(status) = child.0.try_wait().map_err(missing)? {
            break status;
        }
        if began.elapsed() > patience {
            return Err(silent());
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    // A process that it left behind may keep the pipes open for ever.
    let rest = || patience.saturating_sub(began.elapsed()).max(PIPES);
    let (Ok(out), Ok(errors)) = (out.recv_timeout(rest()), errors.recv_timeout(rest())) else {
        return Err(silent());
    };
    if status.success() {
        return Ok(out);
    }
    Err(Error::usage(
        format!("{program} {}: {}", arguments.join(" "), errors.trim()),
        "what was submitted before goes on; mend the flags and start again",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::jobs::{StudyFolder, is_job_id};
    use super::*;
    use crate::artifact::{create_dir, write_atomic};

    /// Lines as Slurm's manual describes them.
    #[test]
    fn accounts_are_read() {
        let text = "41_0|COMPLETED|0:0\n41_1|OUT_OF_MEMORY|0:125\n41_2|CANCELLED by 1000|0:15\n\
                    41_3|NODE_FAIL|0:0\n41_3|RUNNING|0:0\n";
        let found = accounted(text);
        assert_eq!(found.len(), 4);
        assert_eq!(
            found["41_1"].words(),
            "Slurm job 41_1: OUT_OF_MEMORY (exit 0:125)"
        );
        assert_eq!(found["41_2"].state, "CANCELLED");
        assert!(found["41_3"].is_active());
        assert!(!found["41_0"].is_active());
        assert!(accounted("\n").is_empty());
    }

    #[test]
    fn a_program_that_does_not_answer_is_given_up() {
        let arguments = ["-c", "sleep 30"].map(str::to_owned);
        let error = asked("sh", &arguments, Duration::from_millis(50)).unwrap_err();
        assert!(error.to_string().contains("did not answer"), "{error}");
        // One that leaves a process with its pipes behind.
        let arguments = ["-c", "sleep 30 & echo 41"].map(str::to_owned);
        let error = asked("sh", &arguments, Duration::from_millis(50)).unwrap_err();
        assert!(error.to_string().contains("did not answer"), "{error}");
        let error = asked("no-such-program", &[], GLANCE).unwrap_err();
        assert!(error.to_string().contains("--engine local"), "{error}");
    }

    #[test]
    fn only_jobs_are_given_to_slurm() {
        for id in ["41", "41_2", "41_[0-3,7%2]", "41+1"] {
            assert!(is_job_id(id), "{id}");
        }
        for id in [
            "",
            "--me",
            "-u",
            "41 42",
            "41_",
            "_1",
            "41_[--me]x",
            "41_a",
            "a",
        ] {
            assert!(!is_job_id(id), "{id}");
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("slurm/jobs.json");
        write_atomic(&path, br#"{"jobs":[],"report":"--me"}"#).unwrap();
        let told = Jobs::read(dir.path()).unwrap_err().to_string();
        assert!(
            told.contains("expected the number of a job, found \"--me\""),
            "{told}"
        );
        assert!(cancel(dir.path()).is_err());
    }

    #[test]
    fn a_copy_of_a_study_has_no_jobs_and_cancels_none() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        create_dir(&at("original")).unwrap();
        let jobs = Jobs {
            report: Some("41".into()),
            study: Some(StudyFolder::of(&at("original")).unwrap()),
            ..Jobs::default()
        };
        jobs.write(&at("original")).unwrap();
        assert_eq!(Jobs::read(&at("original")).unwrap(), jobs);
        jobs.write(&at("copy")).unwrap();
        assert_eq!(Jobs::read(&at("copy")).unwrap(), Jobs::default());
        let told = cancel(&at("copy")).unwrap_err().to_string();
        assert!(told.contains("original"), "{told}");
        // Moved, it is the same study.
        std::fs::rename(at("original"), at("moved")).unwrap();
        assert_eq!(Jobs::read(&at("moved")).unwrap(), jobs);
    }
}
