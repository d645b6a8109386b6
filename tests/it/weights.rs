//! Weights of other programs in, ours out and in again, and the step that implementations compare.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use hdbench::network::{
    Network, NetworkKind, ORGANS, Pass, Values, export_weights, import_weights, initialise,
    load_encoder, torch_values, values,
};
use hdbench::recipe::{Recipe, RecipeName, Scale, ScaleName, Variant};
use hdbench::seed::Seed;
use hdbench::training::{Batch, Statistics, probe};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use super::training::tiny_scale;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/weights")
        .join(name)
}

fn blank(part: NetworkKind, seed: u64) -> Network {
    let recipe = Recipe::named(RecipeName::Paper);
    let network = Network::build(part, &recipe, &tiny_scale(), &Device::flex());
    initialise(network, Seed(seed))
}

pub const PARTS: [NetworkKind; 9] = [
    NetworkKind::Encoder,
    NetworkKind::Coarse,
    NetworkKind::Variant(Variant::DenseUNet3d),
    NetworkKind::Variant(Variant::UNet),
    NetworkKind::Variant(Variant::ResNet),
    NetworkKind::Variant(Variant::DenseUNet2dScratch),
    NetworkKind::Variant(Variant::DenseNet2d),
    NetworkKind::Variant(Variant::DenseUNet2d),
    NetworkKind::Variant(Variant::HDenseUNet),
];

/// torchvision's published file (old pickle, old names), a wrapped checkpoint of several GPUs, and
/// timm's: all give the features that torchvision computes.
#[test]
fn encoders_of_torchvision_and_timm_are_taken() {
    let expected: serde_json::Value =
        serde_json::from_slice(&fs::read(fixture("expected.json")).unwrap()).unwrap();
    let expected: Vec<f64> = serde_json::from_value(expected["features"].clone()).unwrap();
    let x: Vec<f32> = (0..3 * 32 * 32).map(|i| (i % 251) as f32 - 125.0).collect();
    for name in ["torchvision_old.pth", "checkpoint.pth", "timm.safetensors"] {
        let mut network = blank(NetworkKind::Encoder, 1);
        let report = load_encoder(&mut network, &fixture(name)).unwrap();
        let Network::Classifier(classifier) = &network else {
            panic!("the encoder comes with a classifier of slices");
        };
        let tensors = values(&classifier.encoder).len();
        assert_eq!(report.loaded, tensors, "{name}");
        assert!(report.missing.is_empty(), "{name}");
        assert_eq!(
            report.unexpected.len(),
            2,
            "{name}: {:?}",
            report.unexpected
        );
        assert!(report.unexpected.iter().all(|t| t.contains("classifier.")));
        assert_eq!(report.hash.len(), 64);
        let x = Tensor::<4>::from_data(TensorData::new(x.clone(), [1, 3, 32, 32]), &Device::flex());
        let found = classifier
            .encoder
            .forward(x, &mut Pass::evaluation())
            .deepest
            .into_data();
        let found = found.try_to_vec::<f32>().unwrap();
        assert_eq!(found.len(), expected.len(), "{name}");
        for (found, expected) in found.iter().zip(&expected) {
            assert!(
                (f64::from(*found) - expected).abs() < 1e-5,
                "{name}: {found} {expected}"
            );
        }
    }
}

#[test]
fn files_that_hold_no_such_encoder_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let old = fs::read(fixture("torchvision_old.pth")).unwrap();
    let new = fs::read(fixture("checkpoint.pth")).unwrap();
    let safe = fs::read(fixture("timm.safetensors")).unwrap();
    for path in [
        file("cut_old.pth", &old[..old.len() / 2]),
        file("cut_new.pth", &new[..new.len() / 2]),
        file("cut.safetensors", &safe[..safe.len() / 2]),
        file("empty.pth", b""),
        file("text.pth", b"<html>404</html>"),
        file("text.safetensors", b"<html>404</html>"),
        dir.path().join("absent.pth"),
    ] {
        let error = load_encoder(&mut blank(NetworkKind::Encoder, 1), &path).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&path.display().to_string()), "{text}");
        assert_eq!(error.exit_code() as u8, 3, "{text}");
    }
    // A sound file of another width.
    let wider = Scale::named(ScaleName::Demo);
    let recipe = Recipe::named(RecipeName::Paper);
    let mut network = Network::build(NetworkKind::Encoder, &recipe, &wider, &Device::flex());
    let error = load_encoder(&mut network, &fixture("timm.safetensors")).unwrap_err();
    assert!(error.to_string().contains("densenet161"), "{error}");
    let error = load_encoder(&mut network, Path::new("weights.h5")).unwrap_err();
    assert_eq!(error.exit_code() as u8, 2, "{error}");
}

