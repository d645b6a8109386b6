use ndarray::{Array3, ArrayView3, Axis};
use rayon::prelude::*;

/// Part of a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GridPart {
    /// Voxels of the whole grid, `[z, y, x]`.
    pub grid: [usize; 3],
    /// First and one past the last index of the part along each axis.
    pub part: [[usize; 2]; 3],
}

impl GridPart {
    /// All of a grid.
    pub fn whole(grid: [usize; 3]) -> Self {
        Self {
            grid,
            part: grid.map(|n| [0, n]),
        }
    }

    fn shape(&self) -> [usize; 3] {
        self.part.map(|[first, end]| end - first)
    }
}

/// Trilinear resampling of `[z, y, x]` to another shape over the same extent.
///
/// The edges of the outermost voxels coincide (half-pixel centres, as `align_corners=False` in
/// PyTorch): target voxel `i` of `n` samples at `(i + 0.5) * m / n - 0.5` of the source's `m`,
/// and places beyond the first or last centre take that voxel's value.
///
/// # Panics
/// If the source has no voxel while the target has some.
pub fn resample_linear(source: &Array3<f32>, target_shape: [usize; 3]) -> Array3<f32> {
    let whole = GridPart::whole(source.dim().into());
    resample_part(source, whole, GridPart::whole(target_shape))
}

/// The same for parts of the two grids, whose wholes have the same extent: `source` holds the part `from`,
/// what is returned the part `to`. Places beyond the part's first or last centre take that voxel's value.
///
/// # Panics
/// If `source` is not of the shape of `from`, or has no voxel while the target has some.
pub fn resample_part(source: &Array3<f32>, from: GridPart, to: GridPart) -> Array3<f32> {
    let (_, _, nx) = source.dim();
    assert_eq!(from.shape(), <[usize; 3]>::from(source.dim()));
    let mut target = Array3::zeros(to.shape());
    if target.is_empty() {
        return target;
    }
    assert!(!source.is_empty(), "resampling from a grid without voxels");
    let [from_z, from_y, from_x] = [0, 1, 2].map(|axis| {
        let grids = [from.grid[axis], to.grid[axis]];
        taps(grids, from.part[axis], to.part[axis])
    });
    let source = source.as_standard_layout();
    target
        .axis_iter_mut(Axis(0))
        .into_par_iter()
        .zip(from_z)
        .for_each(|(mut plane, z)| {
            let mut blend = vec![0.0; nx];
            for (mut row, y) in plane.axis_iter_mut(Axis(0)).zip(&from_y) {
                let lane = |z: usize, y: usize| source.slice(ndarray::s![z, y, ..]);
                let lanes = [
                    lane(z.low, y.low),
                    lane(z.low, y.high),
                    lane(z.high, y.low),
                    lane(z.high, y.high),
                ];
                for (x, value) in blend.iter_mut().enumerate() {
                    *value = z.mix(
                        y.mix(lanes[0][x], lanes[1][x]),
                        y.mix(lanes[2][x], lanes[3][x]),
                    );
                }
                for (value, x) in row.iter_mut().zip(&from_x) {
                    *value = x.mix(blend[x.low], blend[x.high]);
                }
            }
        });
    target
}

/// Nearest-neighbour resampling of a label map `[z, y, x]`, on the same grid as
/// [`resample_linear`]; halfway, the later voxel is taken.
///
/// # Panics
/// If the source has no voxel while the target has some.
pub fn resample_nearest(source: &Array3<u8>, target_shape: [usize; 3]) -> Array3<u8> {
    let (nz, ny, nx) = source.dim();
    let mut target = Array3::zeros(target_shape);
    if target.is_empty() {
        return target;
    }
    assert!(!source.is_empty(), "resampling from a grid without voxels");
    // floor((i + 0.5) * m / n) in whole numbers.
    let nearest = |from: usize, to: usize| -> Vec<usize> {
        (0..to).map(|i| (2 * i + 1) * from / (2 * to)).collect()
    };
    let [from_z, from_y, from_x] =
        [(nz, 0), (ny, 1), (nx, 2)].map(|(from, axis)| nearest(from, target_shape[axis]));
    target
        .axis_iter_mut(Axis(0))
        .into_par_iter()
        .zip(from_z)
        .for_each(|(mut plane, z)| {
            for (mut row, &y) in plane.axis_iter_mut(Axis(0)).zip(&from_y) {
                let lane = source.slice(ndarray::s![z, y, ..]);
                for (value, &x) in row.iter_mut().zip(&from_x) {
                    *value = lane[x];
                }
            }
        });
    target
}

