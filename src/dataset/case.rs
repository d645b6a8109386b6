use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::volume::{self, Orientation, Volume};

/// Grids that differ by less than this, anywhere, are the same but for rounding to f32.
const PLACEMENT_TOLERANCE_MM: f64 = 0.01;

/// The largest label of the LiTS convention: 0 background, 1 liver, 2 tumour.
const LARGEST_LABEL: u8 = 2;

/// One CT volume, with or without its label map.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Case {
    /// The number in the file name.
    pub id: u32,
    /// How tables and splits name it (`"volume-3"`).
    pub name: String,
    /// The CT volume.
    pub image: PathBuf,
    /// The label map, if the case has one.
    pub labels: Option<PathBuf>,
}

/// A CT volume and its label map on one grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// Hounsfield units, `[z, y, x]` in file order.
    pub image: Volume<f32>,
    /// 0 background, 1 liver, 2 tumour; always with the geometry of the image.
    pub labels: Volume<u8>,
    /// What was odd about the files and how it was taken; to be shown to the user.
    pub warnings: Vec<String>,
}

impl Pair {
    /// Whether the label map has a tumour voxel.
    pub fn has_tumour(&self) -> bool {
        self.labels.voxels.iter().any(|&label| label == 2)
    }
}

/// Reads image and labels of a case and makes sure that they belong together.
///
/// Arrays are paired by index. Where the two headers disagree about the place of the voxels, as in
/// LiTS cases 48 to 52, the image's is used for both and a warning says so.
///
/// # Errors
/// `Error::Usage` for a case without labels; `Error::Malformed` for shapes that differ, for labels
/// above 2 and for whatever the readers refuse.
pub fn load_pair(case: &Case) -> Result<Pair> {
    let labels_path = case.labels.as_deref().ok_or_else(|| {
        Error::usage(
            format!("{}: {} has no label map", case.image.display(), case.name),
            "training and scoring need a segmentation beside the volume",
        )
    })?;
    let mut warnings = image_warnings(case)?;
    // The small header first: a pair that does not fit is refused before the voxels are read.
    let image_shape = volume::read_geometry(&case.image)?.shape;
    let labels_shape = volume::read_geometry(labels_path)?.shape;
    if image_shape != labels_shape {
        return Err(Error::malformed(
            labels_path,
            format!(
                "the label map has {} voxels (x, y, z), the volume {} has {}",
                sizes(labels_shape),
                case.image.display(),
                sizes(image_shape)
            ),
            "both must be on one grid: check that the numbers of the two files belong together",
        ));
    }
    let image = volume::read_image(&case.image)?;
    let mut labels = volume::read_labels(labels_path)?;
    if let Some(&found) = labels.voxels.iter().find(|&&label| label > LARGEST_LABEL) {
        let count = labels
            .voxels
            .iter()
            .filter(|&&label| label > LARGEST_LABEL)
            .count();
        return Err(Error::malformed(
            labels_path,
            format!("{count} voxels have labels above {LARGEST_LABEL}, the first is {found}"),
            "LiTS labels are 0 background, 1 liver, 2 tumour",
        ));
    }
    warnings.extend(placement_warning(case, &image, &labels));
    labels.geometry = image.geometry.clone();
    Ok(Pair {
        image,
        labels,
        warnings,
    })
}

fn image_warnings(case: &Case) -> Result<Vec<String>> {
    let header = volume::read_header(&case.image)?;
    let mut warnings: Vec<String> = header
        .notes
        .iter()
        .map(|note| format!("{}: {note}", case.name))
        .collect();
    if header.geometry.stored_spacing_mm == [1.0; 3] {
        warnings.push(format!(
            "{}: voxels of exactly 1 x 1 x 1 mm, which often means that the true spacing is missing \
             (LiTS cases 28 to 47); distances and volumes follow the file",
            case.name
        ));
    }
    Ok(warnings)
}

fn placement_warning(case: &Case, image: &Volume<f32>, labels: &Volume<u8>) -> Option<String> {
    let apart_mm = image.geometry.displacement_mm(&labels.geometry);
    // NaN cannot happen with checked affines, but would have to be reported.
    if apart_mm < PLACEMENT_TOLERANCE_MM {
        return None;
    }
    let describe = |geometry: &volume::Geometry| {
        let [z, y, x] = geometry.spacing_mm;
        format!(
            "{} with {x:.4} x {y:.4} x {z:.4} mm",
            Orientation::of(geometry)
        )
    };
    Some(format!(
        "{}: the headers of volume ({}) and label map ({}) place the same voxel up to {apart_mm:.2} mm \
         apart; voxels are paired by index and the volume's header is used for both",
        case.name,
        describe(&image.geometry),
        describe(&labels.geometry),
    ))
}

fn sizes([z, y, x]: [usize; 3]) -> String {
    format!("{x} x {y} x {z}")
}
