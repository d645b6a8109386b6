use burn::tensor::module::{batch_norm_train, conv2d, conv3d};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData};
use hdbench_ground::seed::Seed;
use pulp::Arch;

use super::norm::{Maps, Passage, Terms};
use super::operations::composed_convolution;
use super::planes::Geometry;
use super::pool::Pooling;
use super::source::Source;
use super::*;

fn noise(name: &str, count: usize) -> Vec<f32> {
    let mut stream = Seed(7).stream(name);
    (0..count).map(|_| stream.normal() as f32).collect()
}

fn tensor<const R: usize>(name: &str, shape: [usize; R], device: &Device) -> Tensor<R> {
    let values = noise(name, shape.iter().product());
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn assert_near<const R: usize>(found: Tensor<R>, expected: Tensor<R>, what: &str) {
    let scale = expected.clone().abs().max().into_scalar::<f32>();
    let distance = (found - expected).abs().max().into_scalar::<f32>();
    assert!(
        distance <= 1e-5 * scale.max(1.0),
        "{what}: {distance} of {scale}"
    );
}

/// Result and gradients of input, kernels and bias against Burn's own convolution.
fn check_convolution<const R: usize>(
    x: [usize; R],
    kernels: [usize; R],
    expected: impl Fn(Tensor<R>, Tensor<R>, Tensor<1>) -> Tensor<R>,
) {
    let device = Device::flex().autodiff();
    let what = format!("{x:?} {kernels:?}");
    let inputs = || {
        (
            tensor("x", x, &device).require_grad(),
            tensor("kernels", kernels, &device).require_grad(),
            tensor("bias", [kernels[0]], &device).require_grad(),
        )
    };
    let mut result = x;
    result[1] = kernels[0];
    let weight = tensor("weight", result, &device);
    let ours = inputs();
    let burns = inputs();
    let found = convolve(ours.0.clone(), ours.1.clone(), ours.2.clone());
    let wanted = expected(burns.0.clone(), burns.1.clone(), burns.2.clone());
    assert_near(found.clone(), wanted.clone(), &what);
    let found = (found * weight.clone()).sum().backward();
    let wanted = (wanted * weight).sum().backward();
    let gradients = "every input takes part";
    assert_near(
        ours.0.grad(&found).expect(gradients),
        burns.0.grad(&wanted).expect(gradients),
        &format!("{what}: input"),
    );
    assert_near(
        ours.1.grad(&found).expect(gradients),
        burns.1.grad(&wanted).expect(gradients),
        &format!("{what}: kernels"),
    );
    assert_near(
        ours.2.grad(&found).expect(gradients),
        burns.2.grad(&wanted).expect(gradients),
        &format!("{what}: bias"),
    );
}

#[test]
fn convolution_equals_burns_in_2d() {
    for (x, kernels) in [
        ([2, 3, 5, 7], [4, 3, 3, 3]),
        ([1, 1, 1, 1], [1, 1, 3, 3]),
        ([3, 5, 8, 8], [7, 5, 1, 1]),
        ([5, 4, 33, 40], [13, 4, 3, 3]),
        ([1, 2, 20, 9], [6, 2, 5, 5]),
        ([2, 17, 16, 16], [9, 17, 3, 3]),
        // Packed: several blocks of columns, rows in blocks of 6, 4 and 3, panels over several rows
        // of pixels.
        ([1, 100, 14, 14], [55, 100, 3, 3]),
        ([2, 60, 7, 7], [101, 60, 3, 3]),
        ([1, 300, 9, 11], [50, 300, 1, 1]),
        ([1, 130, 5, 6], [35, 130, 3, 3]),
        // By tiles: of odd sizes, several strips, rows shorter than a vector and longer than two.
        ([2, 33, 27, 31], [50, 33, 3, 3]),
        ([1, 130, 90, 71], [37, 130, 3, 3]),
        ([1, 32, 301, 3], [35, 32, 3, 3]),
    ] {
        let pad = kernels[2] / 2;
        check_convolution(x, kernels, |x, kernels, bias| {
            let options = ConvOptions::new([1; 2], [pad; 2], [1; 2], 1);
            conv2d(x, kernels, Some(bias), options)
        });
    }
}

#[test]
fn convolution_equals_burns_in_3d() {
    for (x, kernels) in [
        ([1, 3, 4, 5, 6], [5, 3, 3, 3, 3]),
        ([2, 4, 1, 8, 9], [2, 4, 3, 3, 3]),
        ([1, 6, 4, 8, 8], [12, 6, 1, 1, 1]),
        ([1, 40, 3, 9, 11], [36, 40, 3, 3, 3]),
        ([2, 34, 4, 30, 25], [37, 34, 3, 3, 3]),
        ([1, 32, 1, 24, 26], [32, 32, 3, 3, 3]),
    ] {
        let pad = kernels[2] / 2;
        check_convolution(x, kernels, |x, kernels, bias| {
            let options = ConvOptions::new([1; 3], [pad; 3], [1; 3], 1);
            conv3d(x, kernels, Some(bias), options)
        });
    }
}

/// What other devices compute, even kernels included.
#[test]
fn composed_convolution_equals_ours() {
    let device = Device::flex();
    let check_2d = |x, kernels: [usize; 4]| {
        let x: Tensor<4> = tensor("x", x, &device);
        let bias = tensor("bias", [kernels[0]], &device);
        let kernels = tensor("kernels", kernels, &device);
        let expected = convolve(x.clone(), kernels.clone(), bias.clone());
        assert_near(composed_convolution(x, kernels, bias), expected, "2d");
    };
    check_2d([2, 3, 5, 7], [4, 3, 3, 3]);
    check_2d([1, 2, 6, 8], [3, 2, 4, 4]);
    let x: Tensor<5> = tensor("x", [1, 2, 4, 6, 5], &device);
    let kernels = tensor("kernels", [3, 2, 4, 4, 4], &device);
    let bias = tensor("bias", [3], &device);
    let expected = convolve(x.clone(), kernels.clone(), bias.clone());
    assert_near(composed_convolution(x, kernels, bias), expected, "3d");
}

/// Result, statistics and gradients against Burn's own batch norm, with and without ReLU.
#[test]
fn normalisation_equals_burns() {
    let device = Device::flex().autodiff();
    for (shape, relu) in [
        ([3, 4, 5, 7], true),
        ([2, 3, 8, 16], false),
        ([1, 1, 2, 1], true),
    ] {
        let channels = shape[1];
        let inputs = || {
            (
                (tensor("x", shape, &device) * 3.0 + 5.0)
                    .detach()
                    .require_grad(),
                tensor("gamma", [channels], &device).require_grad(),
                tensor("beta", [channels], &device).require_grad(),
            )
        };
        let weight = tensor("weight", shape, &device);
        let (ours, burns) = (inputs(), inputs());
        let (y, mean, variance) =
            normalise(ours.0.clone(), ours.1.clone(), ours.2.clone(), 1e-3, relu);
        let wanted = batch_norm_train(burns.0.clone(), burns.1.clone(), burns.2.clone(), 1e-3);
        let wanted_y = if relu {
            burn::tensor::activation::relu(wanted.output)
        } else {
            wanted.output
        };
        let what = format!("{shape:?}");
        assert_near(y.clone(), wanted_y.clone(), &what);
        assert_near(mean, wanted.mean, &what);
        assert_near(variance, wanted.variance, &what);
        let found = (y * weight.clone()).sum().backward();
        let wanted = (wanted_y * weight).sum().backward();
        for (ours, burns) in [(ours.1, burns.1), (ours.2, burns.2)] {
            assert_near(
                ours.grad(&found).expect("it takes part"),
                burns.grad(&wanted).expect("it takes part"),
                &what,
            );
        }
        assert_near(
            ours.0.grad(&found).expect("it takes part"),
            burns.0.grad(&wanted).expect("it takes part"),
            &what,
        );
    }
}

#[test]
fn affine_equals_its_composition() {
    let device = Device::flex().autodiff();
    for relu in [false, true] {
        let shape = [2, 3, 5, 7];
        let inputs = || {
            (
                tensor("x", shape, &device).require_grad(),
                tensor("scale", [3], &device).require_grad(),
                tensor("shift", [3], &device).require_grad(),
            )
        };
        let weight = tensor("weight", shape, &device);
        let (ours, burns) = (inputs(), inputs());
        let y = affine(ours.0.clone(), ours.1.clone(), ours.2.clone(), relu);
        let wanted = burns.0.clone() * burns.1.clone().reshape([1, 3, 1, 1])
            + burns.2.clone().reshape([1, 3, 1, 1]);
        let wanted = if relu {
            burn::tensor::activation::relu(wanted)
        } else {
            wanted
        };
        assert_near(y.clone(), wanted.clone(), "y");
        let found = (y * weight.clone()).sum().backward();
        let wanted = (wanted * weight).sum().backward();
        assert_near(
            ours.0.grad(&found).expect("it takes part"),
            burns.0.grad(&wanted).expect("it takes part"),
            "x",
        );
        for (ours, burns) in [(ours.1, burns.1), (ours.2, burns.2)] {
            assert_near(
                ours.grad(&found).expect("it takes part"),
                burns.grad(&wanted).expect("it takes part"),
                "parameters",
            );
        }
    }
}

/// The same as one after the other: results, statistics and gradients, to the last bit.
#[test]
fn a_normed_convolution_equals_its_parts() {
    let device = Device::flex().autodiff();
    for (x, kernels) in [
        ([2, 5, 6, 7], [4, 5, 3, 3]),
        ([1, 70, 8, 8], [48, 70, 1, 1]),
        ([1, 60, 9, 9], [40, 60, 3, 3]),
    ] {
        let inputs = || {
            [
                tensor("gamma", [x[1]], &device).require_grad(),
                tensor("beta", [x[1]], &device).require_grad(),
                tensor("bias", [kernels[0]], &device).require_grad(),
            ]
        };
        let weight: Tensor<4> = tensor("weight", [x[0], kernels[0], x[2], x[3]], &device);
        let run = |together: bool| {
            let maps: Tensor<4> = tensor("x", x, &device).require_grad();
            let weights: Tensor<4> = tensor("kernels", kernels, &device).require_grad();
            let [gamma, beta, bias] = inputs();
            let (given, of) = ((maps.clone(), weights.clone()), bias.clone());
            let (y, mean, variance) = if together {
                let gamma = gamma.clone();
                normed_convolution(
                    given.0,
                    gamma,
                    beta.clone(),
                    1e-3,
                    given.1,
                    of,
                    Origin::Input,
                )
            } else {
                let norm = normalise(given.0, gamma.clone(), beta.clone(), 1e-3, true);
                (convolve(norm.0, given.1, of), norm.1, norm.2)
            };
            let gradients = (y.clone() * weight.clone()).sum().backward();
            let part = "every input takes part";
            let mut all = vec![
                y.into_data(),
                mean.into_data(),
                variance.into_data(),
                maps.grad(&gradients).expect(part).into_data(),
                weights.grad(&gradients).expect(part).into_data(),
            ];
            for vector in [gamma, beta, bias] {
                all.push(vector.grad(&gradients).expect(part).into_data());
            }
            all
        };
        assert_eq!(run(true), run(false));
    }
}

/// A doubled input is doubled, normed and convolved as one after the other would, with the same gradients:
/// in training and with fixed statistics.
fn check_doubled<const R: usize>(small: [usize; R], kernels: [usize; R], how: Doubled) {
    let device = Device::flex().autodiff();
    let what = format!("{small:?} {kernels:?} {how:?}");
    let run = |together: bool, trained: bool| {
        let x: Tensor<R> = tensor("x", small, &device).require_grad();
        let weights: Tensor<R> = tensor("kernels", kernels, &device).require_grad();
        let vector = |name, count| tensor(name, [count], &device).require_grad();
        let (gamma, beta) = (vector("gamma", small[1]), vector("beta", small[1]));
        let bias = vector("bias", kernels[0]);
        let line = (gamma.clone(), beta.clone());
        let rest = (weights.clone(), bias.clone());
        let given = x.clone();
        let doubled = |x| double(x, how).expect("flex has the kernel");
        let y = match (together, trained) {
            (true, true) => {
                let origin = Origin::Doubled(how);
                normed_convolution(given, line.0, line.1, 1e-3, rest.0, rest.1, origin).0
            }
            (false, true) => {
                let normed = normalise(doubled(given), line.0, line.1, 1e-3, true).0;
                convolve(normed, rest.0, rest.1)
            }
            (true, false) => affine_convolution(given, line.0, line.1, rest.0, rest.1, Some(how)),
            (false, false) => {
                convolve(affine(doubled(given), line.0, line.1, true), rest.0, rest.1)
            }
        };
        let inner = affine_convolution(
            x.clone().inner(),
            gamma.clone().inner(),
            beta.clone().inner(),
            weights.clone().inner(),
            bias.clone().inner(),
            Some(how),
        );
        if !trained {
            assert_near(inner, y.clone().inner(), &what);
        }
        let weight = tensor("weight", y.dims(), &device);
        let gradients = (y.clone() * weight).sum().backward();
        let part = "every input takes part";
        let vectors = [gamma, beta, bias].map(|v| v.grad(&gradients).expect(part));
        let maps = [
            y.inner(),
            x.grad(&gradients).expect(part),
            weights.grad(&gradients).expect(part),
        ];
        (maps, vectors)
    };
    for trained in [true, false] {
        let (found, expected) = (run(true, trained), run(false, trained));
        for (found, expected) in found.0.into_iter().zip(expected.0) {
            assert_near(found, expected, &what);
        }
        for (found, expected) in found.1.into_iter().zip(expected.1) {
            assert_near(found, expected, &what);
        }
    }
}

#[test]
fn a_doubled_input_needs_no_doubled_maps() {
    for linear in [true, false] {
        let plane = Doubled {
            along_z: false,
            linear,
        };
        check_doubled([2, 5, 3, 4], [4, 5, 3, 3], plane);
        check_doubled([1, 60, 5, 6], [40, 60, 3, 3], plane);
        check_doubled([1, 6, 2, 3, 4], [9, 6, 3, 3, 3], plane);
        let volume = Doubled {
            along_z: true,
            linear,
        };
        check_doubled([2, 40, 2, 3, 4], [36, 40, 3, 3, 3], volume);
    }
}

/// Layers that find their inputs in their block's output give the gradients of layers that keep
/// them.
#[test]
fn layers_of_a_block_find_their_inputs_in_its_output() {
    let device = Device::flex().autodiff();
    for patches in [1, 3] {
        let run = |block: Option<&Block>| {
            let origin = || block.map_or(Origin::Input, |block| Origin::Block(block.clone()));
            let x: Tensor<4> = tensor("x", [patches, 5, 6, 7], &device).require_grad();
            let mut maps = x.clone();
            let mut parameters = Vec::new();
            for layer in 0..3 {
                let name = |what: &str| format!("{what} {layer}");
                let channels = maps.dims()[1];
                let kernels: Tensor<4> =
                    tensor(&name("kernels"), [4, channels, 3, 3], &device).require_grad();
                let gamma = tensor(&name("gamma"), [channels], &device).require_grad();
                let beta = tensor(&name("beta"), [channels], &device);
                let bias = tensor(&name("bias"), [4], &device);
                parameters.push((kernels.clone(), gamma.clone()));
                let (new, ..) =
                    normed_convolution(maps.clone(), gamma, beta, 1e-3, kernels, bias, origin());
                maps = Tensor::cat(vec![maps, new], 1);
            }
            if let Some(block) = block {
                maps = finish_block(maps, block);
            }
            let weight = tensor("weight", maps.dims(), &device);
            let gradients = (maps * weight).sum().backward();
            let part = "every input takes part";
            let mut all = vec![x.grad(&gradients).expect(part).into_data()];
            for (kernels, gamma) in parameters {
                all.push(kernels.grad(&gradients).expect(part).into_data());
                all.push(gamma.grad(&gradients).expect(part).into_data());
            }
            all
        };
        assert_eq!(run(Some(&Block::default())), run(None));
    }
}

/// Every set of vector instructions that this machine has.
fn vectors() -> Vec<Arch> {
    let mut all = vec![Arch::new()];
    #[cfg(target_arch = "x86_64")]
    all.extend(pulp::x86::V3::try_new().map(Arch::V3));
    all
}

/// Few channels and many, wide planes and narrow ones: every way in which a convolution is computed.
fn geometries() -> [Geometry; 5] {
    let geometry = |channels: [usize; 2], size: [usize; 3], kernel: [usize; 3]| Geometry {
        batch: 2,
        channels_in: channels[0],
        channels_out: channels[1],
        size,
        kernel,
        padding: kernel.map(|k| k / 2),
    };
    [
        geometry([5, 9], [2, 11, 13], [3, 3, 3]),
        geometry([70, 40], [1, 10, 30], [1, 3, 3]),
        geometry([90, 150], [1, 9, 16], [1, 3, 3]),
        geometry([300, 70], [1, 7, 7], [1, 1, 1]),
        geometry([33, 35], [3, 27, 25], [3, 3, 3]),
    ]
}

struct Operands {
    x: Vec<f32>,
    gradient: Vec<f32>,
    kernels: Vec<f32>,
    bias: Vec<f32>,
}

impl Operands {
    fn of(geometry: &Geometry) -> Self {
        let count = |channels| geometry.batch * channels * geometry.plane();
        let (inputs, outputs) = (geometry.channels_in, geometry.channels_out);
        Self {
            x: noise("x", count(inputs)),
            gradient: noise("gradient", count(outputs)),
            kernels: noise("kernels", outputs * inputs * geometry.taps()),
            bias: noise("bias", outputs),
        }
    }

    fn convolved(&self, arch: Arch, geometry: &Geometry) -> [Vec<f32>; 3] {
        let x = Source::plain(arch, &self.x, geometry.channels_in, geometry.plane());
        [
            convolution::forward(arch, geometry, &x, &self.kernels, &self.bias),
            convolution::input_gradient(arch, geometry, &self.gradient, &self.kernels),
            convolution::kernel_gradient(arch, geometry, &x, &self.gradient),
        ]
    }

    fn normed(&self, arch: Arch, geometry: &Geometry) -> Vec<Vec<f32>> {
        let channels = geometry.channels_out;
        let maps = Maps::new(arch, &[geometry.batch, channels, geometry.plane()]);
        let gradient = &self.gradient;
        let seen = Source::plain(arch, gradient, channels, geometry.plane());
        let (mean, variance) = norm::statistics(&maps, &seen);
        let passage = Passage {
            scale: &variance,
            shift: &mean,
            relu: true,
        };
        let terms = vec![
            Terms {
                factor: 2.0,
                slope: 0.5,
                constant: -1.0,
            };
            channels
        ];
        let sums = norm::gradient_sums(&maps, &seen, gradient, &passage, &mean);
        vec![
            norm::affine(&maps, gradient, &variance, &mean, true),
            norm::input_gradient(&maps, &seen, gradient.into(), &passage, &terms),
            norm::sums(&maps, gradient),
            sums.into_iter()
                .flat_map(|(sum, product)| [sum as f32, product as f32])
                .collect(),
            mean.clone(),
            variance.clone(),
        ]
    }
}

/// The vector instructions of this machine and plain code agree.
#[test]
fn plain_code_gives_the_same_within_rounding() {
    for geometry in geometries() {
        let operands = Operands::of(&geometry);
        let run = |arch| {
            let mut all = operands.normed(arch, &geometry);
            all.extend(operands.convolved(arch, &geometry));
            all
        };
        let plain = run(Arch::Scalar);
        for arch in vectors() {
            for (fast, plain) in run(arch).iter().zip(&plain) {
                assert_eq!(fast.len(), plain.len());
                let scale = plain.iter().fold(1.0_f32, |most, x| most.max(x.abs()));
                for (fast, plain) in fast.iter().zip(plain) {
                    assert!(
                        (fast - plain).abs() <= 1e-5 * scale,
                        "{geometry:?} {arch:?}: {fast} {plain}"
                    );
                }
            }
        }
    }
}

/// The number of threads changes how the work is cut, never a bit of the result.
#[test]
fn threads_do_not_change_a_bit() {
    for geometry in geometries() {
        let operands = Operands::of(&geometry);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .expect("threads can be started");
            pool.install(|| {
                let mut all = operands.normed(Arch::new(), &geometry);
                all.extend(operands.convolved(Arch::new(), &geometry));
                all
            })
        };
        let one = run(1);
        for threads in [2, 3, 8] {
            assert!(run(threads) == one, "{geometry:?} on {threads} threads");
        }
    }
}

