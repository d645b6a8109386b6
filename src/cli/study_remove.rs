use std::path::PathBuf;

use clap::Args;

use super::leased::leased;
use super::output::remark;
use super::progress::Reporter;
use super::report::render;
use crate::error::{Error, Result};
use crate::schedule::discard;
use crate::study::{Algorithm, AlgorithmId, Cell, Inputs, Study, cells_of};
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
        let mut study = before.clone();
        if study.algorithm.remove(&self.algorithm).is_none() {
            return Err(self.unknown(&before));
        }
        study.check()?;
        let _lease = leased(&self.run, reporter)?;
        let inputs = Inputs::prepare(&self.run, &before, reporter)?;
        study.save(&self.run)?;
        if self.purge {
            discard(&self.run, &self.cells(&before, &inputs))?;
        }
        let (_, page) = render(&self.run, &study, &inputs, true, reporter)?;
        Ok(page)
    }

    /// Its cells in the study.
    fn cells(&self, study: &Study, inputs: &Inputs) -> Vec<Cell> {
        let own = AlgorithmId::new(&self.algorithm).map(Algorithm::External);
        let folds = inputs.folds.iter().map(|fold| (fold.index, fold.role));
        let cells = cells_of(study, folds).into_iter();
        cells.filter(|cell| Some(cell.algorithm) == own).collect()
    }

    fn unknown(&self, study: &Study) -> Error {
        let names: Vec<&str> = study.algorithm.keys().map(String::as_str).collect();
        let is_network = study
            .variants
            .iter()
            .any(|variant| variant.id() == self.algorithm);
        let problem = match is_network {
            true => "is a network of ours, which stays",
            false => "is no algorithm of the study",
        };
        let hint = match names.as_slice() {
            [] => "it has none beside our networks".to_owned(),
            names => format!("its algorithms: {}", names.join(", ")),
        };
        let problem = format!("{}: {} {problem}", self.run.shown(), self.algorithm);
        Error::usage(problem, hint)
    }
}
