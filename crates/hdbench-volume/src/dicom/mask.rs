//! A mask stored as a series of its own, put on the grid of the image it belongs to.

use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;
use rayon::prelude::*;

use super::grid::Plane;
use super::place::{dot, millimetres, triple};
use super::samples::{convert, with_samples};
use super::series::{
    DicomSeries, in_order_of_numbers, read_headers, refuse_changed, room_for, shaped, zeros,
};
use super::slice::{Slice, with_file};
use crate::Volume;
use crate::artifact::{Tree, TreeFile};

/// A mask's slice may lie this share of the distance between slices away from the image's.
const OFF_SLICE: f64 = 0.05;

/// Half of the last digit of positions that are written with one: the image's may have more.
const HALF_A_DIGIT_MM: f64 = 0.05;

/// Reads a mask, 1 where the stored value is above 0, on the grid of `image`, and how it was put
/// there.
///
/// Slices go where their positions say, and there may be fewer than the image has. A mask without
/// positions needs as many slices as the image and is paired in the order of InstanceNumber, or of
/// the numbers in the file names where that is missing.
///
/// # Errors
/// `Error::Read`; `Error::Malformed` for whatever [`DicomSeries`] refuses in a slice, for slices
/// of another plane or size, for positions that the image does not have, and for InstanceNumbers
/// that are no numbers where they are needed.
pub fn read_dicom_mask(tree: &Tree, image: &DicomSeries) -> Result<(Volume<u8>, Vec<String>)> {
    let (slices, notes) = read_headers(tree)?;
    let mut notes: Vec<String> = notes
        .iter()
        .map(|note| format!("{}: {note}", tree.path().shown()))
        .collect();
    let with_position = slices
        .iter()
        .filter(|(_, s)| s.position_mm.is_some())
        .count();
    let places = if with_position == slices.len() {
        by_position(tree, &slices, image)?
    } else if with_position == 0 {
        notes.push(format!(
            "{}: its slices have no positions and are paired with the image's in the order of their numbers",
            tree.path().shown()
        ));
        by_number(tree, &slices, image)?
    } else {
        return Err(Error::malformed(
            tree.path(),
            format!(
                "{with_position} of {} slices have an ImagePositionPatient, the others none",
                slices.len()
            ),
            "export the mask again",
        ));
    };
    let count = image.geometry().shape[0];
    if slices.len() < count {
        notes.push(format!(
            "{}: has {} of the image's {count} slices; the others are taken as empty",
            tree.path().shown(),
            slices.len()
        ));
    }
    let _claim = room_for::<u8>(tree.path(), image.geometry().shape)?;
    let mut voxels = zeros::<u8>(tree.path(), image.geometry().shape)?;
    let mut found: Vec<Option<&(TreeFile, Slice)>> = vec![None; count];
    for (slice, place) in slices.iter().zip(places) {
        found[place] = Some(slice);
    }
    voxels
        .par_chunks_mut(image.slice_len())
        .zip(found)
        .map_init(Vec::new, |buffer, (out, slice)| match slice {
            Some((file, expected)) => read_slice(tree, file, expected, buffer, out),
            None => Ok(()),
        })
        .collect::<Vec<Result<()>>>()
        .into_iter()
        .collect::<Result<()>>()?;
    let volume = Volume {
        voxels: shaped(tree.path(), image.geometry().shape, voxels)?,
        geometry: image.geometry().clone(),
    };
    Ok((volume, notes))
}

fn read_slice(
    tree: &Tree,
    file: &TreeFile,
    expected: &Slice,
    buffer: &mut Vec<u8>,
    out: &mut [u8],
) -> Result<()> {
    let path = tree.path_of(file);
    with_file(tree, file, buffer, |slice, set| {
        refuse_changed(&path, &slice, expected)?;
        let size = [slice.rows, slice.columns];
        with_samples(&path, set, slice.format, size, |samples| {
            convert(samples, slice.format, out, |stored| u8::from(stored > 0));
        })
    })
}

