use std::path::{Path, PathBuf};

use ndarray::{Array3, ArrayView3};

use crate::error::Result;
use crate::memory;
use crate::volume::{
    Geometry, Orientation, Volume, refuse_extent, resample_linear, shape_at_spacing,
};

/// What a voxel costs while a volume is clipped and turned: both in 16 bits, before and after.
const BYTES_A_VOXEL: u64 = 4;

/// What a voxel of the coarse grid costs while it is made and answered: HU and probabilities.
const BYTES_A_COARSE_VOXEL: u64 = 24;

/// A CT as the networks see it, in memory: canonical orientation, HU clipped to the recipe's
/// window and rounded to whole units (CT stores whole units).
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// How errors name the CT.
    pub path: PathBuf,
    /// `[z, y, x]` in canonical (RAS+) order, HU.
    pub image: Array3<i16>,
    /// mm, `[z, y, x]` of the canonical grid.
    pub spacing_mm: [f64; 3],
    /// The file's own grid, which predictions go back to.
    pub file: Geometry,
}

impl Prepared {
    /// Clips and turns a volume; nothing is resampled. `path` is how errors name it.
    ///
    /// # Errors
    /// `Error::Malformed` for one that cannot be of a person by its extent; `Error::Memory`.
    pub fn new(path: &Path, volume: &Volume<f32>, hu_window: [f64; 2]) -> Result<Self> {
        refuse_extent(path, &volume.geometry)?;
        let _claim = memory::claim(path, BYTES_A_VOXEL * volume.geometry.len() as u64)?;
        let [low, high] = hu_window.map(|hu| hu as f32);
        let orientation = Orientation::of(&volume.geometry);
        let clipped = Volume {
            voxels: volume.voxels.mapv(|hu| hu.clamp(low, high).round() as i16),
            geometry: volume.geometry.clone(),
        };
        let canonical = orientation.to_canonical(&clipped);
        Ok(Self {
            path: path.to_path_buf(),
            image: canonical.voxels,
            spacing_mm: canonical.geometry.spacing_mm,
            file: volume.geometry.clone(),
        })
    }

    /// The shape of the same extent in voxels of this size, `[z, y, x]`.
    ///
    /// # Errors
    /// As [`shape_at_spacing`]; `Error::Memory` where what is to be made on it does not fit.
    pub fn shape_at(&self, spacing_mm: [f64; 3]) -> Result<[usize; 3]> {
        let shape = shape_at_spacing(
            &self.path,
            self.image.dim().into(),
            self.spacing_mm,
            spacing_mm,
        )?;
        let voxels = shape.iter().product::<usize>() + self.image.len();
        drop(memory::claim(
            &self.path,
            BYTES_A_COARSE_VOXEL * voxels as u64,
        )?);
        Ok(shape)
    }

    /// Labels of the canonical grid as a volume on the file's own grid.
    pub fn to_file(&self, labels: &Array3<u8>) -> Volume<u8> {
        Volume {
            voxels: Orientation::of(&self.file).from_canonical(labels),
            geometry: self.file.clone(),
        }
    }
}

/// HU on another grid of the same extent, trilinear.
pub fn resample_hu(image: &Array3<i16>, shape: [usize; 3]) -> Array3<i16> {
    resample_linear(&image.mapv(f32::from), shape).mapv(|hu| hu.round() as i16)
}

/// The smallest box around the voxels that satisfy `inside`: first and one past the last index of
/// each axis, or nothing.
pub fn canonical_box<T: Copy>(
    voxels: ArrayView3<T>,
    inside: impl Fn(T) -> bool,
) -> Option<[[usize; 2]; 3]> {
    let mut bounds = [[usize::MAX, 0]; 3];
    for ((z, y, x), &value) in voxels.indexed_iter() {
        if inside(value) {
            for (bound, at) in bounds.iter_mut().zip([z, y, x]) {
                bound[0] = bound[0].min(at);
                bound[1] = bound[1].max(at + 1);
            }
        }
    }
    (bounds[0][1] > 0).then_some(bounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_tight_and_absent_when_nothing_is_inside() {
        let mut voxels = Array3::<u8>::zeros((4, 5, 6));
        assert_eq!(canonical_box(voxels.view(), |v| v > 0), None);
        voxels[[1, 2, 3]] = 1;
        voxels[[2, 4, 3]] = 2;
        assert_eq!(
            canonical_box(voxels.view(), |v| v > 0),
            Some([[1, 3], [2, 5], [3, 4]])
        );
    }

    #[test]
    fn a_prepared_ct_is_clipped_and_goes_back_to_its_own_order() {
        // An LPS file: x and y run against the canonical directions.
        let mut geometry = Geometry::axis_aligned([2, 2, 3], [5.0, 1.0, 1.0]);
        geometry.affine[0][0] = -1.0;
        geometry.affine[1][1] = -1.0;
        let voxels = Array3::from_shape_fn((2, 2, 3), |(z, y, x)| {
            1000.0 * z as f32 - 300.0 + 10.0 * y as f32 + x as f32
        });
        let prepared = Prepared::new(
            Path::new("a.nii"),
            &Volume { voxels, geometry },
            [-200.0, 250.0],
        )
        .unwrap();
        assert_eq!(prepared.image[[0, 0, 0]], -200);
        assert_eq!(prepared.image[[1, 0, 0]], 250);
        let mut labels = Array3::<u8>::zeros((2, 2, 3));
        labels[[0, 0, 0]] = 1;
        let file = prepared.to_file(&labels);
        assert_eq!(file.voxels[[0, 1, 2]], 1);
        assert_eq!(file.voxels.iter().filter(|&&v| v == 1).count(), 1);
    }
}
