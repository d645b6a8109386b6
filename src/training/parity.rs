use burn::tensor::Device;
use serde::Serialize;

use super::noise::{Patch, noise};
use super::probe::{Probe, Statistics, probe};
use super::steps::Steps;
use crate::network::{Network, NetworkKind, Values, initialise};
use crate::recipe::{Recipe, Scale};
use crate::seed::Seed;

/// How far the same computation on two devices may be apart. Sums are added in other orders, so that a number within
/// rounding of 0 may fall on the other side of a ReLU, which is a few per cent of the gradient of a layer with a small
/// plane; by the batch's statistics more numbers are that near. A kernel that computes something else is off by the size
/// of the numbers themselves.
const ANSWER_BOUND: f64 = 1e-3;
const GRADIENT_BOUNDS: [f64; 2] = [2e-2, 2e-1];
/// Of the loss of the last of some training steps: what rounding left apart grows with each.
const TRAINING_BOUND: f64 = 5e-2;

/// What is smaller than this part of the largest is rounding alone, as the gradient of a bias before a batch norm is, and
/// the bias itself after its first step.
const VANISHING: f64 = 1e-4;

/// Largest distance of some numbers of a device from the reference's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Deviation {
    /// `logits`, `loss`, `gradients`, `after the step`, `after the step from 0` of what was 0 before it and so is its
    /// gradient alone, `loss after N steps`.
    pub what: String,
    /// Relative; infinite where a number is none.
    pub largest: f64,
    pub bound: f64,
    /// The tensor that is farthest apart.
    pub tensor: Option<String>,
}

impl Deviation {
    pub fn is_within(&self) -> bool {
        self.largest <= self.bound
    }
}

/// How a network computes on a device, held against the reference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    pub part: String,
    pub deviations: Vec<Deviation>,
}

impl Agreement {
    pub fn is_within(&self) -> bool {
        self.deviations.iter().all(Deviation::is_within)
    }
}

/// Runs a network on noise from the same weights on a device and on the reference, and compares logits, loss, the
/// gradient of every parameter, all tensors after a step of SGD, and the loss of the last of `steps` training steps.
pub fn parity(
    part: NetworkKind,
    recipe: &Recipe,
    scale: &Scale,
    patch: Patch,
    [reference, device]: [&Device; 2],
    steps: usize,
) -> Agreement {
    let run = |device: &Device| {
        let device = device.clone().autodiff();
        let of = || initialise(Network::build(part, recipe, scale, &device), Seed(1));
        let batch = noise(part, of().input(), patch, Seed(1));
        let probed = [Statistics::Running, Statistics::Batch]
            .map(|statistics| probe(of(), part, recipe, scale, &batch, statistics, &device));
        (
            probed,
            trained(of(), part, recipe, scale, patch, &device, steps),
        )
    };
    let (expected, expected_loss) = run(reference);
    let (found, found_loss) = run(device);
    let mut deviations = Vec::new();
    let kinds = ["running", "batch"].into_iter().zip(GRADIENT_BOUNDS);
    for ((statistics, bound), (found, expected)) in kinds.zip(found.iter().zip(&expected)) {
        deviations.extend(apart(found, expected, bound).map(|own| Deviation {
            what: format!("{}, {statistics} statistics", own.what),
            ..own
        }));
    }
    if let (Some(found), Some(expected)) = (found_loss, expected_loss) {
        deviations.push(Deviation {
            what: format!("loss after {steps} steps"),
            largest: finite((found - expected).abs() / expected.abs()),
            bound: TRAINING_BOUND,
            tensor: None,
        });
    }
    Agreement {
        part: part.id().to_owned(),
        deviations,
    }
}

/// The loss of the last of some training steps, each on noise of its own.
fn trained(
    network: Network,
    part: NetworkKind,
    recipe: &Recipe,
    scale: &Scale,
    patch: Patch,
    device: &Device,
    steps: usize,
) -> Option<f64> {
    let mut taken = Steps::new(part, recipe, scale, device, 1);
    let mut network = taken.prepare(network);
    let mut last = None;
    for iteration in 0..steps as u64 {
        let batch = noise(part, network.input(), patch, Seed(2 + iteration));
        let dropout = Seed(1).stream_at("dropout", iteration);
        let losses;
        (network, losses) = taken.step(recipe.learning_rate, network, &batch, dropout);
        last = Some(losses.read().own);
    }
    last
}

