use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use burn::module::{Module, ParamGroup};
use burn::optim::{GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::batch::Batch;
use super::checkpoint::{Checkpoint, LossRow, Saver};
use super::in_turn::in_turn;
use super::loss::{presence_loss, segmentation_loss};
use super::plan::{Frozen, StagePlan};
use super::sampler::{Sampler, Target};
use super::sgd::sgd;
use crate::error::{Error, Result};
use crate::network::{DeviceSpec, Network, Outputs, Pass, finite, identify, update_running};
use crate::preprocess::Stored;
use crate::progress::Progress;
use crate::recipe::{Recipe, Scale, Schedule, StageMomentum};
use crate::seed::{Seed, Stream};
use crate::text::Shown as _;

/// When a training writes its checkpoint, beside the end of each stage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointPolicy {
    /// After this number of iterations of a stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iterations: Option<usize>,
    /// After this number of seconds.
    pub seconds: f64,
}

impl Default for CheckpointPolicy {
    fn default() -> Self {
        Self {
            iterations: None,
            seconds: 60.0,
        }
    }
}

/// Mini-batches that are drawn while a device works on its own: the next one lies ready, and one more is drawn.
const AHEAD: usize = 2;
/// Losses that are read together there.
const LOSSES_AT_ONCE: usize = 16;

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
    /// With autodiff; at least one. The network lies on the first, the others take shards of the
    /// mini-batch.
    pub devices: &'a [Device],
    /// What the first of them is called.
    pub device: DeviceSpec,
    /// Parts of a mini-batch.
    pub shards: usize,
    pub saving: CheckpointPolicy,
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
        let names: Vec<&str> = stages.iter().map(|plan| plan.name.as_str()).collect();
        let told = |line: String| self.progress.note(&line);
        let found = Checkpoint::find(self.cell, self.inputs, &names, told)?;
        let (first, mut state, mut network, mut optimizer) = match found {
            Some(found) => {
                let (network, optimizer) = found.load(blank(), sgd(self.recipe))?;
                (found.stage, found.checkpoint, network, optimizer)
            }
            None => {
                let state = self.beginning(&stages[0], Vec::new());
                (0, state, start()?, sgd(self.recipe))
            }
        };
        self.progress
            .advance(self.units * state.losses.len() as u64);
        let mut saver = Saver::new(self.cell, self.computes_on_its_own());
        for (index, plan) in stages.iter().enumerate().skip(first) {
            network = self.stage(plan, network, &mut optimizer, &mut state, &mut saver)?;
            if let Some(next) = stages.get(index + 1) {
                state = self.beginning(next, state.losses);
                if self.recipe.stage_momentum == StageMomentum::Zero {
                    optimizer = sgd(self.recipe);
                }
                saver.save(state.with(&network, &optimizer))?;
            }
        }
        saver.finish()?;
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
        saver: &mut Saver,
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
        // Counted over the cell, so that a later stage does not see the same patches again.
        let first = state.losses.len() as u64;
        let left = (plan.iterations - state.iteration) as u64;
        let draw = |iteration| sampler.draw(self.seed, iteration);
        let ahead = if self.computes_on_its_own() { AHEAD } else { 0 };
        in_turn(first..first + left, ahead, draw, |batches| {
            let mut saved = Instant::now();
            let mut open = OpenLosses::begin();
            while let Some(batch) = batches.next().transpose()? {
                let lr = self.learning_rate(plan, state.iteration);
                let iteration = (state.losses.len() + open.len()) as u64;
                let (losses, gradients) = self.gradients(&network, plan, &batch, iteration);
                open.losses.push((lr, losses));
                network = optimizer.step(lr, network, gradients);
                state.iteration += 1;
                self.progress.advance(self.units);
                let due = self
                    .saving
                    .iterations
                    .is_some_and(|n| state.iteration.is_multiple_of(n))
                    || saved.elapsed().as_secs_f64() > self.saving.seconds;
                let interrupted = self.progress.interrupted();
                let ended = state.iteration == plan.iterations;
                if due || interrupted || ended || open.len() >= self.losses_at_once() {
                    self.read_losses(plan, &mut open, state)?;
                }
                if due || interrupted || ended {
                    // What is kept is gone on from.
                    finite(&network)
                        .map_err(|problem| self.diverged(plan, state.losses.len(), problem))?;
                }
                if due || interrupted {
                    saver.save(state.with(&network, optimizer))?;
                    saved = Instant::now();
                    // Saving is no part of the next iteration.
                    open.since = saved;
                }
                if interrupted {
                    saver.finish()?;
                    return Err(Error::Interrupted {
                        hint: "run the same command again to go on".into(),
                    });
                }
            }
            Ok(network)
        })
    }

    /// Whether the processor has time for other things while the device computes.
    fn computes_on_its_own(&self) -> bool {
        !self.device.is_processor()
    }

    /// Reading a loss waits for the device: of one that computes on its own, some are read together.
    fn losses_at_once(&self) -> usize {
        if self.computes_on_its_own() {
            LOSSES_AT_ONCE
        } else {
            1
        }
    }

    /// Reads the losses that are still on the device into the state.
    ///
    /// # Errors
    /// `Error::Diverged` naming the first that is no number.
    fn read_losses(
        &self,
        plan: &StagePlan,
        open: &mut OpenLosses,
        state: &mut Checkpoint,
    ) -> Result<()> {
        let count = open.len().max(1) as f64;
        let read = open.losses.drain(..).map(|(lr, loss)| (lr, loss.read()));
        let read: Vec<(f64, Losses)> = read.collect();
        // The device has come this far now.
        let seconds = open.since.elapsed().as_secs_f64() / count;
        open.since = Instant::now();
        for (lr, losses) in read {
            let values = [Some(losses.own), losses.slices].into_iter().flatten();
            if let Some(loss) = values.into_iter().find(|loss| !loss.is_finite()) {
                let problem = format!("the loss became {loss}");
                return Err(self.diverged(plan, state.losses.len() + 1, problem));
            }
            state.losses.push(LossRow {
                iteration: state.losses.len() + 1,
                stage: plan.name.clone(),
                lr,
                loss: losses.own,
                loss_2d: losses.slices,
                seconds,
            });
        }
        Ok(())
    }

    fn diverged(&self, plan: &StagePlan, iteration: usize, problem: String) -> Error {
        Error::Diverged {
            what: format!("{} ({})", self.cell.shown(), plan.name),
            iteration,
            device: self.device.to_string(),
            problem,
            hint: match self.computes_on_its_own() {
                false => "lower the learning rate, such as --set scale.learning_rate=1e-4".into(),
                true => "lower the learning rate, such as --set scale.learning_rate=1e-4; where --device flex goes on \
                          with the same, a kernel of this device is at fault"
                    .into(),
            },
        }
    }

    fn learning_rate(&self, plan: &StagePlan, iteration: usize) -> f64 {
        let rate = plan.rate
            * self
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

    /// The loss of a mini-batch and its gradients.
    fn gradients(
        &self,
        network: &Network,
        plan: &StagePlan,
        batch: &Batch,
        iteration: u64,
    ) -> (UnreadLosses, GradientsParams) {
        let dropout = self.seed.stream_at("dropout", iteration);
        let step = Step {
            plan,
            recipe: self.recipe,
            devices: self.devices,
            shards: self.shards,
        };
        step.gradients(network, batch, dropout)
    }
}

