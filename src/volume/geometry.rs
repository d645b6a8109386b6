/// Where the voxels of a volume lie in the patient.
///
/// Arrays are indexed `[z, y, x]`, the byte order of a NIfTI file (x fastest). "x, y, z" name the
/// file's first, second and third axis, not anatomical directions: those follow from `affine`.
#[derive(Clone, Debug, PartialEq)]
pub struct Geometry {
    /// Number of voxels, `[z, y, x]`.
    pub shape: [usize; 3],
    /// Distance between voxel centres in mm, `[z, y, x]`: column lengths of `affine`.
    pub spacing_mm: [f64; 3],
    /// Maps a voxel index `(x, y, z, 1)` to RAS+ millimetres; row-major, last row `0 0 0 1`.
    pub affine: [[f64; 4]; 4],
    /// The voxel sizes as the file stores them (`pixdim[1..=3]`), `[z, y, x]`; the official LiTS
    /// scorer uses these instead of the affine.
    pub stored_spacing_mm: [f32; 3],
}

impl Geometry {
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

    /// Volume of one voxel in mL, from the spacing.
    pub fn voxel_volume_ml(&self) -> f64 {
        self.spacing_mm.iter().product::<f64>() / 1000.0
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
