//! The devices of this binary: all compute what `flex` does, and train and answer.

use std::fs;
use std::process::Command;

use burn::tensor::Device;
use hdbench::network::{DeviceSpec, Network, NetworkKind, Values, initialise, survey};
use hdbench::recipe::{Recipe, RecipeName, Variant};
use hdbench::seed::Seed;
use hdbench::training::{Probe, Statistics, probe};

use super::training::tiny_scale;
use super::weights::{PARTS, batch};

/// Those that work here; a binary without further features has one.
fn places() -> Vec<DeviceSpec> {
    let found = survey(2);
    let working = found.iter().filter(|device| device.works.is_ok());
    let places: Vec<DeviceSpec> = working.map(|device| device.place).collect();
    assert_eq!(places[0], DeviceSpec::Flex);
    places
}

/// A training step on a batch of that seed whose pixels are scaled by `factor`.
fn step(case: &Case, seed: u64, factor: f32, device: &Device) -> Probe {
    let Case {
        part,
        recipe,
        statistics,
    } = case;
    let scale = tiny_scale();
    let network = initialise(Network::build(*part, recipe, &scale, device), Seed(5));
    let mut batch = batch(*part, 64, Seed(seed));
    batch.image.iter_mut().for_each(|value| *value *= factor);
    probe(network, *part, recipe, &scale, &batch, *statistics, device)
}

struct Case<'a> {
    part: NetworkKind,
    recipe: &'a Recipe,
    statistics: Statistics,
}

impl Case<'_> {
    /// What differs between a device and `flex`, by more than rounding explains.
    fn differences(&self, place: DeviceSpec, seed: u64) -> Vec<String> {
        let flex = Device::flex().autodiff();
        let expected = step(self, seed, 1.0, &flex);
        let found = step(self, seed, 1.0, &place.open(2).unwrap().autodiff());
        let mut all = Vec::new();
        for (what, found, expected) in [
            ("answers", &found.answers, &expected.answers),
            ("step", &found.after, &expected.after),
        ] {
            let difference = difference(found, expected);
            if difference > TOLERANCE {
                all.push(format!("{what}: {difference:e}"));
            }
        }
        let of_gradients = difference(&found.gradients, &expected.gradients);
        if of_gradients > TOLERANCE {
            // The batch norms of a few values at the bottom of a small network are that sensitive.
            let own = [1.0 + 1e-6, 1.0 - 1e-6, 1.0 + 3e-6].map(|factor| {
                let moved = step(self, seed, factor, &flex);
                difference(&moved.gradients, &expected.gradients)
            });
            if of_gradients > 4.0 * own.into_iter().fold(0.0, f32::max) {
                all.push(format!("gradients: {of_gradients:e}, of flex {own:?}"));
            }
        }
        all
    }
}

/// Of the largest value.
const TOLERANCE: f32 = 1e-4;

/// The largest difference, measured by the largest value of the tensor, or of all where that is
/// small.
fn difference(found: &Values, expected: &Values) -> f32 {
    let largest = |values: &[f32]| {
        values
            .iter()
            .fold(0.0, |most: f32, value| most.max(value.abs()))
    };
    let all = expected
        .values()
        .fold(0.0, |most: f32, (_, values)| most.max(largest(values)));
    assert!(found.keys().eq(expected.keys()));
    found
        .iter()
        .map(|(name, (shape, found))| {
            let (expected_shape, expected) = &expected[name];
            assert_eq!(shape, expected_shape, "{name}");
            let scale = largest(expected).max(1e-2 * all);
            let pairs = found.iter().zip(expected);
            pairs.fold(0.0, |most: f32, (a, b)| most.max((a - b).abs() / scale))
        })
        .fold(0.0, f32::max)
}

/// Outputs, gradients and the step of every network agree within 1e-4 with those of `flex`, or
/// within what rounding its input does to `flex` itself. A value that lies on the edge of a ReLU or
/// a maximum may fall to the other side for one batch of noise, not for three.
#[test]
fn every_device_computes_the_same() {
    for recipe in &[RecipeName::Paper, RecipeName::Released].map(Recipe::named) {
        for part in PARTS {
            for statistics in [Statistics::Running, Statistics::Batch] {
                let case = Case {
                    part,
                    recipe,
                    statistics,
                };
                for place in places() {
                    let found: Vec<_> = (3..6).map(|seed| case.differences(place, seed)).collect();
                    let name = recipe.name;
                    assert!(
                        found.iter().any(Vec::is_empty),
                        "{place}, {part}, {name:?}, {statistics:?}: {found:?}"
                    );
                }
            }
        }
    }
}

/// A small study from training to its report, and a prediction with its model, on every device.
#[test]
fn every_device_trains_and_answers() {
    let hdbench = |arguments: &[&str]| {
        let binary = env!("CARGO_BIN_EXE_hdbench");
        let output = Command::new(binary).args(arguments).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}");
    };
    for place in places() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        let (run, device) = (path("run"), place.to_string());
        let mut arguments = vec!["ablation", "--device", &device, "--out", &run];
        for variant in [Variant::UNet, Variant::HDenseUNet] {
            arguments.extend(["--variant", variant.id()]);
        }
        for set in [
            "iterations=4",
            "encoder_iterations=2",
            "encoder_cases=2",
            "coarse_iterations=4",
            "unet=[2,3,4,4,4]",
            "coarse=[2,3,4,4,4]",
            "dense_2d={stem=4,growth=2,blocks=[1,1,1,1],decoder=[5,6,4,4,4]}",
            "dense_3d={stem=4,growth=2,blocks=[1,1,1,1],decoder=[4,5,6,4,4]}",
        ] {
            arguments.extend(["--set", set]);
        }
        hdbench(&arguments);
        assert!(dir.path().join("run/report/index.html").is_file());
        let losses = fs::read_to_string(path("run/hdenseunet/fold_0/seed_0/losses.csv")).unwrap();
        assert_eq!(losses.lines().count(), 5);
        let (ct, out) = (path("run/phantoms/volume-0.nii.gz"), path("out.nii.gz"));
        hdbench(&[
            "predict", "--model", &run, "--device", &device, "--input", &ct, "--out", &out,
        ]);
        assert!(dir.path().join("out.nii.gz").is_file());
    }
}
