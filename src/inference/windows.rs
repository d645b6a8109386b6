use ndarray::{Array3, ArrayView3};

use crate::recipe::WindowWeights;

/// A box of a volume: first and one past the last index of each axis, `[z, y, x]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region(pub [[usize; 2]; 3]);

impl Region {
    /// All of a volume.
    pub fn whole(shape: [usize; 3]) -> Self {
        Self(shape.map(|n| [0, n]))
    }

    /// Voxels along each axis.
    pub fn shape(&self) -> [usize; 3] {
        self.0.map(|[first, end]| end - first)
    }

    /// The smallest region of another grid of the same extent that holds this one.
    pub fn at(&self, from: [usize; 3], to: [usize; 3]) -> Self {
        let axis = |axis: usize| {
            let [first, end] = self.0[axis];
            let (from, to) = (from[axis], to[axis]);
            [first * to / from, (end * to).div_ceil(from)]
        };
        Self([axis(0), axis(1), axis(2)])
    }

    /// Grown by `by` voxels along `[z, y, x]`, on either side, within the volume.
    pub fn grown(&self, by: [usize; 3], shape: [usize; 3]) -> Self {
        let mut grown = *self;
        for axis in 0..3 {
            let [first, end] = self.0[axis];
            grown.0[axis] = [
                first.saturating_sub(by[axis]),
                end.saturating_add(by[axis]).min(shape[axis]),
            ];
        }
        grown
    }
}

/// The windows that a network is asked about to cover a region.
#[derive(Clone, Debug, PartialEq)]
pub struct Windows {
    /// What they cover.
    pub region: Region,
    /// Voxels of a window's answer, `[z, y, x]`.
    pub(super) size: [usize; 3],
    /// Number of windows in one forward pass.
    pub(super) at_once: usize,
    /// The first voxel of each, `[z, y, x]`; negative where it begins before the volume.
    pub(super) places: Vec<[i64; 3]>,
    /// What an answer counts by its place in the window, a factor for each axis; 0 in dropped slices.
    pub(super) weights: [Vec<f32>; 3],
}

/// What an answer counts by its place along an axis of a window, above 0, at most 1.
pub fn weights(kind: WindowWeights, size: usize) -> Vec<f32> {
    let middle = (size as f64 - 1.0) / 2.0;
    (0..size)
        .map(|at| {
            let away = (at as f64 - middle).abs();
            match kind {
                WindowWeights::Flat => 1.0,
                WindowWeights::Tent => ((middle + 1.0 - away) / (middle + 1.0)) as f32,
                WindowWeights::Gaussian(sigma) => {
                    let away = away / (sigma * size as f64);
                    (-0.5 * away * away).exp() as f32
                }
            }
        })
        .collect()
}

impl Windows {
    /// How many.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Voxels of a window's answer, `[z, y, x]`.
    pub fn size(&self) -> [usize; 3] {
        self.size
    }

    /// Those that are asked about at once.
    pub fn groups(&self) -> impl Iterator<Item = &[[i64; 3]]> {
        self.places.chunks(self.at_once)
    }
}

/// First indices of windows of `size` that cover `[first, end)` in steps of at most `step`,
/// within `0..limit`. Where one window is enough it is centred on the range; where the volume is
/// smaller than a window, the window begins before it (negative index).
pub fn starts([first, end]: [usize; 2], size: usize, step: usize, limit: usize) -> Vec<i64> {
    let (first, end, size, limit) = (first as i64, end as i64, size as i64, limit as i64);
    let last = limit - size;
    if last <= 0 {
        return vec![last.div_euclid(2)];
    }
    if end - first <= size {
        return vec![((first + end - size).div_euclid(2)).clamp(0, last)];
    }
    let count = (end - first - size + step as i64 - 1) / step as i64;
    let mut starts: Vec<i64> = (0..=count)
        .map(|i| (first + i * step as i64).min(end - size).clamp(0, last))
        .collect();
    starts.dedup();
    starts
}

/// HU minus the mean of a window that may reach outside the volume: in the plane air is put
/// there, along z the nearest slice.
pub fn cut(
    image: ArrayView3<i16>,
    corner: [i64; 3],
    shape: [usize; 3],
    air: i16,
    mean: f32,
    out: &mut Vec<f32>,
) {
    let (depth, height, width) = image.dim();
    for z in 0..shape[0] {
        let z = (corner[0] + z as i64).clamp(0, depth as i64 - 1) as usize;
        for y in 0..shape[1] {
            let y = corner[1] + y as i64;
            for x in 0..shape[2] {
                let x = corner[2] + x as i64;
                let inside = (0..height as i64).contains(&y) && (0..width as i64).contains(&x);
                let hu = if inside {
                    image[[z, y as usize, x as usize]]
                } else {
                    air
                };
                out.push(f32::from(hu) - mean);
            }
        }
    }
}

/// Weighted sums of probabilities over a region, and of the weights.
pub struct Accumulator {
    region: Region,
    /// One array a class, background left out.
    sums: Vec<Array3<f32>>,
    weights: Array3<f32>,
}

