use std::time::Instant;

use burn::module::Module;
use burn::tensor::Device;
use serde::Serialize;

use super::memory::PeakMemory;
use crate::error::Result;
use crate::network::{Mode, Network, NetworkKind, Pass, initialise};
use crate::recipe::{Recipe, Scale};
use crate::seed::Seed;
use crate::training::{Patch, Steps, noise};

/// What a network costs on a device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// `[n, 1, slices, y, x]`.
    pub input: [usize; 5],
    /// Each training step after the first: forward, loss, backward, optimiser.
    pub step_seconds: Vec<f64>,
    /// Highest resident memory of the process during the steps, MB (10^6 bytes).
    pub step_memory_mb: Option<f64>,
    /// What a GPU's allocator holds after the steps, pages for reuse included, MB (10^6 bytes).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_device_mb: Option<f64>,
    /// Each forward pass without gradients after the first.
    pub answer_seconds: Vec<f64>,
    pub answer_memory_mb: Option<f64>,
    /// As `step_device_mb`, after the forward passes; where steps came before, no less than theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_device_mb: Option<f64>,
}

fn device_mb(device: &Device) -> Option<f64> {
    let held = device.memory_pool_usage()?.bytes_reserved;
    Some(held as f64 / 1e6)
}

/// Times some training steps of a part's last stage, and as many forward passes, on noise; of both one more
/// comes before, which does not count. Without `steps` nothing is trained.
pub fn measure(
    part: NetworkKind,
    recipe: &Recipe,
    scale: &Scale,
    patch: Patch,
    device: &Device,
    steps: usize,
    answers: usize,
) -> Result<Measured> {
    let training = device.clone().autodiff();
    let mut network = initialise(Network::build(part, recipe, scale, &training), Seed(1));
    let batch = noise(part, network.input(), patch, Seed(1));
    let mut step_seconds = Vec::new();
    let mut step_memory_mb = None;
    let mut step_device_mb = None;
    if steps > 0 {
        let mut taken = Steps::new(part, recipe, scale, &training, patch.shards);
        network = taken.prepare(network);
        let memory = PeakMemory::start();
        for _ in 0..=steps {
            let began = Instant::now();
            (network, _) = taken.step(1e-6, network, &batch, Seed(1).stream("dropout"));
            device
                .sync()
                .map_err(|e| crate::error::Error::Internal(e.to_string()))?;
            step_seconds.push(began.elapsed().as_secs_f64());
        }
        step_seconds.remove(0);
        step_memory_mb = memory.megabytes();
        step_device_mb = device_mb(device);
    }
    let network = network.valid();
    let memory = PeakMemory::start();
    let mut answer_seconds = Vec::new();
    for _ in 0..=answers {
        let began = Instant::now();
        let answers = network.forward(batch.image(device), Mode::TEST, &mut Pass::evaluation());
        drop(answers.logits.into_data());
        answer_seconds.push(began.elapsed().as_secs_f64());
    }
    answer_seconds.remove(0);
    Ok(Measured {
        input: batch.image_shape,
        step_seconds,
        step_memory_mb,
        step_device_mb,
        answer_seconds,
        answer_memory_mb: memory.megabytes(),
        answer_device_mb: device_mb(device),
    })
}
