use std::path::PathBuf;

use clap::Args;

use super::{Design, Method, part};
use crate::artifact::{hash_file, refuse_input, refuse_input_inside};
use crate::cli::output::remark;
use crate::error::{Error, Result};
use crate::network::{
    Bundle, DeviceSpec, LoadReport, Network, NetworkKind, export_weights, import_weights,
    initialise, is_torchvision, load_encoder, values,
};
use crate::recipe::Settings;
use crate::seed::Seed;
use crate::text::Shown as _;

/// Write a model folder with initial weights: a network before its training.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  hdbench model init denseunet2d --scale demo --seed 7 --out untrained"
)]
pub struct Init {
    #[command(flatten)]
    design: Design,
    /// Of the initial weights
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The model folder: a new or empty one, or one that holds a model to replace
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Init {
    pub fn exec(self) -> Result<()> {
        let Settings { recipe, scale } = self.design.method.settings()?;
        Bundle::check_folder(&self.out)?;
        let network = Network::build(
            self.design.part,
            &recipe,
            &scale,
            &DeviceSpec::Flex.open(1)?,
        );
        let network = initialise(network, Seed(self.seed));
        Bundle::save(&self.out, &network, self.design.part, &recipe, &scale)?;
        Ok(())
    }
}

/// Write a model's weights for other programs.
///
/// .safetensors holds a PyTorch state_dict: the paths of our modules with PyTorch's names (weight,
/// bias, running_mean, running_var) and layouts. .bpk is Burn's own record.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hdbench model export runs/lits/denseunet2d/fold_0/seed_0/model --out denseunet2d.safetensors
  hdbench model export model --out model.bpk")]
pub struct Export {
    /// A model folder
    model: PathBuf,
    /// .safetensors or .bpk
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Export {
    pub fn exec(self) -> Result<()> {
        let files = Bundle::files(&self.model);
        refuse_input(&self.out, files.iter().map(PathBuf::as_path))?;
        let (bundle, network) = Bundle::load(&self.model, &DeviceSpec::Flex.open(1)?)?;
        export_weights(&network, &self.out)?;
        // A device or a pipe has the bytes, and may be where this would be printed.
        if !self.out.is_file() {
            return Ok(());
        }
        let bytes = std::fs::metadata(&self.out)
            .map_err(Error::read(&self.out))?
            .len();
        remark(&format!(
            "{}: {} tensors of {}, {:.1} MB\nBLAKE3 {}",
            self.out.shown(),
            values(&network).len(),
            bundle.part,
            bytes as f64 / 1e6,
            hash_file(&self.out)?
        ));
        Ok(())
    }
}

/// Make a model folder from weights that another program wrote.
///
/// Takes what `hdbench model export` and PyTorch write for the same network. --part _encoder also
/// takes the DenseNet-161 of torchvision or timm, as they name it. Every tensor of the network has
/// to be there; what the file has beside them is listed.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hdbench model import densenet161-8d451a50.pth --part _encoder --out encoder
  hdbench model import denseunet2d.safetensors --part denseunet2d --out model")]
pub struct Import {
    /// .safetensors, .pth, .pt, .bin or .bpk
    file: PathBuf,
    /// What the weights are of: a variant, or _encoder or _coarse
    #[arg(long, value_parser = part)]
    part: NetworkKind,
    #[command(flatten)]
    method: Method,
    /// The model folder: a new or empty one, or one that holds a model to replace
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Import {
    pub fn exec(self) -> Result<()> {
        let Settings { recipe, scale } = self.method.settings()?;
        Bundle::check_folder(&self.out)?;
        refuse_input_inside(&self.out, [self.file.as_path()])?;
        let blank = Network::build(self.part, &recipe, &scale, &DeviceSpec::Flex.open(1)?);
        let (network, report) = if self.part == NetworkKind::Encoder && is_torchvision(&self.file)?
        {
            let mut network = initialise(blank, Seed(1));
            let report = load_encoder(&mut network, &self.file)?;
            (network, report)
        } else {
            import_weights(blank, &self.file)?
        };
        Bundle::save(&self.out, &network, self.part, &recipe, &scale)?;
        told(&report);
        Ok(())
    }
}

fn told(report: &LoadReport) {
    remark(&format!(
        "{}: {} tensors loaded, none missing",
        report.file, report.loaded
    ));
    remark(&format!("BLAKE3 {}", report.hash));
    if !report.unexpected.is_empty() {
        let names = report.unexpected.join(", ");
        remark(&format!(
            "{} tensors not used: {names}",
            report.unexpected.len()
        ));
    }
}
