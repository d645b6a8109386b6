use ndarray::{Array3, ArrayView3};

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

    /// Grown by so many voxels, within the volume.
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Windows {
    /// What they cover.
    pub region: Region,
    /// Voxels of a window's answer, `[z, y, x]`.
    pub(super) size: [usize; 3],
    /// So many first and last slices of an answer are not used.
    pub(super) outer: usize,
    /// So many are asked about at once.
    pub(super) at_once: usize,
    /// The first voxel of each, `[z, y, x]`; negative where it begins before the volume.
    pub(super) places: Vec<[i64; 3]>,
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

/// Sums of probabilities over a region and how often each voxel was answered.
pub struct Accumulator {
    region: Region,
    /// One array a class, background left out.
    sums: Vec<Array3<f32>>,
    counts: Array3<u16>,
}

impl Accumulator {
    /// For `classes` classes with the background.
    pub fn new(region: Region, classes: usize) -> Self {
        let shape = region.shape();
        Self {
            region,
            sums: vec![Array3::zeros(shape); classes - 1],
            counts: Array3::zeros(shape),
        }
    }

    /// Adds a window's probabilities `[classes, z, y, x]` (C order) at `corner`, its first and last
    /// `outer` slices left out.
    pub fn add(
        &mut self,
        probabilities: &[f32],
        shape: [usize; 3],
        corner: [i64; 3],
        outer: usize,
    ) {
        let voxels: usize = shape.iter().product();
        for z in outer..shape[0] - outer {
            for y in 0..shape[1] {
                for x in 0..shape[2] {
                    let Some(at) = self.place([z, y, x], corner) else {
                        continue;
                    };
                    let index = (z * shape[1] + y) * shape[2] + x;
                    for (class, sums) in self.sums.iter_mut().enumerate() {
                        sums[at] += probabilities[(class + 1) * voxels + index];
                    }
                    self.counts[at] += 1;
                }
            }
        }
    }

    fn place(&self, voxel: [usize; 3], corner: [i64; 3]) -> Option<[usize; 3]> {
        let mut at = [0; 3];
        for axis in 0..3 {
            let global = corner[axis] + voxel[axis] as i64;
            let [first, end] = self.region.0[axis];
            if global < first as i64 || global >= end as i64 {
                return None;
            }
            at[axis] = global as usize - first;
        }
        Some(at)
    }

    /// Mean probabilities of the classes after the background; 0 where no window answered.
    pub fn finish(self) -> Vec<Array3<f32>> {
        let counts = self.counts;
        self.sums
            .into_iter()
            .map(|mut sums| {
                sums.zip_mut_with(&counts, |sum, &n| *sum /= f32::from(n.max(1)));
                sums
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
        sums.add(&[0.0, 0.0, 0.2, 0.4], [1, 1, 2], [0, 0, 0], 0);
        sums.add(&[0.0, 0.0, 0.8, 0.6], [1, 1, 2], [0, 0, 1], 0);
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
