use serde::{Deserialize, Serialize};

/// Where the voxels of a volume lie in the patient.
///
/// Arrays are indexed `[z, y, x]`, the byte order of a NIfTI file (x fastest). "x, y, z" name the
/// file's first, second and third axis, not anatomical directions: those follow from `affine`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Geometry {
    /// Number of voxels, `[z, y, x]`.
    pub shape: [usize; 3],
    /// Distance between voxel centres in mm, `[z, y, x]`: column lengths of `affine`.
    pub spacing_mm: [f64; 3],
    /// Maps a voxel index `(x, y, z, 1)` to RAS+ millimetres; row-major, last row `0 0 0 1`.
    pub affine: [[f64; 4]; 4],
    /// The voxel sizes as the file stores them (`pixdim[1..=3]`, `ElementSpacing`, `spacings`), `[z, y, x]`; the official LiTS
    /// scorer uses these instead of the affine.
    pub stored_spacing_mm: [f32; 3],
    /// Whether the file has two axes: a picture and no volume of one slice. What lies before and after it
    /// is unknown, so that its surfaces are lines.
    pub is_planar: bool,
}

/// Files of one scan may place a voxel this far apart before they count as different grids: the f32 of
/// a NIfTI header rounds positions of a metre to less.
const SAME_PLACE_MM: f64 = 0.01;

/// Axes whose cosines with each other stay below this are perpendicular up to f32 rounding.
pub(super) const PERPENDICULAR: f64 = 1e-4;

impl Geometry {
    /// The share of a voxel's smallest edge to which two grids count as the same: an oblique affine that
    /// went through a quaternion is off by some hundredths. No metric of whole voxels can tell.
    pub const SAME_PLACE_SHARE: f64 = 0.05;

    /// An axis-aligned RAS+ grid with its first voxel at the origin.
    pub fn axis_aligned(shape: [usize; 3], spacing_mm: [f64; 3]) -> Self {
        let [sz, sy, sx] = spacing_mm;
        Self {
            shape,
            spacing_mm,
            affine: [
                [sx, 0.0, 0.0, 0.0],
                [0.0, sy, 0.0, 0.0],
                [0.0, 0.0, sz, 0.0],
                [0.0, 0.0, 0.0, 1.0],
            ],
            stored_spacing_mm: spacing_mm.map(|mm| mm as f32),
            is_planar: false,
        }
    }

    /// Number of voxels.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the grid has no voxel at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Volume of one voxel in mL: from the spacing, and from the affine's determinant where its axes are not
    /// perpendicular.
    pub fn voxel_volume_ml(&self) -> f64 {
        let upright = self.spacing_mm.iter().product::<f64>() / 1000.0;
        match self.is_sheared() {
            true => upright * relative_determinant(&self.affine).abs(),
            false => upright,
        }
    }

    /// Whether the axes are not perpendicular, as those of a series with a tilted gantry.
    pub fn is_sheared(&self) -> bool {
        let lengths = column_lengths(&self.affine);
        let cosine = |i: usize, j: usize| {
            let dot: f64 = (0..3)
                .map(|row| self.affine[row][i] * self.affine[row][j])
                .sum();
            dot / (lengths[i] * lengths[j])
        };
        [(0, 1), (0, 2), (1, 2)]
            .iter()
            .any(|&(i, j)| cosine(i, j).abs() > PERPENDICULAR)
    }

    /// A step along each array axis `[z, y, x]`, mm along `[x, y, z]` of RAS+.
    pub fn steps_mm(&self) -> [[f64; 3]; 3] {
        [2, 1, 0].map(|column| [0, 1, 2].map(|row| self.affine[row][column]))
    }

    /// By how much two grids of one shape differ, mm, if that is more than rounding leaves: 0.01 mm or a
    /// twentieth of a voxel.
    pub fn apart_mm(&self, other: &Self) -> Option<f64> {
        let apart_mm = self.displacement_mm(other);
        let is_same = apart_mm <= self.tolerance_mm(Self::SAME_PLACE_SHARE);
        (!is_same).then_some(apart_mm)
    }

    /// How far from its place here a voxel of another grid may lie and count as the same one.
    pub(super) fn tolerance_mm(&self, share_of_voxel: f64) -> f64 {
        SAME_PLACE_MM.max(share_of_voxel * self.smallest_edge_mm())
    }

    /// The smallest of the distances between voxel centres.
    pub(super) fn smallest_edge_mm(&self) -> f64 {
        self.spacing_mm.into_iter().fold(f64::INFINITY, f64::min)
    }

    /// Where a voxel index `[z, y, x]` lies, in RAS+ millimetres `[x, y, z]`; halves and indices
    /// outside the grid are fine.
    pub fn position_mm(&self, index: [f64; 3]) -> [f64; 3] {
        let [z, y, x] = index;
        [0, 1, 2].map(|row| {
            let a = &self.affine[row];
            a[0] * x + a[1] * y + a[2] * z + a[3]
        })
    }

    /// The largest distance in mm between the places that two grids of one shape give to the same
    /// voxel. Both maps are affine, so a corner is where they differ most.
    pub fn displacement_mm(&self, other: &Self) -> f64 {
        let last = self.shape.map(|n| n.saturating_sub(1) as f64);
        (0..8)
            .map(|corner| {
                let index = [0, 1, 2].map(|axis| {
                    if corner >> axis & 1 == 1 {
                        last[axis]
                    } else {
                        0.0
                    }
                });
                let (a, b) = (self.position_mm(index), other.position_mm(index));
                (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt()
            })
            .fold(0.0, f64::max)
    }
}

/// Lengths of an affine's x, y and z columns: the distances between voxel centres.
pub(super) fn column_lengths(affine: &[[f64; 4]; 4]) -> [f64; 3] {
    [0, 1, 2].map(|column| {
        (0..3)
            .map(|row| affine[row][column].powi(2))
            .sum::<f64>()
            .sqrt()
    })
}

/// Determinant of an affine's linear part over the product of its column lengths: 1 for a
/// right-handed grid with perpendicular axes, -1 for a left-handed one, near 0 for a flat one.
pub(super) fn relative_determinant(affine: &[[f64; 4]; 4]) -> f64 {
    let [a, b, c, _] = affine;
    let determinant = a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0])
        + a[2] * (b[0] * c[1] - b[1] * c[0]);
    determinant / column_lengths(affine).iter().product::<f64>()
}
