//! Overlap of the rims of two masks: boundary IoU (Cheng et al., CVPR 2021) as MetricsReloaded has it.

use super::bits::BitMask;
use super::nearest::nearest_between;
use super::surface::{Border, surface};
use super::{MOST_DISTANCES, VoxelSteps};

/// The steps of a grid whose voxels have edge 1.
const VOXELS: VoxelSteps = VoxelSteps::Perpendicular([1.0; 3]);

/// Intersection over union of the rims of two masks of one box: the voxels of a mask that are nearer than
/// `width_voxels` to its own surface voxels, which by 6 neighbours are part of it; every step along an axis counts as
/// 1, however long. As MetricsReloaded has it, 1 if both masks are empty.
///
/// # Panics
/// If the boxes differ.
pub fn boundary_iou(prediction: &BitMask, reference: &BitMask, width_voxels: f64) -> f64 {
    let (prediction, reference) = rayon::join(
        || rim(prediction, width_voxels),
        || rim(reference, width_voxels),
    );
    let shared = prediction.count_shared(&reference);
    let either = prediction.count() + reference.count() - shared;
    match either {
        0 => 1.0,
        either => shared as f64 / either as f64,
    }
}

fn rim(mask: &BitMask, width_voxels: f64) -> BitMask {
    let border = surface(mask, Border::Six);
    if width_voxels <= 1.0 {
        return border;
    }
    let mut inner = mask.without(&border);
    for part in mask.without(&border).parts(MOST_DISTANCES) {
        let mut distances = nearest_between(&part, &border, VOXELS).into_iter();
        let near = part.retain(|| distances.next().is_some_and(|d| d < width_voxels));
        inner = inner.without(&near);
    }
    mask.without(&inner)
}

#[cfg(test)]
mod tests {
    use hdbench_volume::Bounds;
    use ndarray::Array3;

    use super::*;

    #[test]
    fn a_rim_is_as_wide_as_asked() {
        let bounds = Bounds {
            start: [0; 3],
            end: [9; 3],
        };
        let cube = |from: usize, to: usize| {
            let inside = |i: usize| (from..to).contains(&i);
            let mask =
                Array3::from_shape_fn([9; 3], |(z, y, x)| inside(z) && inside(y) && inside(x));
            BitMask::of(mask.view(), bounds, |v| v)
        };
        let whole = cube(0, 9);
        for (width, hollow) in [(1.0, 7), (1.5, 5), (2.0, 5), (2.5, 3)] {
            assert_eq!(rim(&whole, width).count(), 729 - u64::pow(hollow, 3));
        }
        assert_eq!(boundary_iou(&whole, &whole, 1.5), 1.0);
        // The rim of the inner cube is the second layer of the outer one.
        assert_eq!(boundary_iou(&whole, &cube(1, 8), 1.0), 0.0);
        let both = (343 - 125) as f64;
        assert_eq!(
            boundary_iou(&whole, &cube(1, 8), 1.5),
            both / (729.0 - 27.0)
        );
        assert_eq!(boundary_iou(&cube(0, 0), &cube(0, 0), 1.5), 1.0);
        assert_eq!(boundary_iou(&cube(0, 0), &whole, 1.5), 0.0);
    }
}
