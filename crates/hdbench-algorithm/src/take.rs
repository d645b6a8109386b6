//! A prediction in, on its CT's grid and in this program's labels.

use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;
use hdbench_volume::artifact::Tree;
use hdbench_volume::{
    DicomSeries, Geometry, LabelBox, LabelValues, OnGrid, Volume, on_grid, read_geometry,
    read_label_box_and_values,
};

use crate::input::convert::Source;
use crate::table::algorithm::{Algorithm, OtherLabels};

/// Values that a message names.
const NAMED_VALUES: usize = 12;

/// A prediction that can be scored.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// 0 background, 1 liver, 2 lesion, on the grid of the CT, `[z, y, x]`.
    pub labels: Volume<u8>,
    /// What was done to it or is odd about it, one line each.
    pub notes: Vec<String>,
}

/// Reads what an algorithm wrote for a case; `image` is the case's CT, a file or a DICOM series.
///
/// Grids are compared as the scorer does: the same voxels have to lie in the same places, to 0.01 mm or a twentieth of
/// a voxel, and a map whose axes are flipped or permuted is turned, with a note. Labels are whole numbers in whatever
/// type.
///
/// # Errors
/// `Error::Malformed` naming the file: for what is no label map, for another grid, with the distance and the cause, and
/// for labels that are not in the algorithm's table, unless those are to be background. `Error::Read` for a CT that
/// cannot be read.
pub fn take(path: &Path, image: &Path, algorithm: &Algorithm) -> Result<Taken> {
    let geometry = geometry_of(image)?;
    let (map, values) = read_label_box_and_values(path)?;
    let mut notes: Vec<String> = map.notes.iter().map(ToString::to_string).collect();
    notes.extend(other_labels(path, &values, algorithm)?);
    let OnGrid {
        prediction, note, ..
    } = on_grid([path, image], map, &geometry, false)?;
    // Whose note it is, its reader knows.
    let whose = format!("{}: ", path.shown());
    notes.extend(note.map(|note| note.strip_prefix(&whose).unwrap_or(&note).to_owned()));
    let labels = LabelBox {
        voxels: prediction.voxels.mapv(|value| {
            let tissue = algorithm.labels.tissue(value);
            tissue.map_or(0, |tissue| tissue.value())
        }),
        start: prediction.start,
        geometry: prediction.geometry,
        notes: Vec::new(),
    };
    let voxels = labels.window([0; 3], geometry.shape);
    Ok(Taken {
        labels: Volume { voxels, geometry },
        notes,
    })
}

fn geometry_of(image: &Path) -> Result<Geometry> {
    match Source::of(image)? {
        Source::DicomFolder | Source::DicomArchive => {
            let series = DicomSeries::open(&Tree::open(image)?)?;
            Ok(series.geometry().clone())
        }
        Source::Nifti | Source::MetaImage | Source::OtherImage => read_geometry(image),
    }
}

/// A note about labels that become background; an error where they may not.
fn other_labels(
    path: &Path,
    values: &LabelValues,
    algorithm: &Algorithm,
) -> Result<Option<String>> {
    let others: Vec<u16> = values
        .iter()
        .filter(|value| algorithm.labels.tissue(*value).is_none())
        .collect();
    if others.is_empty() {
        return Ok(None);
    }
    let mut named: Vec<String> = others
        .iter()
        .take(NAMED_VALUES)
        .map(u16::to_string)
        .collect();
    if others.len() > NAMED_VALUES {
        named.push(format!("{} more", others.len() - NAMED_VALUES));
    }
    let (named, plural) = (named.join(", "), if others.len() == 1 { "" } else { "s" });
    match algorithm.other_labels {
        OtherLabels::Background => Ok(Some(format!("label{plural} {named} taken as background"))),
        OtherLabels::Fail => {
            let table = algorithm.labels.values();
            let table: Vec<String> = table
                .map(|(value, tissue)| format!("{value} {tissue}"))
                .collect();
            Err(Error::malformed(
                path,
                format!(
                    "has label{plural} {named}, and labels of the algorithm says what {} are",
                    table.join(" and ")
                ),
                "add them to labels, or say other_labels = \"background\"",
            ))
        }
    }
}
