//! Convolutions of maps doubled to their nearest values, as ones of the small maps. Of a kernel of 3 x 3 a
//! pixel of the large map meets only 2 x 2 small ones; which of its taps fall together depends on whether the
//! pixel's row and column are even or odd, its phase.

use pulp::Arch;
use rayon::prelude::*;

use super::WORTHWHILE;
use super::convolution;
use super::planes::Geometry;
use super::source::Source;
use super::upsample::{self, Doubling};

/// The taps of three that fall on the first small value; the others fall on the second.
const FIRST: [usize; 2] = [1, 2];

/// Adds to `y` `[n, channels_out, 2 y, 2 x]` the convolution of `x` `[n, channels_in, y, x]` doubled. The
/// geometry is that of the small map, with a kernel of 1 x 1 or 3 x 3.
pub fn add_convolved(arch: Arch, geometry: &Geometry, x: &Source, kernels: &[f32], y: &mut [f32]) {
    let bias = vec![0.0; geometry.channels_out];
    if geometry.taps() == 1 {
        let small = convolution::forward(arch, geometry, x, kernels, &bias);
        for row in [0, 1] {
            add_rows(geometry, row, [&small, &small], y);
        }
        return;
    }
    for row in [0, 1] {
        let [even, odd] = [0, 1].map(|column| {
            let kernels = folded(kernels, [row, column]);
            convolution::forward(arch, &phase(geometry, [row, column]), x, &kernels, &bias)
        });
        add_rows(geometry, row, [&even, &odd], y);
    }
}

/// The gradients of `x` and of the kernels, given that of the result.
pub fn gradients(
    arch: Arch,
    geometry: &Geometry,
    x: &Source,
    kernels: &[f32],
    gradient: &[f32],
) -> [Vec<f32>; 2] {
    if geometry.taps() == 1 {
        let doubling = Doubling {
            size: geometry.size,
            along_z: false,
            linear: false,
        };
        let gradient = upsample::gather(arch, doubling, gradient);
        return [
            convolution::input_gradient(arch, geometry, &gradient, kernels),
            convolution::kernel_gradient(arch, geometry, x, &gradient),
        ];
    }
    let mut of_x = Vec::new();
    let mut of_kernels = vec![0.0; kernels.len()];
    for at in [[0, 0], [0, 1], [1, 0], [1, 1]] {
        let geometry = phase(geometry, at);
        let gradient = taken(&geometry, at, gradient);
        let folded = folded(kernels, at);
        add_all(
            &mut of_x,
            convolution::input_gradient(arch, &geometry, &gradient, &folded),
        );
        let found = convolution::kernel_gradient(arch, &geometry, x, &gradient);
        unfold(&found, at, &mut of_kernels);
    }
    [of_x, of_kernels]
}

/// The convolution that gives the pixels of a phase.
fn phase(geometry: &Geometry, [row, column]: [usize; 2]) -> Geometry {
    Geometry {
        kernel: [1, 2, 2],
        padding: [0, 1 - row, 1 - column],
        ..*geometry
    }
}

/// Which of two small values a tap of three falls on.
fn part(phase: usize, tap: usize) -> usize {
    usize::from(tap >= FIRST[phase])
}

/// For each tap of 3 x 3 its place among those of 2 x 2.
fn places([row, column]: [usize; 2]) -> [usize; 9] {
    std::array::from_fn(|tap| 2 * part(row, tap / 3) + part(column, tap % 3))
}

/// Kernels of 3 x 3 as a phase meets them.
fn folded(kernels: &[f32], phase: [usize; 2]) -> Vec<f32> {
    let places = places(phase);
    let (kernels, _) = kernels.as_chunks::<9>();
    let fold = |kernel: &[f32; 9]| {
        let mut folded = [0.0; 4];
        for (place, value) in places.iter().zip(kernel) {
            folded[*place] += value;
        }
        folded
    };
    kernels.iter().flat_map(fold).collect()
}

/// Adds the gradients of kernels that were folded to those of the kernels.
fn unfold(folded: &[f32], phase: [usize; 2], kernels: &mut [f32]) {
    let places = places(phase);
    let kernels = kernels.as_chunks_mut::<9>().0.iter_mut();
    for (kernel, folded) in kernels.zip(folded.as_chunks::<4>().0) {
        for (place, value) in places.iter().zip(kernel) {
            *value += folded[*place];
        }
    }
}

/// Adds small maps to the even and the odd columns of every second row.
fn add_rows(geometry: &Geometry, row: usize, [even, odd]: [&[f32]; 2], y: &mut [f32]) {
    let (plane, width) = (geometry.plane(), geometry.size[2]);
    y.par_chunks_mut(4 * plane)
        .zip(even.par_chunks(plane).zip(odd.par_chunks(plane)))
        .with_min_len((WORTHWHILE / (4 * plane)).max(1))
        .for_each(|(y, (even, odd))| {
            let rows = y.chunks_exact_mut(2 * width).skip(row).step_by(2);
            let added = even.chunks_exact(width).zip(odd.chunks_exact(width));
            for (y, (even, odd)) in rows.zip(added) {
                let pairs = y.as_chunks_mut::<2>().0.iter_mut();
                for (pair, (even, odd)) in pairs.zip(even.iter().zip(odd)) {
                    pair[0] += even;
                    pair[1] += odd;
                }
            }
        });
}

/// The pixels of a phase, as small maps.
fn taken(geometry: &Geometry, [row, column]: [usize; 2], large: &[f32]) -> Vec<f32> {
    let (plane, width) = (geometry.plane(), geometry.size[2]);
    let mut small = vec![0.0; large.len() / 4];
    small
        .par_chunks_mut(plane)
        .zip(large.par_chunks(4 * plane))
        .with_min_len((WORTHWHILE / (4 * plane)).max(1))
        .for_each(|(small, large)| {
            let rows = large.chunks_exact(2 * width).skip(row).step_by(2);
            for (small, large) in small.chunks_exact_mut(width).zip(rows) {
                for (small, pair) in small.iter_mut().zip(large.as_chunks::<2>().0) {
                    *small = pair[column];
                }
            }
        });
    small
}

fn add_all(to: &mut Vec<f32>, from: Vec<f32>) {
    if to.is_empty() {
        *to = from;
        return;
    }
    to.par_iter_mut()
        .zip(from)
        .with_min_len(WORTHWHILE)
        .for_each(|(to, from)| *to += from);
}
