//! A series of slices as one CT volume.

use std::collections::BTreeMap;
use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::memory::{self, Claim};
use hdbench_ground::text::{Shown as _, shown};
use ndarray::Array3;
use rayon::prelude::*;

use super::grid::{Plane, stack};
use super::pass_over::{SliceNames, listed};
use super::place::{Placed, dot};
use super::samples::{rescale, with_samples};
use super::slice::{FileContent, Slice, read_header, with_file};
use crate::artifact::{Tree, TreeFile};
use crate::{Geometry, Volume};

/// Row and column direction of an axial slice, LPS: to the patient's left and back.
const AXIAL: [[f64; 3]; 2] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];

/// Told where no slice of a series has an orientation.
const ASSUMED_AXIAL: &str = "no slice has ImageOrientationPatient: taken as axial, rows to the \
     patient's left, columns to the back";

/// One DICOM series: its headers are read and checked, its slices are in order, its pixels are
/// still in their files.
#[derive(Clone, Debug)]
pub struct DicomSeries {
    tree: Tree,
    /// In the order of their places, with what their headers say.
    slices: Vec<(TreeFile, Slice)>,
    pub(super) positions_mm: Vec<[f64; 3]>,
    pub(super) plane: Plane,
    geometry: Geometry,
    notes: Vec<String>,
}

/// Reads the DICOM series in a folder or a zip archive as a CT volume in Hounsfield units, and what
/// was odd about it. See [`DicomSeries`] for order, geometry and errors.
pub fn read_dicom_series(path: &Path) -> Result<(Volume<f32>, Vec<String>)> {
    let series = DicomSeries::open(&Tree::open(path)?)?;
    let volume = series.read()?;
    Ok((volume, series.notes))
}

impl DicomSeries {
    /// Reads the headers of every file of a tree, which has to hold one series. Files that show that
    /// they are no slices (licences, tables, reports, contours) are passed over with a note, those
    /// that systems leave everywhere (`DICOMDIR`, `Thumbs.db`, hidden ones) without; anything else
    /// that is no sound slice is an error.
    ///
    /// Slices are in the order of their positions along the normal of their plane, whatever their
    /// names and numbers; `[z, y, x]` are slices, rows and columns. That is the order of ITK's
    /// series reader. A series of which no slice says how it is oriented is taken as axial, with a
    /// note: CT demands that element, but exports of old tools lack it.
    ///
    /// # Errors
    /// `Error::Read`; `Error::Malformed` for images that are no single-frame grey slices, for several
    /// series, and for slices that do not make a volume: different sizes, spacings or orientations,
    /// one position twice, missing ones, a tilted gantry.
    pub fn open(tree: &Tree) -> Result<Self> {
        let (slices, mut notes) = read_headers(tree)?;
        refuse_several_series(tree, &slices)?;
        let says = slices.iter().any(|(_, slice)| slice.orientation.is_some());
        let assumed = (!says).then_some(AXIAL);
        if assumed.is_some() {
            notes.push(ASSUMED_AXIAL.to_owned());
        }
        let mut planes = slices.iter().map(|(file, slice)| {
            let path = tree.path_of(file);
            let plane = Plane::of(&path, slice, assumed)?;
            Ok((path, plane))
        });
        let (first_path, plane) = planes.next().unwrap_or_else(|| Err(no_slices(tree, &[])))?;
        for other in planes {
            let (path, other) = other?;
            if let Some(difference) = plane.difference(&other) {
                return Err(Error::malformed(
                    &path,
                    format!(
                        "does not fit to {} of the same series: it has {difference}",
                        first_path.shown()
                    ),
                    "keep the slices of one reconstruction only; scouts and reformatted images belong elsewhere",
                ));
            }
        }
        let mut placed: Vec<Placed> = slices
            .iter()
            .enumerate()
            .filter_map(|(index, (file, slice))| {
                let position_mm = slice.position_mm?;
                Some(Placed {
                    index,
                    path: tree.path_of(file),
                    position_mm,
                    height_mm: dot(position_mm, plane.normal),
                })
            })
            .collect();
        let single_mm = match &*slices {
            [(_, only)] => only
                .thickness_mm
                .needed(&first_path, "a single slice needs it")?,
            _ => None,
        };
        let geometry = stack(tree.path(), &plane, &mut placed, single_mm, &mut notes)?;
        notes.extend(rescale_note(&slices));
        let mut unsorted: Vec<Option<(TreeFile, Slice)>> = slices.into_iter().map(Some).collect();
        Ok(Self {
            tree: tree.clone(),
            slices: placed
                .iter()
                .filter_map(|placed| unsorted[placed.index].take())
                .collect(),
            positions_mm: placed.iter().map(|placed| placed.position_mm).collect(),
            plane,
            geometry,
            notes,
        })
    }

