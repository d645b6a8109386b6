use std::io::IsTerminal;

use clap::Args;
use serde_json::json;

use super::Method;
use crate::cli::device_option::device;
use crate::cli::output::{print, print_json};
use crate::cli::progress::Reporter;
use crate::cli::study_options::{cores, pool, side_by_side};
use crate::cost::{CaseCost, case_cost};
use crate::error::Result;
use crate::network::DeviceSpec;
use crate::recipe::{Settings, Variant};

/// What the paper says that a subject took on its GPU.
const PAPER_SECONDS: &str = "30 to 200 s";

/// What the prediction of a CT of life size costs, stage by stage.
///
/// Runs every stage on a phantom with random weights; of a network's windows only some are timed, and
/// all are estimated from them.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hdbench model cost
  hdbench model cost denseunet2d --slices 150 --windows 8
  hdbench model cost hdenseunet --device tch --json")]
pub struct Cost {
    /// The network
    #[arg(value_enum, default_value_t = Variant::HDenseUNet)]
    variant: Variant,
    #[command(flatten)]
    method: Method,
    /// Slices of the CT
    #[arg(long, value_name = "N", default_value_t = 300)]
    slices: usize,
    /// Rows and columns of a slice, pixels
    #[arg(long, value_name = "N", default_value_t = 512)]
    matrix: usize,
    /// Windows timed of each network, after a first group that is not
    #[arg(long, value_name = "N", default_value_t = 3)]
    windows: usize,
    /// Where to compute: a device of `hdbench doctor`, or auto: a GPU that works, else flex
    #[arg(long, value_parser = device, default_value_t = DeviceSpec::Flex)]
    device: DeviceSpec,
    /// CPU threads (default: all cores)
    #[arg(long, value_parser = side_by_side)]
    threads: Option<usize>,
    /// JSON instead of text (also when standard output is no terminal)
    #[arg(long)]
    json: bool,
}

impl Cost {
    pub fn exec(self) -> Result<()> {
        let Settings { recipe, scale } = self.method.settings()?;
        let threads = self.threads.unwrap_or_else(cores);
        let reporter = Reporter::new()?;
        let size = [self.slices, self.matrix];
        let found = pool(threads)?.install(|| {
            let device = self.device.open(threads)?;
            case_cost(
                self.variant,
                &recipe,
                &scale,
                size,
                &device,
                self.windows,
                &reporter,
            )
        });
        reporter.finish();
        let found = found?;
        if self.json || !std::io::stdout().is_terminal() {
            print_json(&json!({
                "variant": self.variant.id(),
                "device": self.device.to_string(),
                "threads": threads,
                "seconds": found.seconds(),
                "case": found,
            }))
        } else {
            print(&self.text(&found, threads))
        }
    }

    fn text(&self, found: &CaseCost, threads: usize) -> String {
        let sizes = |[z, y, x]: [usize; 3]| format!("{x} x {y} x {z}");
        let mut text = format!(
            "{} on {}, {threads} threads: a CT of {} voxels, the box of its liver {}\n\n",
            self.variant.title(),
            self.device,
            sizes(found.shape),
            sizes(found.region)
        );
        for stage in &found.stages {
            text += &format!("{:<22} {:>10.2} s", stage.name, stage.seconds);
            if let Some(windows) = stage.windows {
                text += &format!(
                    "   estimated: {} windows of {}, {:.3} s each in {} timed",
                    windows.all,
                    sizes(windows.size),
                    windows.seconds,
                    windows.timed
                );
            }
            text.push('\n');
        }
        text += &format!(
            "{:<22} {:>10.2} s   the paper, on its GPU: {PAPER_SECONDS}\n",
            "together",
            found.seconds()
        );
        if let Some(mb) = found.peak_memory_mb {
            text += &format!("peak {mb:.0} MB\n");
        }
        text
    }
}