impl Accumulator {
    /// For `classes` classes with the background.
    pub fn new(region: Region, classes: usize) -> Self {
        let shape = region.shape();
        Self {
            region,
            sums: vec![Array3::zeros(shape); classes - 1],
            weights: Array3::zeros(shape),
        }
    }

    /// Adds a window's probabilities `[classes, z, y, x]` (C order) at `corner`, weighted by their place in
    /// it, a factor for each axis.
    pub fn add(&mut self, probabilities: &[f32], weights: &[Vec<f32>; 3], corner: [i64; 3]) {
        let [depth, height, width] = weights.each_ref().map(Vec::len);
        let voxels = depth * height * width;
        // What of the window lies in the region.
        let inside = |axis: usize| {
            let [first, end] = self.region.0[axis].map(|at| at as i64 - corner[axis]);
            first.max(0) as usize..end.clamp(0, weights[axis].len() as i64) as usize
        };
        let [slices, rows, columns] = [inside(0), inside(1), inside(2)];
        let at = |axis: usize, place: usize| {
            (place as i64 + corner[axis]) as usize - self.region.0[axis][0]
        };
        for z in slices.filter(|&z| weights[0][z] > 0.0) {
            for y in rows.clone() {
                let factor = weights[0][z] * weights[1][y];
                let (to_z, to_y) = (at(0, z), at(1, y));
                let row = (z * height + y) * width;
                for x in columns.clone() {
                    let weight = factor * weights[2][x];
                    let to = [to_z, to_y, at(2, x)];
                    for (class, sums) in self.sums.iter_mut().enumerate() {
                        sums[to] += weight * probabilities[(class + 1) * voxels + row + x];
                    }
                    self.weights[to] += weight;
                }
            }
        }
    }

    /// Weighted mean probabilities of the classes after the background; 0 where no window answered.
    pub fn finish(self) -> Vec<Array3<f32>> {
        let weights = self.weights;
        self.sums
            .into_iter()
            .map(|mut sums| {
                sums.zip_mut_with(&weights, |sum, &weight| {
                    if weight > 0.0 {
                        *sum /= weight;
                    }
                });
                sums
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_region_of_another_grid_holds_this_one() {
        let region = Region([[3, 5], [0, 7], [9, 10]]);
        let shape = [6, 10, 10];
        assert_eq!(region.at(shape, shape), region);
        assert_eq!(region.at(shape, [3, 4, 4]).0, [[1, 3], [0, 3], [3, 4]]);
        assert_eq!(Region::whole(shape).at(shape, [1, 4, 9]).shape(), [1, 4, 9]);
    }

    #[test]
    fn one_window_is_centred_and_kept_inside() {
        assert_eq!(starts([10, 20], 16, 8, 100), [7]);
        assert_eq!(starts([0, 10], 16, 8, 100), [0]);
        assert_eq!(starts([95, 100], 16, 8, 100), [84]);
    }

    #[test]
    fn a_volume_smaller_than_the_window_is_padded_on_both_sides() {
        assert_eq!(starts([0, 10], 16, 8, 10), [-3]);
    }

    proptest! {
        #[test]
        fn windows_cover_the_range(
            first in 0usize..60, length in 1usize..80, size in 1usize..40, extra in 0usize..30,
        ) {
            let end = first + length;
            let limit = end + extra;
            let step = (size / 2).max(1);
            let found = starts([first, end], size, step, limit);
            for at in first..end {
                let covered = found.iter().any(|&start| {
                    (start..start + size as i64).contains(&(at as i64))
                });
                prop_assert!(covered, "voxel {at} of {first}..{end} with {found:?}");
            }
            if limit >= size {
                for start in found {
                    prop_assert!(start >= 0 && start + size as i64 <= limit as i64);
                }
            }
        }
    }

    #[test]
    fn overlapping_windows_are_averaged() {
        let region = Region([[0, 1], [0, 1], [0, 3]]);
        let mut sums = Accumulator::new(region, 2);
        let flat = [1, 1, 2].map(|size| weights(WindowWeights::Flat, size));
        sums.add(&[0.0, 0.0, 0.2, 0.4], &flat, [0, 0, 0]);
        sums.add(&[0.0, 0.0, 0.8, 0.6], &flat, [0, 0, 1]);
        let liver = &sums.finish()[0];
        let found: Vec<f32> = liver.iter().copied().collect();
        for (found, expected) in found.iter().zip([0.2, 0.6, 0.6]) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    #[test]
    fn a_window_outside_the_volume_sees_air_and_the_nearest_slice() {
        let image = Array3::from_shape_fn((2, 2, 2), |(z, y, x)| (100 * z + 10 * y + x) as i16);
        let mut out = Vec::new();
        cut(image.view(), [-1, 0, 1], [2, 1, 2], -200, 48.0, &mut out);
        assert_eq!(out, [1.0 - 48.0, -248.0, 1.0 - 48.0, -248.0]);
    }
}
