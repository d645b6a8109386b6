use std::fmt;

use ndarray::{Array3, ArrayView3};

use super::{Geometry, Turn, Volume};

/// Cosines that differ by less than this are a tie, so that rounding does not decide it.
const TIE: f64 = 1e-6;

/// How a grid's axes run in the patient, to the nearest anatomical axis: the permutation and the
/// flips that bring an array to canonical orientation and back. Nothing is ever resampled.
///
/// Canonical is RAS+: x grows to the patient's right, y to anterior, z to superior, as in
/// nibabel's `as_closest_canonical`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orientation {
    to_canonical: Turn,
}

impl Orientation {
    /// The orientation of a grid. Pairs of a grid axis and an anatomical one are taken in the order
    /// of how well they agree; ties, as at 45 degrees, fall to the earlier axis.
    pub fn of(geometry: &Geometry) -> Self {
        let lengths = super::geometry::column_lengths(&geometry.affine);
        let cosine = |world: usize, grid: usize| geometry.affine[world][grid] / lengths[grid];
        let (mut source, mut flipped) = ([0, 1, 2], [false; 3]);
        let (mut worlds, mut grids) = (vec![0, 1, 2], vec![0, 1, 2]);
        while !grids.is_empty() {
            let mut best = (0, 0);
            for (i, &grid) in grids.iter().enumerate() {
                for (j, &world) in worlds.iter().enumerate() {
                    let leader = cosine(worlds[best.1], grids[best.0]).abs();
                    if cosine(world, grid).abs() > leader + TIE {
                        best = (i, j);
                    }
                }
            }
            let (grid, world) = (grids.remove(best.0), worlds.remove(best.1));
            // Array axes run z, y, x; those of the affine x, y, z.
            source[2 - world] = 2 - grid;
            flipped[2 - world] = cosine(world, grid) < 0.0;
        }
        Self {
            to_canonical: Turn::new(source, flipped),
        }
    }

    /// Whether the grid is canonical already.
    pub fn is_canonical(&self) -> bool {
        self.to_canonical.is_none()
    }

    /// For each canonical array axis `[z, y, x]`, the array axis it comes from.
    pub fn source_axes(&self) -> [usize; 3] {
        self.to_canonical.source_axes()
    }

    /// What brings an array in file order to canonical order.
    pub fn turn(&self) -> Turn {
        self.to_canonical
    }

    /// A volume in canonical orientation: voxels reordered, geometry transformed with them, so
    /// that every voxel keeps its place in the patient.
    pub fn to_canonical<T: Copy>(&self, volume: &Volume<T>) -> Volume<T> {
        self.to_canonical.volume(volume)
    }

    /// An array `[z, y, x]` in file order, brought to canonical order.
    pub fn array_to_canonical<T: Copy>(&self, voxels: ArrayView3<'_, T>) -> Array3<T> {
        self.to_canonical.array(voxels)
    }

    /// An array in canonical order (a prediction), brought back to the file's own order `[z, y, x]`.
    pub fn from_canonical<T: Copy>(&self, voxels: &Array3<T>) -> Array3<T> {
        self.to_canonical.inverse().array(voxels.view())
    }

    /// The geometry that [`Self::to_canonical`] gives a volume.
    pub fn geometry_to_canonical(&self, geometry: &Geometry) -> Geometry {
        self.to_canonical.geometry(geometry)
    }
}

/// The field's three letters: where the file's x, y and z axes run to (`RAS`, `LPS`).
impl fmt::Display for Orientation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = self.to_canonical.source_axes();
        let flipped = self.to_canonical.flipped_axes();
        for grid in (0..3).rev() {
            for (axis, letters) in [["S", "I"], ["A", "P"], ["R", "L"]].iter().enumerate() {
                if source[axis] == grid {
                    f.write_str(letters[usize::from(flipped[axis])])?;
                }
            }
        }
        Ok(())
    }
}
