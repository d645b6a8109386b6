//! `RUN/slurm/jobs.json`: which job is whose cell.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::artifact::{json_if_there, number_of, write_atomic};
use crate::error::{Error, Result};

/// A cell's job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    pub cell: String,
    /// `41_2`.
    pub id: String,
    /// The script it was submitted by, relative to the study's folder.
    pub script: PathBuf,
}

/// `RUN/slurm/jobs.json`: the last job of every cell, and that of the report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jobs {
    pub jobs: Vec<Job>,
    #[serde(default)]
    pub report: Option<String>,
    /// The study's folder that they were submitted for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub study: Option<StudyFolder>,
}

/// A folder, told from its copies: it may be moved, or be seen under another path by another machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudyFolder {
    pub path: PathBuf,
    pub inode: u64,
}

impl StudyFolder {
    pub(super) fn of(run: &Path) -> Result<Self> {
        let [_, inode] = number_of(&std::fs::metadata(run).map_err(Error::read(run))?);
        let path = run.canonicalize().map_err(Error::read(run))?;
        Ok(Self { path, inode })
    }

    fn is_same(&self, other: &Self) -> bool {
        self.inode == other.inode || self.path == other.path
    }
}

/// Whether it is the number of a job as Slurm prints it: `41`, `41_2`, `41_[0-3]`, `41+1`. Anything else might be a
/// flag to the program that it is given to.
pub(super) fn is_job_id(id: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match id.split_once(['_', '+']) {
        None => digits(id),
        Some((job, element)) => {
            let list = element
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'));
            let in_list = |b: u8| b.is_ascii_digit() || b"-,%:".contains(&b);
            digits(job) && (digits(element) || list.is_some_and(|list| list.bytes().all(in_list)))
        }
    }
}

impl Jobs {
    /// A study's; empty where nothing was submitted, and in a copy of a study that was.
    ///
    /// # Errors
    /// `Error::Malformed` for a file that does not parse, or whose jobs are no jobs.
    pub fn read(run: &Path) -> Result<Self> {
        let found = Self::read_any(run)?;
        match found.copied_from(run)? {
            None => Ok(found),
            Some(_) => Ok(Self::default()),
        }
    }

    /// The folder of which this study is a copy, if these are that one's jobs.
    ///
    /// # Errors
    /// `Error::Read`.
    pub(super) fn copied_from(&self, run: &Path) -> Result<Option<&Path>> {
        let Some(study) = &self.study else {
            return Ok(None);
        };
        let here = StudyFolder::of(run)?;
        Ok((!study.is_same(&here)).then_some(study.path.as_path()))
    }

    /// What the file says, whosever jobs they are.
    ///
    /// # Errors
    /// As [`Jobs::read`].
    pub(super) fn read_any(run: &Path) -> Result<Self> {
        let path = folder(run).join("jobs.json");
        let found = Self::parse(&path)?;
        let ids = found.jobs.iter().map(|job| &job.id).chain(&found.report);
        if let Some(id) = ids.into_iter().find(|id| !is_job_id(id)) {
            return Err(Error::malformed(
                &path,
                format!("expected the number of a job, found {id:?}"),
                "delete it; jobs that run go on",
            ));
        }
        Ok(found)
    }

    fn parse(path: &Path) -> Result<Self> {
        let hint = "delete it; jobs that run go on";
        Ok(json_if_there(path, "the jobs of a study", hint)?.unwrap_or_default())
    }

    pub(super) fn write(&self, run: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(|e| Error::Internal(e.to_string()))?;
        write_atomic(&folder(run).join("jobs.json"), &text)
    }

    /// The job of a cell.
    pub fn of(&self, cell: &str) -> Option<&Job> {
        self.jobs.iter().find(|job| job.cell == cell)
    }
}

pub(super) fn folder(run: &Path) -> PathBuf {
    run.join("slurm")
}
