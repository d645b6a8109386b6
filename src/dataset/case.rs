use std::path::{Path, PathBuf};

use super::LabelMap;
use crate::error::{Error, Result};
use crate::volume::{self, Geometry, Orientation, Volume};

/// Grids that differ by less than this, anywhere, are the same but for rounding to f32.
const PLACEMENT_TOLERANCE_MM: f64 = 0.01;

/// One CT volume, with or without its label map, in any layout.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The number in the name; the case's place in its data set where names have none.
    pub id: u32,
    /// How tables and splits name it: `volume-3`, `liver_3`, nnU-Net's case identifier,
    /// `3Dircadb1.7`.
    pub name: String,
    /// The CT volume, as messages name it: a file, or a patient's folder.
    pub image: PathBuf,
    /// The label map, if the case has one.
    pub labels: Option<PathBuf>,
    format: Format,
}

/// How a case is read.
#[derive(Clone, Debug, PartialEq)]
enum Format {
    /// Two NIfTI files.
    Nifti {
        label_map: LabelMap,
        /// Whether it is one of LiTS, with the oddities of those files.
        lits: bool,
    },
}

impl Case {
    /// A case of two NIfTI files, its labels 0 background, 1 liver, 2 tumour.
    pub fn nifti(
        id: u32,
        name: impl Into<String>,
        image: impl Into<PathBuf>,
        labels: Option<PathBuf>,
    ) -> Self {
        Self {
            id,
            name: name.into(),
            image: image.into(),
            labels,
            format: Format::Nifti {
                label_map: LabelMap::lits(),
                lits: false,
            },
        }
    }

    /// The same with labels that mean something else.
    pub fn with_label_map(mut self, map: LabelMap) -> Self {
        let Format::Nifti { label_map, .. } = &mut self.format;
        *label_map = map;
        self
    }

    pub(super) fn of_lits(mut self) -> Self {
        let Format::Nifti { lits, .. } = &mut self.format;
        *lits = true;
        self
    }

    /// Whether a label map belongs to it.
    pub fn has_labels(&self) -> bool {
        self.labels.is_some()
    }

    /// All files that the case is read from, sorted: what there is to hash.
    ///
    /// # Errors
    /// `Error::Read` for a folder that cannot be listed.
    pub fn files(&self) -> Result<Vec<PathBuf>> {
        let Format::Nifti { .. } = &self.format;
        let mut files = vec![self.image.clone()];
        files.extend(self.labels.clone());
        files.sort();
        Ok(files)
    }

    /// What beside the bytes of its files decides what is read: the meaning of the labels and
    /// corrections of the header. Equal files and equal text are equal volumes.
    pub fn reading(&self) -> String {
        let Format::Nifti { label_map, .. } = &self.format;
        label_map.to_string()
    }

    /// Reads the CT volume in Hounsfield units, `[z, y, x]` in file order.
    ///
    /// # Errors
    /// As [`volume::read_image`].
    pub fn read_image(&self) -> Result<Volume<f32>> {
        volume::read_image(&self.image)
    }

    /// Reads shape and place of the CT's voxels, without the voxels.
    ///
    /// # Errors
    /// As [`volume::read_geometry`].
    pub fn read_geometry(&self) -> Result<Geometry> {
        volume::read_geometry(&self.image)
    }
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
/// without a meaning and for whatever the readers refuse.
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
    let Format::Nifti { label_map, .. } = &case.format;
    let mut labels = volume::read_labels(labels_path)?;
    apply(label_map, &mut labels, labels_path)?;
    warnings.extend(placement_warning(case, &image, &labels));
    labels.geometry = image.geometry.clone();
    Ok(Pair {
        image,
        labels,
        warnings,
    })
}

/// Gives every label its meaning.
fn apply(map: &LabelMap, labels: &mut Volume<u8>, path: &Path) -> Result<()> {
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
