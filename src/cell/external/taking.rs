//! Outputs of an algorithm, taken over while it runs.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use hdbench_algorithm::{Algorithm as External, Output, Ran, Taken, Watch, take};

use crate::error::{Error, Result};
use crate::progress::Progress;

/// What becomes of the prediction of a case, and of the seconds that it took where they are known.
pub type Keep<'a> = &'a (dyn Fn(&str, Taken, Option<f64>) -> Result<()> + Sync);

/// Whoever takes the outputs of an algorithm over, as they come.
pub(super) struct Taking<'a> {
    algorithm: &'a External,
    progress: &'a dyn Progress,
    /// Progress that a case is worth.
    units: u64,
    keep: Keep<'a>,
    /// Outputs that could not be taken, by their cases, with why.
    refused: Mutex<BTreeMap<String, String>>,
}

impl<'a> Taking<'a> {
    pub(super) fn new(
        algorithm: &'a External,
        progress: &'a dyn Progress,
        units: u64,
        keep: Keep<'a>,
    ) -> Self {
        Self {
            algorithm,
            progress,
            units,
            keep,
            refused: Mutex::default(),
        }
    }

    /// Takes over a case's prediction, which cost that many seconds where that is known; `image` is its CT.
    ///
    /// # Errors
    /// `Error::Malformed` and `Error::Usage` for one that cannot be scored; what keeping it gives.
    pub(super) fn take_over(
        &self,
        case: &str,
        path: &Path,
        image: &Path,
        seconds: Option<f64>,
    ) -> Result<()> {
        let taken = take(path, image, self.algorithm)?;
        for note in &taken.notes {
            self.progress.note(&format!("{case}: {note}"));
        }
        (self.keep)(case, taken, seconds)?;
        self.progress.advance(self.units);
        Ok(())
    }

    /// The cases of a run without a prediction, each with why.
    pub(super) fn failures(&self, ran: &Ran) -> Vec<(String, String)> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let why = |case: &str| refused.get(case).cloned();
        let failed = ran.cases.iter().filter_map(|case| {
            let failure = case.failure.as_ref().map(ToString::to_string);
            Some((case.case.clone(), failure.or_else(|| why(&case.case))?))
        });
        failed.collect()
    }
}

impl Watch for Taking<'_> {
    fn interrupted(&self) -> bool {
        self.progress.interrupted()
    }

    fn note(&self, line: &str) {
        self.progress.note(line);
    }

    fn output(&self, output: &Output<'_>) -> Result<bool> {
        let seconds = Some(output.measured.wall_seconds);
        match self.take_over(output.case, output.path, output.image, seconds) {
            Ok(()) => Ok(true),
            // It may not be whole yet.
            Err(Error::Malformed { .. } | Error::Usage { .. } | Error::Read { .. })
                if output.early =>
            {
                Ok(false)
            }
            Err(error @ (Error::Malformed { .. } | Error::Usage { .. })) => {
                let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
                refused.insert(output.case.to_owned(), error.to_string());
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }
}
