use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;
use hdbench_volume::{
    self as volume, Geometry, HeaderNote, ImageHeader, LabelMap, Orientation, Volume,
};

use super::case::{Format, NiftiFormat};
use super::problem::{Problem, Severity};
use super::quirk_problems::{borrowed_problem, missing_spacing_problem, swapped_problem};
use super::{Case, Pair};

/// Reads image and labels of a case and makes sure that they belong together.
///
/// Arrays are paired by index. Where the two headers disagree about the place of the voxels, as in
/// LiTS cases 48 to 52, the image's is used for both and a warning says so.
///
/// # Errors
/// `Error::Usage` for a case without labels; `Error::Malformed` for shapes that differ, for labels
/// without a meaning and for whatever the readers refuse.
pub fn load_pair(case: &Case) -> Result<Pair> {
    let nifti = match &case.format {
        Format::Nifti(nifti) => nifti,
        Format::Ircadb(patient) => return patient.load(),
    };
    let labels_path = case.labels.as_deref().ok_or_else(|| {
        Error::usage(
            format!("{}: {} has no label map", case.image.shown(), case.name),
            "training and scoring need a segmentation beside the volume",
        )
    })?;
    // The small headers first: a pair that does not fit is refused before the voxels are read.
    let header = volume::read_header(&case.image)?;
    let labels_geometry = volume::read_geometry(labels_path)?;
    check_shapes(case, labels_path, &header.geometry, &labels_geometry)?;
    let image = case.read_image()?;
    let labels = read_labels(&nifti.label_map, labels_path)?;
    let mut problems = header_problems(case, nifti, &header);
    problems.extend(placement_problem(case, &header.geometry, &labels_geometry));
    Ok(Pair {
        labels: Volume {
            voxels: labels.voxels,
            geometry: image.geometry.clone(),
        },
        image,
        warnings: problems.iter().map(Problem::line).collect(),
    })
}

/// Refuses a label map of another shape than its volume's.
pub(super) fn check_shapes(
    case: &Case,
    labels_path: &Path,
    image: &Geometry,
    labels: &Geometry,
) -> Result<()> {
    if image.shape == labels.shape {
        return Ok(());
    }
    Err(Error::malformed(
        labels_path,
        format!(
            "the label map has {} voxels (x, y, z), the volume {} has {}",
            sizes(labels.shape),
            case.image.shown(),
            sizes(image.shape)
        ),
        "both must be on one grid: check that the numbers of the two files belong together",
    ))
}

/// Reads a label map and gives every label its meaning.
pub(super) fn read_labels(map: &LabelMap, path: &Path) -> Result<Volume<u8>> {
    let mut labels = volume::read_labels(path)?;
    give_meaning(map, &mut labels, path)?;
    Ok(labels)
}

/// Gives every label its meaning.
pub(super) fn give_meaning(map: &LabelMap, labels: &mut Volume<u8>, path: &Path) -> Result<()> {
    map.apply(&mut labels.voxels, path)
        .map_err(|error| match error {
            Error::Malformed { path, problem, .. } => Error::Malformed {
                path,
                problem,
                hint:
                    "LiTS and the Decathlon have 0 background, 1 liver, 2 tumour; nnU-Net says in \
                       dataset.json what its labels are"
                        .into(),
            },
            other => other,
        })
}

/// What is odd about a volume's header.
pub(super) fn header_problems(
    case: &Case,
    nifti: &NiftiFormat,
    header: &ImageHeader,
) -> Vec<Problem> {
    let problem = |note: &HeaderNote| {
        let (severity, hint) = match note.code {
            HeaderNote::PLAIN => (Severity::Note, ""),
            _ => (
                Severity::Warning,
                "every distance and volume follows from these: compare them with the scanner's, and save \
                 the image again where they are wrong",
            ),
        };
        Problem::new(severity, note.code, case, &note.text, hint)
    };
    let mut problems: Vec<Problem> = header.notes.iter().map(problem).collect();
    if nifti.unswapped(&header.geometry).is_some() {
        problems.push(swapped_problem(case, &header.geometry));
    }
    match &nifti.spacing {
        Some(spacing) => problems.push(borrowed_problem(case, spacing)),
        None if header.geometry.stored_spacing_mm == [1.0; 3] => {
            problems.push(missing_spacing_problem(case));
        }
        None => {}
    }
    problems
}

/// Headers of volume and label map that put a voxel in different places.
pub(super) fn placement_problem(
    case: &Case,
    image: &Geometry,
    labels: &Geometry,
) -> Option<Problem> {
    let apart_mm = image.apart_mm(labels)?;
    let describe = |geometry: &Geometry| {
        let [z, y, x] = geometry.spacing_mm;
        format!(
            "{} with {x:.4} x {y:.4} x {z:.4} mm",
            Orientation::of(geometry)
        )
    };
    Some(Problem::new(
        Severity::Warning,
        "headers-disagree",
        case,
        format!(
            "the headers of volume ({}) and label map ({}) place the same voxel up to \
             {apart_mm:.2} mm apart; voxels are paired by index and the volume's header is used \
             for both",
            describe(image),
            describe(labels),
        ),
        "look at a slice with both: if the labels lie on the liver, nothing needs to be done",
    ))
}

pub(super) fn sizes([z, y, x]: [usize; 3]) -> String {
    format!("{x} x {y} x {z}")
}
