//! Distances of all voxels of a mask, not only of its surface, from another: what SimpleITK's
//! `HausdorffDistanceImageFilter` measures.

use super::bits::BitMask;
use super::nearest::nearest_between;
use super::{MOST_DISTANCES, VoxelSteps};

/// What follows from the distances of the voxels of each mask to the nearest voxel of the other, 0 where that has
/// the voxel itself; NaN if a mask is empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WholeMaskMetrics {
    /// The largest of both directions, mm.
    pub hd: f64,
    /// Mean of the two directed means, mm.
    pub ahd: f64,
}

impl WholeMaskMetrics {
    /// Of two masks of one box.
    ///
    /// # Panics
    /// If the boxes differ.
    pub fn between(
        prediction: &BitMask,
        reference: &BitMask,
        steps: impl Into<VoxelSteps>,
    ) -> Self {
        if prediction.is_empty() || reference.is_empty() {
            return Self::default();
        }
        let steps = steps.into();
        let directed = |from: &BitMask, to: &BitMask| {
            let (mut most, mut sum) = (0.0, 0.0);
            for part in from.without(to).parts(MOST_DISTANCES) {
                let distances = nearest_between(&part, to, steps);
                most = distances.iter().copied().fold(most, f64::max);
                sum += distances.iter().sum::<f64>();
            }
            (most, sum / from.count() as f64)
        };
        let (there, back) = (
            directed(prediction, reference),
            directed(reference, prediction),
        );
        Self {
            hd: there.0.max(back.0),
            ahd: (there.1 + back.1) / 2.0,
        }
    }
}

/// Of masks that have no voxel.
impl Default for WholeMaskMetrics {
    fn default() -> Self {
        Self {
            hd: f64::NAN,
            ahd: f64::NAN,
        }
    }
}

#[cfg(test)]
mod tests {
    use hdbench_volume::Bounds;
    use ndarray::Array3;

    use super::*;

    #[test]
    fn what_is_inside_the_other_mask_is_at_no_distance() {
        let bounds = Bounds {
            start: [0; 3],
            end: [1, 1, 12],
        };
        let line = |from: usize, to: usize| {
            let mask = Array3::from_shape_fn([1, 1, 12], |(_, _, x)| (from..to).contains(&x));
            BitMask::of(mask.view(), bounds, |v| v)
        };
        let found = WholeMaskMetrics::between(&line(0, 8), &line(2, 4), [1.0, 1.0, 0.5]);
        // Six of eight voxels lie 1, 0.5 and 0.5 to 2 mm beside the two of the reference.
        assert_eq!(found.hd, 2.0);
        assert_eq!(found.ahd, (1.5 + 0.5 + 1.0 + 1.5 + 2.0) / 8.0 / 2.0);
        let nothing = WholeMaskMetrics::between(&line(0, 0), &line(2, 4), [1.0; 3]);
        assert!(nothing.hd.is_nan() && nothing.ahd.is_nan());
    }
}
