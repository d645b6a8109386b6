use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::progress::Reporter;
use super::study_options::use_threads;
use crate::harness::{Cell, Inputs, Lease, Study, run_cell};

/// Work on single cells of a study.
#[derive(Subcommand, Debug)]
pub enum CellVerb {
    Run(Run),
}

/// Train, predict and score one cell; what it needs has to be finished.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  hdbench cell run runs/ablation-demo unet/fold_0/seed_0")]
pub struct Run {
    /// The study's folder
    run: PathBuf,
    /// The cell, e.g. hdenseunet/fold_0/seed_0 or _coarse/fold_0/seed_0
    cell: String,
}

impl CellVerb {
    pub fn exec(self) -> anyhow::Result<()> {
        let Self::Run(Run { run, cell }) = self;
        let study = Study::read(&run)?;
        let cell = Cell::parse(&cell)?;
        use_threads(study.threads)?;
        let reporter = Reporter::new()?;
        let _lease = Lease::take(&cell.folder(&run))?;
        let inputs = Inputs::prepare(&run, &study, &reporter)?;
        let result = run_cell(&run, &study, &inputs, cell, &reporter);
        reporter.finish();
        Ok(result?)
    }
}
