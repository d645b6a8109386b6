use std::borrow::Cow;
use std::path::{Path, PathBuf};

use ndarray::Array3;

use super::prepared::{Prepared, claim_coarse, resample_hu};
use super::stored::{Grid, Stored};
use crate::error::{Error, Result};
use crate::volume::{Geometry, Orientation, Volume};

/// A CT as prediction sees it: read just now, or prepared before.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each case that is predicted"
)]
pub enum Scan {
    /// In memory.
    Read(Prepared),
    /// A case of a study's cache, which holds both grids already.
    Stored {
        /// How errors name the CT.
        path: PathBuf,
        stored: Stored,
    },
}

impl Scan {
    /// How errors name it.
    pub fn path(&self) -> &Path {
        match self {
            Self::Read(prepared) => &prepared.path,
            Self::Stored { path, .. } => path,
        }
    }

    /// Voxels `[z, y, x]` of the file's own grid in canonical order.
    pub fn shape(&self) -> [usize; 3] {
        match self {
            Self::Read(prepared) => prepared.image.dim().into(),
            Self::Stored { stored, .. } => stored.own_shape(),
        }
    }

    /// mm, `[z, y, x]`, likewise.
    pub fn spacing_mm(&self) -> [f64; 3] {
        match self {
            Self::Read(prepared) => prepared.spacing_mm,
            Self::Stored { stored, .. } => stored.own_spacing_mm(),
        }
    }

    /// The file's own grid.
    pub fn file(&self) -> &Geometry {
        match self {
            Self::Read(prepared) => &prepared.file,
            Self::Stored { stored, .. } => stored.file(),
        }
    }

    /// The case on the coarse grid of voxels of this size, HU, `[z, y, x]` in canonical order.
    ///
    /// # Errors
    /// As [`Prepared::shape_at`]; `Error::Read`.
    pub fn coarse_image(&self, spacing_mm: [f64; 3]) -> Result<Array3<i16>> {
        match self {
            Self::Read(prepared) => {
                let shape = prepared.shape_at(spacing_mm)?;
                Ok(resample_hu(&prepared.image, shape))
            }
            Self::Stored { path, stored } => {
                claim_coarse(path, stored.facts(Grid::Coarse).shape, stored.own_shape())?;
                stored.read_image(Grid::Coarse)
            }
        }
    }

    /// The case on the working grid of planes of at most `matrix` pixels a side, likewise.
    ///
    /// # Errors
    /// `Error::Read`.
    pub fn working_image(&self, matrix: Option<usize>) -> Result<Cow<'_, Array3<i16>>> {
        match self {
            Self::Read(prepared) => Ok(prepared.image_at(prepared.working_shape(matrix))),
            Self::Stored { stored, .. } => stored.read_image(Grid::Working).map(Cow::Owned),
        }
    }

    /// Labels of the canonical grid as a volume on the file's own grid.
    ///
    /// # Errors
    /// `Error::Internal` for labels of another shape.
    pub fn to_file(&self, labels: &Array3<u8>) -> Result<Volume<u8>> {
        if labels.dim() != self.shape().into() {
            return Err(Error::Internal(format!(
                "{}: labels of another shape",
                self.path().display()
            )));
        }
        Ok(Volume {
            voxels: Orientation::of(self.file()).from_canonical(labels),
            geometry: self.file().clone(),
        })
    }
}
