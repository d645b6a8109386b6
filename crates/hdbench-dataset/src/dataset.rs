//! A data set: how its files lie, and its cases.

use std::fmt;
use std::path::PathBuf;

use hdbench_ground::error::{Error, Result};
use hdbench_volume::{self as volume, Geometry, Orientation};

use super::Case;
use super::case::Format;
use super::ircadb::Patient;
use super::quirk_problems::borrowed_problem;
use super::quirks::{self, BorrowedSpacing};

/// How the files of a data set lie and are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `volume-N.nii[.gz]`, `segmentation-N.nii[.gz]`, `test-volume-N.nii[.gz]`.
    Lits,
    /// The Medical Segmentation Decathlon: `imagesTr/liver_N.nii.gz`, `labelsTr/liver_N.nii.gz`.
    Msd,
    /// nnU-Net v2 raw: `imagesTr/CASE_0000.nii.gz`, `labelsTr/CASE.nii.gz`.
    NnUnet,
    /// `3Dircadb1.N/PATIENT_DICOM` and `MASKS_DICOM`, unpacked or zipped.
    Ircadb,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lits => "LiTS",
            Self::Msd => "Decathlon",
            Self::NnUnet => "nnU-Net",
            Self::Ircadb => "3DIRCADb",
        })
    }
}

/// The cases of a folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// How they lie.
    pub layout: Layout,
    /// Training cases in natural order, with or without labels.
    pub cases: Vec<Case>,
    /// The layout's test set, which has no labels: `test-volume-N`, `imagesTs`.
    pub test_cases: Vec<Case>,
    /// The `dataset.json` that says what the labels mean.
    pub description: Option<PathBuf>,
    /// What was odd about the folder; to be shown to the user.
    pub warnings: Vec<String>,
}

impl Dataset {
    /// Training cases, then test cases.
    pub fn all_cases(&self) -> impl Iterator<Item = &Case> {
        self.cases.iter().chain(&self.test_cases)
    }

    /// Takes a case as its mirror image, left and right exchanged; its voxels stay in their order.
    ///
    /// # Errors
    /// `Error::Usage` for a name that no case has, and for a patient of DICOM files.
    pub fn mirror(&mut self, name: &str) -> Result<()> {
        let mut cases = self.cases.iter_mut().chain(&mut self.test_cases);
        let Some(case) = cases.find(|case| case.name == name) else {
            return Err(Error::usage(
                format!("--mirror {name}: the data set has no such case"),
                format!(
                    "its cases are named like {}",
                    self.all_cases()
                        .next()
                        .map_or("", |case| case.name.as_str())
                ),
            ));
        };
        *case = case.clone().mirrored().ok_or_else(|| {
            Error::usage(
                format!("--mirror {name}: DICOM files say themselves where left is"),
                "leave it out",
            )
        })?;
        Ok(())
    }

    /// Gives LiTS volumes that store no spacing (1 x 1 x 1 mm, volumes 28 to 47) the voxel sizes of
    /// the 3DIRCADb patients whose scans they are; warnings say so, or say why not where the shapes
    /// differ. Volumes that store a spacing, and data sets in other layouts, stay as they are.
    ///
    /// Only [`Geometry::spacing_mm`] and the affine change; the stored sizes, which scoring profile
    /// `lits` uses, stay 1 x 1 x 1.
    ///
    /// # Errors
    /// As [`volume::read_geometry`] for the volumes and [`Patient::geometry`].
    pub fn with_ircadb_spacing(&mut self, patients: &[Patient]) -> Result<()> {
        if self.layout != Layout::Lits {
            return Ok(());
        }
        for patient in patients {
            let same_scan = |case: &Case| quirks::ircadb_patient(case.id) == Some(patient.number);
            if self.cases.iter().any(same_scan) {
                self.borrow_spacing(patient.number, &patient.name, &patient.geometry()?)?;
            }
        }
        Ok(())
    }

    fn borrow_spacing(&mut self, patient: u32, from: &str, theirs: &Geometry) -> Result<()> {
        let same_scan = |case: &&mut Case| quirks::ircadb_patient(case.id) == Some(patient);
        let Some(case) = self.cases.iter_mut().find(same_scan) else {
            return Ok(());
        };
        let ours = volume::read_geometry(&case.image)?;
        if ours.stored_spacing_mm != [1.0; 3] {
            return Ok(());
        }
        let canonical =
            |geometry: &Geometry| Orientation::of(geometry).geometry_to_canonical(geometry);
        let (ours, theirs) = (canonical(&ours), canonical(theirs));
        if ours.shape != theirs.shape {
            self.warnings.push(quirks::shapes_differ(
                &case.name,
                from,
                ours.shape,
                theirs.shape,
            ));
            return Ok(());
        }
        let spacing = BorrowedSpacing {
            from: from.to_owned(),
            canonical_mm: theirs.spacing_mm,
        };
        self.warnings.push(borrowed_problem(case, &spacing).line());
        if let Format::Nifti(nifti) = &mut case.format {
            nifti.spacing = Some(spacing);
        }
        Ok(())
    }
}
