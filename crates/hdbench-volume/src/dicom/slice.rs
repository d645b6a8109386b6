//! What the header of one slice says, checked as far as one slice can be.

use std::path::Path;

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use hdbench_ground::error::{Error, Result};

use super::data_set::{self, DataSet, MAX_FILE_BYTES};
use super::elements::Pixels;
use super::format::Format;
use super::numbers::{LenientNumber, missing_tags, named, needed, numbers};
use super::pass_over;
use super::place::{dot, length};
use super::problem::{COPY_AGAIN, DECOMPRESS, Problem};
use crate::artifact::{Tree, TreeFile};

/// Headers of CT slices have a few kilobytes; longer ones are read again, whole.
const HEADER_BYTES: u64 = 16 * 1024;

/// Directions are written with few digits.
const DIRECTION_ROUNDING: f64 = 1e-3;

/// The header of a slice. Vectors are `[x, y, z]` in the LPS+ millimetres of DICOM.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Slice {
    pub series: Option<String>,
    /// Only slices without positions need it.
    pub instance: LenientNumber,
    pub rows: usize,
    pub columns: usize,
    pub position_mm: Option<[f64; 3]>,
    /// Where a row runs (towards the next column), then where a column runs.
    pub orientation: Option<[[f64; 3]; 2]>,
    /// Between rows, then between columns.
    pub pixel_spacing_mm: Option<[f64; 2]>,
    /// SpacingBetweenSlices, else SliceThickness; only a single slice needs it.
    pub thickness_mm: LenientNumber,
    pub format: Format,
    pub slope: f64,
    pub intercept: f64,
    /// Whether the file says how stored values become Hounsfield units.
    pub rescaled: bool,
    /// Whether its elements are written otherwise than its transfer syntax says.
    pub other_vr: bool,
    /// How many times larger than the file the pixels may be: memory is asked for only up to there.
    largest_ratio: u64,
}

