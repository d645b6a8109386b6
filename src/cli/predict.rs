use std::path::PathBuf;

use clap::Args;

use super::model_options::ModelOptions;
use super::output::{remark, tell};
use super::progress::Reporter;
use crate::artifact::{is_standard_output, is_stream, refuse_input, refuse_output_inside};
use crate::cell::predict_file;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::schedule::model_problem;
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
    /// Where the labels go (.nii, .nii.gz; a pipe or device gets .nii)
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Predict {
    pub fn exec(self) -> anyhow::Result<()> {
        let to_output = is_standard_output(&self.out);
        self.check_out(to_output)?;
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
        let said = format!(
            "{}: liver {:.1} mL, lesions {:.2} mL",
            self.out.shown(),
            found.liver_ml,
            found.lesions_ml
        );
        // Behind a label map it would be taken for voxels.
        match to_output {
            true => tell(&said),
            false => remark(&said),
        }
        Ok(())
    }

    /// Tells what is wrong with the output before a network is loaded.
    fn check_out(&self, to_output: bool) -> Result<()> {
        refuse_input(&self.out, [self.input.as_path(), &self.model])?;
        // What lies in a DICOM series' folder is taken for a part of it.
        if self.input.is_dir() {
            refuse_output_inside(&self.out, &self.input)?;
        }
        let name = self.out.to_string_lossy().to_ascii_lowercase();
        let is_nifti = name.ends_with(".nii") || name.ends_with(".nii.gz");
        if is_nifti || to_output || is_stream(&self.out) {
            return Ok(());
        }
        Err(Error::usage(
            format!(
                "{}: labels are written as .nii or .nii.gz",
                self.out.shown()
            ),
            "give --out a name that ends so",
        ))
    }
}
