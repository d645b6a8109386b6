//! What a volume may measure: a wrong unit or a damaged header is told by name before anything is
//! made as large as it says.

use std::path::Path;

use hdbench_ground::error::{Error, Result};

use super::geometry::{column_lengths, relative_determinant};
use super::{Geometry, HeaderNote};

/// More than twice a whole-body CT of 1024 x 1024 x 1000; 8 GiB once held as f32.
pub const MAX_VOXELS: u64 = 1 << 31;

/// Voxel sizes that a file may state at all, and the farthest from the origin that it may lie. Beyond
/// a kilometre is damage, and near the end of f32 it could not even be written again; below ten
/// nanometres, sizes rounded to f32 could count as singular.
pub(super) const VOXEL_SIZES_MM: std::ops::RangeInclusive<f64> = 1e-5..=1e6;

/// Nobody is longer, and no table of a scanner.
const LONGEST_MM: f64 = 5000.0;

/// A voxel of CT measures from a few micrometres (specimens) to some millimetres.
const VOXEL_MM: [f64; 2] = [1e-3, 100.0];

/// Refuses a CT that cannot be of a person by its extent or its voxels, `path` names it.
///
/// Label maps are scored on whatever grid they have; this is for what is put on another grid,
/// whose size follows from the millimetres.
///
/// # Errors
/// `Error::Malformed` with the extent and the limit.
pub fn refuse_extent(path: &Path, geometry: &Geometry) -> Result<()> {
    let [z, y, x] = geometry.spacing_mm;
    // NaN lies in no range.
    let voxel = geometry
        .spacing_mm
        .iter()
        .all(|mm| (VOXEL_MM[0]..=VOXEL_MM[1]).contains(mm));
    let extent_mm = extent_mm(geometry.shape, geometry.spacing_mm);
    let extent = extent_mm.iter().all(|&mm| mm <= LONGEST_MM);
    if voxel && extent {
        return Ok(());
    }
    let limit = if extent {
        format!("voxels of {} to {} mm", VOXEL_MM[0], VOXEL_MM[1])
    } else {
        format!("at most {LONGEST_MM} mm a side")
    };
    Err(Error::malformed(
        path,
        format!(
            "measures {} mm in voxels of {} mm, expected {limit} for a scan of a person",
            millimetres(extent_mm),
            millimetres([z, y, x]),
        ),
        WRONG_UNIT,
    ))
}

const WRONG_UNIT: &str = "the voxel sizes seem to be in another unit than the header says, such as \
     micrometres for millimetres: set pixdim, the affine and xyzt_units right and save the volume again";

/// The shape that covers the same extent at another spacing: rounded, at least 1 on every axis.
/// All in `[z, y, x]`; `path` names the volume in errors.
///
/// # Errors
/// `Error::Malformed` where that is more voxels than any CT has.
pub fn shape_at_spacing(
    path: &Path,
    shape: [usize; 3],
    spacing_mm: [f64; 3],
    target_spacing_mm: [f64; 3],
) -> Result<[usize; 3]> {
    let voxels = [0, 1, 2].map(|axis| {
        let voxels = (shape[axis] as f64 * spacing_mm[axis] / target_spacing_mm[axis]).round();
        // Not `max`, which would make 1 of what is no number.
        if voxels < 1.0 { 1.0 } else { voxels }
    });
    // An infinite or undefined product is not below the limit either.
    if voxels.iter().product::<f64>() <= MAX_VOXELS as f64 {
        return Ok(voxels.map(|n| n as usize));
    }
    Err(Error::malformed(
        path,
        format!(
            "measures {} mm, which at {} mm a voxel would be more than the {MAX_VOXELS} voxels that a \
             CT can have",
            millimetres(extent_mm(shape, spacing_mm)),
            millimetres(target_spacing_mm),
        ),
        WRONG_UNIT,
    ))
}

/// Refuses more voxels than a CT can have; `sizes` x first.
pub(super) fn check_voxels([x, y, z]: [u64; 3]) -> Result<(), String> {
    let voxels = x.checked_mul(y).and_then(|plane| plane.checked_mul(z));
    match voxels {
        Some(voxels) if voxels <= MAX_VOXELS => Ok(()),
        _ => Err(format!(
            "the header asks for {x} x {y} x {z} voxels, more than the {MAX_VOXELS} that a CT can have"
        )),
    }
}

/// What to say of a volume of one slice.
pub(super) fn one_slice(rank: usize, [x, y, z]: [usize; 3]) -> Option<HeaderNote> {
    (rank >= 3 && z == 1 && x * y > 1).then(|| {
        HeaderNote::plain(
            "a volume of one slice: its surface is the whole slice, before and behind which nothing is; a \
             slice without neighbours is scored in its plane as a file of two axes",
        )
    })
}

/// Below this share of the volume of a box with the same edges, the axes count as flat. A gantry
/// tilt of 30 degrees still leaves 0.87.
const FLATTEST: f64 = 1e-3;

/// Refuses an affine, by what the header calls it, that holds values that are no numbers or whose axes
/// do not span a volume.
pub(super) fn check_affine(name: &str, affine: &[[f64; 4]; 4]) -> Result<(), String> {
    if affine.iter().flatten().any(|v| !v.is_finite()) {
        return Err(format!("the {name} holds values that are no numbers"));
    }
    if column_lengths(affine).iter().any(|&mm| mm < 1e-6)
        || relative_determinant(affine).abs() < FLATTEST
    {
        return Err(format!(
            "the {name} is singular: its axes do not span a volume ({:?}, {:?}, {:?})",
            &affine[0][..3],
            &affine[1][..3],
            &affine[2][..3]
        ));
    }
    Ok(())
}

