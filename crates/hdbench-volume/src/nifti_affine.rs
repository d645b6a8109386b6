//! Where a NIfTI-1 header puts its voxels, and how a geometry is written into one.
//!
//! Source: the comments of `nifti1.h` (NIfTI Data Format Working Group), section "3D image
//! orientation and location in space": method 3 is the sform, method 2 the qform, method 1 the
//! voxel sizes alone.

use nifti::NiftiHeader;

use super::Geometry;
use super::extent::check_affine;
use super::geometry::{PERPENDICULAR, column_lengths, relative_determinant};

pub(super) type Affine = [[f64; 4]; 4];

/// NIFTI_XFORM_SCANNER_ANAT.
const SCANNER: i16 = 1;

/// Which of the three methods of the standard placed the voxels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placement {
    Sform,
    Qform,
    VoxelSizes,
}

/// The affine of a header in the header's own unit, or what is wrong with it.
/// `pixdim_xyz` are the voxel sizes, or what is wrong with them: an sform needs none.
pub(super) fn affine_of(
    header: &NiftiHeader,
    pixdim_xyz: Result<[f32; 3], String>,
) -> Result<(Affine, Placement), String> {
    let (affine, placement, name) = if header.sform_code > 0 {
        (sform(header), Placement::Sform, "sform")
    } else if header.qform_code > 0 {
        (qform(header, pixdim_xyz?)?, Placement::Qform, "qform")
    } else {
        let [x, y, z] = pixdim_xyz?.map(f64::from);
        let diagonal = Geometry::axis_aligned([1; 3], [z, y, x]).affine;
        return Ok((diagonal, Placement::VoxelSizes));
    };
    check_affine(name, &affine)?;
    Ok((affine, placement))
}

fn sform(header: &NiftiHeader) -> Affine {
    [
        header.srow_x.map(f64::from),
        header.srow_y.map(f64::from),
        header.srow_z.map(f64::from),
        [0.0, 0.0, 0.0, 1.0],
    ]
}

/// Rotation by the unit quaternion (a, b, c, d), voxel sizes, and qfac = -1 for a left-handed grid.
fn qform(header: &NiftiHeader, pixdim_xyz: [f32; 3]) -> Result<Affine, String> {
    let [b, c, d] = [header.quatern_b, header.quatern_c, header.quatern_d].map(f64::from);
    let square = b * b + c * c + d * d;
    if square.is_nan() || square > 1.0 + 1e-3 {
        return Err(format!(
            "the qform's quaternion ({b}, {c}, {d}) is not part of a unit quaternion"
        ));
    }
    let a = (1.0 - square).max(0.0).sqrt();
    let norm = (a * a + square).sqrt();
    let [a, b, c, d] = [a, b, c, d].map(|q| q / norm);
    let qfac = if header.pixdim[0] < 0.0 { -1.0 } else { 1.0 };
    let [x, y, z] = pixdim_xyz.map(f64::from);
    let size = [x, y, z * qfac];
    let rotation = [
        [
            a * a + b * b - c * c - d * d,
            2.0 * (b * c - a * d),
            2.0 * (b * d + a * c),
        ],
        [
            2.0 * (b * c + a * d),
            a * a + c * c - b * b - d * d,
            2.0 * (c * d - a * b),
        ],
        [
            2.0 * (b * d - a * c),
            2.0 * (c * d + a * b),
            a * a + d * d - b * b - c * c,
        ],
    ];
    let origin = [header.quatern_x, header.quatern_y, header.quatern_z].map(f64::from);
    let mut affine = [[0.0; 4]; 4];
    for row in 0..3 {
        for column in 0..3 {
            affine[row][column] = rotation[row][column] * size[column];
        }
        affine[row][3] = origin[row];
    }
    affine[3][3] = 1.0;
    Ok(affine)
}

/// Writes the geometry into a header: sform always; qform where a quaternion and the stored voxel
/// sizes say the same (they cannot express shear).
pub(super) fn place(header: &mut NiftiHeader, geometry: &Geometry) {
    let affine = &geometry.affine;
    let [z, y, x] = geometry.stored_spacing_mm;
    header.pixdim = [1.0, x, y, z, 0.0, 0.0, 0.0, 0.0];
    header.sform_code = SCANNER;
    header.srow_x = affine[0].map(|v| v as f32);
    header.srow_y = affine[1].map(|v| v as f32);
    header.srow_z = affine[2].map(|v| v as f32);
    header.qform_code = 0;
    if relative_determinant(affine) < 0.0 {
        header.pixdim[0] = -1.0;
    }
    let lengths = column_lengths(affine);
    let sizes_agree = lengths
        .iter()
        .zip([x, y, z])
        .all(|(&length, stored)| (length - f64::from(stored)).abs() <= 1e-4 * length);
    if sizes_agree && let Some([_, b, c, d]) = quaternion(affine, lengths) {
        header.qform_code = SCANNER;
        [header.quatern_b, header.quatern_c, header.quatern_d] = [b, c, d].map(|q| q as f32);
        [header.quatern_x, header.quatern_y, header.quatern_z] =
            [affine[0][3], affine[1][3], affine[2][3]].map(|v| v as f32);
    }
}

/// The unit quaternion (a, b, c, d), a >= 0, of an affine with perpendicular axes; the third axis
/// of a left-handed one is turned round first, as qfac = -1 says.
fn quaternion(affine: &Affine, lengths: [f64; 3]) -> Option<[f64; 4]> {
    let qfac = relative_determinant(affine).signum();
    let mut r = [[0.0; 3]; 3];
    for row in 0..3 {
        for column in 0..3 {
            r[row][column] = affine[row][column] / lengths[column];
        }
        r[row][2] *= qfac;
    }
    let cosine = |i: usize, j: usize| (0..3).map(|row| r[row][i] * r[row][j]).sum::<f64>();
    if [(0, 1), (0, 2), (1, 2)]
        .iter()
        .any(|&(i, j)| cosine(i, j).abs() > PERPENDICULAR)
    {
        return None;
    }
    // Squares of four times the components; the largest is safe to divide by (Shepperd 1978).
    let squares = [
        1.0 + r[0][0] + r[1][1] + r[2][2],
        1.0 + r[0][0] - r[1][1] - r[2][2],
        1.0 - r[0][0] + r[1][1] - r[2][2],
        1.0 - r[0][0] - r[1][1] + r[2][2],
    ];
    let largest = (0..4).max_by(|&i, &j| squares[i].total_cmp(&squares[j]))?;
    let (yz, zx, xy) = (r[2][1] - r[1][2], r[0][2] - r[2][0], r[1][0] - r[0][1]);
    let (pyz, pzx, pxy) = (r[2][1] + r[1][2], r[0][2] + r[2][0], r[1][0] + r[0][1]);
    let q = match largest {
        0 => [squares[0], yz, zx, xy],
        1 => [yz, squares[1], pxy, pzx],
        2 => [zx, pxy, squares[2], pyz],
        _ => [xy, pzx, pyz, squares[3]],
    };
    let norm = q.iter().map(|v| v * v).sum::<f64>().sqrt();
    let sign = if q[0] < 0.0 { -1.0 } else { 1.0 };
    Some(q.map(|v| sign * v / norm))
}
