use std::time::Instant;

use burn::module::Module;
use burn::tensor::Device;
use serde::Serialize;

use super::memory::PeakMemory;
use crate::error::Result;
use crate::network::{Input, Mode, Network, NetworkKind, ORGANS, Pass, initialise};
use crate::recipe::{Recipe, Scale};
use crate::seed::Seed;
use crate::training::{Batch, Step, sgd, stages};

/// The size of a patch and how many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Patch {
    /// Patches of slices; volumes come one by one.
    pub batch: usize,
    /// Slices of a volume.
    pub depth: usize,
    /// In-plane size, divisible by 32, of the coarse net by 16.
    pub plane: usize,
    /// Parts in which a mini-batch of slices is computed.
    pub shards: usize,
}

impl Patch {
    /// What a part trains on.
    pub fn of(part: NetworkKind, recipe: &Recipe, scale: &Scale) -> Self {
        Self {
            batch: scale.batch,
            depth: scale.depth.unwrap_or(recipe.patch_depth),
            plane: match part {
                NetworkKind::Coarse => scale.coarse_patch,
                _ => scale.patch,
            },
            shards: 1,
        }
    }
}

/// What a network costs on a device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// `[n, 1, slices, y, x]`.
    pub input: [usize; 5],
    /// Each training step after the first: forward, loss, backward, optimiser.
    pub step_seconds: Vec<f64>,
    /// Highest resident memory of the process during the steps, MB (10^6 bytes).
    pub step_memory_mb: Option<f64>,
    /// Each forward pass without gradients after the first.
    pub answer_seconds: Vec<f64>,
    pub answer_memory_mb: Option<f64>,
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
    let batch = noise(part, network.input(), patch);
    let mut step_seconds = Vec::new();
    let mut step_memory_mb = None;
    if steps > 0 {
        let plans = stages(part, recipe, scale);
        let devices = [training];
        let step = Step {
            plan: plans.last().expect("every part has a stage"),
            recipe,
            devices: &devices,
            shards: patch.shards,
        };
        let mut optimizer = sgd(recipe);
        let memory = PeakMemory::start();
        for _ in 0..=steps {
            let began = Instant::now();
            let (_, gradients) = step.gradients(&network, &batch, Seed(1).stream("dropout"));
            network = optimizer.step(1e-6, network, gradients);
            device
                .sync()
                .map_err(|e| crate::error::Error::Internal(e.to_string()))?;
            step_seconds.push(began.elapsed().as_secs_f64());
        }
        step_seconds.remove(0);
        step_memory_mb = memory.megabytes();
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
        answer_seconds,
        answer_memory_mb: memory.megabytes(),
    })
}

/// Noise of a CT's range with labels of all classes.
fn noise(part: NetworkKind, input: Input, patch: Patch) -> Batch {
    let Patch {
        batch,
        depth,
        plane,
        shards: _,
    } = patch;
    let image_shape = match input {
        Input::Slices { neighbours } => [batch, 1, 2 * neighbours + 1, plane, plane],
        Input::Volume => [1, 1, depth, plane, plane],
    };
    let labels_shape = match (part, input) {
        (NetworkKind::Encoder, _) => [batch, ORGANS, 1, 1],
        (_, Input::Slices { .. }) => [batch, 1, plane, plane],
        (_, Input::Volume) => [1, depth, plane, plane],
    };
    let classes = match part {
        NetworkKind::Coarse | NetworkKind::Encoder => 2,
        NetworkKind::Variant(_) => 3,
    };
    let mut stream = Seed(1).stream("noise");
    Batch {
        image: (0..image_shape.iter().product())
            .map(|_| (60.0 * stream.normal()) as f32)
            .collect(),
        image_shape,
        labels: (0..labels_shape.iter().product::<usize>())
            .map(|index| (index % classes) as u8)
            .collect(),
        labels_shape,
    }
}