    /// Shape and place of the voxels.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// What is odd about the series and how it is taken; to be shown to the user.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// How errors name the folder or archive.
    pub fn path(&self) -> &Path {
        self.tree.path()
    }

    /// Reads the voxels in Hounsfield units, `[z, y, x]`. Slices are read side by side; the result
    /// does not depend on how many at a time.
    ///
    /// # Errors
    /// `Error::Read`; `Error::Malformed` for pixels that are cut off, damaged or compressed in a
    /// way that is not understood, and for files that changed since [`DicomSeries::open`].
    pub fn read(&self) -> Result<Volume<f32>> {
        let files: Vec<_> = self
            .slices
            .iter()
            .map(|(file, slice)| (file, slice))
            .collect();
        let _claim = room_for::<f32>(self.path(), self.geometry.shape)?;
        let mut voxels = zeros::<f32>(self.path(), self.geometry.shape)?;
        let slice_len = self.slice_len();
        voxels
            .par_chunks_mut(slice_len)
            .zip(files)
            .map_init(Vec::new, |buffer, (out, (file, expected))| {
                let path = self.tree.path_of(file);
                with_file(&self.tree, file, buffer, |slice, set| {
                    refuse_changed(&path, &slice, expected)?;
                    let size = [slice.rows, slice.columns];
                    with_samples(&path, set, slice.format, size, |samples| {
                        rescale(samples, slice.format, [slice.slope, slice.intercept], out);
                    })
                })
            })
            .collect::<Vec<Result<()>>>()
            .into_iter()
            .collect::<Result<()>>()?;
        Ok(Volume {
            voxels: shaped(self.path(), self.geometry.shape, voxels)?,
            geometry: self.geometry.clone(),
        })
    }

    /// Voxels of one slice.
    pub(super) fn slice_len(&self) -> usize {
        self.plane.size.iter().product()
    }

    /// The slices in the order of their numbers, as places in the order of their positions.
    pub(super) fn by_number(&self) -> Result<Vec<usize>> {
        in_order_of_numbers(&self.tree, &self.slices)
    }
}

/// Slices with their files, in the order of the files' paths.
pub(super) type Headers = Vec<(TreeFile, Slice)>;

/// The header of every slice, and notes on what was passed over or is written in an odd way.
pub(super) fn read_headers(tree: &Tree) -> Result<(Headers, Vec<String>)> {
    let tree = tree.filtered(|file| !is_clutter(file));
    let found: Vec<Result<FileContent>> = tree
        .files()
        .par_iter()
        .map_init(Vec::new, |buffer, file| read_header(&tree, file, buffer))
        .collect();
    let mut slices = Vec::new();
    let mut others = Vec::new();
    // The first error in the order of paths, not in that of time.
    for (file, found) in tree.files().iter().zip(found) {
        match found? {
            FileContent::Slice(slice) => slices.push((file.clone(), slice)),
            FileContent::Other(kind) => others.push((file, kind, None)),
            FileContent::Foreign(kind, error) => others.push((file, kind, Some(error))),
        }
    }
    let names = SliceNames::of(slices.iter().map(|(file, _)| file.name()));
    let mut passed = Vec::new();
    for (file, kind, error) in others {
        match error {
            Some(error) if names.include(file.name()) => return Err(error),
            _ => passed.push((shown(&file.path).into_owned(), kind)),
        }
    }
    if slices.is_empty() {
        return Err(no_slices(&tree, &passed));
    }
    let mut notes = Vec::new();
    if !passed.is_empty() {
        notes.push(format!(
            "passed over {} that {}: {}",
            counted(passed.len(), "file"),
            if passed.len() == 1 {
                "is no slice"
            } else {
                "are no slices"
            },
            listed(&passed)
        ));
    }
    notes.extend(other_vr_note(&slices));
    Ok((slices, notes))
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn other_vr_note(slices: &[(TreeFile, Slice)]) -> Option<String> {
    let others = slices.iter().filter(|(_, slice)| slice.other_vr).count();
    (others > 0).then(|| {
        format!(
            "{others} of {} slices are not written as their transfer syntax says (explicit for implicit VR, or \
             the reverse); they are read as they are written",
            slices.len()
        )
    })
}

fn no_slices(tree: &Tree, passed: &[(String, &'static str)]) -> Error {
    let problem = match passed {
        [] => "no DICOM files found".to_owned(),
        passed => format!("holds no slices, only {}", listed(passed)),
    };
    Error::malformed(
        tree.path(),
        problem,
        "name the folder or zip archive that holds the slices",
    )
}

/// Files that systems and viewers leave in every folder.
fn is_clutter(file: &TreeFile) -> bool {
    let name = file.name().to_ascii_lowercase();
    let hidden = file.path.split('/').any(|part| part.starts_with('.'));
    hidden
        || file.path.starts_with("__MACOSX/")
        || matches!(name.as_str(), "dicomdir" | "thumbs.db" | "desktop.ini")
}

fn refuse_several_series(tree: &Tree, slices: &[(TreeFile, Slice)]) -> Result<()> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, slice) in slices {
        *counts
            .entry(
                slice
                    .series
                    .as_deref()
                    .unwrap_or("without a SeriesInstanceUID"),
            )
            .or_default() += 1;
    }
    if counts.len() < 2 {
        return Ok(());
    }
    let listed: Vec<String> = counts
        .iter()
        .map(|(series, count)| format!("{series} ({})", counted(*count, "file")))
        .collect();
    Err(Error::malformed(
        tree.path(),
        format!("holds {} series: {}", counts.len(), listed.join(", ")),
        "put every series into a folder of its own and name the one that is meant",
    ))
}

fn rescale_note(slices: &[(TreeFile, Slice)]) -> Option<String> {
    let without = slices.iter().filter(|(_, slice)| !slice.rescaled).count();
    (without > 0).then(|| {
        format!(
            "{without} of {} slices have no RescaleIntercept; their stored values are taken for Hounsfield units",
            slices.len()
        )
    })
}

pub(super) fn refuse_changed(path: &Path, found: &Slice, expected: &Slice) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::malformed(
        path,
        "changed while the series was read",
        "start again when nothing writes to the folder any more",
    ))
}

