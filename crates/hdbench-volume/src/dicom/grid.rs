//! The grid that slices span: their order along the normal, and what keeps them from being a volume.
//!
//! Rows, columns and slices become the axes y, x and z, slices in the order in which the normal of
//! the rows' and columns' directions grows: what ITK's series reader gives.

use dicom_dictionary_std::tags;
use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;

use super::numbers::missing_tags;
use super::place::{Placed, SAME_DIRECTION, cross, dot, millimetres, triple};
use super::slice::Slice;
use super::steps::{even_step, refuse_gaps, rounding_mm};
use crate::Geometry;
use crate::extent::{MAX_VOXELS, VOXEL_SIZES_MM};

/// Pixel spacings that differ by less than this share are the same, written twice.
const SAME_SPACING: f64 = 1e-4;

/// Two slices nearer to each other than this are at one place.
const SAME_PLACE_MM: f64 = 1e-3;

/// Slices may lie off the line along the normal by this share of a pixel, or by
/// [`ROUNDING_MM`]: positions are often written with one digit.
const OFF_LINE: f64 = 0.1;

const ROUNDING_MM: f64 = 0.1;

/// The common plane of slices.
#[derive(Clone, Debug)]
pub(super) struct Plane {
    pub directions: [[f64; 3]; 2],
    pub normal: [f64; 3],
    /// Between rows, then between columns.
    pub pixel_spacing_mm: [f64; 2],
    pub size: [usize; 2],
}

impl Plane {
    /// The plane of one slice, or which of its elements are missing; `assumed` stands in for its
    /// orientation.
    pub fn of(
        path: &std::path::Path,
        slice: &Slice,
        assumed: Option<[[f64; 3]; 2]>,
    ) -> Result<Self> {
        let orientation = slice.orientation.or(assumed);
        let missing: Vec<_> = [
            (tags::IMAGE_POSITION_PATIENT, slice.position_mm.is_none()),
            (tags::IMAGE_ORIENTATION_PATIENT, orientation.is_none()),
            (tags::PIXEL_SPACING, slice.pixel_spacing_mm.is_none()),
        ]
        .into_iter()
        .filter_map(|(tag, missing)| missing.then_some(tag))
        .collect();
        match (slice.position_mm, orientation, slice.pixel_spacing_mm) {
            (Some(_), Some(directions), Some(pixel_spacing_mm)) => Ok(Self {
                directions,
                normal: cross(directions[0], directions[1]),
                pixel_spacing_mm,
                size: [slice.rows, slice.columns],
            }),
            _ => Err(missing_tags(path, &missing)),
        }
    }

    /// What another slice of the series has otherwise, if anything.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let [rows, columns] = self.size;
        if self.size != other.size {
            return Some(format!(
                "{} rows of {} instead of {rows} of {columns}",
                other.size[0], other.size[1]
            ));
        }
        let turned = (0..2).any(|i| {
            (0..3).any(|k| (self.directions[i][k] - other.directions[i][k]).abs() > SAME_DIRECTION)
        });
        if turned {
            return Some(format!(
                "the orientation {:?} instead of {:?}",
                other.directions, self.directions
            ));
        }
        let stretched = (0..2).any(|i| {
            let (a, b) = (self.pixel_spacing_mm[i], other.pixel_spacing_mm[i]);
            (a - b).abs() > SAME_SPACING * a
        });
        stretched.then(|| {
            format!(
                "pixels of {:?} mm instead of {:?} mm",
                other.pixel_spacing_mm, self.pixel_spacing_mm
            )
        })
    }

    /// How far two places lie from each other beside the normal.
    pub fn beside_mm(&self, from: [f64; 3], to: [f64; 3]) -> f64 {
        let way = [0, 1, 2].map(|i| to[i] - from[i]);
        dot(way, self.directions[0]).hypot(dot(way, self.directions[1]))
    }

    /// How far two places may lie beside each other for rounding alone.
    pub fn tolerance_mm(&self) -> f64 {
        let [y, x] = self.pixel_spacing_mm;
        ROUNDING_MM.max(OFF_LINE * y.min(x))
    }
}

/// Sorts slices by their place and makes one grid of them. `single_mm` is the distance between
/// slices that counts where there is one slice only.
///
/// # Errors
/// `Error::Malformed` for slices at one place, missing ones, uneven distances, and for a stack that
/// does not stand upright on its slices.
pub(super) fn stack(
    series: &std::path::Path,
    plane: &Plane,
    slices: &mut [Placed],
    single_mm: Option<f64>,
    notes: &mut Vec<String>,
) -> Result<Geometry> {
    slices.sort_by(|a, b| {
        a.height_mm
            .total_cmp(&b.height_mm)
            .then(a.index.cmp(&b.index))
    });
    let step_mm = match &*slices {
        [] => return Err(Error::Internal("no slices to stack".into())),
        [only] => single_mm.ok_or_else(|| {
            missing_tags(
                &only.path,
                &[tags::SPACING_BETWEEN_SLICES, tags::SLICE_THICKNESS],
            )
        })?,
        several => {
            refuse_duplicates(several)?;
            let rounding_mm = rounding_mm(plane.normal, several);
            refuse_gaps(series, several, rounding_mm)?;
            refuse_tilt(series, plane, several)?;
            even_step(series, several, rounding_mm, notes)?
        }
    };
    let geometry = geometry(plane, slices[0].position_mm, slices.len(), step_mm);
    refuse_size(series, &geometry)?;
    Ok(geometry)
}

