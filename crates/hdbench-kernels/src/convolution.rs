use pulp::Arch;

use super::correlation::sums_of_products;
use super::direct;
use super::planes::Geometry;
use super::product::{Weights, product};
use super::source::Source;
use super::winograd::winograd;
use super::winograd_gradient::winograd_gradient;

/// Channels below which a convolution is computed without packing its input: a packed panel would be
/// used too seldom.
const FEW: usize = 32;

/// Bytes of the input's lines that a place of the output depends on, up to which they stay near without
/// being packed; and the width from which the padding computed along with a row does not count.
const NEAR_BYTES: usize = 96 << 10;
const WIDE: usize = 28;

/// Outputs below which kernel gradients are summed along the pixels.
const FEW_OUTPUTS: usize = 9;

/// A convolution's result `[n, channels_out, z, y, x]` of `x` `[n, channels_in, z, y, x]`, kernels
/// `[channels_out, channels_in, kz, ky, kx]` and a bias for each output channel.
pub fn forward(
    arch: Arch,
    geometry: &Geometry,
    x: &Source,
    kernels: &[f32],
    bias: &[f32],
) -> Vec<f32> {
    let weights = Weights {
        kernels,
        rows: geometry.channels_out,
        inputs: geometry.channels_in,
        taps: geometry.taps(),
        turned: false,
    };
    convolve(arch, geometry, x, &weights, Some(bias))
}

/// The gradient of the input, given that of the result.
pub fn input_gradient(
    arch: Arch,
    geometry: &Geometry,
    gradient: &[f32],
    kernels: &[f32],
) -> Vec<f32> {
    // The same convolution with input and output swapped and every kernel turned around.
    let weights = Weights {
        kernels,
        rows: geometry.channels_in,
        inputs: geometry.channels_out,
        taps: geometry.taps(),
        turned: true,
    };
    let gradient = Source::plain(arch, gradient, geometry.channels_out, geometry.plane());
    convolve(arch, &geometry.transposed(), &gradient, &weights, None)
}

/// The gradient of the kernels, given that of the result.
pub fn kernel_gradient(arch: Arch, geometry: &Geometry, x: &Source, gradient: &[f32]) -> Vec<f32> {
    if is_tiled(geometry) {
        return winograd_gradient(arch, geometry, x, gradient);
    }
    if geometry.channels_out < FEW_OUTPUTS {
        return direct::kernel_gradient(arch, geometry, x, gradient);
    }
    sums_of_products(arch, geometry, x, gradient)
}

fn convolve(
    arch: Arch,
    geometry: &Geometry,
    x: &Source,
    weights: &Weights,
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let way = if is_tiled(geometry) {
        winograd
    } else if is_direct(geometry) {
        direct::forward
    } else {
        product
    };
    way(arch, geometry, x, weights, bias)
}

fn is_direct(geometry: &Geometry) -> bool {
    /// Bytes that a row of a kernel touches in a plane.
    const LINES: usize = 128;
    let [depth, height, _] = geometry.kernel;
    let touched = geometry.channels_in * depth * height * LINES;
    let near = touched <= NEAR_BYTES && geometry.size[2] >= WIDE;
    geometry.taps() > 1 && (geometry.channels_out <= FEW || near)
}

/// Where fewer products make up for carrying values to tiles and back: several channels, and maps large enough
/// for the kernels to be carried there too.
fn is_tiled(geometry: &Geometry) -> bool {
    let [_, height, width] = geometry.size;
    geometry.kernel[1..] == [3; 2]
        && geometry.channels_in.min(geometry.channels_out) >= 32
        && height * width >= 600
}
