use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::progress::Reporter;
use crate::dataset::phantom;
use crate::seed::Seed;

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Layout {
    /// volume-N.nii.gz and segmentation-N.nii.gz
    Lits,
}

/// Generate CT phantoms of the abdomen with liver and lesions, the same for the same seed.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  hdbench datasets synth --layout lits --cases 12 --seed 7 --out phantoms --preview")]
pub struct Synth {
    /// How the files lie
    #[arg(long, value_enum, default_value = "lits")]
    layout: Layout,
    /// Number of cases
    #[arg(long, default_value_t = 36)]
    cases: usize,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// In-plane size in pixels: 512 is a life-size abdomen, less scales it down to the field of view
    #[arg(long, default_value_t = 128)]
    matrix: usize,
    /// Where they go
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Write preview.png beside them
    #[arg(long)]
    preview: bool,
}

impl Synth {
    pub fn exec(self) -> anyhow::Result<()> {
        let Layout::Lits = self.layout;
        let spec = phantom::Spec::with_matrix(self.cases, Seed(self.seed), self.matrix);
        let reporter = Reporter::new()?;
        let written = phantom::write_lits(&spec, &self.out, &reporter);
        reporter.finish();
        written?;
        if self.preview {
            for picture in phantom::preview_png(&spec, &self.out.join("preview.png"))? {
                println!("{}", picture.display());
            }
        }
        println!("{} cases in {}", self.cases, self.out.display());
        Ok(())
    }
}
