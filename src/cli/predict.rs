use std::path::PathBuf;

use clap::Args;

use super::progress::Reporter;
use super::study_options::{cores, pool};
use crate::harness::{load_model, model_folder, predict_file};
use crate::network::Place;
use crate::recipe::Variant;

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
    /// The network, where --model is a study's folder
    #[arg(long, value_enum, default_value_t = Variant::HDenseUNet)]
    variant: Variant,
    #[arg(long, default_value_t = 0)]
    fold: usize,
    #[arg(long, default_value_t = 0)]
    seed: u32,
    /// CT volume in HU: .nii, .nii.gz, or a DICOM series (a folder or a .zip)
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Where the labels go (.nii, .nii.gz)
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Where to compute
    #[arg(long, default_value_t = Place::Flex)]
    device: Place,
    /// CPU threads (default: all cores)
    #[arg(long)]
    threads: Option<usize>,
}

impl Predict {
    pub fn exec(self) -> anyhow::Result<()> {
        let reporter = Reporter::new()?;
        let folder = model_folder(&self.model, self.variant, self.fold, self.seed)?;
        let threads = self.threads.unwrap_or_else(cores);
        let found = pool(threads)?.install(|| {
            let model = load_model(&folder, self.device, threads)?;
            predict_file(&model, &self.input, &self.out, &reporter)
        });
        reporter.finish();
        let found = found?;
        if !found.coarse_liver {
            eprintln!("warning: the coarse stage found no liver; the whole volume was searched");
        }
        println!(
            "{}: liver {:.1} mL, lesions {:.2} mL",
            self.out.display(),
            found.liver_ml,
            found.lesions_ml
        );
        Ok(())
    }
}