/// How the gradients of a mini-batch are computed.
#[derive(Clone, Copy)]
pub struct Step<'a> {
    pub plan: &'a StagePlan,
    pub recipe: &'a Recipe,
    /// With autodiff; the network lies on the first of them.
    pub devices: &'a [Device],
    /// Parts of the mini-batch, spread over the devices in turn.
    pub shards: usize,
}

impl Step<'_> {
    /// The loss of a mini-batch and its gradients, on the network's device. In shards they are those
    /// of the whole mini-batch but for rounding and the batch norms, each of which sees its shard
    /// alone; they are added in the shards' order. Work is handed to one device after the other and
    /// waited for once: devices that compute on their own do so side by side.
    pub fn gradients(
        &self,
        network: &Network,
        batch: &Batch,
        dropout: Stream,
    ) -> (UnreadLosses, GradientsParams) {
        let home = &self.devices[0];
        let shards = batch.shards(self.shards);
        if shards.len() == 1 {
            let mut pass = Pass::training(dropout);
            let answers = network.forward(batch.image(home), self.plan.mode(), &mut pass);
            let loss = stage_loss(answers, self.plan, self.recipe, batch);
            let gradients = GradientsParams::from_grads(loss.total().backward(), network);
            return (UnreadLosses(vec![(loss.detached(), 1.0)]), gradients);
        }
        let counted = batch.counted().max(1) as f64;
        let (mut losses, mut statistics) = (Vec::new(), Vec::new());
        let mut sum = GradientsAccumulator::new();
        for (index, (first, shard)) in shards.iter().enumerate() {
            let device = &self.devices[index % self.devices.len()];
            let copy = network.clone().fork(device);
            let mut pass = Pass::shard(dropout.clone(), *first, batch.len());
            let answers = copy.forward(shard.image(device), self.plan.mode(), &mut pass);
            let share = shard.counted() as f64 / counted;
            let loss = stage_loss(answers, self.plan, self.recipe, shard);
            let part = loss.total() * share;
            let gradients = GradientsParams::from_grads(part.backward(), &copy);
            losses.push((loss.detached(), share));
            sum.accumulate(network, gradients.to_device(&home.clone().inner(), network));
            let patches = shard.len() as f64 / batch.len() as f64;
            statistics.push((patches, pass.into_statistics()));
        }
        update_running(statistics);
        (UnreadLosses(losses), sum.grads())
    }
}

