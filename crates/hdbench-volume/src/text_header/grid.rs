//! Where ITK's formats put their voxels: directions, spacings and an origin, mostly in a space whose axes run to the
//! left, to posterior and to superior (LPS).

use super::fields::Problem;
use crate::Geometry;
use crate::extent::{
    check_affine, check_size, check_voxels, disagreement, one_slice, unlikely_unit,
};
use crate::geometry::column_lengths;
use crate::layout::{Encoding, HeaderNote, ImageFormat, ImageHeader, Layout, Place, Stored};

/// The place of an image's first three axes, x first.
pub(super) struct Grid {
    /// Of which format the header is.
    pub format: ImageFormat,
    /// Voxels along each axis; 1 for those that the image does not have.
    pub sizes: [u64; 3],
    /// How many of them the image has: 2 of a picture.
    pub rank: usize,
    /// A step along each axis, mm in LPS.
    pub steps_lps: [[f64; 3]; 3],
    /// The first voxel, mm in LPS.
    pub origin_lps: [f64; 3],
    /// The spacings that the header states, mm.
    pub spacing_mm: [f64; 3],
}

/// How the voxels are stored.
pub(super) struct Storage {
    pub stored: Stored,
    pub big_endian: bool,
    pub place: Place,
}

impl Grid {
    /// The checked layout of an image with `dimensions` axes in all. `names` are what its header calls
    /// the directions and the spacings.
    pub fn layout(
        self,
        names: [&str; 2],
        dimensions: usize,
        storage: Storage,
        mut notes: Vec<HeaderNote>,
    ) -> Result<Layout, Problem> {
        check_voxels(self.sizes)?;
        let [x, y, z] = self.sizes.map(|n| n as usize);
        if dimensions > self.rank {
            notes.push(HeaderNote::plain(format!(
                "the image has {dimensions} dimensions of which {} count 1; taken as one volume",
                dimensions - self.rank
            )));
        }
        notes.extend(one_slice(self.rank, [x, y, z]));
        let affine = self.ras_affine();
        check_affine(names[0], &affine)?;
        let lengths = column_lengths(&affine);
        let spacing_mm = self.spacing_mm.map(f64::abs);
        check_size(&affine, lengths, spacing_mm)?;
        if let Some(axis) = self.spacing_mm.iter().position(|&mm| mm < 0.0) {
            notes.push(HeaderNote {
                code: HeaderNote::SPACING,
                text: format!(
                    "{} gives {} for axis {}: the axis runs the other way, as ITK has it",
                    names[1],
                    self.spacing_mm[axis],
                    axis + 1
                ),
            });
        }
        notes.extend(disagreement(names, self.rank, lengths, spacing_mm));
        notes.extend(unlikely_unit(self.rank, lengths));
        let [lx, ly, lz] = lengths;
        let [sx, sy, sz] = spacing_mm.map(|mm| mm as f32);
        Ok(Layout {
            header: ImageHeader {
                format: self.format,
                geometry: Geometry {
                    shape: [z, y, x],
                    spacing_mm: [lz, ly, lx],
                    affine,
                    stored_spacing_mm: [sz, sy, sx],
                    is_planar: self.rank == 2,
                },
                dimensions,
                datatype: storage.stored.name(),
                scaled: false,
                notes,
            },
            // Numbers in words arrive as little-endian float64.
            stored: match storage.place.encoding {
                Encoding::Text => Stored::F64,
                Encoding::Raw | Encoding::Packed(_) => storage.stored,
            },
            big_endian: storage.big_endian && storage.place.encoding != Encoding::Text,
            scaling: None,
            place: storage.place,
        })
    }

    /// Left and posterior become right and anterior.
    fn ras_affine(&self) -> [[f64; 4]; 4] {
        let [x, y, z] = self.steps_lps;
        // Plus 0 takes a zero's sign away.
        let row = |sign: f64, axis: usize| {
            [x[axis], y[axis], z[axis], self.origin_lps[axis]].map(|part| sign * part + 0.0)
        };
        [
            row(-1.0, 0),
            row(-1.0, 1),
            row(1.0, 2),
            [0.0, 0.0, 0.0, 1.0],
        ]
    }
}

/// The first three of the sizes; the others have to be 1.
pub(super) fn first_three(key: &str, sizes: &[u64]) -> Result<[u64; 3], Problem> {
    if let Some(axis) = sizes.iter().skip(3).position(|&n| n != 1) {
        return Err(format!(
            "the image has {} dimensions and {key} gives {} for axis {}, expected one volume (1)",
            sizes.len(),
            sizes[axis + 3],
            axis + 4
        )
        .into());
    }
    Ok([0, 1, 2].map(|axis| sizes.get(axis).copied().unwrap_or(1)))
}
