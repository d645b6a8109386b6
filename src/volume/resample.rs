use ndarray::{Array3, Axis};
use rayon::prelude::*;

/// Trilinear resampling of `[z, y, x]` to another shape over the same extent.
///
/// The edges of the outermost voxels coincide (half-pixel centres, as `align_corners=False` in
/// PyTorch): target voxel `i` of `n` samples at `(i + 0.5) * m / n - 0.5` of the source's `m`,
/// and places beyond the first or last centre take that voxel's value.
///
/// # Panics
/// If the source has no voxel while the target has some.
pub fn resample_linear(source: &Array3<f32>, target_shape: [usize; 3]) -> Array3<f32> {
    let (nz, ny, nx) = source.dim();
    let mut target = Array3::zeros(target_shape);
    if target.is_empty() {
        return target;
    }
    assert!(!source.is_empty(), "resampling from a grid without voxels");
    let [from_z, from_y, from_x] =
        [(nz, 0), (ny, 1), (nx, 2)].map(|(from, axis)| taps(from, target_shape[axis]));
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

fn taps(from: usize, to: usize) -> Vec<Tap> {
    let last = from - 1;
    let ratio = from as f64 / to as f64;
    (0..to)
        .map(|i| {
            let at = ((i as f64 + 0.5) * ratio - 0.5).clamp(0.0, last as f64);
            let low = at.floor() as usize;
            Tap {
                low,
                high: (low + 1).min(last),
                share: (at - low as f64) as f32,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

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