/// The losses of a stage's mini-batch.
pub struct StageLoss {
    /// Of what the network answers; of the hybrid, of its fusion.
    pub own: Tensor<1>,
    /// Of the hybrid's 2-D part, where it trains beside the fusion, with its weight.
    pub slices: Option<(Tensor<1>, f64)>,
}

impl StageLoss {
    /// The values without what they were computed from.
    fn detached(self) -> Self {
        Self {
            own: self.own.inner(),
            slices: self.slices.map(|(slices, weight)| (slices.inner(), weight)),
        }
    }

    /// What is minimised: both, the second by its weight.
    pub fn total(&self) -> Tensor<1> {
        match &self.slices {
            None => self.own.clone(),
            Some((slices, weight)) => self.own.clone() + slices.clone() * *weight,
        }
    }
}

/// The losses of a stage.
pub fn stage_loss(answers: Outputs, plan: &StagePlan, recipe: &Recipe, batch: &Batch) -> StageLoss {
    let outer = match batch.labels_shape[1] {
        1 => 0,
        _ => recipe.outer_slices_dropped,
    };
    let weights = &recipe.class_weights;
    let own = match plan.target {
        Target::Organs => presence_loss(answers.logits, &batch.labels),
        Target::Liver => segmentation_loss(answers.logits, &batch.labels, &[1.0, 1.0], 0),
        Target::Segmentation => segmentation_loss(answers.logits, &batch.labels, weights, outer),
    };
    let slices = answers.logits_2d.filter(|_| plan.loss_2d_weight > 0.0);
    let slices = slices.map(|logits| {
        let loss = segmentation_loss(logits, &batch.labels, weights, outer);
        (loss, plan.loss_2d_weight)
    });
    StageLoss { own, slices }
}

/// What losses came to: the network's own, and that of the hybrid's 2-D part where it trains beside the
/// fusion.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Losses {
    pub own: f64,
    pub slices: Option<f64>,
}

/// The losses of a mini-batch that are still on their devices: of each shard, with its part in the whole.
pub struct UnreadLosses(Vec<(StageLoss, f64)>);

impl UnreadLosses {
    /// Waits for the devices.
    pub fn read(self) -> Losses {
        match <[_; 1]>::try_from(self.0) {
            Ok([(whole, _)]) => Losses::read(whole),
            Err(shards) => {
                let mut values = Losses::default();
                for (loss, share) in shards {
                    values.add(Losses::read(loss), share);
                }
                values
            }
        }
    }
}

/// Losses that nobody has read yet.
struct OpenLosses {
    /// With the learning rate of their step.
    losses: Vec<(f64, UnreadLosses)>,
    /// When those before were read.
    since: Instant,
}

impl OpenLosses {
    fn begin() -> Self {
        Self {
            losses: Vec::new(),
            since: Instant::now(),
        }
    }

    fn len(&self) -> usize {
        self.losses.len()
    }
}

impl Losses {
    fn read(loss: StageLoss) -> Self {
        let value = |loss: Tensor<1>| f64::from(loss.into_scalar::<f32>());
        Self {
            own: value(loss.own),
            slices: loss.slices.map(|(slices, _)| value(slices)),
        }
    }

    /// With the part that a shard has in a mini-batch.
    fn add(&mut self, shard: Self, part: f64) {
        self.own += shard.own * part;
        if let Some(slices) = shard.slices {
            *self.slices.get_or_insert(0.0) += slices * part;
        }
    }
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
