use std::path::PathBuf;

use clap::Args;

use super::output::print;
use crate::error::Result;
use crate::schedule::cancel;
use crate::study::Study;

/// Take a study's Slurm jobs out of the queue; cells that run save and end.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  hdbench cancel runs/lits")]
pub struct Cancel {
    /// The study's folder
    run: PathBuf,
}

impl Cancel {
    pub fn exec(self) -> Result<()> {
        Study::read(&self.run)?;
        let count = cancel(&self.run)?;
        print(&format!(
            "{count} jobs cancelled; the same start as before submits what is left\n"
        ))
    }
}