/// Every network comes back from both formats with every bit, whatever was in its place.
#[test]
fn networks_go_out_and_come_back() {
    let dir = tempfile::tempdir().unwrap();
    for part in PARTS {
        let network = blank(part, 7);
        for name in ["weights.safetensors", "weights.bpk"] {
            let path = dir.path().join(name);
            export_weights(&network, &path).unwrap();
            let (back, report) = import_weights(blank(part, 8), &path).unwrap();
            assert_eq!(values(&back), values(&network), "{part}: {name}");
            assert_eq!(report.loaded, values(&network).len(), "{part}: {name}");
            assert!(
                report.unexpected.is_empty(),
                "{part}: {:?}",
                report.unexpected
            );
        }
        let bytes = fs::read(dir.path().join("weights.safetensors")).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let expected = torch_values(&network);
        let mut names: Vec<&str> = file.names();
        names.sort_unstable();
        assert!(
            names
                .iter()
                .copied()
                .eq(expected.keys().map(String::as_str)),
            "{part}"
        );
        for (name, (shape, values)) in &expected {
            let tensor = file.tensor(name).unwrap();
            assert_eq!(tensor.shape(), shape, "{part}: {name}");
            let (found, _) = tensor.data().as_chunks::<4>();
            assert!(
                found
                    .iter()
                    .map(|b| f32::from_le_bytes(*b))
                    .eq(values.iter().copied())
            );
        }
    }
}

#[test]
fn weights_of_another_network_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("unet.safetensors");
    export_weights(&blank(NetworkKind::Variant(Variant::UNet), 1), &path).unwrap();
    for part in [
        NetworkKind::Variant(Variant::ResNet),
        NetworkKind::Variant(Variant::HDenseUNet),
    ] {
        let error = import_weights(blank(part, 1), &path).unwrap_err();
        assert!(error.to_string().contains("not in the file"), "{error}");
        assert_eq!(error.exit_code() as u8, 3);
    }
    let error =
        export_weights(&blank(NetworkKind::Coarse, 1), &dir.path().join("x.pth")).unwrap_err();
    assert_eq!(error.exit_code() as u8, 2);
}

/// The first tensors of another shape, one a line, however many there are.
#[test]
fn weights_of_other_widths_are_told_in_a_few_lines() {
    let dir = tempfile::tempdir().unwrap();
    let network = blank(NetworkKind::Variant(Variant::DenseUNet2d), 1);
    let recipe = Recipe::named(RecipeName::Paper);
    let wider = || {
        let scale = Scale::named(ScaleName::Demo);
        let part = NetworkKind::Variant(Variant::DenseUNet2d);
        Network::build(part, &recipe, &scale, &Device::flex())
    };
    for name in ["w.safetensors", "w.bpk"] {
        let path = dir.path().join(name);
        export_weights(&network, &path).unwrap();
        let error = import_weights(wider(), &path).unwrap_err();
        assert_eq!(error.exit_code() as u8, 3);
        let text = error.to_string();
        assert!(text.lines().count() <= 10 && text.len() < 1200, "{text}");
        assert!(
            text.contains(name) && text.contains("expected") && text.contains("more"),
            "{text}"
        );
        assert!(!text.contains("ShapeMismatch"), "{text}");
    }
    let path = dir.path().join("w.safetensors");
    let text = import_weights(wider(), &path).unwrap_err().to_string();
    assert!(
        text.contains("classifier.conv.weight: expected 3 x 8 x 1 x 1, found 3 x 4 x 1 x 1"),
        "{text}"
    );
}