/// The two source voxels around a target voxel and the share of the later one.
#[derive(Clone, Copy)]
struct Tap {
    low: usize,
    high: usize,
    share: f32,
}

impl Tap {
    #[inline]
    fn mix(self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.share
    }
}

fn taps(
    [from, to]: [usize; 2],
    [from_first, from_end]: [usize; 2],
    [first, end]: [usize; 2],
) -> Vec<Tap> {
    let last = from_end - from_first - 1;
    let ratio = from as f64 / to as f64;
    (first..end)
        .map(|i| {
            let at = (i as f64 + 0.5) * ratio - 0.5 - from_first as f64;
            let at = at.clamp(0.0, last as f64);
            let low = at.floor() as usize;
            Tap {
                low,
                high: (low + 1).min(last),
                share: (at - low as f64) as f32,
            }
        })
        .collect()
}

/// Means over the voxels of another grid of the same extent: what `value` makes of each source voxel counts
/// by the share of its volume in the target voxel.
///
/// # Panics
/// If the source has no voxel while the target has some.
pub fn resample_mean<T: Copy + Sync>(
    source: ArrayView3<'_, T>,
    value: impl Fn(T) -> f32 + Sync,
    target_shape: [usize; 3],
) -> Array3<f32> {
    let (nz, ny, nx) = source.dim();
    let mut target = Array3::zeros(target_shape);
    if target.is_empty() {
        return target;
    }
    assert!(!source.is_empty(), "resampling from a grid without voxels");
    let [over_z, over_y, over_x] =
        [(nz, 0), (ny, 1), (nx, 2)].map(|(from, axis)| shares(from, target_shape[axis]));
    let [_, height, width] = target_shape;
    target
        .axis_iter_mut(Axis(0))
        .into_par_iter()
        .zip(over_z)
        .for_each(|(mut plane, slices)| {
            let mut rows = Array3::<f32>::zeros((1, ny, width));
            for (z, slice_share) in slices.of() {
                let slice = source.index_axis(Axis(0), z);
                for (lane, mut row) in slice.outer_iter().zip(rows.lanes_mut(Axis(2))) {
                    for (out, columns) in row.iter_mut().zip(&over_x) {
                        *out = columns.of().map(|(x, share)| share * value(lane[x])).sum();
                    }
                }
                for (y, over) in over_y.iter().enumerate().take(height) {
                    for (from, share) in over.of() {
                        let share = share * slice_share;
                        for x in 0..width {
                            plane[[y, x]] += share * rows[[0, from, x]];
                        }
                    }
                }
            }
        });
    target
}

/// The source voxels that a target voxel lies over, and the share of it that each covers.
struct Shares {
    first: usize,
    shares: Vec<f32>,
}

impl Shares {
    fn of(&self) -> impl Iterator<Item = (usize, f32)> + '_ {
        let shares = self.shares.iter().enumerate();
        shares.map(|(at, &share)| (self.first + at, share))
    }
}

