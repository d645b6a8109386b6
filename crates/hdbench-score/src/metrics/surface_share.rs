//! Shares of surface voxels within a tolerance of the other surface: surface Dice by counts, not by areas.

use super::surface::SurfaceDistances;

/// How many surface voxels of each mask lie within a tolerance of the other's surface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SurfaceShares {
    near: [u64; 2],
    all: [u64; 2],
}

impl SurfaceShares {
    /// Those no farther than a tolerance, in the unit of the distances.
    pub fn of(distances: &SurfaceDistances, tolerance: f64) -> Self {
        let sides = [&distances.pred_to_ref, &distances.ref_to_pred];
        let near = |side: &&f64| **side <= tolerance;
        Self {
            near: sides.map(|side| side.iter().filter(near).count() as u64),
            all: sides.map(|side| side.len() as u64),
        }
    }

    /// Of the surface voxels of both masks together (MONAI, MetricsReloaded); NaN if a mask is empty.
    pub fn pooled(&self) -> f64 {
        (self.near[0] + self.near[1]) as f64 / (self.all[0] + self.all[1]) as f64
    }

    /// Mean of the shares of either mask (panoptica); NaN if a mask is empty.
    pub fn mean_of_sides(&self) -> f64 {
        let [a, b] = [0, 1].map(|side| self.near[side] as f64 / self.all[side] as f64);
        (a + b) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_surface_has_more_say_in_the_pooled_share() {
        let distances = SurfaceDistances {
            pred_to_ref: vec![0.0, 1.0, 2.0, 5.0, 5.0, 5.0],
            ref_to_pred: vec![1.0, 2.0],
        };
        let shares = SurfaceShares::of(&distances, 2.0);
        assert_eq!(shares.pooled(), 5.0 / 8.0);
        assert_eq!(shares.mean_of_sides(), 0.75);
        assert!(SurfaceShares::default().pooled().is_nan());
    }
}
