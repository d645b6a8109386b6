use std::path::{Path, PathBuf};

use hdbench_ground::error::Result;
use hdbench_volume::artifact::hash_file;
use hdbench_volume::{self as volume, Geometry, LabelMap, Volume};

use super::ircadb::Patient;
use super::quirks::{self, BorrowedSpacing};

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
    pub(super) format: Format,
}

/// How a case is read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Format {
    /// Two NIfTI files.
    Nifti(NiftiFormat),
    /// A patient of 3DIRCADb.
    Ircadb(Patient),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct NiftiFormat {
    /// What the labels mean.
    pub label_map: LabelMap,
    /// Whether it is one of LiTS, with the oddities of those files.
    pub lits: bool,
    /// Voxel sizes that the file lacks.
    pub spacing: Option<BorrowedSpacing>,
    /// Whether left and right are exchanged, against the file's affine.
    pub mirrored: bool,
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
            format: Format::Nifti(NiftiFormat {
                label_map: LabelMap::lits(),
                lits: false,
                spacing: None,
                mirrored: false,
            }),
        }
    }

    /// A patient of 3DIRCADb.
    pub fn ircadb(patient: Patient) -> Self {
        let folder = folder_of(&patient);
        Self {
            id: patient.number,
            name: patient.name.clone(),
            labels: patient.has_labels().then(|| folder.join("MASKS_DICOM")),
            image: folder,
            format: Format::Ircadb(patient),
        }
    }

    /// The same with NIfTI labels that mean something else.
    pub fn with_label_map(mut self, map: LabelMap) -> Self {
        if let Format::Nifti(nifti) = &mut self.format {
            nifti.label_map = map;
        }
        self
    }

    /// The same with LiTS's oddities.
    pub(super) fn of_lits(mut self) -> Self {
        if let Format::Nifti(nifti) = &mut self.format {
            nifti.lits = true;
        }
        self
    }

    /// The same with left and right exchanged; nothing for a case whose place is not of a NIfTI file.
    pub fn mirrored(mut self) -> Option<Self> {
        match &mut self.format {
            Format::Nifti(nifti) => nifti.mirrored = true,
            Format::Ircadb(_) => return None,
        }
        Some(self)
    }

    /// A file, or a folder of DICOM images, that holds the CT as it is read here; none where it lies in an archive, lacks
    /// its voxel sizes or has left and right exchanged.
    pub fn plain_image(&self) -> Option<PathBuf> {
        match &self.format {
            Format::Nifti(nifti) => {
                let is_plain = nifti.spacing.is_none() && !nifti.mirrored;
                is_plain.then(|| self.image.clone())
            }
            Format::Ircadb(_) => {
                let series = self.image.join("PATIENT_DICOM");
                series.is_dir().then_some(series)
            }
        }
    }

    /// Whether a label map belongs to it.
    pub fn has_labels(&self) -> bool {
        self.labels.is_some()
    }

    /// What the numbers of its label map mean; none where every label has an image of its own.
    pub fn label_map(&self) -> Option<&LabelMap> {
        match &self.format {
            Format::Nifti(nifti) => Some(&nifti.label_map),
            Format::Ircadb(_) => None,
        }
    }

    /// All files that the case is read from, sorted: what there is to hash.
    ///
    /// # Errors
    /// `Error::Read` for a folder that cannot be listed.
    pub fn files(&self) -> Result<Vec<PathBuf>> {
        if let Format::Ircadb(patient) = &self.format {
            return Ok(patient.files_on_disk());
        }
        let mut files = vec![self.image.clone()];
        files.extend(self.labels.clone());
        files.sort();
        Ok(files)
    }

    /// The hashes of what it is read from, in the order of the names: of a patient in an archive those of the
    /// patient's own files, not that of an archive which holds others too.
    ///
    /// # Errors
    /// `Error::Read`; `Error::Malformed` for a damaged archive.
    pub fn content_hashes(&self) -> Result<Vec<String>> {
        match &self.format {
            Format::Ircadb(patient) => patient.content_hashes(),
            Format::Nifti(_) => self.files()?.iter().map(|file| hash_file(file)).collect(),
        }
    }

    /// What beside the bytes of its files decides what is read: the meaning of the labels and
    /// corrections of the header. Equal files and equal text are equal volumes.
    pub fn reading(&self) -> String {
        let NiftiFormat {
            label_map,
            lits,
            spacing,
            mirrored,
        } = match &self.format {
            Format::Nifti(nifti) => nifti,
            Format::Ircadb(_) => return "3DIRCADb".into(),
        };
        let mut text = label_map.to_string();
        if *lits {
            text += ", LiTS";
        }
        if let Some(spacing) = spacing {
            text += &format!(", spacing {:?}", spacing.canonical_mm);
        }
        if *mirrored {
            text += ", mirrored";
        }
        text
    }

    /// Reads the CT volume in Hounsfield units, `[z, y, x]` in file order.
    ///
    /// # Errors
    /// As [`volume::read_image`] and [`Patient::read_image`].
    pub fn read_image(&self) -> Result<Volume<f32>> {
        match &self.format {
            Format::Ircadb(patient) => Ok(patient.read_image()?.0),
            Format::Nifti(nifti) => {
                let mut image = volume::read_image(&self.image)?;
                image.geometry = nifti.corrected(image.geometry);
                Ok(image)
            }
        }
    }

    /// Reads shape and place of the CT's voxels, without the voxels.
    ///
    /// # Errors
    /// As [`volume::read_geometry`] and [`Patient::geometry`].
    pub fn read_geometry(&self) -> Result<Geometry> {
        match &self.format {
            Format::Ircadb(patient) => patient.geometry(),
            Format::Nifti(nifti) => Ok(nifti.corrected(volume::read_geometry(&self.image)?)),
        }
    }
}

/// What names a patient in messages: the folder of that name, or else the archive.
fn folder_of(patient: &Patient) -> PathBuf {
    let files = patient.files_on_disk();
    let first = files
        .first()
        .map_or(Path::new(&patient.name), PathBuf::as_path);
    let named = |folder: &&Path| {
        folder
            .file_name()
            .is_some_and(|name| name.eq_ignore_ascii_case(&patient.name))
    };
    first.ancestors().find(named).unwrap_or(first).to_path_buf()
}

impl NiftiFormat {
    /// The geometry of a file as it should be.
    pub fn corrected(&self, mut geometry: Geometry) -> Geometry {
        if let Some(unswapped) = self.unswapped(&geometry) {
            geometry = unswapped;
        }
        if let Some(spacing) = &self.spacing {
            geometry = spacing.apply(&geometry);
        }
        if self.mirrored {
            geometry = quirks::mirrored(geometry);
        }
        geometry
    }

    /// The geometry of a file with swapped axes.
    pub fn unswapped(&self, geometry: &Geometry) -> Option<Geometry> {
        self.lits.then(|| quirks::unswapped(geometry)).flatten()
    }
}
