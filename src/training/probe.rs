use std::collections::BTreeSet;

use burn::module::{Module, ParamGroup};
use burn::optim::GradientsParams;
use burn::tensor::Device;

use super::batch::Batch;
use super::plan::stages;
use super::sgd::sgd;
use super::trainer::stage_loss;
use crate::network::{
    Mode, Network, NetworkKind, Pass, Values, identify, read, torch_gradients, torch_values,
};
use crate::recipe::{Recipe, Scale};

/// Learning rate of a probe's step.
const RATE: f64 = 0.01;

/// What batch norms go by during a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistics {
    /// The running ones, as at test time; gamma and beta train all the same.
    Running,
    /// The batch's, as in training.
    Batch,
}

/// Everything one training step computes, under PyTorch's names: what two implementations of a
/// network have to agree on.
pub struct Probe {
    /// `logits`, `logits_2d` of the hybrid, `features` of the encoder, `loss`.
    pub answers: Values,
    /// Of every trainable parameter.
    pub gradients: Values,
    /// Parameters and running statistics after the step.
    pub after: Values,
    /// Trainable parameters that were 0 before the step, so that after it they are their gradient alone.
    pub begun_at_zero: BTreeSet<String>,
}

/// One step of the part's last stage on a batch: nothing frozen, no dropout, SGD at a learning rate
/// of 0.01. `device` is the network's, with autodiff.
pub fn probe(
    network: Network,
    part: NetworkKind,
    recipe: &Recipe,
    scale: &Scale,
    batch: &Batch,
    statistics: Statistics,
    device: &Device,
) -> Probe {
    let mut network = identify(network).unfreeze();
    if statistics == Statistics::Running {
        let group = |pattern| {
            ParamGroup::from_regex(pattern).expect("the patterns are constants of this file")
        };
        network = network
            .freeze_group(group(r"norm[^.]*\."))
            .set_require_grad_group(group(r"norm[^.]*\.(gamma|beta)$"), true);
    }
    let plans = stages(part, recipe, scale);
    let plan = plans.last().expect("every part has a stage");
    let image = batch.image(device);
    let mut answers = Values::new();
    let found = network.forward(image, Mode::TEST, &mut Pass::evaluation());
    answers.insert("logits".into(), read(found.logits.clone().inner()));
    if let Some(logits) = found.logits_2d.clone() {
        answers.insert("logits_2d".into(), read(logits.inner()));
    }
    if let Some(features) = found.features.clone() {
        answers.insert("features".into(), read(features.inner()));
    }
    let loss = stage_loss(found, plan, recipe, batch).total();
    answers.insert("loss".into(), read(loss.clone().inner()));
    let gradients = loss.backward();
    let of_parameters = torch_gradients(&network, &gradients);
    let begun_at_zero = torch_values(&network.valid())
        .into_iter()
        .filter(|(name, (_, values))| {
            of_parameters.contains_key(name) && values.iter().all(|value| *value == 0.0)
        })
        .map(|(name, _)| name)
        .collect();
    let step = GradientsParams::from_grads(gradients, &network);
    let network = sgd(recipe).step(RATE, network, step);
    Probe {
        answers,
        gradients: of_parameters,
        after: torch_values(&network.valid()),
        begun_at_zero,
    }
}
