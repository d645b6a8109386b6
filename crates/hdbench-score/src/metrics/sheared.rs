//! Distances from the voxels of one mask to the nearest of another where the axes are not perpendicular:
//! a k-d tree of their places, since no distance is a sum over axes there.

use rayon::prelude::*;

use super::bits::BitMask;
use super::steps::place_mm;

/// So few points are looked at one by one.
const LEAF: usize = 16;

/// Distance in mm from every voxel of `from` to the nearest of `to`, in raster order; infinite if `to` is
/// empty. `steps_mm` are the steps along `[z, y, x]`.
pub(super) fn nearest_sheared(from: &BitMask, to: &BitMask, steps_mm: &[[f64; 3]; 3]) -> Vec<f64> {
    let places = |mask: &BitMask| -> Vec<[f64; 3]> {
        let voxels = mask.voxels();
        voxels.iter().map(|&v| place_mm(steps_mm, v)).collect()
    };
    let mut tree = places(to);
    sort_tree(&mut tree, 0);
    let distance = |point: &[f64; 3]| {
        let mut square = f64::INFINITY;
        search(&tree, 0, *point, &mut square);
        square.sqrt()
    };
    places(from).par_iter().map(distance).collect()
}

/// Puts the middle point along an axis into the middle, those before it before it, and goes on with both
/// halves along the next axis.
fn sort_tree(points: &mut [[f64; 3]], axis: usize) {
    if points.len() <= LEAF {
        return;
    }
    let middle = points.len() / 2;
    points.select_nth_unstable_by(middle, |a, b| a[axis].total_cmp(&b[axis]));
    let (before, after) = points.split_at_mut(middle);
    let next = (axis + 1) % 3;
    sort_tree(before, next);
    sort_tree(&mut after[1..], next);
}

/// Lowers `square` to the squared distance of the nearest point.
fn search(points: &[[f64; 3]], axis: usize, from: [f64; 3], square: &mut f64) {
    let look = |point: &[f64; 3], square: &mut f64| {
        let found = (0..3).map(|i| (point[i] - from[i]).powi(2)).sum();
        *square = square.min(found);
    };
    if points.len() <= LEAF {
        for point in points {
            look(point, square);
        }
        return;
    }
    let middle = points.len() / 2;
    let point = &points[middle];
    look(point, square);
    let beyond = from[axis] - point[axis];
    let (near, far) = if beyond < 0.0 {
        (&points[..middle], &points[middle + 1..])
    } else {
        (&points[middle + 1..], &points[..middle])
    };
    let next = (axis + 1) % 3;
    search(near, next, from, square);
    if beyond * beyond < *square {
        search(far, next, from, square);
    }
}
