//! Distances between the surfaces of two masks.
//!
//! A surface is a set of voxels: those of the mask with a background voxel among their neighbours.
//! Every metric follows from the two lists of distances; its name says how the two directions are
//! combined.

use hdbench_volume::Bounds;
use ndarray::ArrayView3;

use super::bits::BitMask;
use super::nearest::nearest_between;
use super::{Voxel, VoxelSteps};
use crate::quantile::stepped_of_many;

/// Which neighbours decide whether a voxel lies on the surface; outside the volume is background. In a picture
/// of two axes 6 neighbours are 4, 18 and 26 are 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Border {
    /// Faces: MedPy's default, MONAI, MetricsReloaded.
    Six,
    /// Faces and edges: the official LiTS scorer.
    Eighteen,
    /// Faces, edges and corners.
    TwentySix,
}

impl Border {
    /// All, from the fewest neighbours to the most: the surface of one holds that of those before.
    pub const ALL: [Self; 3] = [Self::Six, Self::Eighteen, Self::TwentySix];

    /// The number of neighbours.
    pub fn neighbours(self) -> u32 {
        match self {
            Self::Six => 6,
            Self::Eighteen => 18,
            Self::TwentySix => 26,
        }
    }
}

/// The surface voxels of a mask `[z, y, x]`, in raster order.
pub fn border_voxels(mask: ArrayView3<'_, bool>, border: Border) -> Vec<Voxel> {
    let Some(bounds) = Bounds::of(mask) else {
        return Vec::new();
    };
    surface(&BitMask::of(mask, bounds, |v| v), border).voxels()
}

/// The surface voxels of a mask, in its box.
pub fn surface(mask: &BitMask, border: Border) -> BitMask {
    let mut found = BitMask::empty(mask.bounds());
    let nothing = mask.nothing();
    let ny = mask.shape()[1];
    found.fill_planes(|z, plane| {
        for y in 0..ny {
            let own = mask.row(z, y);
            if own.iter().any(|&word| word != 0) {
                let row = |dz, dy| mask.row_or(z as isize + dz, y as isize + dy, &nothing);
                let around = Around {
                    own,
                    faces: [row(-1, 0), row(1, 0), row(0, -1), row(0, 1)],
                    edges: [row(-1, -1), row(-1, 1), row(1, -1), row(1, 1)],
                };
                around.surface(border, plane.row_mut(y));
            }
        }
    });
    found
}

/// A row of a mask with those beside it along one axis, and along two.
struct Around<'a> {
    own: &'a [u64],
    faces: [&'a [u64]; 4],
    edges: [&'a [u64]; 4],
}

impl Around<'_> {
    fn surface(&self, border: Border, out: &mut [u64]) {
        let all = |rows: &[&[u64]; 4], of: fn(&[u64], usize) -> u64, i| {
            rows.iter().fold(u64::MAX, |all, row| all & of(row, i))
        };
        // Neither end of a row is a voxel.
        for (i, out) in out.iter_mut().enumerate().take(self.own.len() - 1).skip(1) {
            let inner = three(self.own, i)
                & match border {
                    Border::Six => all(&self.faces, one, i),
                    Border::Eighteen => all(&self.faces, three, i) & all(&self.edges, one, i),
                    Border::TwentySix => all(&self.faces, three, i) & all(&self.edges, three, i),
                };
            *out = self.own[i] & !inner;
        }
    }
}

/// The voxels of a word of a row.
fn one(row: &[u64], i: usize) -> u64 {
    row[i]
}

/// Those of them that lie between two more.
fn three(row: &[u64], i: usize) -> u64 {
    let [before, own, after] = [row[i - 1], row[i], row[i + 1]];
    own & (own << 1 | before >> 63) & (own >> 1 | after << 63)
}

/// Distances between two surfaces in mm, one for each surface voxel, in raster order; both lists
/// are empty, and every metric NaN, if either mask is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SurfaceDistances {
    /// From each surface voxel of the prediction to the nearest of the reference.
    pub pred_to_ref: Vec<f64>,
    /// From each surface voxel of the reference to the nearest of the prediction.
    pub ref_to_pred: Vec<f64>,
}

/// Measures the distances between the surfaces of two masks `[z, y, x]`; `spacing_mm` is
/// `[z, y, x]`.
pub fn distances(
    prediction: ArrayView3<'_, bool>,
    reference: ArrayView3<'_, bool>,
    spacing_mm: [f64; 3],
    border: Border,
) -> SurfaceDistances {
    let Some(bounds) = Bounds::union(Bounds::of(prediction), Bounds::of(reference)) else {
        return SurfaceDistances::default();
    };
    let [prediction, reference] =
        [prediction, reference].map(|mask| BitMask::of(mask, bounds, |v| v));
    distances_between(&prediction, &reference, spacing_mm, border)
}

/// The metrics of the distances between two surfaces, mm; all NaN if either mask is empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurfaceMetrics {
    /// [`SurfaceDistances::assd`].
    pub assd: f64,
    /// [`SurfaceDistances::masd`].
    pub masd: f64,
    /// [`SurfaceDistances::rmsd`].
    pub rmsd: f64,
    /// [`SurfaceDistances::msd`].
    pub msd: f64,
    /// [`SurfaceDistances::hd95`].
    pub hd95: f64,
    /// [`SurfaceDistances::hd95_max`].
    pub hd95_max: f64,
    /// [`SurfaceDistances::asd_pred_to_ref`].
    pub asd_pred_to_ref: f64,
    /// [`SurfaceDistances::hd95_pred_to_ref`].
    pub hd95_pred_to_ref: f64,
}

