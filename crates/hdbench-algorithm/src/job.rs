//! What is to be run, who watches, and what came of it.

use std::path::{Path, PathBuf};

use hdbench_ground::error::Result;

use crate::container::image::Container;
use crate::failure::Failure;
use crate::measured::Measured;
use crate::table::algorithm::Algorithm;

/// A case as the user has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseInput {
    /// Its name in the study.
    pub name: String,
    /// Its CT: a NIfTI, MetaImage or NRRD file, a folder or zip archive with a DICOM series.
    pub image: PathBuf,
}

/// An algorithm on cases, once.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// Its name in the study.
    pub id: &'a str,
    /// Checked already.
    pub algorithm: &'a Algorithm,
    /// What runs its image, as [`Container::find`] found it; none without an image.
    pub container: Option<&'a Container>,
    /// Those that are still to be predicted: nobody asks again for what is there already.
    pub cases: &'a [CaseInput],
    /// A folder of this job alone, made and removed by it. What a killed run left there is ended and removed first.
    pub scratch: &'a Path,
    /// Where its output is kept: the first and the last megabyte. What is there already stays before it.
    pub log: &'a Path,
    /// The folder for what `train` leaves and `run` finds; required with `train`.
    pub model: Option<&'a Path>,
    pub fold: usize,
    pub seed: u64,
    /// As `{threads}`, and in the variables that OpenMP and its like read.
    pub threads: usize,
    /// As `{device}`.
    pub device: &'a str,
    /// The GPUs that it may see, as `nvidia-smi` numbers or names them: `["0"]`. None leaves what is set already.
    pub gpus: &'a [String],
}

/// Who watches a job.
pub trait Watch: Sync {
    /// Whether a signal asked the work to stop.
    fn interrupted(&self) -> bool {
        false
    }

    /// One line worth keeping.
    fn note(&self, _line: &str) {}

    /// A case's output is there. It is removed once this returns; who wants it takes it over now and returns true.
    ///
    /// An output that is `early` is taken while the algorithm still runs, so that a kill loses little: a later case's
    /// output has begun and this one has not changed for two seconds. Whoever cannot read it returns false and is given
    /// it again at the end, as is everyone where it changed meanwhile. So is the last one of a run that failed or was
    /// ended, where all that can be seen says that it is whole: who cannot read it returns false, and the case has failed.
    ///
    /// # Errors
    /// Whatever ends the job: a full disk.
    fn output(&self, output: &Output<'_>) -> Result<bool>;
}

/// What an algorithm wrote for a case.
#[derive(Clone, Copy, Debug)]
pub struct Output<'a> {
    /// The case's name in the study.
    pub case: &'a str,
    /// Its CT, as the user has it.
    pub image: &'a Path,
    /// The file with the prediction.
    pub path: &'a Path,
    /// What it cost. Of an early output as far as can be seen; [`Ran::cases`] has the last word.
    pub measured: &'a Measured,
    /// Whether it may not be whole: the algorithm still runs, or failed after it.
    pub early: bool,
    /// The last lines that it said, for the message about an output that is wrong; empty of an early one.
    pub tail: &'a [String],
}

/// What came of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct Ran {
    /// In the order of the job.
    pub cases: Vec<CaseRan>,
    /// Of all its runs together: times and areas added up, peaks the largest.
    pub total: Measured,
    /// What to know about it, one line each: processes that outlived it, how the time was divided.
    pub notes: Vec<String>,
}

/// What came of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseRan {
    /// Its name in the study.
    pub case: String,
    /// What it cost; none where it was never run.
    pub measured: Option<Measured>,
    /// Why there is no output; none where [`Watch::output`] was given one.
    pub failure: Option<Failure>,
}
