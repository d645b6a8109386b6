//! Who is told of outputs, and when.

use std::path::Path;

use hdbench_ground::error::Result;

use super::appearing::Appearing;
use super::job_run::failure;
use super::outputs::Listing;
use crate::failure::Failure;
use crate::job::{Job, Output, Watch};
use crate::measured::Measured;
use crate::watch::supervise::Ended;

/// Tells of outputs.
pub(crate) struct Offers<'a> {
    pub job: &'a Job<'a>,
    pub watch: &'a dyn Watch,
    /// Those of the run among the cases of the job.
    pub indices: &'a [usize],
}

impl Offers<'_> {
    fn offer(
        &self,
        at: usize,
        path: &Path,
        measured: &Measured,
        tail: &[String],
        early: bool,
    ) -> Result<bool> {
        let case = &self.job.cases[self.indices[at]];
        self.watch.output(&Output {
            case: &case.name,
            image: &case.image,
            path,
            measured,
            early,
            tail,
        })
    }

    /// Those that are written while the algorithm goes on.
    pub fn early(&self, appearing: &mut Appearing<'_>, now: f64) -> Result<()> {
        for at in appearing.written(now) {
            let (Some(path), Some([from, to])) = (appearing.path(at), appearing.interval(at))
            else {
                continue;
            };
            let measured = Measured {
                wall_seconds: to - from,
                warm_up: from <= 0.0,
                ..Measured::default()
            };
            let is_taken = self.offer(at, path, &measured, &[], true)?;
            // One that cannot be read yet is offered at the end, or once it has changed.
            appearing.offered(at, is_taken);
        }
        Ok(())
    }

    /// One at the end, unless it was taken already; why there is none.
    pub fn last(
        &self,
        appearing: &Appearing<'_>,
        at: usize,
        stem: &str,
        measured: &Option<Measured>,
        ended: &Ended,
    ) -> Result<Option<Failure>> {
        if appearing.is_taken(at) {
            return Ok(None);
        }
        match Listing::of(appearing.folder(), appearing.scratch())
            .find(stem, self.job.algorithm.input)
        {
            Ok(path) => {
                let measured = measured.clone().unwrap_or_default();
                self.offer(at, &path, &measured, &ended.said.tail, false)?;
                Ok(None)
            }
            Err(cause) => Ok(Some(failure(cause, ended))),
        }
    }
}