/// The image's slice for each of the mask's.
fn by_position(
    tree: &Tree,
    slices: &[(TreeFile, Slice)],
    image: &DicomSeries,
) -> Result<Vec<usize>> {
    let plane = &image.plane;
    let origin = image.positions_mm[0];
    let step_mm = image.geometry().spacing_mm[0];
    let mut taken: Vec<Option<&TreeFile>> = vec![None; image.positions_mm.len()];
    let mut places = Vec::with_capacity(slices.len());
    for (file, slice) in slices {
        let path = tree.path_of(file);
        let own = Plane::of(&path, slice, Some(plane.directions))?;
        if let Some(difference) = plane.difference(&own) {
            return Err(not_of_the_image(
                &path,
                image,
                &format!("it has {difference}"),
            ));
        }
        let position = slice.position_mm.unwrap_or(origin);
        let way = [0, 1, 2].map(|i| position[i] - origin[i]);
        let nearest = (dot(way, plane.normal) / step_mm).round();
        let place = (nearest.max(0.0) as usize).min(image.positions_mm.len() - 1);
        let expected = image.positions_mm[place];
        let apart = [0, 1, 2].map(|i| position[i] - expected[i]);
        let height_mm = dot(apart, plane.normal).abs();
        if height_mm > off_slice_mm(step_mm)
            || plane.beside_mm(expected, position) > plane.tolerance_mm()
        {
            return Err(not_of_the_image(
                &path,
                image,
                &format!(
                    "it lies at {} mm, the image's nearest slice at {} mm",
                    triple(position),
                    triple(expected)
                ),
            ));
        }
        if let Some(twice) = taken[place].replace(file) {
            return Err(Error::malformed(
                &path,
                format!(
                    "lies at the same position as {}: {} mm",
                    tree.path_of(twice).shown(),
                    triple(position)
                ),
                "keep one slice of the mask for every position",
            ));
        }
        places.push(place);
    }
    Ok(places)
}

fn off_slice_mm(step_mm: f64) -> f64 {
    let rounding = HALF_A_DIGIT_MM * (1.0 + 1e-6);
    // Never as far as half of the way to the next slice.
    rounding.min(step_mm / 4.0).max(OFF_SLICE * step_mm)
}

fn not_of_the_image(path: &Path, image: &DicomSeries, why: &str) -> Error {
    Error::malformed(
        path,
        format!("is no mask of {}: {why}", image.path().shown()),
        format!(
            "masks have to lie on the image's own slices, {} mm apart; check that both belong to one patient",
            millimetres(image.geometry().spacing_mm[0])
        ),
    )
}

fn by_number(tree: &Tree, slices: &[(TreeFile, Slice)], image: &DicomSeries) -> Result<Vec<usize>> {
    let [count, rows, columns] = image.geometry().shape;
    if slices.len() != count {
        return Err(Error::malformed(
            tree.path(),
            format!(
                "its {} slices have no positions and the image has {count}: nothing says where they lie",
                slices.len()
            ),
            "export the mask again, with the positions of the image",
        ));
    }
    for (file, slice) in slices {
        if [slice.rows, slice.columns] != [rows, columns] {
            let why = format!(
                "it has {} rows of {}, the image {rows} of {columns}",
                slice.rows, slice.columns
            );
            return Err(not_of_the_image(&tree.path_of(file), image, &why));
        }
    }
    let mut places = vec![0; count];
    for (own, place) in in_order_of_numbers(tree, slices)?
        .into_iter()
        .zip(image.by_number()?)
    {
        places[own] = place;
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_with_fewer_digits_lies_on_its_slice() {
        // Positions of 0.625 mm steps, as the image may have them, and with one digit.
        for place in 0..200 {
            let mm = 0.625 * f64::from(place);
            assert!(((mm * 10.0).round() / 10.0 - mm).abs() <= off_slice_mm(0.625));
        }
        assert_eq!([off_slice_mm(2.5), off_slice_mm(0.1)], [0.125, 0.025]);
    }
}
