use std::io::IsTerminal;

use clap::Args;
use serde_json::json;

use super::summary::grouped;
use super::{Design, Sizes};
use crate::analysis::statistics::median;
use crate::cli::device_option::device;
use crate::cli::output::{print, print_json};
use crate::cli::study_options::{cores, pool, shards, side_by_side};
use crate::cost::{Measured, measure};
use crate::error::{Error, Result};
use crate::network::{DeviceSpec, NetworkSummary, summarise};
use crate::recipe::Settings;
use crate::training::Patch;

/// Measure a network: seconds and peak memory of a training step and of an answer.
///
/// Runs on noise; no data set and no training are needed. The step is one of the last stage, with
/// nothing frozen in recipe paper: for hdenseunet the joint step.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hdbench model measure hdenseunet --repeats 1
  hdbench model measure denseunet2d --batch 1 --device tch --json")]
pub struct Measure {
    #[command(flatten)]
    design: Design,
    #[command(flatten)]
    sizes: Sizes,
    /// Parts in which a mini-batch of slices is computed, one after the other
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = shards)]
    shards: usize,
    /// Where to compute: a device of `hdbench doctor`, or auto: a GPU that works, else flex
    #[arg(long, value_parser = device, default_value_t = DeviceSpec::Flex)]
    device: DeviceSpec,
    /// CPU threads (default: all cores)
    #[arg(long, value_parser = side_by_side)]
    threads: Option<usize>,
    /// Training steps and forward passes timed, after one of each that is not; the median is printed
    #[arg(long, default_value_t = 3)]
    repeats: usize,
    /// Forward passes alone, without training steps and the memory they take
    #[arg(long, alias = "answers")]
    forward_only: bool,
    /// JSON instead of text (also when standard output is no terminal)
    #[arg(long)]
    json: bool,
}

impl Measure {
    pub fn exec(self) -> Result<()> {
        let part = self.design.part;
        let usual = self.design.method.settings()?;
        let Settings { recipe, scale } = self.sizes.applied(usual.clone(), &[part])?;
        let patch = Patch {
            shards: self.shards,
            ..Patch::of(part, &recipe, &scale)
        };
        if self.repeats == 0 {
            return Err(Error::usage(
                "--repeats 0 times nothing",
                "give 1 or more, or leave it out",
            ));
        }
        let threads = self.threads.unwrap_or_else(cores);
        let steps = if self.forward_only { 0 } else { self.repeats };
        let measured = pool(threads)?.install(|| {
            let device = self.device.open(threads)?;
            measure(part, &recipe, &scale, patch, &device, steps, self.repeats)
        })?;
        let summary = summarise(part, &usual.recipe, &usual.scale);
        if self.json || !std::io::stdout().is_terminal() {
            let value = json!({
                "part": part.id(),
                "device": self.device.to_string(),
                "threads": threads,
                "parameters": summary.parameters.trainable,
                "multiply_adds_of_a_usual_patch": summary.multiply_adds(),
                "usual_patch": summary.input,
                "measured": measured,
            });
            print_json(&value)
        } else {
            print(&text(&measured, &summary, threads, self.device))
        }
    }
}

fn text(
    measured: &Measured,
    summary: &NetworkSummary,
    threads: usize,
    place: DeviceSpec,
) -> String {
    let [n, _, slices, plane, _] = measured.input;
    let memory = |mb: Option<f64>| mb.map_or(String::new(), |mb| format!(", peak {mb:.0} MB"));
    let held =
        |mb: Option<f64>| mb.map_or(String::new(), |mb| format!(", {mb:.0} MB on the device"));
    let step = match measured.step_seconds.as_slice() {
        [] => String::new(),
        seconds => format!(
            "training step {:.3} s{}{}\n",
            median(&mut seconds.to_vec()),
            memory(measured.step_memory_mb),
            held(measured.step_device_mb)
        ),
    };
    format!(
        "input {n} x {slices} x {plane} x {plane} on {place}, {threads} threads\n\
         {} trainable parameters\n\
         {step}\
         answer        {:.3} s{}{}\n",
        grouped(summary.parameters.trainable),
        median(&mut measured.answer_seconds.clone()),
        memory(measured.answer_memory_mb),
        held(measured.answer_device_mb),
    )
}