/// What a file of a series turned out to be.
pub(super) enum FileContent {
    Slice(Slice),
    /// By its own word no slice but this.
    Other(&'static str),
    /// No DICOM but this; an error, should it be named like a slice.
    Foreign(&'static str, Error),
}

/// Reads the header alone.
pub(super) fn read_header(
    tree: &Tree,
    file: &TreeFile,
    buffer: &mut Vec<u8>,
) -> Result<FileContent> {
    let slice = match read_start(tree, file, buffer)? {
        FileContent::Slice(slice) => slice,
        other => return Ok(other),
    };
    let size = tree.size(file)?;
    let most = size.saturating_mul(slice.largest_ratio);
    if (slice.rows * slice.columns * slice.format.bytes) as u64 > most {
        return Err(Error::malformed(
            &tree.path_of(file),
            format!(
                "has {} rows of {}, more than its {size} bytes can hold",
                slice.rows, slice.columns
            ),
            COPY_AGAIN,
        ));
    }
    Ok(FileContent::Slice(slice))
}

fn read_start(tree: &Tree, file: &TreeFile, buffer: &mut Vec<u8>) -> Result<FileContent> {
    let path = tree.path_of(file);
    let mut inflated = Vec::new();
    tree.read_start(file, HEADER_BYTES, buffer)?;
    if let Some(kind) = pass_over::by_class(&data_set::object_class(buffer, &mut inflated)) {
        return Ok(FileContent::Other(kind));
    }
    let is_whole = (buffer.len() as u64) < HEADER_BYTES;
    match data_set::parse(buffer, &mut inflated) {
        Ok(set) if is_whole || set.pixels.is_some() => {
            return Ok(FileContent::Slice(Slice::of(&path, &set)?));
        }
        Err(Problem::NotDicom) => {
            let error = explain(&path, Problem::NotDicom);
            return match pass_over::by_content(file.name(), buffer) {
                Some(kind) => Ok(FileContent::Foreign(kind, error)),
                None => Err(error),
            };
        }
        Err(problem) if is_whole || !matches!(problem, Problem::CutOff(_)) => {
            return Err(explain(&path, problem));
        }
        Ok(_) | Err(_) => {}
    }
    with_file(tree, file, buffer, |slice, _| Ok(FileContent::Slice(slice)))
}

/// Reads a file whole and hands on its header and its pixels.
pub(super) fn with_file<T>(
    tree: &Tree,
    file: &TreeFile,
    buffer: &mut Vec<u8>,
    take: impl FnOnce(Slice, &DataSet<'_>) -> Result<T>,
) -> Result<T> {
    let path = tree.path_of(file);
    tree.read_into(file, MAX_FILE_BYTES, buffer)?;
    let mut inflated = Vec::new();
    let set = data_set::parse(buffer, &mut inflated).map_err(|problem| explain(&path, problem))?;
    take(Slice::of(&path, &set)?, &set)
}

fn explain(path: &Path, problem: Problem) -> Error {
    match problem {
        Problem::NotDicom => Error::malformed(
            path,
            "is no DICOM file: it has neither the DICM mark nor a data set at its beginning",
            "take files that are no slices out of the folder",
        ),
        Problem::CutOff(what) => Error::malformed(
            path,
            format!("the file is truncated: it ends in {what}"),
            COPY_AGAIN,
        ),
        Problem::Damaged(what) => Error::malformed(
            path,
            format!("the DICOM file is damaged: {what}"),
            COPY_AGAIN,
        ),
        Problem::UnknownSyntax(uid) => Error::malformed(
            path,
            format!("has the transfer syntax {uid:?}, which hdbench does not know"),
            DECOMPRESS,
        ),
    }
}

impl Slice {
    fn of(path: &Path, set: &DataSet<'_>) -> Result<Self> {
        refuse_other_images(path, set)?;
        let required = [
            tags::ROWS,
            tags::COLUMNS,
            tags::BITS_ALLOCATED,
            tags::PIXEL_REPRESENTATION,
        ];
        let missing: Vec<Tag> = required
            .into_iter()
            .filter(|&tag| set.number(tag).is_none())
            .collect();
        if !missing.is_empty() {
            return Err(missing_tags(path, &missing));
        }
        let size = |tag| usize::from(set.number(tag).unwrap_or(0));
        let (rows, columns) = (size(tags::ROWS), size(tags::COLUMNS));
        if rows == 0 || columns == 0 {
            return Err(Error::malformed(
                path,
                format!("has {rows} rows and {columns} columns: there is no image"),
                "export the series again",
            ));
        }
        let one = |tag| Ok(needed::<1>(path, set, tag)?.map(|[number]| number));
        let intercept = one(tags::RESCALE_INTERCEPT)?;
        let slice = Self {
            series: set.text(tags::SERIES_INSTANCE_UID),
            instance: LenientNumber::of(set, tags::INSTANCE_NUMBER),
            rows,
            columns,
            position_mm: needed(path, set, tags::IMAGE_POSITION_PATIENT)?,
            orientation: needed(path, set, tags::IMAGE_ORIENTATION_PATIENT)?
                .map(|[a, b, c, d, e, f]| directions(path, [[a, b, c], [d, e, f]]))
                .transpose()?,
            pixel_spacing_mm: needed(path, set, tags::PIXEL_SPACING)?,
            thickness_mm: thickness(set),
            format: Format::of(path, set)?,
            slope: one(tags::RESCALE_SLOPE)?.unwrap_or(1.0),
            intercept: intercept.unwrap_or(0.0),
            rescaled: intercept.is_some(),
            other_vr: set.other_vr,
            largest_ratio: set.largest_ratio(),
        };
        slice.check_numbers(path)?;
        Ok(slice)
    }

    fn check_numbers(&self, path: &Path) -> Result<()> {
        let refuse = |problem: String| {
            Err(Error::malformed(
                path,
                problem,
                "export the series again; an image without these numbers has no Hounsfield units or no size",
            ))
        };
        if let Some(mm) = self.pixel_spacing_mm
            && mm.iter().any(|&mm| mm <= 0.0)
        {
            return refuse(format!(
                "has the PixelSpacing {mm:?} mm, expected two sizes above 0"
            ));
        }
        let largest = self.slope.abs() * self.format.largest() + self.intercept.abs();
        if self.slope == 0.0 || largest > f64::from(f32::MAX) {
            return refuse(format!(
                "has the RescaleSlope {} and the RescaleIntercept {}, which give no usable numbers",
                self.slope, self.intercept
            ));
        }
        Ok(())
    }
}

/// Whatever is not one grey image of a slice, with the reason.
fn refuse_other_images(path: &Path, set: &DataSet<'_>) -> Result<()> {
    let refuse = |problem: String, hint: &str| Err(Error::malformed(path, problem, hint));
    if set.pixels.is_none() {
        let kind = set.text(tags::MODALITY).unwrap_or_default();
        return refuse(
            format!("has no pixel data (modality {kind:?})"),
            "take reports, plans and other files without an image out of the folder",
        );
    }
    refuse_frames(path, set)?;
    let samples = set.number(tags::SAMPLES_PER_PIXEL).unwrap_or(1);
    let meaning = set.text(tags::PHOTOMETRIC_INTERPRETATION);
    let meaning = meaning.as_deref().unwrap_or("MONOCHROME2");
    if samples != 1 || !meaning.starts_with("MONOCHROME") {
        return refuse(
            format!(
                "is a colour image ({meaning}, {samples} samples a pixel), expected grey values"
            ),
            "take screenshots and other colour images out of the folder",
        );
    }
    if set.has(tags::MODALITY_LUT_SEQUENCE) {
        return refuse(
            "has a table for its values (ModalityLUTSequence), expected RescaleSlope and RescaleIntercept"
                .into(),
            "convert the series to NIfTI with `dcm2niix`",
        );
    }
    Ok(())
}

fn refuse_frames(path: &Path, set: &DataSet<'_>) -> Result<()> {
    let frames = match numbers::<1>(set, tags::NUMBER_OF_FRAMES) {
        Ok(None | Some([1.0])) => return Ok(()),
        Ok(Some([frames])) => frames,
        // Pixels that are not compressed tell it as well.
        Err(_) if holds_one_frame(set) => return Ok(()),
        Err(problem) => {
            return Err(Error::malformed(path, problem, "export the series again"));
        }
    };
    Err(Error::malformed(
        path,
        format!("is a multi-frame file of {frames} frames, expected one slice a file"),
        "convert it to single-frame slices, for example with dcm4che's `emf2sf`, or to NIfTI with `dcm2niix`",
    ))
}

fn holds_one_frame(set: &DataSet<'_>) -> bool {
    let number = |tag| u64::from(set.number(tag).unwrap_or(0));
    let frame = number(tags::ROWS) * number(tags::COLUMNS) * number(tags::BITS_ALLOCATED) / 8;
    match set.pixels {
        // Values have an even length.
        Some(Pixels::Native { promised, .. }) => promised == frame + frame % 2,
        _ => false,
    }
}

/// SpacingBetweenSlices, which may count downwards, else SliceThickness.
fn thickness(set: &DataSet<'_>) -> LenientNumber {
    let own = [tags::SPACING_BETWEEN_SLICES, tags::SLICE_THICKNESS]
        .map(|tag| LenientNumber::of(set, tag))
        .into_iter()
        .find(|spare| *spare != LenientNumber::Missing);
    match own {
        Some(LenientNumber::Number(mm)) if mm != 0.0 => LenientNumber::Number(mm.abs()),
        Some(LenientNumber::Number(_)) | None => LenientNumber::Missing,
        Some(other) => other,
    }
}

/// Both directions with length 1, if they are perpendicular as they must be.
fn directions(path: &Path, [row, column]: [[f64; 3]; 2]) -> Result<[[f64; 3]; 2]> {
    let (long, high) = (length(row), length(column));
    let near = |a: f64, b: f64| (a - b).abs() < DIRECTION_ROUNDING;
    if !near(long, 1.0) || !near(high, 1.0) || !near(dot(row, column), 0.0) {
        return Err(Error::malformed(
            path,
            format!(
                "{} is {row:?}, {column:?}, expected two perpendicular directions of length 1",
                named(tags::IMAGE_ORIENTATION_PATIENT)
            ),
            "export the series again",
        ));
    }
    Ok([row.map(|c| c / long), column.map(|c| c / high)])
}
