//! The devices of this binary: all compute what `flex` does, and train and answer.

use std::fs;
use std::process::Command;

use burn::tensor::Device;
use hdbench::network::{Network, Part, Place, Values, initialise, survey};
use hdbench::recipe::{Recipe, RecipeName, Variant};
use hdbench::seed::Seed;
use hdbench::training::{Probe, Statistics, probe};

use super::training::tiny_scale;
use super::weights::{PARTS, batch};

/// Those that work here; a binary without further features has one.
fn places() -> Vec<Place> {
    let found = survey(2);
    let working = found.iter().filter(|device| device.works.is_ok());
    let places: Vec<Place> = working.map(|device| device.place).collect();
    assert_eq!(places[0], Place::Flex);
    places
}

fn step(part: Part, recipe: &Recipe, statistics: Statistics, device: &Device) -> Probe {
    let scale = tiny_scale();
    let network = initialise(Network::build(part, recipe, &scale, device), Seed(5));
    probe(
        network,
        part,
        recipe,
        &scale,
        &batch(part),
        statistics,
        device,
    )
}

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

/// Answers, gradients and the step of every network agree within 1e-4 with those of `flex` at one
/// and at two threads.
#[test]
fn every_device_computes_the_same() {
    for recipe in [RecipeName::Paper, RecipeName::Released].map(Recipe::named) {
        for part in PARTS {
            for statistics in [Statistics::Running, Statistics::Batch] {
                let expected = step(part, &recipe, statistics, &Device::flex().autodiff());
                for place in places() {
                    let device = place.open(2).unwrap().autodiff();
                    let found = step(part, &recipe, statistics, &device);
                    for (what, found, expected) in [
                        ("answers", &found.answers, &expected.answers),
                        ("gradients", &found.gradients, &expected.gradients),
                        ("step", &found.after, &expected.after),
                    ] {
                        let difference = difference(found, expected);
                        let name = recipe.name;
                        assert!(
                            difference < 1e-4,
                            "{place}, {part}, {name:?}, {statistics:?}, {what}: {difference:e}"
                        );
                    }
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