impl SurfaceMetrics {
    /// All metrics; the distances, which may be many, are gone afterwards.
    pub fn of(distances: SurfaceDistances) -> Self {
        let [there, back] = distances.directed_hd95();
        Self {
            assd: distances.assd(),
            masd: distances.masd(),
            rmsd: distances.rmsd(),
            msd: distances.msd(),
            hd95_max: there.max(back),
            asd_pred_to_ref: distances.asd_pred_to_ref(),
            hd95_pred_to_ref: there,
            hd95: distances.into_hd95(),
        }
    }
}

/// The same for two masks of one box.
///
/// # Panics
/// If the boxes differ.
pub fn distances_between(
    prediction: &BitMask,
    reference: &BitMask,
    steps: impl Into<VoxelSteps>,
    border: Border,
) -> SurfaceDistances {
    let steps = steps.into();
    let (prediction, reference) = rayon::join(
        || surface(prediction, border),
        || surface(reference, border),
    );
    if prediction.is_empty() || reference.is_empty() {
        return SurfaceDistances::default();
    }
    let (pred_to_ref, ref_to_pred) = rayon::join(
        || nearest_between(&prediction, &reference, steps),
        || nearest_between(&reference, &prediction, steps),
    );
    SurfaceDistances {
        pred_to_ref,
        ref_to_pred,
    }
}

impl SurfaceDistances {
    /// Average symmetric surface distance, mm: the mean over the surface voxels of both masks
    /// together (Heimann et al. 2009; official LiTS scorer; MedPy from 0.5.2).
    pub fn assd(&self) -> f64 {
        self.sum_by(|d| d) / self.len() as f64
    }

    /// Mean of the two directed mean distances, mm (MetricsReloaded's MASD; MedPy's `assd` up to
    /// 0.4.0).
    pub fn masd(&self) -> f64 {
        (mean(&self.pred_to_ref) + mean(&self.ref_to_pred)) / 2.0
    }

    /// Root mean square symmetric surface distance, mm, over both masks together.
    pub fn rmsd(&self) -> f64 {
        (self.sum_by(|d| d * d) / self.len() as f64).sqrt()
    }

    /// Maximum symmetric surface distance, mm: the Hausdorff distance.
    pub fn msd(&self) -> f64 {
        self.all().fold(f64::NAN, f64::max)
    }

    /// 95th percentile of the distances of both directions together, mm (MedPy's `hd95`).
    pub fn hd95(&self) -> f64 {
        stepped_of_many(&mut self.all().collect::<Vec<f64>>(), 0.95)
    }

    /// The same from the lists themselves, one of which grows by the other.
    fn into_hd95(self) -> f64 {
        let (mut all, mut more) = (self.pred_to_ref, self.ref_to_pred);
        if all.len() < more.len() {
            std::mem::swap(&mut all, &mut more);
        }
        // No more than that: a list grows to twice its length otherwise.
        all.reserve_exact(more.len());
        all.extend(more);
        stepped_of_many(&mut all, 0.95)
    }

    /// The larger of the two directed 95th percentiles, mm (MetricsReloaded, MONAI).
    pub fn hd95_max(&self) -> f64 {
        let [there, back] = self.directed_hd95();
        there.max(back)
    }

    /// Mean distance of the prediction's surface voxels from the reference's, mm (MedPy `asd`; MONAI unless
    /// `symmetric`).
    pub fn asd_pred_to_ref(&self) -> f64 {
        mean(&self.pred_to_ref)
    }

    /// 95th percentile of the same distances, mm (MONAI, `directed`).
    pub fn hd95_pred_to_ref(&self) -> f64 {
        self.directed_hd95()[0]
    }

    /// The 95th percentiles from prediction to reference and back, mm.
    fn directed_hd95(&self) -> [f64; 2] {
        [&self.pred_to_ref, &self.ref_to_pred].map(|d| stepped_of_many(&mut d.clone(), 0.95))
    }

    fn all(&self) -> impl Iterator<Item = f64> {
        self.pred_to_ref.iter().chain(&self.ref_to_pred).copied()
    }

    fn len(&self) -> usize {
        self.pred_to_ref.len() + self.ref_to_pred.len()
    }

    /// Each direction is summed on its own, so that swapping the masks changes no bit.
    fn sum_by(&self, of: impl Fn(f64) -> f64) -> f64 {
        let directed = |distances: &[f64]| distances.iter().map(|&d| of(d)).sum::<f64>();
        directed(&self.pred_to_ref) + directed(&self.ref_to_pred)
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_combine_the_directions_as_their_names_say() {
        let distances = SurfaceDistances {
            pred_to_ref: vec![0.0, 0.0, 6.0],
            ref_to_pred: vec![1.0],
        };
        assert_eq!(distances.assd(), 1.75);
        assert_eq!(distances.masd(), 1.5);
        assert_eq!(distances.rmsd(), 9.25f64.sqrt());
        assert_eq!(distances.msd(), 6.0);
        assert!((distances.hd95() - 5.25).abs() < 1e-12);
        assert!((distances.hd95_max() - 5.4).abs() < 1e-12);
        assert_eq!(distances.asd_pred_to_ref(), 2.0);
        assert!((distances.hd95_pred_to_ref() - 5.4).abs() < 1e-12);
    }
}
