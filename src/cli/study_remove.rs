use std::path::PathBuf;

use clap::Args;

use super::leased::leased;
use super::output::remark;
use super::progress::Reporter;
use super::report::render;
use crate::error::Result;
use crate::schedule::discard;
use crate::study::{Inputs, Study};
use crate::text::Shown as _;

/// Take the row of an algorithm that is no network of ours out of a study, and render its report.
///
/// What its cells have made stays in the study's folder: told again, by the study's file or by `hdbench study add`, the row
/// is there at once.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hdbench study remove runs/lits --algorithm nnunet
  hdbench study remove runs/lits --algorithm nnunet --purge")]
pub struct Remove {
    /// The study's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The row's name in files
    #[arg(long, value_name = "NAME")]
    algorithm: String,
    /// Delete what its cells have made, too
    #[arg(long)]
    purge: bool,
}

impl Remove {
    pub fn exec(self) -> Result<()> {
        let reporter = Reporter::new()?;
        let page = self.remove(&reporter);
        reporter.finish();
        remark(&format!("report: {}", page?.shown()));
        Ok(())
    }

    fn remove(&self, reporter: &Reporter) -> Result<PathBuf> {
        let before = Study::read(&self.run)?;
        let own = before.other_named(&self.algorithm)?;
        let mut study = before.clone();
        study.algorithm.remove(&self.algorithm);
        study.check()?;
        let _lease = leased(&self.run, reporter)?;
        let inputs = Inputs::prepare(&self.run, &before, reporter)?;
        study.save(&self.run)?;
        if self.purge {
            discard(&self.run, &inputs.cells_of(&before, own))?;
        }
        let (_, page) = render(&self.run, &study, &inputs, true, reporter)?;
        Ok(page)
    }
}
