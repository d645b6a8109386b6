//! Distances between the surfaces of two masks.
//!
//! A surface is a set of voxels: those of the mask with a background voxel among their neighbours.
//! Every figure follows from the two lists of distances; its name says how the two directions are
//! combined.

use ndarray::ArrayView3;
use rayon::prelude::*;

use super::distance::nearest_mm;
use super::{Bounds, Voxel};

/// Which neighbours decide whether a voxel lies on the surface; outside the volume is background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Border {
    /// Faces: MedPy's default, MONAI, MetricsReloaded.
    Six,
    /// Faces and edges: the official LiTS scorer.
    Eighteen,
    /// Faces, edges and corners.
    TwentySix,
}

impl Border {
    /// The rows `(dz, dy)` around a row, and whether their voxels one step along x count too.
    fn rows(self) -> impl Iterator<Item = (usize, usize, bool)> {
        let most = match self {
            Self::Six => 1,
            Self::Eighteen => 2,
            Self::TwentySix => 3,
        };
        (0..3usize)
            .flat_map(|z| (0..3usize).map(move |y| (z, y)))
            .filter_map(move |(z, y)| {
                let away = z.abs_diff(1) + y.abs_diff(1);
                (away <= most).then_some((z, y, away < most))
            })
    }
}

/// The surface voxels of a mask `[z, y, x]`, in raster order.
pub fn border_voxels(mask: ArrayView3<'_, bool>, border: Border) -> Vec<Voxel> {
    let Some(bounds) = Bounds::of(mask) else {
        return Vec::new();
    };
    let padded = Padded::of(bounds.crop(mask));
    let [nz, ny, nx] = bounds.shape();
    let [z0, y0, x0] = bounds.start;
    let planes: Vec<Vec<Voxel>> = (0..nz)
        .into_par_iter()
        .map(|z| {
            let mut found = Vec::new();
            let mut inner = vec![0; nx];
            for y in 0..ny {
                padded.erode_row([z, y], border, &mut inner);
                let row = &padded.row(z + 1, y + 1)[1..=nx];
                for (x, (&mask, &inner)) in row.iter().zip(&inner).enumerate() {
                    if mask != inner {
                        found.push([z0 + z, y0 + y, x0 + x]);
                    }
                }
            }
            found
        })
        .collect();
    planes.concat()
}

/// A mask with a margin of one background voxel, as bytes so that rows can be joined in bulk.
struct Padded {
    voxels: Vec<u8>,
    /// Rows a plane has and voxels a row has, margin included.
    plane: [usize; 2],
}

impl Padded {
    fn of(mask: ArrayView3<'_, bool>) -> Self {
        let (nz, ny, nx) = mask.dim();
        let plane = [ny + 2, nx + 2];
        let mut voxels = vec![0; (nz + 2) * plane[0] * plane[1]];
        for (z, from) in mask.outer_iter().enumerate() {
            for (y, from) in from.outer_iter().enumerate() {
                let start = ((z + 1) * plane[0] + y + 1) * plane[1] + 1;
                for (to, &from) in voxels[start..start + nx].iter_mut().zip(from) {
                    *to = u8::from(from);
                }
            }
        }
        Self { voxels, plane }
    }

    fn row(&self, z: usize, y: usize) -> &[u8] {
        let start = (z * self.plane[0] + y) * self.plane[1];
        &self.voxels[start..start + self.plane[1]]
    }

    /// 1 where the voxel and all its neighbours are in the mask; `z`, `y` without the margin.
    fn erode_row(&self, [z, y]: [usize; 2], border: Border, inner: &mut [u8]) {
        inner.fill(1);
        let nx = inner.len();
        for (dz, dy, along_x) in border.rows() {
            let row = self.row(z + dz, y + dy);
            let offsets = if along_x { 0..3 } else { 1..2 };
            for dx in offsets {
                for (inner, &neighbour) in inner.iter_mut().zip(&row[dx..dx + nx]) {
                    *inner &= neighbour;
                }
            }
        }
    }
}

/// Distances between two surfaces in mm, one for each surface voxel, in raster order; both lists
/// are empty, and every figure NaN, if either mask is empty.
#[derive(Clone, Debug, PartialEq)]
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
    let prediction = border_voxels(prediction, border);
    let reference = border_voxels(reference, border);
    if prediction.is_empty() || reference.is_empty() {
        return SurfaceDistances {
            pred_to_ref: Vec::new(),
            ref_to_pred: Vec::new(),
        };
    }
    let (pred_to_ref, ref_to_pred) = rayon::join(
        || nearest_mm(&prediction, &reference, spacing_mm),
        || nearest_mm(&reference, &prediction, spacing_mm),
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
        percentile(self.all().collect(), 0.95)
    }

    /// The larger of the two directed 95th percentiles, mm (MetricsReloaded, MONAI).
    pub fn hd95_max(&self) -> f64 {
        let [a, b] = [&self.pred_to_ref, &self.ref_to_pred].map(|d| percentile(d.clone(), 0.95));
        a.max(b)
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

/// Percentile with linear interpolation between order statistics (NumPy's default; type 7 of
/// Hyndman and Fan 1996); NaN for no values.
fn percentile(mut values: Vec<f64>, share: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let place = (values.len() - 1) as f64 * share;
    let rank = place.floor() as usize;
    let (_, &mut low, above) = values.select_nth_unstable_by(rank, f64::total_cmp);
    let high = above.iter().copied().fold(f64::INFINITY, f64::min);
    if high == f64::INFINITY {
        return low;
    }
    low + (high - low) * (place - rank as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_as_numpy_gives_them() {
        // numpy.percentile([3, 1, 4, 1, 5], 95) and ([2, 1], 95)
        assert!((percentile(vec![3.0, 1.0, 4.0, 1.0, 5.0], 0.95) - 4.8).abs() < 1e-12);
        assert!((percentile(vec![2.0, 1.0], 0.95) - 1.95).abs() < 1e-12);
        assert_eq!(percentile(vec![7.0], 0.95), 7.0);
        assert!(percentile(Vec::new(), 0.95).is_nan());
    }

    #[test]
    fn figures_combine_the_directions_as_their_names_say() {
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
    }
}