fn shares(from: usize, to: usize) -> Vec<Shares> {
    // In parts of which a source voxel has `to` and a target voxel `from`.
    (0..to)
        .map(|i| {
            let (start, end) = (i * from, (i + 1) * from);
            let (first, last) = (start / to, (end - 1) / to);
            let covered = |voxel: usize| end.min((voxel + 1) * to) - start.max(voxel * to);
            Shares {
                first,
                shares: (first..=last)
                    .map(|voxel| covered(voxel) as f32 / from as f32)
                    .collect(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_same_shape_changes_nothing() {
        let source =
            Array3::from_shape_fn((3, 4, 5), |(z, y, x)| (z * 20 + y * 5 + x) as f32 - 7.5);
        assert_eq!(resample_linear(&source, [3, 4, 5]), source);
        let labels = source.mapv(|v| v as u8);
        assert_eq!(resample_nearest(&labels, [3, 4, 5]), labels);
    }

    /// `torch.nn.functional.interpolate(mode="linear", align_corners=False)` of `[0, 1, 4]`.
    #[test]
    fn one_axis_matches_pytorch() {
        let source = array![[[0.0_f32, 1.0, 4.0]]];
        let six = resample_linear(&source, [1, 1, 6]);
        assert_eq!(six, array![[[0.0, 0.25, 0.75, 1.75, 3.25, 4.0]]]);
        let two = resample_linear(&source, [1, 1, 2]);
        assert_eq!(two, array![[[0.25, 3.25]]]);
    }

    #[test]
    fn a_part_is_that_of_the_whole() {
        let source = Array3::from_shape_fn((5, 6, 7), |(z, y, x)| {
            ((z * 31 + y * 17 + x * 7) % 23) as f32
        });
        let to = [9, 14, 5];
        let whole = resample_linear(&source, to);
        // A voxel more on each side than the target's part needs.
        let from = GridPart {
            grid: [5, 6, 7],
            part: [[1, 4], [0, 5], [2, 7]],
        };
        let part = GridPart {
            grid: to,
            part: [[3, 6], [0, 10], [2, 5]],
        };
        let cut = |array: &Array3<f32>, [z, y, x]: [[usize; 2]; 3]| {
            let range = |[first, end]: [usize; 2]| first..end;
            array
                .slice(ndarray::s![range(z), range(y), range(x)])
                .to_owned()
        };
        let found = resample_part(&cut(&source, from.part), from, part);
        for (found, expected) in found.iter().zip(&cut(&whole, part.part)) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }

    #[test]
    fn means_keep_the_sum_and_what_is_not_resampled() {
        let source = Array3::from_shape_fn((4, 6, 10), |(z, y, x)| (z * 60 + y * 10 + x) as i16);
        let same = resample_mean(source.view(), f32::from, [4, 6, 10]);
        assert_eq!(same, source.mapv(f32::from));
        let halves = resample_mean(source.view(), f32::from, [2, 3, 5]);
        assert_eq!(halves[[0, 0, 0]], (1 + 10 + 11) as f32 / 4.0 + 30.0);
        let odd = resample_mean(source.view(), f32::from, [3, 4, 7]);
        let mean = |sum: f32, n: usize| sum / n as f32;
        let all = source.mapv(f32::from).sum();
        assert!((mean(odd.sum(), odd.len()) - mean(all, source.len())).abs() < 1e-2);
        // One target voxel over one and a half source voxels.
        let line = array![[[3_i16, 6, 9]]];
        let two = resample_mean(line.view(), f32::from, [1, 1, 2]);
        assert_eq!(two, array![[[4.0, 8.0]]]);
    }

    /// Trilinear interpolation reproduces any function linear in each coordinate, away from the
    /// clamped edge.
    #[test]
    fn a_linear_field_stays_linear() {
        let (from, to) = ([4, 6, 5], [9, 5, 11]);
        let field = |z: f64, y: f64, x: f64| 2.0 * z - 3.0 * y + 0.5 * x + 0.25 * z * y * x;
        let source =
            Array3::from_shape_fn(from, |(z, y, x)| field(z as f64, y as f64, x as f64) as f32);
        let target = resample_linear(&source, to);
        for ((z, y, x), &value) in target.indexed_iter() {
            let [z, y, x] = [(z, 0), (y, 1), (x, 2)].map(|(i, axis)| {
                let at = (i as f64 + 0.5) * from[axis] as f64 / to[axis] as f64 - 0.5;
                at.clamp(0.0, (from[axis] - 1) as f64)
            });
            assert!(
                (f64::from(value) - field(z, y, x)).abs() < 1e-4,
                "{z} {y} {x}: {value}"
            );
        }
    }

    #[test]
    fn labels_are_doubled_and_halved_in_blocks() {
        let labels = array![[[1_u8, 2], [0, 1]]];
        let doubled = resample_nearest(&labels, [2, 4, 4]);
        assert_eq!(
            doubled.index_axis(Axis(0), 1),
            array![[1, 1, 2, 2], [1, 1, 2, 2], [0, 0, 1, 1], [0, 0, 1, 1]]
        );
        assert_eq!(resample_nearest(&doubled, [1, 2, 2]), labels);
    }
}
