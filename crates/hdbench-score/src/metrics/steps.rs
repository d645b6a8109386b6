/// How far apart the voxels of a grid lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum VoxelSteps {
    /// The axes are perpendicular: a step along `[z, y, x]`, mm.
    Perpendicular([f64; 3]),
    /// They are not, as where a gantry was tilted: a step along each of `[z, y, x]` as a vector, mm.
    Sheared([[f64; 3]; 3]),
}

impl From<[f64; 3]> for VoxelSteps {
    fn from(spacing_mm: [f64; 3]) -> Self {
        Self::Perpendicular(spacing_mm)
    }
}

/// Where a voxel lies from the first one, mm, by the steps along each axis.
pub(super) fn place_mm(steps: &[[f64; 3]; 3], voxel: [usize; 3]) -> [f64; 3] {
    [0, 1, 2].map(|i| {
        let along = |axis: usize| voxel[axis] as f64 * steps[axis][i];
        along(0) + along(1) + along(2)
    })
}

/// The area that two steps span, as a vector across it, mm2.
pub(super) fn face_mm2(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}