/// Places of slices in the order of InstanceNumber if each has its own, else of the numbers in
/// their names.
///
/// # Errors
/// `Error::Malformed` for an InstanceNumber that is no number: names may tell another order.
pub(super) fn in_order_of_numbers(tree: &Tree, slices: &[(TreeFile, Slice)]) -> Result<Vec<usize>> {
    let instances: Vec<Option<f64>> = slices
        .iter()
        .map(|(file, slice)| {
            let because = "a mask without positions is paired with the image by these numbers";
            slice.instance.needed(&tree.path_of(file), because)
        })
        .collect::<Result<_>>()?;
    let mut numbers: Vec<f64> = instances.iter().copied().flatten().collect();
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    let mut order: Vec<usize> = (0..slices.len()).collect();
    if numbers.len() == slices.len() {
        let number = |place: usize| instances[place].unwrap_or(0.0);
        order.sort_by(|&a, &b| number(a).total_cmp(&number(b)));
    } else {
        order.sort_by_cached_key(|&place| natural(&slices[place].0.path));
    }
    Ok(order)
}

/// Sorts `image_2` before `image_10`: texts between numbers, and numbers by length and digits.
fn natural(path: &str) -> Vec<(String, usize, String)> {
    let mut parts = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let digits_at = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (text, tail) = rest.split_at(digits_at);
        let end = tail
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (digits, tail) = tail.split_at(end);
        let digits = digits.trim_start_matches('0');
        parts.push((text.to_owned(), digits.len(), digits.to_owned()));
        rest = tail;
    }
    parts
}

/// Room for a volume, all zero; its shape is that of a checked grid.
pub(super) fn zeros<T: Clone + Default>(path: &Path, shape: [usize; 3]) -> Result<Vec<T>> {
    let len = shape.iter().product();
    let mut voxels = Vec::new();
    voxels.try_reserve_exact(len).map_err(|_| {
        Error::malformed(
            path,
            format!("a volume of {shape:?} voxels does not fit into memory"),
            "use a machine with more memory, or crop the series",
        )
    })?;
    voxels.resize(len, T::default());
    Ok(voxels)
}

/// What a slice takes while it is read: its file, its decoded bytes and what the decoder needs.
const SLICES_A_THREAD: u64 = 6;

/// A claim on the memory for a volume of `T` of `[slices, rows, columns]`, and for reading it.
pub(super) fn room_for<T>(path: &Path, [count, rows, columns]: [usize; 3]) -> Result<Claim> {
    let slice = (rows * columns) as u64;
    let reading = rayon::current_num_threads().min(count) as u64 * SLICES_A_THREAD * slice;
    memory::claim(path, slice * count as u64 * size_of::<T>() as u64 + reading)
}

pub(super) fn shaped<T>(path: &Path, shape: [usize; 3], voxels: Vec<T>) -> Result<Array3<T>> {
    Array3::from_shape_vec(shape, voxels)
        .map_err(|e| Error::Internal(format!("{}: {e}", path.shown())))
}
