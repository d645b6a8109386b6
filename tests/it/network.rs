//! Shapes, parameter counts and layout of the networks.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use hdbench::network::{
    DeviceSpec, Input, Mode, Network, NetworkKind, NetworkSummary, Pass, count_parameters,
    group_slices, initialise, summarise, ungroup_slices, values,
};
use hdbench::recipe::{Recipe, RecipeName, Scale, ScaleName, SliceBorder, Variant};
use hdbench::seed::Seed;

/// The processor by each way this binary has: `flex`, and LibTorch where it is built in.
pub fn devices() -> Vec<Device> {
    let tch = DeviceSpec::Tch
        .is_built_in()
        .then(|| DeviceSpec::Tch.open(2).expect("LibTorch is built in"));
    [Device::flex()].into_iter().chain(tch).collect()
}

fn counts(variant: Variant, recipe: RecipeName) -> [usize; 3] {
    let recipe = Recipe::named(recipe);
    let scale = Scale::named(ScaleName::Full);
    let network = Network::build(
        NetworkKind::Variant(variant),
        &recipe,
        &scale,
        &Device::flex(),
    );
    let count = network.parameters(&recipe);
    [count.trainable, count.buffers, count.total()]
}

/// Spec section 9: trainable, buffers, total of recipe `paper`.
#[test]
fn paper_networks_have_the_expected_parameters() {
    let expected = [
        (Variant::DenseUNet2d, [49_532_259, 227_168, 49_759_427]),
        (
            Variant::DenseUNet2dScratch,
            [49_532_259, 227_168, 49_759_427],
        ),
        (Variant::DenseNet2d, [44_866_755, 227_168, 45_093_923]),
        (Variant::DenseUNet3d, [16_130_179, 27_696, 16_157_875]),
        (Variant::HDenseUNet, [65_872_006, 254_992, 66_126_998]),
    ];
    for (variant, expected) in expected {
        assert_eq!(counts(variant, RecipeName::Paper), expected, "{variant}");
    }
}

/// Spec section 1.6: columns with Scale layers of recipe `released`.
#[test]
fn released_networks_have_the_expected_parameters() {
    let expected = [
        (Variant::DenseUNet2d, [49_747_779, 222_752, 49_970_531]),
        (Variant::DenseNet2d, [45_082_275, 222_752, 45_305_027]),
        (Variant::DenseUNet3d, [16_153_699, 26_688, 16_180_387]),
        (Variant::HDenseUNet, [61_195_054, 249_568, 61_444_622]),
    ];
    for (variant, expected) in expected {
        assert_eq!(counts(variant, RecipeName::Released), expected, "{variant}");
    }
}

/// The hybrid is the sum of its three parts (spec section 9).
#[test]
fn the_hybrids_parts_have_the_expected_parameters() {
    let recipe = Recipe::named(RecipeName::Paper);
    let scale = Scale::named(ScaleName::Full);
    let part = NetworkKind::Variant(Variant::HDenseUNet);
    let Network::Hybrid(hybrid) = Network::build(part, &recipe, &scale, &Device::flex()) else {
        panic!("hdenseunet is the hybrid");
    };
    let volume = count_parameters(&hybrid.volume);
    assert_eq!([volume.trainable, volume.buffers], [16_228_640, 27_568]);
    let fusion = count_parameters(&hybrid.fusion);
    assert_eq!([fusion.trainable, fusion.buffers], [111_107, 256]);
}

/// Every network answers each voxel of its patch, at demo and quick scale, in both recipes.
#[test]
fn answers_have_the_patch_s_shape() {
    for device in devices() {
        for recipe in [RecipeName::Paper, RecipeName::Released].map(Recipe::named) {
            let scale = Scale::named(ScaleName::Demo);
            let parts = Variant::ALL.map(NetworkKind::Variant);
            for part in parts.into_iter().chain([NetworkKind::Coarse]) {
                let network = Network::build(part, &recipe, &scale, &device);
                let (shape, classes, slices) = match (network.input(), part) {
                    (Input::Slices { neighbours }, NetworkKind::Coarse) => {
                        ([2, 1, 2 * neighbours + 1], 2, 1)
                    }
                    (Input::Slices { neighbours }, _) => ([2, 1, 2 * neighbours + 1], 3, 1),
                    (Input::Volume, _) => ([1, 1, 8], 3, 8),
                };
                let x = Tensor::<5>::ones([shape[0], shape[1], shape[2], 32, 64], &device);
                let answers = network.forward(x, Mode::TEST, &mut Pass::evaluation());
                let expected = [shape[0], classes, slices, 32, 64];
                assert_eq!(answers.logits.dims(), expected, "{part}");
                let hybrid = part == NetworkKind::Variant(Variant::HDenseUNet);
                assert_eq!(
                    answers.logits_2d.map(|l| l.dims()),
                    hybrid.then_some(expected)
                );
            }
        }
    }
}

#[test]
fn slices_are_grouped_with_their_neighbours_and_put_back() {
    for device in devices() {
        let volume = Tensor::<5>::from_data(
            TensorData::new(vec![1.0_f32, 2.0, 3.0, 4.0], [1, 1, 4, 1, 1]),
            &device,
        );
        let groups = group_slices(volume.clone(), SliceBorder::Replicated);
        assert_eq!(groups.dims(), [4, 3, 1, 1]);
        let found = groups.clone().into_data().try_to_vec::<f32>().unwrap();
        let expected = [1.0, 1.0, 2.0, 1.0, 2.0, 3.0, 2.0, 3.0, 4.0, 3.0, 4.0, 4.0];
        assert_eq!(found, expected);
        let zero = group_slices(volume.clone(), SliceBorder::Zero);
        let found = zero.into_data().try_to_vec::<f32>().unwrap();
        let expected = [0.0, 1.0, 2.0, 1.0, 2.0, 3.0, 2.0, 3.0, 4.0, 3.0, 4.0, 0.0];
        assert_eq!(found, expected);
        let centres = groups.narrow(1, 1, 1);
        let back = ungroup_slices(centres);
        assert_eq!(back.dims(), [1, 1, 4, 1, 1]);
        assert_eq!(back.into_data(), volume.into_data());
    }
}

