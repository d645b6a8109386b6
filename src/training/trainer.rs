use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use burn::module::{Module, ParamGroup};
use burn::optim::momentum::MomentumConfig;
use burn::optim::{GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::batch::Batch;
use super::checkpoint::{Checkpoint, LossRow};
use super::loss::{classification_loss, segmentation_loss};
use super::plan::{Frozen, StagePlan};
use super::sampler::{Sampler, Target};
use crate::error::{Error, Result};
use crate::network::{Answers, Network, Pass, identify};
use crate::preprocess::Stored;
use crate::progress::Progress;
use crate::recipe::{Recipe, Scale, Schedule};
use crate::seed::Seed;

/// When a training writes its checkpoint, beside the end of each stage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saving {
    /// After so many iterations of a stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iterations: Option<usize>,
    /// After so many seconds.
    pub seconds: f64,
}

impl Default for Saving {
    fn default() -> Self {
        Self {
            iterations: None,
            seconds: 60.0,
        }
    }
}

/// Everything a cell's training needs beside its network.
pub struct Session<'a> {
    /// The cell's folder.
    pub cell: &'a Path,
    /// Hash of all that determines the result; a checkpoint of another is not taken.
    pub inputs: &'a str,
    pub recipe: &'a Recipe,
    pub scale: &'a Scale,
    pub cases: &'a [Arc<Stored>],
    pub seed: Seed,
    /// With autodiff.
    pub device: &'a Device,
    pub saving: Saving,
    pub progress: &'a dyn Progress,
    /// Units of progress an iteration is worth.
    pub units: u64,
}

/// A finished training.
pub struct Trained {
    /// Still on the training device.
    pub network: Network,
    pub losses: Vec<LossRow>,
}

impl Session<'_> {
    /// Runs all stages, going on from the cell's checkpoint where there is one. `blank` gives the
    /// network a checkpoint is loaded into, `start` the one that training begins with.
    pub fn train(
        &self,
        stages: &[StagePlan],
        blank: impl FnOnce() -> Network,
        start: impl FnOnce() -> Result<Network>,
    ) -> Result<Trained> {
        let mut found = None;
        for (index, plan) in stages.iter().enumerate() {
            if let Some(checkpoint) = Checkpoint::find(self.cell, self.inputs, &plan.name)? {
                found = Some((index, checkpoint));
            }
        }
        let (first, mut state, mut network, mut optimizer) = match found {
            Some((index, checkpoint)) => {
                let (network, optimizer) = Checkpoint::load(self.cell, blank(), sgd(self.recipe))?;
                (index, checkpoint, network, optimizer)
            }
            None => {
                let state = self.beginning(&stages[0], Vec::new());
                (0, state, start()?, sgd(self.recipe))
            }
        };
        self.progress
            .advance(self.units * state.losses.len() as u64);
        for (index, plan) in stages.iter().enumerate().skip(first) {
            network = self.stage(plan, network, &mut optimizer, &mut state)?;
            if let Some(next) = stages.get(index + 1) {
                state = self.beginning(next, state.losses);
                optimizer = sgd(self.recipe);
                state.save(self.cell, &network, &optimizer)?;
            }
        }
        Ok(Trained {
            network,
            losses: state.losses,
        })
    }

    fn beginning(&self, plan: &StagePlan, losses: Vec<LossRow>) -> Checkpoint {
        Checkpoint {
            inputs: self.inputs.to_owned(),
            stage: plan.name.clone(),
            iteration: 0,
            losses,
        }
    }

    fn stage(
        &self,
        plan: &StagePlan,
        network: Network,
        optimizer: &mut ModuleOptimizer,
        state: &mut Checkpoint,
    ) -> Result<Network> {
        let mut network = prepare_network(network, plan.frozen);
        let sampler = Sampler::new(
            self.cases,
            self.recipe,
            self.scale,
            plan.target,
            network.input(),
        )?;
        self.progress.stage("", &plan.name);
        let mut saved = Instant::now();
        while state.iteration < plan.iterations {
            let began = Instant::now();
            let lr = self.learning_rate(plan, state.iteration);
            // Counted over the cell, so that a later stage does not see the same patches again.
            let iteration = state.losses.len() as u64;
            let batch = sampler.draw(self.seed, iteration)?;
            let loss = self.loss(&network, plan, &batch, iteration);
            let value = f64::from(loss.clone().into_scalar::<f32>());
            if !value.is_finite() {
                return Err(Error::Diverged {
                    what: format!("{} ({})", self.cell.display(), plan.name),
                    iteration: state.losses.len() + 1,
                    loss: value,
                });
            }
            let gradients = GradientsParams::from_grads(loss.backward(), &network);
            network = optimizer.step(lr, network, gradients);
            state.iteration += 1;
            state.losses.push(LossRow {
                iteration: state.losses.len() + 1,
                stage: plan.name.clone(),
                lr,
                loss: value,
                seconds: began.elapsed().as_secs_f64(),
            });
            self.progress.advance(self.units);
            let due = self
                .saving
                .iterations
                .is_some_and(|n| state.iteration.is_multiple_of(n))
                || saved.elapsed().as_secs_f64() > self.saving.seconds;
            let interrupted = self.progress.interrupted();
            if due || interrupted {
                state.save(self.cell, &network, optimizer)?;
                saved = Instant::now();
            }
            if interrupted {
                return Err(Error::Interrupted {
                    hint: "run the same command again to go on".into(),
                });
            }
        }
        Ok(network)
    }

    fn learning_rate(&self, plan: &StagePlan, iteration: usize) -> f64 {
        let rate = self
            .scale
            .learning_rate
            .unwrap_or(self.recipe.learning_rate);
        match self.recipe.schedule {
            Schedule::Constant => rate,
            Schedule::Polynomial(power) => {
                rate * (1.0 - iteration as f64 / plan.iterations as f64).powf(power)
            }
        }
    }

    fn loss(
        &self,
        network: &Network,
        plan: &StagePlan,
        batch: &Batch,
        iteration: u64,
    ) -> Tensor<1> {
        let mut pass = Pass::training(self.seed.stream_at("dropout", iteration));
        let answers = network.forward(batch.image(self.device), plan.mode(), &mut pass);
        stage_loss(answers, plan, self.recipe, batch)
    }
}