/// The bounds that a NIfTI header has to keep as well.
fn refuse_size(series: &std::path::Path, geometry: &Geometry) -> Result<()> {
    let refuse =
        |problem: String| Err(Error::malformed(series, problem, "export the series again"));
    let [z, y, x] = geometry.shape;
    let voxels = [z, y, x]
        .iter()
        .try_fold(1u64, |all, &n| all.checked_mul(n as u64));
    if voxels.is_none_or(|voxels| voxels > MAX_VOXELS) {
        return refuse(format!(
            "has {x} x {y} x {z} voxels, more than the {MAX_VOXELS} that a CT can have"
        ));
    }
    let sizes = geometry.spacing_mm;
    if let Some(mm) = sizes.iter().find(|mm| !VOXEL_SIZES_MM.contains(mm)) {
        return refuse(format!(
            "a voxel measures {mm:e} mm, expected {:e} to {:e} mm",
            VOXEL_SIZES_MM.start(),
            VOXEL_SIZES_MM.end()
        ));
    }
    let places = geometry.affine.iter().take(3).map(|row| row[3]);
    if let Some(mm) = places
        .into_iter()
        .find(|mm| mm.abs() > *VOXEL_SIZES_MM.end())
    {
        return refuse(format!(
            "the first slice lies {mm:e} mm from the origin, expected at most {:e} mm",
            VOXEL_SIZES_MM.end()
        ));
    }
    Ok(())
}

fn refuse_duplicates(slices: &[Placed]) -> Result<()> {
    for pair in slices.windows(2) {
        if pair[1].height_mm - pair[0].height_mm < SAME_PLACE_MM {
            return Err(Error::malformed(
                &pair[1].path,
                format!(
                    "lies at the same position as {}: {} mm",
                    pair[0].path.shown(),
                    triple(pair[0].position_mm)
                ),
                "keep one slice for every position; the folder may hold a series twice or two phases of one scan",
            ));
        }
    }
    Ok(())
}

fn refuse_tilt(series: &std::path::Path, plane: &Plane, slices: &[Placed]) -> Result<()> {
    let (first, last) = (&slices[0], &slices[slices.len() - 1]);
    let beside = |slice: &Placed| plane.beside_mm(first.position_mm, slice.position_mm);
    let Some(off) = slices
        .iter()
        .find(|slice| beside(slice) > plane.tolerance_mm())
    else {
        return Ok(());
    };
    let height = last.height_mm - first.height_mm;
    let angle = beside(last).atan2(height).to_degrees();
    let slant = beside(last) / height;
    let on_a_line = slices.iter().all(|slice| {
        let expected = slant * (slice.height_mm - first.height_mm);
        (beside(slice) - expected).abs() <= plane.tolerance_mm()
    });
    if on_a_line && angle > 0.0 {
        return Err(Error::malformed(
            series,
            format!(
                "the slices are stacked aslant, {angle:.1} degrees off their normal: the scan was made with a tilted gantry"
            ),
            "resample it to an upright grid first, for example with `dcm2niix` (its file ends in _Tilt) and convert from NIfTI",
        ));
    }
    Err(Error::malformed(
        series,
        format!(
            "the slices are shifted against each other: {} lies {} mm beside {}",
            off.path.shown(),
            millimetres(beside(off)),
            first.path.shown()
        ),
        "check that all files belong to one series",
    ))
}

fn geometry(plane: &Plane, origin: [f64; 3], count: usize, step_mm: f64) -> Geometry {
    let [between_rows, between_columns] = plane.pixel_spacing_mm;
    let mut affine = [[0.0; 4]; 4];
    affine[3][3] = 1.0;
    for row in 0..3 {
        // DICOM's x and y grow to left and posterior, NIfTI's to right and anterior.
        let sign = if row < 2 { -1.0 } else { 1.0 };
        affine[row] = [
            plane.directions[0][row] * between_columns,
            plane.directions[1][row] * between_rows,
            plane.normal[row] * step_mm,
            origin[row],
        ]
        // Adding nothing turns -0 to 0.
        .map(|v| sign * v + 0.0);
    }
    let spacing_mm = [step_mm, between_rows, between_columns];
    Geometry {
        shape: [count, plane.size[0], plane.size[1]],
        spacing_mm,
        affine,
        stored_spacing_mm: spacing_mm.map(|mm| mm as f32),
        is_planar: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_keeps_the_bounds_of_any_volume() {
        let refused = |shape, spacing_mm| {
            let geometry = Geometry::axis_aligned(shape, spacing_mm);
            refuse_size(std::path::Path::new("series"), &geometry)
                .err()
                .map(|error| error.to_string())
        };
        assert_eq!(refused([2000, 1024, 1024], [1.0; 3]), None);
        for shape in [[33, 8192, 8192], [usize::MAX, 65535, 65535]] {
            let text = refused(shape, [1.0; 3]).unwrap();
            assert!(
                text.starts_with("series: has ") && text.contains("2147483648"),
                "{text}"
            );
        }
        for mm in [1e308, f64::INFINITY, f64::NAN, 0.0] {
            assert!(refused([3, 3, 3], [1.0, mm, 1.0]).is_some(), "{mm}");
        }
    }
}
