use std::path::PathBuf;

use clap::Args;

use crate::artifact::refuse_input;
use crate::cli::device_option::device;
use crate::cli::study_options::{cores, pool, side_by_side};
use crate::error::Result;
use crate::network::{Bundle, DeviceSpec};
use crate::training::{Statistics, probe, read_batch, write_probe};

/// Run one training step on a batch of your own and write everything it computes.
///
/// For comparing implementations: logits, loss, the gradient of every parameter, and all tensors
/// after one step of SGD at a learning rate of 0.01 (the recipe's momentum, dropout off, nothing
/// frozen), under PyTorch's names. scripts/verify_against_pytorch.py does the comparison.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  hdbench model probe model --input batch.safetensors --out step.safetensors --training")]
pub struct Probe {
    /// A model folder
    model: PathBuf,
    /// .safetensors: `input` f32 [n, 1, slices, y, x], HU minus the mean; `labels` u8 [n, z, y, x]
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// .safetensors: `logits`, `loss`, `gradient.NAME`, `after.NAME`
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Batch norms go by the batch's statistics instead of the running ones
    #[arg(long)]
    training: bool,
    /// Where to compute: a device of `hdbench doctor`, or auto: a GPU that works, else flex
    #[arg(long, value_parser = device, default_value_t = DeviceSpec::Flex)]
    device: DeviceSpec,
    /// CPU threads (default: all cores)
    #[arg(long, value_parser = side_by_side)]
    threads: Option<usize>,
}

impl Probe {
    pub fn exec(self) -> Result<()> {
        let files = Bundle::files(&self.model);
        let inputs = files.iter().map(PathBuf::as_path);
        refuse_input(&self.out, inputs.chain([self.input.as_path()]))?;
        let threads = self.threads.unwrap_or_else(cores);
        pool(threads)?.install(|| self.run(threads))
    }

    fn run(&self, threads: usize) -> Result<()> {
        let device = self.device.open(threads)?.autodiff();
        let (bundle, network) = Bundle::load(&self.model, &device)?;
        let batch = read_batch(&self.input, bundle.part, network.input())?;
        let statistics = if self.training {
            Statistics::Batch
        } else {
            Statistics::Running
        };
        let (recipe, scale) = (&bundle.recipe, &bundle.scale);
        let found = probe(
            network,
            bundle.part,
            recipe,
            scale,
            &batch,
            statistics,
            &device,
        );
        write_probe(&self.out, &found)
    }
}
