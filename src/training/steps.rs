use burn::optim::ModuleOptimizer;
use burn::tensor::Device;

use super::batch::Batch;
use super::plan::{StagePlan, stages};
use super::sgd::sgd;
use super::trainer::{Step, UnreadLosses, prepare_network};
use crate::network::{Network, NetworkKind};
use crate::recipe::{Recipe, Scale};
use crate::seed::Stream;

/// Steps of a part's last stage on one device, without what a training draws, keeps and tells.
pub struct Steps<'a> {
    plan: StagePlan,
    recipe: &'a Recipe,
    device: [Device; 1],
    /// Parts of a mini-batch.
    shards: usize,
    optimizer: ModuleOptimizer,
}

impl<'a> Steps<'a> {
    /// `device` with autodiff.
    pub fn new(
        part: NetworkKind,
        recipe: &'a Recipe,
        scale: &Scale,
        device: &Device,
        shards: usize,
    ) -> Self {
        let mut plans = stages(part, recipe, scale);
        Self {
            plan: plans.pop().expect("every part has a stage"),
            recipe,
            device: [device.clone()],
            shards,
            optimizer: sgd(recipe),
        }
    }

    /// The network as the stage trains it.
    pub fn prepare(&self, network: Network) -> Network {
        prepare_network(network, self.plan.frozen)
    }

    /// The network after a step, and the losses before it.
    pub fn step(
        &mut self,
        rate: f64,
        network: Network,
        batch: &Batch,
        dropout: Stream,
    ) -> (Network, UnreadLosses) {
        let step = Step {
            plan: &self.plan,
            recipe: self.recipe,
            devices: &self.device,
            shards: self.shards,
        };
        let (losses, gradients) = step.gradients(&network, batch, dropout);
        (self.optimizer.step(rate, network, gradients), losses)
    }
}