/// The parts of a probe.
fn apart(found: &Probe, expected: &Probe, gradient_bound: f64) -> impl Iterator<Item = Deviation> {
    let (loss, answers): (Values, Values) = expected
        .answers
        .clone()
        .into_iter()
        .partition(|(name, _)| name == "loss");
    let (begun_at_zero, after): (Values, Values) = expected
        .after
        .clone()
        .into_iter()
        .partition(|(name, _)| expected.begun_at_zero.contains(name));
    let after = worst(&found.after, &after, VANISHING);
    let begun_at_zero = worst(&found.after, &begun_at_zero, VANISHING);
    let gradients = worst(&found.gradients, &expected.gradients, VANISHING);
    let parts = [
        ("logits", worst(&found.answers, &answers, 0.0), ANSWER_BOUND),
        ("loss", worst(&found.answers, &loss, 0.0), ANSWER_BOUND),
        ("gradients", gradients, gradient_bound),
        ("after the step", after, ANSWER_BOUND),
        ("after the step from 0", begun_at_zero, gradient_bound),
    ];
    parts
        .into_iter()
        .map(|(what, (largest, tensor), bound)| Deviation {
            what: what.to_owned(),
            largest,
            bound,
            tensor: Some(tensor),
        })
}

/// The tensor that is farthest from the expected one, by the norm of the difference over the expected norm, which
/// counts as no smaller than a part of the largest.
fn worst(found: &Values, expected: &Values, vanishing: f64) -> (f64, String) {
    let largest = expected
        .values()
        .map(|(_, values)| norm(values.iter().copied()));
    let floor = vanishing * largest.fold(0.0, f64::max);
    let mut worst = (0.0, String::new());
    for (name, (_, expected)) in expected {
        let off = match found.get(name) {
            Some((_, found)) if found.len() == expected.len() => {
                let difference = norm(found.iter().zip(expected).map(|(a, b)| a - b));
                let size = norm(expected.iter().copied()).max(floor);
                if difference == 0.0 {
                    0.0
                } else {
                    finite(difference / size)
                }
            }
            _ => f64::INFINITY,
        };
        if worst.1.is_empty() || off > worst.0 {
            worst = (off, name.clone());
        }
    }
    worst
}

fn norm(values: impl Iterator<Item = f32>) -> f64 {
    values
        .map(|value| f64::from(value).powi(2))
        .sum::<f64>()
        .sqrt()
}

/// What is no number is as far away as can be.
fn finite(deviation: f64) -> f64 {
    if deviation.is_nan() {
        f64::INFINITY
    } else {
        deviation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(of: &[(&str, &[f32])]) -> Values {
        let of = of.iter();
        of.map(|(name, values)| ((*name).to_owned(), (vec![values.len()], values.to_vec())))
            .collect()
    }

    #[test]
    fn the_tensor_that_is_farthest_apart_is_named() {
        let expected = values(&[("a", &[3.0, 4.0]), ("b", &[1.0, 0.0])]);
        let found = values(&[("a", &[3.0, 4.5]), ("b", &[1.0, 0.2])]);
        let (largest, tensor) = worst(&found, &expected, 0.0);
        assert_eq!(tensor, "b");
        assert!((largest - 0.2).abs() < 1e-6, "{largest}");
    }

    #[test]
    fn what_is_no_number_or_missing_is_infinitely_far() {
        let expected = values(&[("a", &[1.0])]);
        for found in [
            values(&[("a", &[f32::NAN])]),
            values(&[]),
            values(&[("a", &[1.0, 2.0])]),
        ] {
            assert_eq!(worst(&found, &expected, 0.0).0, f64::INFINITY);
        }
        assert_eq!(worst(&expected, &expected, 0.0).0, 0.0);
    }

    #[test]
    fn a_gradient_of_rounding_alone_counts_by_the_largest() {
        let expected = values(&[("big", &[1000.0]), ("none", &[1e-7])]);
        let found = values(&[("big", &[1000.0]), ("none", &[2e-7])]);
        assert!(worst(&found, &expected, VANISHING).0 < 1e-5);
        assert_eq!(worst(&found, &expected, 0.0).1, "none");
    }
}
