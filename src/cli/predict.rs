use std::path::PathBuf;

use clap::Args;

use super::model_options::ModelOptions;
use super::output::{remark, tell};
use super::progress::Reporter;
use crate::harness::{model_problem, predict_file};
use crate::progress::Progress;
use crate::text::Shown as _;

/// Segment a CT of your own: no mask needed, the coarse stage is included.
///
/// The output has the CT's own grid; labels are 0 background, 1 liver, 2 lesion.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hdbench predict --model runs/ablation-demo --input ct.nii.gz --out segmentation.nii.gz
  hdbench predict --model runs/lits --variant denseunet2d --input ct.nii --out seg.nii
  hdbench predict --model runs/lits --input PATIENT_DICOM --out segmentation.nii.gz")]
pub struct Predict {
    /// A study's folder, a cell's folder, or a model/ folder
    #[arg(long, value_name = "RUN")]
    model: PathBuf,
    #[command(flatten)]
    network: ModelOptions,
    /// CT volume in HU: .nii, .nii.gz, or a DICOM series (a folder or a .zip)
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Where the labels go (.nii, .nii.gz)
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Predict {
    pub fn exec(self) -> anyhow::Result<()> {
        let reporter = Reporter::new()?;
        let folder = self.network.folder(&self.model)?;
        if let Some(problem) = model_problem(&folder)? {
            reporter.note(&format!(
                "warning: not what its study would train now: {problem}"
            ));
        }
        let found = self.network.compute.with(&folder, |model| {
            predict_file(model, &self.input, &self.out, &reporter)
        });
        reporter.finish();
        let found = found?;
        if !found.coarse_liver {
            tell("warning: the coarse stage found no liver; the whole volume was searched");
        }
        remark(&format!(
            "{}: liver {:.1} mL, lesions {:.2} mL",
            self.out.shown(),
            found.liver_ml,
            found.lesions_ml
        ));
        Ok(())
    }
}
