//! Convolutions of maps doubled to their nearest values, as ones of the small maps. Of a kernel of three values
//! a pixel of the large map meets only two small ones along every doubled axis; which of its taps fall together
//! depends on whether the pixel's place is even or odd, its phase.

use pulp::Arch;
use rayon::prelude::*;

use super::convolution;
use super::origin::Doubled;
use super::planes::Geometry;
use super::source::Source;
use super::threads::{WORTHWHILE, items_a_thread};
use super::upsample::{self, Doubling};

/// The taps of three that fall on the first small value; the others fall on the second.
const FIRST: [usize; 2] = [1, 2];

/// How a map is doubled: the plane, and z too where `along_z`; with the geometry of a convolution of the small
/// map, whose kernel has one value or three along every doubled axis.
#[derive(Clone, Copy, Debug)]
pub struct Nearest<'a> {
    pub geometry: &'a Geometry,
    pub along_z: bool,
}

/// Of a pixel of the large map: whether its slice, row and column are odd.
type Phase = [usize; 3];

impl Nearest<'_> {
    fn doubled(&self) -> [bool; 3] {
        [self.along_z, true, true]
    }

    /// Values of a channel of the large map.
    fn large(&self) -> usize {
        self.geometry.plane() * if self.along_z { 8 } else { 4 }
    }

    /// Slices and rows that are even or odd.
    fn lines(&self) -> impl Iterator<Item = [usize; 2]> + use<> {
        (0..=usize::from(self.along_z)).flat_map(|slice| [[slice, 0], [slice, 1]])
    }

    fn pointwise(&self) -> bool {
        self.geometry.taps() == 1
    }

    /// The convolution that gives the pixels of a phase.
    fn phase(&self, at: Phase) -> Geometry {
        let mut geometry = *self.geometry;
        for (axis, doubled) in self.doubled().into_iter().enumerate() {
            if doubled {
                geometry.kernel[axis] = 2;
                geometry.padding[axis] = 1 - at[axis];
            }
        }
        geometry
    }

    /// For each tap of the kernel its place in a phase's.
    fn places(&self, at: Phase) -> Vec<usize> {
        let folded = self.phase(at).kernel;
        let [deep, high, wide] = self.geometry.kernel;
        let place = |tap: usize| {
            let taps = [tap / (high * wide), tap / wide % high, tap % wide];
            let parts: [usize; 3] = std::array::from_fn(|axis| match self.doubled()[axis] {
                true => usize::from(taps[axis] >= FIRST[at[axis]]),
                false => taps[axis],
            });
            (parts[0] * folded[1] + parts[1]) * folded[2] + parts[2]
        };
        (0..deep * high * wide).map(place).collect()
    }

    /// The kernels as a phase meets them.
    fn folded(&self, kernels: &[f32], at: Phase) -> Vec<f32> {
        let (places, size) = (self.places(at), self.phase(at).taps());
        let mut folded = vec![0.0; kernels.len() / places.len() * size];
        let kernels = kernels.chunks_exact(places.len());
        for (folded, kernel) in folded.chunks_exact_mut(size).zip(kernels) {
            for (place, value) in places.iter().zip(kernel) {
                folded[*place] += value;
            }
        }
        folded
    }

    /// Adds the gradients of kernels that were folded to those of the kernels.
    fn unfold(&self, folded: &[f32], at: Phase, kernels: &mut [f32]) {
        let (places, size) = (self.places(at), self.phase(at).taps());
        let kernels = kernels.chunks_exact_mut(places.len());
        for (kernel, folded) in kernels.zip(folded.chunks_exact(size)) {
            for (place, value) in places.iter().zip(kernel) {
                *value += folded[*place];
            }
        }
    }

    /// Where in a channel of the large map the rows of such slices and rows begin.
    fn rows(&self, [slice, row]: [usize; 2]) -> impl Iterator<Item = usize> + use<> {
        let [depth, height, width] = self.geometry.size;
        let step = if self.along_z { 2 } else { 1 };
        (0..depth * height).map(move |line| {
            let (z, y) = (line / height * step + slice, 2 * (line % height) + row);
            (z * 2 * height + y) * 2 * width
        })
    }

    /// Adds small maps to the even and the odd columns of such slices and rows.
    fn add(&self, line: [usize; 2], [even, odd]: [&[f32]; 2], y: &mut [f32]) {
        let (plane, width) = (self.geometry.plane(), self.geometry.size[2]);
        y.par_chunks_mut(self.large())
            .zip(even.par_chunks(plane).zip(odd.par_chunks(plane)))
            .with_min_len(items_a_thread(self.large()))
            .for_each(|(y, (even, odd))| {
                let added = even.chunks_exact(width).zip(odd.chunks_exact(width));
                for (start, (even, odd)) in self.rows(line).zip(added) {
                    let (pairs, _) = y[start..][..2 * width].as_chunks_mut::<2>();
                    for (pair, (even, odd)) in pairs.iter_mut().zip(even.iter().zip(odd)) {
                        pair[0] += even;
                        pair[1] += odd;
                    }
                }
            });
    }

    /// The pixels of a phase, as small maps.
    fn taken(&self, [slice, row, column]: Phase, large: &[f32]) -> Vec<f32> {
        let (plane, width) = (self.geometry.plane(), self.geometry.size[2]);
        let mut small = vec![0.0; large.len() / self.large() * plane];
        small
            .par_chunks_mut(plane)
            .zip(large.par_chunks(self.large()))
            .with_min_len(items_a_thread(self.large()))
            .for_each(|(small, large)| {
                let starts = self.rows([slice, row]);
                for (small, start) in small.chunks_exact_mut(width).zip(starts) {
                    let (pairs, _) = large[start..][..2 * width].as_chunks::<2>();
                    for (small, pair) in small.iter_mut().zip(pairs) {
                        *small = pair[column];
                    }
                }
            });
        small
    }
}

