//! An algorithm's own training.

use std::path::Path;

use hdbench_ground::error::{Error, Result};

use super::job_run::{JobRun, failure, failure_of, gpu_note, interrupted, model_folder, notes_of};
use super::workplace::Workplace;
use crate::failure::Failure;
use crate::input::originals::Originals;
use crate::job::{Job, Watch};
use crate::measured::Measured;
use crate::table::algorithm::Algorithm;
use crate::watch::supervise::{Ending, supervise};

/// Bytes of its first and of its last output that the log keeps.
const LOG_BYTES: usize = 1 << 20;

/// How an algorithm is trained without links to the user's files.
const WITHOUT_LINKS: &str = "from an image the algorithm sees a read-only folder";

/// Trains an algorithm on what lies in `data`, as [`crate::stage_training`] writes it, into the job's model folder. A
/// case's timeout does not bound it. Gives what it cost, or why it failed.
///
/// # Errors
/// As [`crate::run()`].
pub fn train(job: &Job<'_>, data: &Path, watch: &dyn Watch) -> Result<Result<Measured, Failure>> {
    let workplace = Workplace::of(job)?;
    let mut folders = workplace.folders()?;
    (folders.input, folders.output) = (None, None);
    folders.model = model_folder(job)?;
    folders.trains = true;
    folders.data = Some(std::path::absolute(data).map_err(Error::read(data))?);
    let job_run = JobRun {
        job,
        workplace: &workplace,
        folders: &folders,
    };
    let allowed = Algorithm::allowed_in_train();
    let start = job_run.program(
        &job.algorithm.train,
        &allowed,
        None,
        None,
        LOG_BYTES,
        "train".to_owned(),
    )?;
    if let Some(note) = gpu_note(job) {
        watch.note(&format!("{}: {note}", job.id));
    }
    let originals = Originals::below(data)?;
    let ended = supervise(&start, &|| watch.interrupted(), &mut |_| Ok(()));
    originals.refuse_changes(job.id, WITHOUT_LINKS)?;
    let ended = ended?;
    let mut measured = ended.samples.between(0.0, ended.wall_seconds);
    measured.warm_up = true;
    for note in notes_of(&ended) {
        watch.note(&format!("{}: {note}", job.id));
    }
    match failure_of(&job.algorithm.train, &ended, None, 1) {
        None if ended.ending == Ending::Interrupted => Err(interrupted()),
        None => Ok(Ok(measured)),
        Some(cause) => Ok(Err(failure(cause, &ended))),
    }
}
