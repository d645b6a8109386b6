//! The folder that a job works in.

use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_volume::artifact::{create_dir, hash_bytes};

use super::command::Folders;
use crate::container::image::Container;
use crate::input::staged::remove_folder;
use crate::job::Job;
use crate::watch::process_tree::end_marked;
use crate::watch::supervise::remove_container;

/// A job's scratch folder, empty at first and removed at the end.
pub(crate) struct Workplace {
    folder: PathBuf,
    /// What marks the job's processes, and names its container: the same whenever the folder is.
    pub mark: String,
    /// What was still running from an earlier, killed run in this folder.
    pub ended: Vec<String>,
}

impl Workplace {
    /// Makes the folder of a job, after ending and removing what a killed run left.
    ///
    /// # Errors
    /// `Error::Write`.
    pub fn of(job: &Job<'_>) -> Result<Self> {
        Self::at(job.scratch, job.container)
    }

    /// As [`Self::of`].
    pub fn at(scratch: &Path, container: Option<&Container>) -> Result<Self> {
        let folder = std::path::absolute(scratch).map_err(Error::write(scratch))?;
        let mark = format!(
            "hdbench-{}",
            &hash_bytes(folder.as_os_str().as_encoded_bytes())[..16]
        );
        let engine = container.filter(|container| container.has_engine());
        let ended = match engine {
            Some(engine) => {
                remove_container(engine, &mark);
                Vec::new()
            }
            None => end_marked(&mark),
        };
        remove_folder(&folder)?;
        create_dir(&folder)?;
        Ok(Self {
            folder,
            mark,
            ended,
        })
    }

    /// Empty folders for a run.
    ///
    /// # Errors
    /// `Error::Write`.
    pub fn folders(&self) -> Result<Folders> {
        let [input, output, tmp] = ["input", "output", "tmp"].map(|name| self.folder.join(name));
        for folder in [&input, &output, &tmp] {
            remove_folder(folder)?;
        }
        create_dir(&output)?;
        create_dir(&tmp)?;
        Ok(Folders {
            input: Some(input),
            output: Some(output),
            tmp,
            ..Folders::default()
        })
    }

    /// Where its programs are started.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        // What cannot be removed is tried again by the next run.
        let _ = remove_folder(&self.folder);
    }
}
