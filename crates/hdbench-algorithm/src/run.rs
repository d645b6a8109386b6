//! A job, from its input folder to its last output.

use std::path::Path;

use hdbench_ground::error::{Error, Result};

use crate::job::{Job, Ran, Watch};
use crate::measured::Measured;

/// Runs an algorithm on the cases of a job.
///
/// # Errors
/// `Error::Interrupted`; `Error::Write` for a disk that is full; what [`crate::refuse_inputs`] and [`Watch::output`] give.
pub fn run(job: &Job<'_>, watch: &dyn Watch) -> Result<Ran> {
    let _ = (job, watch);
    Err(Error::Internal("not there yet".into()))
}

/// Trains an algorithm on what lies in `data` (see [`crate::stage_training`]), leaving its model in the job's folder.
pub fn train(job: &Job<'_>, data: &Path, watch: &dyn Watch) -> Result<Result<Measured, crate::failure::Failure>> {
    let _ = (job, watch, data);
    Err(Error::Internal("not there yet".into()))
}
