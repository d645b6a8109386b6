use std::fmt;

use ndarray::{Array3, ArrayView3, Axis};

use super::{Geometry, Volume};

/// Flips of a grid's axes and a permutation of them, one of 48. Voxels are reordered and keep their places
/// in the patient; nothing is ever resampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// For each array axis `[z, y, x]` of the result, the array axis it comes from.
    source: [usize; 3],
    /// For each array axis `[z, y, x]` of the result, whether it runs the other way.
    flipped: [bool; 3],
}

/// The orders of three axes.
const PERMUTATIONS: [[usize; 3]; 6] = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
];

impl Turn {
    /// The turn that changes nothing.
    pub const NONE: Self = Self {
        source: [0, 1, 2],
        flipped: [false; 3],
    };

    /// `source` is a permutation of the axes.
    pub(super) fn new(source: [usize; 3], flipped: [bool; 3]) -> Self {
        Self { source, flipped }
    }

    /// All 48, the one that changes nothing first.
    pub fn all() -> impl Iterator<Item = Self> {
        PERMUTATIONS.into_iter().flat_map(|source| {
            (0..8).map(move |flips| Self {
                source,
                flipped: [0, 1, 2].map(|axis| flips >> axis & 1 == 1),
            })
        })
    }

    /// Whether it changes nothing.
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    /// For each array axis `[z, y, x]` of the result, the array axis it comes from.
    pub fn source_axes(&self) -> [usize; 3] {
        self.source
    }

    /// For each array axis `[z, y, x]` of the result, whether it runs the other way.
    pub fn flipped_axes(&self) -> [bool; 3] {
        self.flipped
    }

    /// The turn back.
    pub fn inverse(&self) -> Self {
        let mut inverse = Self::NONE;
        for (axis, &source) in self.source.iter().enumerate() {
            inverse.source[source] = axis;
            inverse.flipped[source] = self.flipped[axis];
        }
        inverse
    }

    /// An array `[z, y, x]`, reordered.
    pub fn array<T: Copy>(&self, voxels: ArrayView3<'_, T>) -> Array3<T> {
        let mut view = voxels.permuted_axes(self.source);
        for (axis, &flipped) in self.flipped.iter().enumerate() {
            if flipped {
                view.invert_axis(Axis(axis));
            }
        }
        view.as_standard_layout().into_owned()
    }

    /// The geometry of a grid whose voxels are reordered.
    pub fn geometry(&self, geometry: &Geometry) -> Geometry {
        let mut affine = geometry.affine;
        for axis in 0..3 {
            // Array axes run z, y, x; those of the affine x, y, z.
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

    /// A volume with its voxels reordered and its geometry with them, so that every voxel keeps its place
    /// in the patient.
    pub fn volume<T: Copy>(&self, volume: &Volume<T>) -> Volume<T> {
        Volume {
            voxels: self.array(volume.voxels.view()),
            geometry: self.geometry(&volume.geometry),
        }
    }
}

/// For x, y and z of the result the axis it comes from, with a minus where it runs the other way: `-x, -y, z`.
impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |axis: usize| {
            let sign = if self.flipped[axis] { "-" } else { "" };
            format!("{sign}{}", ["z", "y", "x"][self.source[axis]])
        };
        write!(f, "{}, {}, {}", part(2), part(1), part(0))
    }
}
