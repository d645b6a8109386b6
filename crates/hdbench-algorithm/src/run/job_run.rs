//! What the runs of a job have in common: how a command is started, and what its end means.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hdbench_ground::error::{Error, Result};
use hdbench_volume::artifact::create_dir;

use super::command::{Folders, resolved};
use super::workplace::Workplace;
use crate::failure::{Failure, FailureCause};
use crate::job::Job;
use crate::table::placeholder::Placeholder;
use crate::watch::gpu_meter::sees_gpu;
use crate::watch::supervise::{Ended, Ending, Program, not_started};

/// What it takes to start a command of a job.
pub(crate) struct JobRun<'a> {
    pub job: &'a Job<'a>,
    pub workplace: &'a Workplace,
    pub folders: &'a Folders,
}

impl<'a> JobRun<'a> {
    /// A command with its values.
    ///
    /// # Errors
    /// As [`resolved`]; `Error::Write` for the log's folder.
    pub fn program(
        &self,
        command: &[String],
        allowed: &[Placeholder],
        case: Option<&str>,
        timeout: Option<Duration>,
        log_bound: usize,
        title: String,
    ) -> Result<Program<'a>> {
        let job = self.job;
        let resolved = resolved(
            job,
            command,
            allowed,
            self.folders,
            case,
            &self.workplace.mark,
        )?;
        if let Some(folder) = job
            .log
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            create_dir(folder)?;
        }
        Ok(Program {
            program: resolved.program,
            arguments: resolved.arguments,
            env: resolved.env,
            is_unset: resolved.is_unset,
            folder: self.workplace.folder(),
            timeout,
            log: job.log,
            title,
            log_bound,
            mark: &self.workplace.mark,
            gpus: if job.algorithm.gpus > 0 {
                job.gpus
            } else {
                &[]
            },
            container: job
                .container
                .map(|container| (container, self.workplace.mark.as_str())),
        })
    }
}

/// The folder with the model, from the root; none for an algorithm that is not trained here.
pub(crate) fn model_folder(job: &Job<'_>) -> Result<Option<PathBuf>> {
    if job.algorithm.train.is_empty() {
        return Ok(None);
    }
    let model = job.model.ok_or_else(|| {
        Error::Internal("an algorithm with train has no folder for its model".to_owned())
    })?;
    create_dir(model)?;
    std::path::absolute(model)
        .map(Some)
        .map_err(Error::write(model))
}

/// A note for a job that asks for a GPU on a machine that shows none: most programs take the processor then, and say
/// nothing.
pub(crate) fn gpu_note(job: &Job<'_>) -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let asks = job.algorithm.gpus > 0;
    (asks && !sees_gpu(&path, Path::new("/dev"))).then(|| {
        format!(
            "gpus = {}, and no GPU was seen here: no nvidia-smi is on PATH, and no /dev/nvidia* is there",
            job.algorithm.gpus
        )
    })
}

/// A signal asked the work to stop.
pub(crate) fn interrupted() -> Error {
    Error::Interrupted {
        hint: "run the same command again; cases that are there are not asked again".to_owned(),
    }
}

/// A cause with the last that was said.
pub(crate) fn failure(cause: FailureCause, ended: &Ended) -> Failure {
    Failure {
        cause,
        tail: ended.said.tail.clone(),
    }
}

/// Why a run failed; none of one that ended well or was interrupted.
pub(crate) fn failure_of(
    command: &[String],
    ended: &Ended,
    timeout: Option<Duration>,
    cases: usize,
) -> Option<FailureCause> {
    Some(match &ended.ending {
        Ending::Code(0) | Ending::Interrupted => return None,
        Ending::Code(code) => FailureCause::ExitCode(*code),
        Ending::Signal(number) => FailureCause::Signal(*number),
        Ending::TimedOut => FailureCause::Timeout {
            limit: timeout.unwrap_or_default(),
            cases,
        },
        Ending::NotStarted(kind, reason) => FailureCause::NotStarted {
            program: command.first().cloned().unwrap_or_default(),
            reason: reason.clone(),
            hint: not_started(*kind).to_owned(),
        },
    })
}

/// What to know about a run that has ended.
pub(crate) fn notes_of(ended: &Ended) -> Vec<String> {
    let mut notes = Vec::new();
    match ended.left_behind.as_slice() {
        [] => {}
        [one] => notes.push(format!(
            "a process outlived the command and was ended: {one}"
        )),
        several => notes.push(format!(
            "{} processes outlived the command and were ended: {}",
            several.len(),
            several.join(", ")
        )),
    }
    if ended.said.left_out > 0 {
        notes.push(format!(
            "it printed much: {:.1} MB of it are not in the log",
            ended.said.left_out as f64 / 1e6
        ));
    }
    notes
}
