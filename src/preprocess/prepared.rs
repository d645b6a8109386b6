use std::borrow::Cow;
use std::path::{Path, PathBuf};

use ndarray::{Array3, ArrayView3, Zip};

use crate::error::Result;
use crate::memory;
use crate::volume::{
    Geometry, Orientation, Volume, refuse_extent, resample_linear, resample_mean, shape_at_spacing,
};

/// What a voxel costs while a volume is clipped and turned: both in 16 bits, before and after.
const BYTES_A_VOXEL: u64 = 4;

/// What a voxel of the coarse grid costs while it is made and answered: HU and probabilities.
const BYTES_A_COARSE_VOXEL: u64 = 24;

/// This multiple of the pixels or slices of the working grid is clearly more, and are brought to it.
const CLEARLY_MORE: f64 = 1.25;

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
        claim_coarse(&self.path, shape, self.image.dim().into())?;
        Ok(shape)
    }

    /// The shape of the working grid, `[z, y, x]`: the case's own, unless its plane has clearly more pixels
    /// along its longer side than `matrix`. Then it has as many, and slices thinner than those pixels become
    /// about as thick.
    pub fn working_shape(&self, matrix: Option<usize>) -> [usize; 3] {
        let own = <[usize; 3]>::from(self.image.dim());
        let longer = own[1].max(own[2]);
        let Some(matrix) = matrix.filter(|&matrix| longer as f64 >= CLEARLY_MORE * matrix as f64)
        else {
            return own;
        };
        let factor = longer as f64 / matrix as f64;
        let fewer = |n: usize, factor: f64| ((n as f64 / factor).round() as usize).max(1);
        let [thickness, height, width] = self.spacing_mm;
        // Not below 1 for what is no number.
        let thinner = (height.max(width) * factor / thickness).max(1.0);
        let slices = match thinner >= CLEARLY_MORE {
            true => fewer(own[0], thinner),
            false => own[0],
        };
        [slices, fewer(own[1], factor), fewer(own[2], factor)]
    }

    /// Voxels of a grid of the same extent, mm, `[z, y, x]`.
    pub fn spacing_at(&self, shape: [usize; 3]) -> [f64; 3] {
        let own = <[usize; 3]>::from(self.image.dim());
        [0, 1, 2].map(|axis| self.spacing_mm[axis] * own[axis] as f64 / shape[axis] as f64)
    }

    /// The image on a grid of the same extent with fewer voxels, HU: means.
    pub fn image_at(&self, shape: [usize; 3]) -> Cow<'_, Array3<i16>> {
        if shape == <[usize; 3]>::from(self.image.dim()) {
            return Cow::Borrowed(&self.image);
        }
        let means = resample_mean(self.image.view(), f32::from, shape);
        Cow::Owned(means.mapv(|hu| hu.round() as i16))
    }
}

/// An error where what the coarse stage makes of a case does not fit into memory.
pub(super) fn claim_coarse(path: &Path, coarse: [usize; 3], own: [usize; 3]) -> Result<()> {
    let voxels: usize = [coarse, own]
        .iter()
        .map(|shape| shape.iter().product::<usize>())
        .sum();
    memory::claim(path, BYTES_A_COARSE_VOXEL * voxels as u64).map(drop)
}

/// HU on another grid of the same extent, trilinear.
pub fn resample_hu(image: &Array3<i16>, shape: [usize; 3]) -> Array3<i16> {
    resample_linear(&image.mapv(f32::from), shape).mapv(|hu| hu.round() as i16)
}

/// Labels 0 background, 1 liver, 2 lesion on a grid of the same extent with fewer voxels: a voxel is of the
/// organ (liver or lesion) where at least half of it is, and of the lesion where at least half of the
/// organ's part is.
pub fn labels_at(labels: &Array3<u8>, shape: [usize; 3]) -> Array3<u8> {
    if shape == <[usize; 3]>::from(labels.dim()) {
        return labels.clone();
    }
    let part = |of: fn(u8) -> bool| {
        let is = move |label| f32::from(u8::from(of(label)));
        resample_mean(labels.view(), is, shape)
    };
    let (organ, lesion) = (part(|label| label > 0), part(|label| label == 2));
    Zip::from(&organ)
        .and(&lesion)
        .map_collect(|&organ, &lesion| match organ >= 0.5 {
            false => 0,
            true if 2.0 * lesion >= organ => 2,
            true => 1,
        })
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
    use super::super::Scan;
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

    fn prepared(shape: [usize; 3], spacing_mm: [f64; 3]) -> Prepared {
        let geometry = Geometry::axis_aligned(shape, spacing_mm);
        let voxels = Array3::from_shape_fn(shape, |(z, y, x)| (z + y + x) as f32);
        let volume = Volume { voxels, geometry };
        Prepared::new(Path::new("a.nii"), &volume, [-200.0, 250.0]).unwrap()
    }

    #[test]
    fn only_clearly_larger_planes_are_brought_to_the_working_grid() {
        let shape = |shape, spacing| prepared(shape, spacing).working_shape(Some(16));
        assert_eq!(shape([9, 16, 16], [0.5, 0.9, 0.9]), [9, 16, 16]);
        assert_eq!(shape([9, 12, 19], [0.5, 0.9, 0.9]), [9, 12, 19]);
        // A quarter of the pixels; slices of 1.25 mm for pixels of 2.8, of 5 mm as they are.
        assert_eq!(shape([16, 64, 48], [1.25, 0.7, 0.7]), [7, 16, 12]);
        assert_eq!(shape([16, 64, 48], [5.0, 0.7, 0.7]), [16, 16, 12]);
        let case = prepared([16, 32, 32], [5.0, 0.7, 0.7]);
        assert_eq!(case.working_shape(None), [16, 32, 32]);
        assert!(matches!(case.image_at([16, 32, 32]), Cow::Borrowed(_)));
        // 2 + 5.5 + 1.5
        assert_eq!(case.image_at([16, 8, 8])[[2, 1, 0]], 9);
        assert_eq!(case.spacing_at([16, 8, 8]), [5.0, 2.8, 2.8]);
    }

    #[test]
    fn a_voxel_of_labels_is_what_most_of_it_is() {
        let mut labels = Array3::<u8>::zeros((1, 2, 6));
        for (x, column) in [[1, 1], [1, 0], [0, 0], [1, 0], [2, 2], [2, 1]]
            .into_iter()
            .enumerate()
        {
            labels[[0, 0, x]] = column[0];
            labels[[0, 1, x]] = column[1];
        }
        let found = labels_at(&labels, [1, 1, 3]);
        assert_eq!(found.into_raw_vec_and_offset().0, [1, 0, 2]);
        assert_eq!(labels_at(&labels, [1, 2, 6]), labels);
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
        let file = Scan::Read(prepared).to_file(&labels).unwrap();
        assert_eq!(file.voxels[[0, 1, 2]], 1);
        assert_eq!(file.voxels.iter().filter(|&&v| v == 1).count(), 1);
    }
}