/// As rearranged by Burn, and back again; the gradient goes the way back.
#[test]
fn parities_become_channels() {
    let device = Device::flex().autodiff();
    let x = tensor("x", [2, 3, 4, 6], &device).require_grad();
    let expected = x
        .clone()
        .reshape([2, 3, 2, 2, 3, 2])
        .permute([0, 1, 3, 5, 2, 4])
        .reshape([2, 12, 2, 3]);
    let found = parities(x.clone(), Parity::Split).expect("flex has the kernel");
    assert_eq!(found.to_data(), expected.to_data());
    let weight = tensor("weight", found.dims(), &device);
    let gradients = (found.clone() * weight.clone()).sum().backward();
    let back = parities(weight, Parity::Join).expect("flex has the kernel");
    let of_x = x.grad(&gradients).expect("x takes part");
    assert_eq!(of_x.to_data(), back.to_data());
    let joined = parities(found, Parity::Join).expect("flex has the kernel");
    assert_eq!(joined.to_data(), x.to_data());

    let x = tensor("x", [2, 3, 2, 4, 6], &device);
    let expected = x
        .clone()
        .reshape([2, 3, 1, 2, 2, 2, 3, 2])
        .permute([0, 1, 3, 5, 7, 2, 4, 6])
        .reshape([2, 24, 1, 2, 3]);
    let found = parities(x.clone(), Parity::Split).expect("flex has the kernel");
    assert_eq!(found.to_data(), expected.to_data());
    let joined = parities(found, Parity::Join).expect("flex has the kernel");
    assert_eq!(joined.to_data(), x.to_data());
}

