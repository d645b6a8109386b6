//! What an algorithm says its version is.

use std::path::Path;
use std::time::Duration;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::acts;
use hdbench_volume::artifact::{create_dir, read_file};

use super::command::Folders;
use super::job_run::{JobRun, failure, failure_of};
use super::workplace::Workplace;
use crate::container::image::Container;
use crate::job::Job;
use crate::table::algorithm::Algorithm;
use crate::watch::supervise::supervise;

/// How long it may take to say it: some import PyTorch first.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Lines and letters of an answer that are kept.
const LINES: usize = 10;
const COLUMNS: usize = 200;

/// The first lines that the `version` command says; none without one. `scratch` is a folder that it may use, made and
/// removed.
///
/// # Errors
/// `Error::Usage` where it cannot be started, ends with another code than 0 or not within a minute: the row's hash would
/// not say which version it was.
pub fn version_of(
    id: &str,
    algorithm: &Algorithm,
    container: Option<&Container>,
    scratch: &Path,
) -> Result<Option<String>> {
    if algorithm.version.is_empty() {
        return Ok(None);
    }
    let workplace = Workplace::at(scratch, container)?;
    let tmp = workplace.folder().join("tmp");
    create_dir(&tmp)?;
    let log = workplace.folder().join("version.log");
    let job = Job {
        id,
        algorithm,
        container,
        cases: &[],
        scratch,
        log: &log,
        model: None,
        fold: 0,
        seed: 0,
        threads: 1,
        device: "cpu",
        gpus: &[],
    };
    let folders = Folders {
        tmp,
        ..Folders::default()
    };
    let job_run = JobRun {
        job: &job,
        workplace: &workplace,
        folders: &folders,
    };
    let bound = LINES * COLUMNS;
    let start = job_run.program(
        &algorithm.version,
        &[],
        None,
        Some(TIMEOUT),
        bound,
        "version".to_owned(),
    )?;
    let ended = supervise(&start, &|| false, &mut |_| Ok(()))?;
    if let Some(cause) = failure_of(&algorithm.version, &ended, Some(TIMEOUT), 1) {
        return Err(Error::usage(
            format!("[algorithm.{id}] version: {}", failure(cause, &ended)),
            "mend the command, or leave version out",
        ));
    }
    let said = read_file(&log).map_err(Error::read(&log))?;
    Ok(Some(first_lines(&String::from_utf8_lossy(&said))))
}

/// Below the log's own line.
fn first_lines(log: &str) -> String {
    let lines = log.lines().skip(1).filter(|line| !line.trim().is_empty());
    let calm = |line: &str| {
        line.trim_end()
            .chars()
            .filter(|c| !acts(*c))
            .take(COLUMNS)
            .collect::<String>()
    };
    lines.take(LINES).map(calm).collect::<Vec<_>>().join("\n")
}
