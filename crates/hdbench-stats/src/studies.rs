use std::path::Path;

use hdbench_ground::error::Result;

use super::made_from::{CostSamples, SourceFacts};
use super::scored::Scored;

/// Who knows the folders of studies: what is scored there, what it cost and what it was made from is the harness's
/// to say.
pub trait Studies {
    /// The scores of a study's finished cells; nothing for a folder that is no study's.
    ///
    /// # Errors
    /// `Error::Malformed` where no cell is finished or a file does not parse; `Error::Read`.
    fn scored(&self, folder: &Path) -> Result<Option<Scored>>;

    /// What the scores at a path were made from, and what making them cost; the program's version alone where the
    /// path is no study's.
    ///
    /// # Errors
    /// As [`Studies::scored`].
    fn made_from(&self, path: &Path) -> Result<(SourceFacts, Vec<CostSamples>)>;
}

/// Every folder is one of scores.
#[derive(Clone, Copy, Debug)]
pub struct NoStudies;

impl Studies for NoStudies {
    fn scored(&self, _: &Path) -> Result<Option<Scored>> {
        Ok(None)
    }

    fn made_from(&self, _: &Path) -> Result<(SourceFacts, Vec<CostSamples>)> {
        let facts = SourceFacts {
            hdbench: env!("CARGO_PKG_VERSION").into(),
            ..SourceFacts::default()
        };
        Ok((facts, Vec::new()))
    }
}