/// Weights that are no numbers, in files of every kind, are refused by the tensor's name.
#[test]
fn weights_that_are_no_numbers_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let part = NetworkKind::Variant(Variant::UNet);
    let sound = dir.path().join("sound.safetensors");
    export_weights(&blank(part, 1), &sound).unwrap();
    let bytes = fs::read(&sound).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let hostile = "classifier.bias";
    for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let number = wrong.to_le_bytes();
        let data = [&number[..], &[0; 8]].concat();
        let views: Vec<(String, TensorView<'_>)> = file
            .tensors()
            .into_iter()
            .map(|(name, view)| {
                let view = if name == hostile {
                    TensorView::new(Dtype::F32, vec![3], &data).unwrap()
                } else {
                    view
                };
                (name, view)
            })
            .collect();
        let path = dir.path().join("wrong.safetensors");
        fs::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();
        let error = import_weights(blank(part, 1), &path).unwrap_err();
        assert_eq!(error.exit_code() as u8, 3);
        let text = error.to_string();
        assert!(
            text.contains(hostile) && text.contains("1 of its 3 values") && text.contains("hint: "),
            "{text}"
        );
    }
}

/// Half and double precision are taken as the numbers they are, or refused by name; never with a panic.
#[test]
fn weights_of_other_precision_do_not_panic() {
    let dir = tempfile::tempdir().unwrap();
    let part = NetworkKind::Variant(Variant::UNet);
    let sound = dir.path().join("sound.safetensors");
    export_weights(&blank(part, 1), &sound).unwrap();
    let bytes = fs::read(&sound).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    for (dtype, size) in [
        (Dtype::F16, 2),
        (Dtype::BF16, 2),
        (Dtype::F64, 8),
        (Dtype::I32, 4),
    ] {
        let data: Vec<(String, Vec<usize>, Vec<u8>)> = file
            .tensors()
            .into_iter()
            .map(|(name, view)| {
                let count: usize = view.shape().iter().product();
                (name, view.shape().to_vec(), vec![0; count * size])
            })
            .collect();
        let views = data.iter().map(|(name, shape, data)| {
            let view = TensorView::new(dtype, shape.clone(), data).unwrap();
            (name.clone(), view)
        });
        let path = dir.path().join("other.safetensors");
        fs::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();
        match import_weights(blank(part, 1), &path) {
            Ok((network, _)) => assert!(
                values(&network)
                    .values()
                    .all(|(_, v)| v.iter().all(|x| *x == 0.0))
            ),
            Err(error) => {
                assert_eq!(error.exit_code() as u8, 3);
                assert!(error.to_string().contains("expected"), "{error}");
            }
        }
    }
}

/// Noise for a part, `plane` x `plane` pixels.
pub fn batch(part: NetworkKind, plane: usize, seed: Seed) -> Batch {
    let (n, slices, depth) = match part {
        NetworkKind::Variant(Variant::DenseUNet3d | Variant::HDenseUNet) => (1, 4, 4),
        NetworkKind::Variant(Variant::ResNet) | NetworkKind::Coarse => (2, 5, 1),
        _ => (2, 3, 1),
    };
    let mut stream = seed.stream("batch");
    let labels_shape = match part {
        NetworkKind::Encoder => [n, ORGANS, 1, 1],
        _ => [n, depth, plane, plane],
    };
    let classes = match part {
        NetworkKind::Coarse | NetworkKind::Encoder => 2,
        NetworkKind::Variant(_) => 3,
    };
    let image_shape = [n, 1, slices, plane, plane];
    Batch {
        image: (0..image_shape.iter().product())
            .map(|_| 60.0 * stream.normal() as f32)
            .collect(),
        image_shape,
        labels: (0..labels_shape.iter().product::<usize>())
            .map(|index| (index / 7 % classes) as u8)
            .collect(),
        labels_shape,
    }
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |most: f32, v| most.max(v.abs()))
}

