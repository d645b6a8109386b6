//! Who is told of outputs, and when.

use std::path::Path;

use hdbench_ground::error::Result;
use hdbench_volume::artifact::MaybeGzip;

use super::appearing::Appearing;
use super::job_run::failure;
use super::outputs::Listing;
use crate::failure::Failure;
use crate::job::{Job, Output, Watch};
use crate::measured::Measured;
use crate::watch::supervise::Ended;

/// What is unpacked at a time.
const CHUNK_BYTES: usize = 1 << 20;

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

    /// The last of a run that did not end well; whether it was taken.
    ///
    /// Only a packed file proves that it is whole, by the sum at its end: a file of bare voxels has its full length before
    /// the last of them is written, where its writer maps it into memory.
    pub fn standing(
        &self,
        appearing: &Appearing<'_>,
        at: usize,
        measured: &Option<Measured>,
    ) -> Result<bool> {
        match appearing.path(at).filter(|path| is_sealed(path)) {
            Some(path) => {
                let measured = measured.clone().unwrap_or_default();
                self.offer(at, path, &measured, &[], true)
            }
            None => Ok(false),
        }
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

/// Whether a file is packed by gzip, up to a sum at its end that is right.
fn is_sealed(path: &Path) -> bool {
    let Ok(mut content) = MaybeGzip::open(path) else {
        return false;
    };
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        match content.fill(&mut buffer) {
            Ok(0) => return content.is_packed(),
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}