#[test]
fn the_first_of_equals_is_the_largest_and_no_number_stays_none() {
    let device = Device::flex().autodiff();
    let nan = f32::NAN;
    let x = Tensor::<1>::from_floats([3.0, 3.0, 1.0, nan, 2.0, 3.0, 5.0, 0.0], &device)
        .reshape([1, 1, 2, 4])
        .require_grad();
    let window = Window {
        size: 2,
        padding: 0,
    };
    let y = max_pool(x.clone(), window).expect("flex has the kernel");
    let values = y.to_data().try_to_vec::<f32>().expect("f32");
    assert!(values[0] == 3.0 && values[1].is_nan(), "{values:?}");
    let gradient = x.grad(&y.sum().backward()).expect("x takes part");
    let gradient = gradient.into_data().try_to_vec::<f32>().expect("f32");
    assert_eq!(gradient, [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
}

/// The vector instructions of this machine and plain code find the same, bit by bit.
#[test]
fn pooling_is_the_same_on_every_path() {
    let window = Window {
        size: 3,
        padding: 1,
    };
    let pooling = Pooling::new(&[1, 2, 4, 9, 37], window);
    let x = noise("x", 2 * 4 * 9 * 37);
    let plain = pool::largest(Arch::Scalar, pooling, &x);
    for arch in vectors() {
        assert!(pool::largest(arch, pooling, &x) == plain, "{arch:?}");
    }
}

/// As of a map that is doubled first, values and gradients.
fn check_nearest<const R: usize>(x: [usize; R], outputs: usize, size: usize, along_z: bool) {
    let device = Device::flex().autodiff();
    let nearest = Doubled {
        along_z,
        linear: false,
    };
    let what = format!("{x:?} {outputs} {size} {along_z}");
    let mut kernels = [size; R];
    kernels[..2].copy_from_slice(&[outputs, x[1]]);
    let kernels = tensor("kernels", kernels, &device).require_grad();
    let x = tensor("x", x, &device).require_grad();
    let doubled = double(x.clone(), nearest).expect("flex has the kernel");
    let zeros = Tensor::zeros([outputs], &device);
    let expected = convolve(doubled, kernels.clone(), zeros);
    let onto = tensor("onto", expected.dims(), &device).require_grad();
    let expected = onto.clone() + expected;
    let weight = tensor("weight", onto.dims(), &device);
    let found = add_convolved_doubled(onto.clone(), x.clone(), kernels.clone())
        .expect("flex has the kernel");
    assert_near(found.clone(), expected.clone(), &what);
    let found = (found * weight.clone()).sum().backward();
    let expected = (expected * weight).sum().backward();
    for (name, input) in [("x", &x), ("kernels", &kernels), ("onto", &onto)] {
        let of = |gradients| input.grad(gradients).expect("every input takes part");
        assert_near(of(&found), of(&expected), &format!("{what}: {name}"));
    }
}

#[test]
fn convolutions_of_doubled_maps_are_computed_on_the_small_ones() {
    check_nearest([2, 3, 4, 7], 5, 3, false);
    check_nearest([1, 70, 9, 30], 40, 3, false);
    check_nearest([1, 2, 1, 1], 3, 3, false);
    check_nearest([2, 9, 5, 3], 4, 1, false);
    for along_z in [false, true] {
        check_nearest([2, 3, 3, 4, 7], 5, 3, along_z);
        check_nearest([1, 40, 1, 5, 6], 34, 3, along_z);
        check_nearest([1, 4, 2, 3, 3], 5, 1, along_z);
    }
}