/// Adds to `y` `[n, channels_out, (2) z, 2 y, 2 x]` the convolution of `x` `[n, channels_in, z, y, x]` doubled.
pub fn add_convolved(arch: Arch, of: Nearest, x: &Source, kernels: &[f32], y: &mut [f32]) {
    let bias = vec![0.0; of.geometry.channels_out];
    if of.pointwise() {
        let small = convolution::forward(arch, of.geometry, x, kernels, &bias);
        for line in of.lines() {
            of.add(line, [&small, &small], y);
        }
        return;
    }
    for line in of.lines() {
        let [even, odd] = [0, 1].map(|column| {
            let at = [line[0], line[1], column];
            convolution::forward(arch, &of.phase(at), x, &of.folded(kernels, at), &bias)
        });
        of.add(line, [&even, &odd], y);
    }
}

/// The gradients of `x` and of the kernels, given that of the result.
pub fn gradients(
    arch: Arch,
    of: Nearest,
    x: &Source,
    kernels: &[f32],
    gradient: &[f32],
) -> [Vec<f32>; 2] {
    if of.pointwise() {
        let doubling = Doubling {
            size: of.geometry.size,
            how: Doubled {
                along_z: of.along_z,
                linear: false,
            },
        };
        let gradient = upsample::gather(arch, doubling, gradient);
        return [
            convolution::input_gradient(arch, of.geometry, &gradient, kernels),
            convolution::kernel_gradient(arch, of.geometry, x, &gradient),
        ];
    }
    let mut of_x = Vec::new();
    let mut of_kernels = vec![0.0; kernels.len()];
    for [slice, row] in of.lines() {
        for column in [0, 1] {
            let at = [slice, row, column];
            let geometry = of.phase(at);
            let gradient = of.taken(at, gradient);
            let folded = of.folded(kernels, at);
            let found = convolution::input_gradient(arch, &geometry, &gradient, &folded);
            add_all(&mut of_x, found);
            let found = convolution::kernel_gradient(arch, &geometry, x, &gradient);
            of.unfold(&found, at, &mut of_kernels);
        }
    }
    [of_x, of_kernels]
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
