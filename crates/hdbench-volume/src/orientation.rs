use std::fmt;

use ndarray::{Array3, ArrayView3, Axis};

use super::{Geometry, Volume};

/// Cosines that differ by less than this are a tie, so that rounding does not decide it.
const TIE: f64 = 1e-6;

/// How a grid's axes run in the patient, to the nearest anatomical axis: the permutation and the
/// flips that bring an array to canonical orientation and back. Nothing is ever resampled.
///
/// Canonical is RAS+: x grows to the patient's right, y to anterior, z to superior, as in
/// nibabel's `as_closest_canonical`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orientation {
    /// For each canonical array axis `[z, y, x]`, the array axis it comes from.
    source: [usize; 3],
    /// For each canonical array axis `[z, y, x]`, whether it runs the other way.
    flipped: [bool; 3],
}

impl Orientation {
    /// The orientation of a grid. Pairs of a grid axis and an anatomical one are taken in the order
    /// of how well they agree; ties, as at 45 degrees, fall to the earlier axis.
    pub fn of(geometry: &Geometry) -> Self {
        let lengths = super::geometry::column_lengths(&geometry.affine);
        let cosine = |world: usize, grid: usize| geometry.affine[world][grid] / lengths[grid];
        let mut orientation = Self {
            source: [0, 1, 2],
            flipped: [false; 3],
        };
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
            orientation.source[2 - world] = 2 - grid;
            orientation.flipped[2 - world] = cosine(world, grid) < 0.0;
        }
        orientation
    }

    /// Whether the grid is canonical already.
    pub fn is_canonical(&self) -> bool {
        self.source == [0, 1, 2] && self.flipped == [false; 3]
    }

    /// For each canonical array axis `[z, y, x]`, the array axis it comes from.
    pub fn source_axes(&self) -> [usize; 3] {
        self.source
    }

    /// A volume in canonical orientation: voxels reordered, geometry transformed with them, so
    /// that every voxel keeps its place in the patient.
    pub fn to_canonical<T: Copy>(&self, volume: &Volume<T>) -> Volume<T> {
        Volume {
            voxels: self.array_to_canonical(volume.voxels.view()),
            geometry: self.geometry_to_canonical(&volume.geometry),
        }
    }

    /// An array `[z, y, x]` in file order, brought to canonical order.
    pub fn array_to_canonical<T: Copy>(&self, voxels: ArrayView3<'_, T>) -> Array3<T> {
        let mut view = voxels.permuted_axes(self.source);
        for (axis, &flipped) in self.flipped.iter().enumerate() {
            if flipped {
                view.invert_axis(Axis(axis));
            }
        }
        view.as_standard_layout().into_owned()
    }

    /// An array in canonical order (a prediction), brought back to the file's own order `[z, y, x]`.
    pub fn from_canonical<T: Copy>(&self, voxels: &Array3<T>) -> Array3<T> {
        let mut view = voxels.view();
        let mut target = [0; 3];
        for axis in 0..3 {
            if self.flipped[axis] {
                view.invert_axis(Axis(axis));
            }
            target[self.source[axis]] = axis;
        }
        view.permuted_axes(target).as_standard_layout().into_owned()
    }

    /// The geometry that [`Self::to_canonical`] gives a volume.
    pub fn geometry_to_canonical(&self, geometry: &Geometry) -> Geometry {
        let mut affine = geometry.affine;
        for axis in 0..3 {
            let (to, from) = (2 - axis, 2 - self.source[axis]);
            let sign = if self.flipped[axis] { -1.0 } else { 1.0 };
            let last = (geometry.shape[self.source[axis]].max(1) - 1) as f64;
            for (row, old) in affine.iter_mut().zip(&geometry.affine).take(3) {
                row[to] = sign * old[from];
                if self.flipped[axis] {
                    row[3] += last * old[from];
                }
            }
        }
        Geometry {
            shape: self.source.map(|axis| geometry.shape[axis]),
            spacing_mm: self.source.map(|axis| geometry.spacing_mm[axis]),
            affine,
            stored_spacing_mm: self.source.map(|axis| geometry.stored_spacing_mm[axis]),
            is_planar: geometry.is_planar,
        }
    }
}

/// The field's three letters: where the file's x, y and z axes run to (`RAS`, `LPS`).
impl fmt::Display for Orientation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for grid in (0..3).rev() {
            for (axis, letters) in [["S", "I"], ["A", "P"], ["R", "L"]].iter().enumerate() {
                if self.source[axis] == grid {
                    f.write_str(letters[usize::from(self.flipped[axis])])?;
                }
            }
        }
        Ok(())
    }
}
