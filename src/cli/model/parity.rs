use clap::Args;
use serde_json::json;

use super::{Sizes, part};
use crate::cli::device_option::device;
use crate::cli::output::{print, print_json};
use crate::cli::study_options::{cores, pool, side_by_side};
use crate::cli::table_output::for_terminal;
use crate::error::{Error, Result};
use crate::network::{DeviceSpec, NetworkKind};
use crate::recipe::{RecipeName, ScaleName, Settings};
use crate::training::{Agreement, Patch, parity};

/// Hold what a device computes against flex: logits, loss, every gradient, a step, and some steps of training.
///
/// Each network runs on noise from the same weights on both, with batch norms by their running statistics and by the
/// batch's. A deviation is the norm of the difference over the norm of the expected numbers, of gradients and tensors
/// the worst one's. A GPU adds up in another order, so it's never 0 there; a kernel at fault is far beyond the bounds.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hdbench model parity --device flex --steps 2 unet
  hdbench model parity --device wgpu --scale full --plane 96 --batch 1

Exit codes: 0 all is within its bound, 4 something is not.")]
pub struct Parity {
    /// Networks (default: every variant, _encoder and _coarse)
    #[arg(value_parser = part)]
    parts: Vec<NetworkKind>,
    /// The method
    #[arg(long, value_enum, default_value_t = RecipeName::Paper)]
    recipe: RecipeName,
    /// Widths, depths and patch
    #[arg(long, value_enum, default_value_t = ScaleName::Demo)]
    scale: ScaleName,
    /// Change a field of the recipe or the scale, e.g. --set upsampling=nearest
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// What is held against flex
    #[arg(long, value_parser = device)]
    device: DeviceSpec,
    #[command(flatten)]
    sizes: Sizes,
    /// Training steps, whose last loss is compared; 0 leaves them out
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=1000))]
    steps: u64,
    /// CPU threads (default: all cores)
    #[arg(long, value_parser = side_by_side)]
    threads: Option<usize>,
    /// JSON instead of text (also when standard output is no terminal)
    #[arg(long)]
    json: bool,
}

impl Parity {
    pub fn exec(self) -> Result<()> {
        let parts: Vec<NetworkKind> = match self.parts.as_slice() {
            [] => NetworkKind::all().collect(),
            some => some.to_vec(),
        };
        let usual = Settings::with(self.recipe, self.scale, &self.set)?;
        let settings = self.sizes.applied(usual, &parts)?;
        let threads = self.threads.unwrap_or_else(cores);
        let lines = for_terminal() && !self.json;
        let found: Vec<Agreement> = pool(threads)?.install(|| {
            let reference = DeviceSpec::Flex.open(threads)?;
            let device = self.device.open(threads)?;
            let one = |part: &NetworkKind| {
                let Settings { recipe, scale } = &settings;
                let patch = Patch::of(*part, recipe, scale);
                let steps = self.steps as usize;
                let found = parity(*part, recipe, scale, patch, [&reference, &device], steps);
                if lines {
                    print(&text(&found))?;
                }
                Ok(found)
            };
            parts.iter().map(one).collect::<Result<_>>()
        })?;
        if !lines {
            print_json(&json!({
                "device": self.device.to_string(),
                "reference": DeviceSpec::Flex.to_string(),
                "networks": found,
            }))?;
        }
        let off: Vec<&str> = found
            .iter()
            .filter(|own| !own.is_within())
            .map(|own| own.part.as_str())
            .collect();
        if off.is_empty() {
            return Ok(());
        }
        Err(Error::Refuted {
            problem: format!("{} computes something else than flex: {}", self.device, off.join(", ")),
            hint: "results of this device are not to be trusted: use --device flex, and report it with what `hdbench \
                   doctor` prints"
                .into(),
        })
    }
}

fn text(found: &Agreement) -> String {
    let mut text = format!("{}\n", found.part);
    for own in &found.deviations {
        let mark = if own.is_within() { "✓" } else { "✗" };
        let tensor = own
            .tensor
            .as_deref()
            .map_or(String::new(), |name| format!(", {name}"));
        text += &format!(
            "  {mark} {:<36} {:.1e} of {:.0e}{tensor}\n",
            own.what, own.largest, own.bound
        );
    }
    text
}