/// Every trainable parameter gets a gradient, and the step goes against it: the first step of
/// Nesterov's momentum is rate x (1 + momentum) x gradient.
#[test]
fn a_probe_steps_along_its_gradients() {
    let device = Device::flex().autodiff();
    let recipe = Recipe::named(RecipeName::Paper);
    let scale = tiny_scale();
    for part in PARTS {
        for statistics in [Statistics::Running, Statistics::Batch] {
            let network = Network::build(part, &recipe, &scale, &device);
            let network = initialise(network, Seed(5));
            let before = torch_values(&network.valid());
            let found = probe(
                network,
                part,
                &recipe,
                &scale,
                &batch(part, 32, Seed(3)),
                statistics,
                &device,
            );
            let trainable: Vec<&String> = before
                .keys()
                .filter(|name| !name.contains("running_"))
                .collect();
            assert!(
                found.gradients.keys().eq(trainable.into_iter()),
                "{part} {statistics:?}"
            );
            let rate = 0.01 * 1.9;
            for (name, (_, gradient)) in &found.gradients {
                let (_, old) = &before[name];
                let (_, new) = &found.after[name];
                let scale = largest(old).max(largest(gradient)).max(1e-3);
                for ((old, new), gradient) in old.iter().zip(new).zip(gradient) {
                    assert!(
                        (old - rate * gradient - new).abs() <= 1e-5 * scale,
                        "{part}: {name}"
                    );
                }
            }
            let moved = |of: &Values| {
                of.iter()
                    .any(|(name, v)| name.contains("running_") && *v != before[name])
            };
            assert_eq!(
                moved(&found.after),
                statistics == Statistics::Batch,
                "{part}"
            );
            assert_eq!(
                found.answers.contains_key("features"),
                part == NetworkKind::Encoder
            );
            let hybrid = part == NetworkKind::Variant(Variant::HDenseUNet);
            assert_eq!(found.answers.contains_key("logits_2d"), hybrid);
        }
    }
}

fn hdbench(arguments: &[&str]) -> Output {
    let binary = env!("CARGO_BIN_EXE_hdbench");
    Command::new(binary).args(arguments).output().unwrap()
}

fn good(arguments: &[&str]) -> String {
    let output = hdbench(arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// init, export, import, probe and measure as a user types them.
#[test]
fn the_model_verbs_work_together() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let [first, file, second] = ["first", "weights.safetensors", "second"].map(path);
    good(&[
        "model", "init", "unet", "--scale", "demo", "--seed", "4", "--out", &first,
    ]);
    good(&["model", "export", &first, "--out", &file]);
    let import = [
        "model", "import", &file, "--part", "unet", "--scale", "demo", "--out",
    ];
    let text = good(&[&import[..], &[&second]].concat());
    assert!(text.contains("none missing"), "{text}");
    let weights = |folder: &str| fs::read(Path::new(folder).join("model.safetensors")).unwrap();
    assert_eq!(weights(&first), weights(&second));

    let batch = batch(NetworkKind::Variant(Variant::UNet), 32, Seed(3));
    let image: Vec<u8> = batch.image.iter().flat_map(|v| v.to_le_bytes()).collect();
    let tensors = |labels: &[u8]| {
        let image = TensorView::new(Dtype::F32, batch.image_shape.to_vec(), &image).unwrap();
        let labels = TensorView::new(Dtype::U8, batch.labels_shape.to_vec(), labels).unwrap();
        safetensors::serialize([("input", image), ("labels", labels)], None).unwrap()
    };
    let [input, out] = ["batch.safetensors", "step.safetensors"].map(path);
    fs::write(&input, tensors(&batch.labels)).unwrap();
    good(&[
        "model",
        "probe",
        &second,
        "--input",
        &input,
        "--out",
        &out,
        "--training",
    ]);
    let bytes = fs::read(&out).unwrap();
    let step = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(step.tensor("logits").unwrap().shape(), [2, 3, 1, 32, 32]);
    for name in [
        "loss",
        "gradient.down.0.0.conv.weight",
        "after.up.3.1.norm.running_var",
    ] {
        step.tensor(name).unwrap();
    }
    let mut strange = batch.labels.clone();
    strange[5] = 9;
    fs::write(&input, tensors(&strange)).unwrap();
    let output = hdbench(&["model", "probe", &second, "--input", &input, "--out", &out]);
    assert_eq!(output.status.code(), Some(3));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("9 is no label of unet"), "{error}");

    let measured = good(&[
        "model",
        "measure",
        "unet",
        "--scale",
        "demo",
        "--plane",
        "32",
        "--repeats",
        "1",
    ]);
    let measured: serde_json::Value = serde_json::from_str(&measured).unwrap();
    assert_eq!(
        measured["measured"]["input"],
        serde_json::json!([6, 1, 3, 32, 32])
    );
    assert!(measured["measured"]["step_seconds"][0].as_f64().unwrap() > 0.0);

    let doctor: serde_json::Value = serde_json::from_str(&good(&["doctor"])).unwrap();
    let devices = doctor["devices"].as_array().unwrap();
    assert_eq!(devices[0]["device"], "flex");
    assert_eq!(devices[0]["works"], true);
    for device in devices {
        assert_eq!(
            device["works"] == true,
            device["reason"].is_null(),
            "{device}"
        );
    }
}