#[test]
fn initial_values_depend_on_the_seed_alone_and_have_he_s_variance() {
    let mut expected = None;
    for device in devices() {
        let recipe = Recipe::named(RecipeName::Paper);
        let scale = Scale::named(ScaleName::Demo);
        let build = |seed| {
            let part = NetworkKind::Variant(Variant::HDenseUNet);
            let network = Network::build(part, &recipe, &scale, &device.clone().autodiff());
            values(&initialise(network, Seed(seed)).valid())
        };
        let first = build(1);
        assert_eq!(first, build(1));
        assert_ne!(first, build(2));
        assert_eq!(first, *expected.get_or_insert(first.clone()));
        let name = first
            .keys()
            .find(|name| name.ends_with("slices.levels.0.conv.weight"))
            .expect("the decoder's first convolution");
        let (shape, kernel) = &first[name];
        let fan_in: usize = shape[1..].iter().product();
        let variance =
            kernel.iter().map(|w| f64::from(*w).powi(2)).sum::<f64>() / kernel.len() as f64;
        let ratio = variance * fan_in as f64 / 2.0;
        assert!((0.9..1.1).contains(&ratio), "variance is {ratio} of He's");
    }
}

/// Without its UNet connections a DenseUNet computes what the DenseNet of the same weights does.
#[test]
fn warm_up_passes_over_the_unet_connections() {
    for device in devices() {
        let recipe = Recipe::named(RecipeName::Paper);
        let scale = Scale::named(ScaleName::Demo);
        let build = |variant| {
            let network = Network::build(NetworkKind::Variant(variant), &recipe, &scale, &device);
            initialise(network, Seed(3))
        };
        let x = Tensor::<5>::from_data(
            TensorData::new(
                (0..3 * 32 * 32)
                    .map(|i| (i % 251) as f32)
                    .collect::<Vec<_>>(),
                [1, 1, 3, 32, 32],
            ),
            &device,
        );
        let run = |network: &Network, skip_connections| {
            let mode = Mode {
                skip_connections,
                fusion_dropout: 0.0,
            };
            let answers = network.forward(x.clone(), mode, &mut Pass::evaluation());
            answers.logits.into_data()
        };
        let unet = build(Variant::DenseUNet2d);
        let plain = run(&build(Variant::DenseNet2d), true);
        assert_eq!(run(&unet, false), plain);
        assert_ne!(run(&unet, true), plain);
    }
}

/// Spec sections 1.1, 1.3 and 1.8: number of convolutions and forward multiply-adds (thousand
/// million) at 224 x 224, 12 slices, recipe `paper`.
#[test]
fn paper_networks_cost_what_the_tables_say() {
    let recipe = Recipe::named(RecipeName::Paper);
    let scale = Scale::named(ScaleName::Full);
    let summary = |variant| summarise(NetworkKind::Variant(variant), &recipe, &scale);
    let giga = |summary: &NetworkSummary| summary.multiply_adds() as f64 / 1e9;
    let slices = summary(Variant::DenseUNet2d);
    assert_eq!(slices.layers.len(), 167);
    assert_eq!(slices.input, [1, 1, 3, 224, 224]);
    assert!((giga(&slices) - 18.6).abs() < 0.1, "{}", giga(&slices));
    let volume = summary(Variant::DenseUNet3d);
    assert_eq!(volume.layers.len(), 65);
    assert_eq!(volume.layers[0].output, [1, 96, 6, 112, 112]);
    let hybrid = summary(Variant::HDenseUNet);
    assert_eq!(hybrid.layers.len(), 167 + 64 + 2);
    let fusion: u64 = hybrid
        .layers
        .iter()
        .filter(|layer| layer.path.contains("fusion"))
        .map(|layer| layer.multiply_adds)
        .sum();
    assert!((fusion as f64 / 1e9 - 66.7).abs() < 0.1, "{fusion}");
    // 454 without the line-up convolutions of both parts.
    let line_up: u64 = hybrid
        .layers
        .iter()
        .filter(|layer| layer.path.contains("lineup"))
        .map(|layer| layer.multiply_adds)
        .sum();
    let without = giga(&hybrid) - line_up as f64 / 1e9;
    assert!((without - 454.0).abs() < 1.0, "{without}");
    let layers: usize = hybrid.layers.iter().map(|layer| layer.parameters).sum();
    assert!(layers < hybrid.parameters.trainable);
}

/// A layer's work is its kernels at every place of its output; a transposed convolution's at every
/// place of its input.
#[test]
fn work_follows_from_shapes() {
    let recipe = Recipe::named(RecipeName::Paper);
    for variant in [Variant::UNet, Variant::ResNet, Variant::DenseNet2d] {
        let scale = Scale::named(ScaleName::Demo);
        for layer in summarise(NetworkKind::Variant(variant), &recipe, &scale).layers {
            let places: usize = layer.output[2..].iter().product();
            let rises = layer.kernel == [2, 2];
            let places = if rises { places / 4 } else { places };
            let kernels =
                layer.channels[0] * layer.channels[1] * layer.kernel.iter().product::<usize>();
            assert_eq!(
                layer.multiply_adds,
                (places * kernels) as u64,
                "{}",
                layer.path
            );
            assert_eq!(layer.output[1], layer.channels[1], "{}", layer.path);
        }
    }
}