/// Whether the grid, in millimetres, is one that a scanner can have.
pub(super) fn check_size(
    affine: &[[f64; 4]; 4],
    lengths: [f64; 3],
    stored_mm: [f64; 3],
) -> Result<(), String> {
    let sizes = lengths.iter().chain(&stored_mm);
    if let Some(size) = sizes.copied().find(|mm| !VOXEL_SIZES_MM.contains(mm)) {
        return Err(format!(
            "a voxel measures {size:e} mm, expected {:e} to {:e} mm",
            VOXEL_SIZES_MM.start(),
            VOXEL_SIZES_MM.end()
        ));
    }
    let origin = [affine[0][3], affine[1][3], affine[2][3]];
    if let Some(place) = origin.iter().find(|mm| mm.abs() > *VOXEL_SIZES_MM.end()) {
        return Err(format!(
            "the first voxel lies {place:e} mm from the origin, expected at most {:e} mm",
            VOXEL_SIZES_MM.end()
        ));
    }
    Ok(())
}

/// Voxel sizes that differ by more than this share are no rounding.
const SAME_SIZE: f64 = 1e-3;

/// What to say where the columns of the affine, called `affine`, have other lengths than the voxel sizes
/// that the header calls `sizes`.
pub(super) fn disagreement(
    [affine, sizes]: [&str; 2],
    rank: usize,
    lengths: [f64; 3],
    stored_mm: [f64; 3],
) -> Option<HeaderNote> {
    let differs = |(length, stored): (&f64, &f64)| (length - stored).abs() > SAME_SIZE * length;
    let shown = |[x, y, z]: [f64; 3]| format!("{x:.4} x {y:.4} x {z:.4} mm");
    let found = lengths.iter().zip(&stored_mm).take(rank).any(differs);
    found.then(|| HeaderNote {
        code: HeaderNote::SPACING,
        text: format!(
            "the {affine} has voxels of {}, {sizes} of {}; the {affine} counts",
            shown(lengths),
            shown(stored_mm)
        ),
    })
}

/// A voxel of a scan of a person, mm: from micro-CT to the thickest slices.
const LIKELY_VOXEL_MM: std::ops::RangeInclusive<f64> = 1e-3..=50.0;

/// A warning where the sizes of the first `rank` axes can hardly be millimetres.
pub(super) fn unlikely_unit(rank: usize, lengths: [f64; 3]) -> Option<HeaderNote> {
    let unlikely = lengths[..rank.min(3)]
        .iter()
        .find(|mm| !LIKELY_VOXEL_MM.contains(mm))?;
    Some(HeaderNote {
        code: HeaderNote::UNITS,
        text: format!(
            "a voxel of {unlikely:.4} mm is none of a scan of a person: the unit of the header is likely wrong, \
             and with it every distance and volume"
        ),
    })
}

fn extent_mm(shape: [usize; 3], spacing_mm: [f64; 3]) -> [f64; 3] {
    [0, 1, 2].map(|axis| shape[axis] as f64 * spacing_mm[axis])
}

/// `512 x 512 x 75`, x first; very large and very small ones in powers of ten.
fn millimetres([z, y, x]: [f64; 3]) -> String {
    let one = |mm: f64| {
        if (1e3..1e9).contains(&mm) {
            format!("{mm:.0}")
        } else if (1e-4..1e3).contains(&mm) {
            let text = format!("{mm:.4}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            format!("{mm:e}")
        }
    };
    format!("{} x {} x {}", one(x), one(y), one(z))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_rounded_and_never_empty() {
        let at = |shape, spacing, target| {
            shape_at_spacing(Path::new("a.nii"), shape, spacing, target).unwrap()
        };
        assert_eq!(
            at([40, 512, 512], [2.5, 0.7, 0.7], [1.0, 0.69, 0.69]),
            [100, 519, 519]
        );
        assert_eq!(at([1, 2, 3], [1.0, 1.0, 1.0], [9.0, 5.0, 2.0]), [1, 1, 2]);
    }

    #[test]
    fn a_grid_larger_than_any_ct_is_refused_by_name() {
        for mm in [1e5, 1e308, f64::INFINITY, f64::NAN] {
            let error = shape_at_spacing(Path::new("a.nii"), [31, 64, 64], [mm; 3], [1.0; 3]);
            let text = error.unwrap_err().to_string();
            assert!(text.starts_with("a.nii: measures "), "{text}");
        }
    }

    #[test]
    fn a_wrong_unit_is_told_with_extent_and_limit() {
        let refused = |shape, spacing| {
            let geometry = Geometry::axis_aligned(shape, spacing);
            refuse_extent(Path::new("a.nii"), &geometry)
                .err()
                .map(|e| e.to_string())
        };
        // A specimen, a whole body, one slice.
        assert_eq!(refused([900, 900, 900], [0.009; 3]), None);
        assert_eq!(refused([2000, 512, 512], [1.0, 0.98, 0.98]), None);
        assert_eq!(refused([1, 512, 512], [5.0, 0.7, 0.7]), None);
        // Micrometres and metres taken for millimetres, and what no unit explains.
        let large = refused([30, 101, 122], [3000.0; 3]).unwrap();
        assert!(
            large.contains("measures 366000 x 303000 x 90000 mm"),
            "{large}"
        );
        assert!(large.contains("at most 5000 mm a side") && large.contains("hint: "));
        let small = refused([30, 512, 512], [0.003, 0.0007, 0.0007]).unwrap();
        assert!(small.contains("voxels of 0.001 to 100 mm"), "{small}");
        for mm in [0.0, 1e308, f64::NAN, f64::INFINITY] {
            assert!(refused([3, 3, 3], [1.0, mm, 1.0]).is_some(), "{mm}");
        }
    }
}