/// A device that is not to be had is a wrong setting, and says what is.
#[test]
fn an_unavailable_device_is_a_clear_error() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run").display().to_string();
    let output = hdbench(&["ablation", "--device", "cuda:99", "--out", &out]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("cuda:99 is not to be had"), "{error}");
    assert!(error.contains("hdbench doctor"), "{error}");
    let output = hdbench(&["ablation", "--device", "gpu", "--out", &out]);
    assert_eq!(output.status.code(), Some(2));
}

/// A sweep is a study an arm and one table over all; a second start does nothing twice.
#[test]
fn a_sweep_compares_settings() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let place = out.display().to_string();
    let mut arguments = vec![
        "ablation",
        "--variant",
        "unet",
        "--sweep",
        "recipe=paper,released",
    ];
    for set in [
        "iterations=3",
        "coarse_iterations=3",
        "dense_2d={stem=4,growth=2,blocks=[1,1,1,1],decoder=[5,6,4,4,4]}",
        "dense_3d={stem=4,growth=2,blocks=[1,1,1,1],decoder=[4,5,6,4,4]}",
    ] {
        arguments.extend(["--set", set]);
    }
    arguments.extend(["--out", &place]);
    good(&arguments);
    let table = fs::read_to_string(out.join("report/sweep.csv")).unwrap();
    let mut csv = csv::Reader::from_reader(table.as_bytes());
    let arms: Vec<String> = csv
        .records()
        .map(|row| {
            let row = row.unwrap();
            assert_eq!(&row[0], "unet");
            row[2].to_owned()
        })
        .collect();
    assert_eq!(arms, ["paper", "released"]);
    for arm in ["paper", "released"] {
        assert!(out.join(arm).join("report/index.html").is_file());
        assert!(!out.join(arm).join("cache").exists());
        let study = hdbench::study::Study::read(&out.join(arm)).unwrap();
        assert_eq!(study.scale.iterations, 3);
        assert_eq!(study.data.folder, out.join("phantoms"));
    }
    let weights = out.join("released/unet/fold_0/seed_0/model/model.safetensors");
    let before = fs::metadata(&weights).unwrap().modified().unwrap();
    let moved = dir.path().join("moved");
    fs::rename(&out, &moved).unwrap();
    let last = arguments.len() - 1;
    let place = moved.display().to_string();
    arguments[last] = &place;
    good(&arguments);
    let weights = moved.join("released/unet/fold_0/seed_0/model/model.safetensors");
    assert_eq!(fs::metadata(&weights).unwrap().modified().unwrap(), before);
}
