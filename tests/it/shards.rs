//! A mini-batch in shards gives the gradients of the whole one.

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::module::{Module, ModuleVisitor, Param, ParamGroup};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use hdbench::network::{Network, NetworkKind, initialise, read, values};
use hdbench::preprocess::Stored;
use hdbench::recipe::{Recipe, RecipeName, Scale, Variant};
use hdbench::seed::Seed;
use hdbench::training::{Batch, Sampler, Step, prepare_network, stages};

use super::network::devices;
use super::training::{cached, tiny_scale};

type Gradients = BTreeMap<String, Vec<f32>>;

struct Setting<'a> {
    part: NetworkKind,
    recipe: &'a Recipe,
    scale: &'a Scale,
    device: Device,
}

impl Setting<'_> {
    fn network(&self) -> Network {
        let network = Network::build(self.part, self.recipe, self.scale, &self.device);
        initialise(network, Seed(1))
    }

    fn batch(&self, cases: &[Arc<Stored>]) -> Batch {
        let plans = stages(self.part, self.recipe, self.scale);
        let target = plans.last().unwrap().target;
        let input = self.network().input();
        let sampler = Sampler::new(cases, self.recipe, self.scale, target, input).unwrap();
        sampler.draw(Seed(1), 0).unwrap()
    }

    /// Loss and gradients of one step, and the network's values after it.
    fn step(&self, network: Network, batch: &Batch, shards: usize) -> (f64, Gradients, Network) {
        let plans = stages(self.part, self.recipe, self.scale);
        let step = Step {
            plan: plans.last().unwrap(),
            recipe: self.recipe,
            devices: &[self.device.clone(), self.device.clone()],
            shards,
        };
        let (loss, gradients) = step.gradients(&network, batch, Seed(1).stream("dropout"));
        let loss = loss.read();
        let slices = loss.slices.unwrap_or(0.0);
        let total = loss.own + step.plan.loss_2d_weight * slices;
        (total, by_path(&network, &gradients), network)
    }
}

fn by_path(network: &Network, gradients: &GradientsParams) -> Gradients {
    struct Reader<'a> {
        path: Vec<String>,
        gradients: &'a GradientsParams,
        found: Gradients,
    }
    impl ModuleVisitor for Reader<'_> {
        fn enter_module(&mut self, name: &str, _container: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _name: &str, _container: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = self.gradients.get::<D>(param.id) {
                self.found.insert(self.path.join("."), read(gradient).1);
            }
        }
    }
    let mut reader = Reader {
        path: Vec::new(),
        gradients,
        found: Gradients::new(),
    };
    network.visit(&mut reader);
    reader.found
}

/// Nothing departs by more than what rounding leaves of the largest gradient.
#[track_caller]
fn assert_near(found: &Gradients, expected: &Gradients, what: &str) {
    assert!(!expected.is_empty());
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>(),
        "{what}"
    );
    let all = || expected.values().flatten();
    let largest = all().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    assert!(largest > 0.0);
    for (path, expected) in expected {
        for (found, expected) in found[path].iter().zip(expected) {
            let bound = 1e-4 * expected.abs() + 1e-5 * largest;
            assert!(
                (found - expected).abs() <= bound,
                "{what}: {path}: {found} for {expected}"
            );
        }
    }
}

const SLICE_PARTS: [NetworkKind; 5] = [
    NetworkKind::Encoder,
    NetworkKind::Coarse,
    NetworkKind::Variant(Variant::DenseUNet2d),
    NetworkKind::Variant(Variant::UNet),
    NetworkKind::Variant(Variant::ResNet),
];

/// With batch norms that keep their statistics a shard sees what it would see in the whole, dropout
/// (recipe `released`) and voxels that take no part included.
#[test]
fn shards_give_the_gradients_of_the_whole_batch() {
    let dir = tempfile::tempdir().unwrap();
    let scale = Scale {
        batch: 5,
        ..tiny_scale()
    };
    for name in [RecipeName::Paper, RecipeName::Released] {
        let recipe = Recipe::named(name);
        let cases = cached(&dir.path().join(format!("{name:?}")), &recipe, &scale);
        for device in devices().into_iter().map(Device::autodiff) {
            for part in SLICE_PARTS {
                let setting = Setting {
                    part,
                    recipe: &recipe,
                    scale: &scale,
                    device: device.clone(),
                };
                let mut batch = setting.batch(&cases);
                if part != NetworkKind::Encoder {
                    // Shards of unequal weight.
                    let patch = batch.labels.len() / batch.len();
                    batch.labels[..patch / 2].fill(hdbench::training::IGNORED);
                }
                let norms = ParamGroup::from_regex(r"norm[^.]*\.").unwrap();
                let network = || setting.network().freeze_group(norms.clone());
                let (loss, whole, _) = setting.step(network(), &batch, 1);
                for shards in [2, 3, 5, 9] {
                    let what = format!("{name:?} {part} in {shards}");
                    let (sum, found, _) = setting.step(network(), &batch, shards);
                    assert!(
                        (sum - loss).abs() < 1e-5 * loss.abs(),
                        "{what}: {sum} {loss}"
                    );
                    assert_near(&found, &whole, &what);
                }
            }
        }
    }
}

/// Batch norms see their shard alone: where the shards hold the same patches, that is what the whole
/// batch holds, and gradients and running statistics are the same.
#[test]
fn batch_norms_of_equal_shards_are_those_of_the_whole_batch() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = Recipe::named(RecipeName::Paper);
    // A batch norm over few values magnifies rounding.
    let scale = Scale {
        patch: 64,
        coarse_patch: 64,
        ..tiny_scale()
    };
    let cases = cached(dir.path(), &recipe, &scale);
    for device in devices().into_iter().map(Device::autodiff) {
        for part in SLICE_PARTS {
            let setting = Setting {
                part,
                recipe: &recipe,
                scale: &scale,
                device: device.clone(),
            };
            let half = setting.batch(&cases);
            let mut twice = Batch {
                image: half.image.repeat(2),
                labels: half.labels.repeat(2),
                ..half.clone()
            };
            twice.image_shape[0] *= 2;
            twice.labels_shape[0] *= 2;
            let plans = stages(part, &recipe, &scale);
            let frozen = plans.last().unwrap().frozen;
            let network = || prepare_network(setting.network(), frozen);
            let before = values(&network().valid());
            let (_, whole, after) = setting.step(network(), &twice, 1);
            let expected = values(&after.valid());
            let (_, found, after) = setting.step(network(), &twice, 2);
            assert_near(&found, &whole, &part.to_string());
            for (path, (_, now)) in &values(&after.valid()) {
                for (now, expected) in now.iter().zip(&expected[path].1) {
                    let bound = 1e-5 * expected.abs().max(1.0);
                    assert!(
                        (now - expected).abs() <= bound,
                        "{part}: {path}: {now} {expected}"
                    );
                }
                if path.contains("running") {
                    assert_ne!(now, &before[path].1, "{part}: {path} did not move");
                }
            }
            // Different patches: the statistics moved by the mean of the shards'.
            let mut other = twice.clone();
            let patch = other.image.len() / 2;
            other.image[patch..].iter_mut().for_each(|hu| *hu += 30.0);
            let (_, _, after) = setting.step(network(), &other, 2);
            let moved = values(&after.valid());
            assert!(
                moved
                    .iter()
                    .any(|(path, value)| path.contains("running") && value != &expected[path]),
                "{part}"
            );
        }
    }
}
