use burn::optim::{ModuleOptimizer, Optimizer, RecordState, StateSink, StateSource};
use burn::tensor::{Device, Tensor};
use hdbench_kernels::{Descent, descend};

use crate::recipe::Recipe;

/// SGD as the recipe sets it.
pub fn sgd(recipe: &Recipe) -> ModuleOptimizer {
    ModuleOptimizer::from(Sgd {
        momentum: recipe.momentum,
        taken: 1.0 - recipe.dampening,
        nesterov: recipe.nesterov,
    })
}

/// Burn's SGD with momentum, value for value, without its maps of a parameter's size on the way.
#[derive(Clone, Debug)]
struct Sgd {
    momentum: f64,
    taken: f64,
    nesterov: bool,
}

impl Optimizer for Sgd {
    type State<const R: usize> = Velocity<R>;

    fn step<const R: usize>(
        &self,
        rate: f64,
        parameter: Tensor<R>,
        gradient: Tensor<R>,
        state: Option<Velocity<R>>,
    ) -> (Tensor<R>, Option<Velocity<R>>) {
        let (velocity, taken) = match state {
            Some(Velocity(velocity)) => (velocity, self.taken),
            // The first gradient is taken whole.
            None => (gradient.zeros_like(), 1.0),
        };
        let step = Descent {
            rate,
            momentum: self.momentum,
            taken,
            nesterov: self.nesterov,
        };
        let (parameter, velocity) = descend(parameter, gradient, velocity, step);
        (parameter, Some(Velocity(velocity)))
    }

    fn to_device<const R: usize>(Velocity(velocity): Velocity<R>, device: &Device) -> Velocity<R> {
        Velocity(velocity.to_device(device))
    }
}

/// What the gradients so far add up to.
#[derive(Clone)]
struct Velocity<const R: usize>(Tensor<R>);

/// Its name in a record, the one of Burn's own SGD.
const VELOCITY: &str = "momentum.velocity";

impl<const R: usize> RecordState for Velocity<R> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        out.push_tensor(prefix, VELOCITY, self.0.clone().into_data());
    }

    fn state_unflatten(prefix: &str, source: &mut StateSource, device: &Device) -> Option<Self> {
        let data = source.take_tensor(prefix, VELOCITY)?;
        Some(Self(Tensor::from_data(data, device)))
    }
}

#[cfg(test)]
mod tests {
    use burn::nn::{Linear, LinearConfig};
    use burn::optim::momentum::MomentumConfig;
    use burn::optim::{GradientsParams, OptimizerRecord, SgdConfig};

    use super::*;
    use crate::recipe::RecipeName;
    use crate::seed::Seed;

    fn noise<const R: usize>(name: &str, shape: [usize; R], device: &Device) -> Tensor<R> {
        let mut stream = Seed(5).stream(name);
        let values: Vec<f32> = (0..shape.iter().product())
            .map(|_| stream.normal() as f32)
            .collect();
        Tensor::<1>::from_floats(values.as_slice(), device).reshape(shape)
    }

    fn step(optimizer: &mut ModuleOptimizer, layer: Linear, iteration: usize) -> Linear {
        let x = noise(&format!("x{iteration}"), [3, 300], &layer.weight.device());
        let loss = layer.forward(x).powf_scalar(2.0).mean();
        let gradients = GradientsParams::from_grads(loss.backward(), &layer);
        optimizer.step(0.05, layer, gradients)
    }

    #[test]
    fn steps_as_burns_own_and_goes_on_from_its_record() {
        let device = Device::flex().autodiff();
        for nesterov in [false, true] {
            for dampening in [0.0, 0.25] {
                let recipe = Recipe {
                    momentum: 0.9,
                    dampening,
                    nesterov,
                    ..Recipe::named(RecipeName::Paper)
                };
                let momentum = MomentumConfig::new()
                    .with_momentum(recipe.momentum)
                    .with_dampening(dampening)
                    .with_nesterov(nesterov);
                let mut burns = SgdConfig::new().with_momentum(Some(momentum)).init();
                let mut ours = sgd(&recipe);
                let mut layer = LinearConfig::new(300, 300).init(&device);
                let mut found = layer.clone();
                for iteration in 0..4 {
                    layer = step(&mut burns, layer, iteration);
                    found = step(&mut ours, found, iteration);
                    if iteration == 1 {
                        let bytes = burns.to_record().into_bytes().expect("a record");
                        let record = OptimizerRecord::from_bytes(bytes).expect("the same record");
                        ours = sgd(&recipe).load_record(record);
                    }
                }
                let of = |layer: &Linear| layer.weight.val().into_data();
                assert_eq!(of(&found), of(&layer), "{nesterov} {dampening}");
            }
        }
    }
}