/// The loss of a stage.
pub fn stage_loss(answers: Answers, plan: &StagePlan, recipe: &Recipe, batch: &Batch) -> Tensor<1> {
    let outer = match batch.labels_shape[1] {
        1 => 0,
        _ => recipe.outer_slices_dropped,
    };
    let weights = &recipe.class_weights;
    match plan.target {
        Target::SliceClass => classification_loss(answers.logits, &batch.labels),
        Target::Liver => segmentation_loss(answers.logits, &batch.labels, &[1.0, 1.0], 0),
        Target::Segmentation => {
            let loss = segmentation_loss(answers.logits, &batch.labels, weights, outer);
            match answers.logits_2d.filter(|_| plan.loss_2d_weight > 0.0) {
                Some(logits) => {
                    let slices = segmentation_loss(logits, &batch.labels, weights, outer);
                    loss + slices * plan.loss_2d_weight
                }
                None => loss,
            }
        }
    }
}

/// SGD as the recipe sets it.
pub fn sgd(recipe: &Recipe) -> ModuleOptimizer {
    let momentum = MomentumConfig::new()
        .with_momentum(recipe.momentum)
        .with_dampening(recipe.dampening)
        .with_nesterov(recipe.nesterov);
    SgdConfig::new().with_momentum(Some(momentum)).init()
}

/// Makes a network ready for a stage: ids by path, everything trainable but what the stage
/// freezes.
pub fn prepare_network(network: Network, frozen: Frozen) -> Network {
    let network = identify(network).unfreeze();
    match (network, frozen) {
        (Network::Hybrid(mut hybrid), Frozen::Slices) => {
            hybrid.slices = hybrid.slices.freeze();
            Network::Hybrid(hybrid)
        }
        (network @ Network::Hybrid(_), Frozen::ReleasedJointNorms) => freeze_released(network),
        (network, _) => network,
    }
}

/// The joint stage of the released code (spec section 1.5): all 2-D norms and the norms inside
/// 3-D micro-blocks are frozen; 3-D transition norms keep their statistics but train gamma and
/// beta.
fn freeze_released(network: Network) -> Network {
    let group = |pattern: &str| {
        ParamGroup::from_regex(pattern).expect("the patterns are constants of this file")
    };
    let norms = r"slices\..*norm[^.]*\.|volume\..*layers\..*norm[^.]*\.";
    let transitions = r"volume\..*transitions\..*norm\.";
    network
        .freeze_group(group(norms))
        .freeze_group(group(transitions))
        .set_require_grad_group(group(&format!(r"{transitions}(gamma|beta)$")), true)
}
