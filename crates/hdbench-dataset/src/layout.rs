//! Which layout a folder has, and its cases.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;
use hdbench_volume::artifact::is_zip;
use hdbench_volume::case_name::refuse_name_of_all;
use hdbench_volume::{self as volume, Geometry, Orientation};

use super::case::Format;
use super::ircadb::{self, Patient};
use super::quirks::{self, BorrowedSpacing};
use super::{Case, image_folders, listing, lits};

const ACCEPTED: &str = "accepted are LiTS (volume-N.nii[.gz], segmentation-N.nii[.gz]), the Decathlon's Task03 \
     (imagesTr/liver_N.nii.gz, labelsTr, dataset.json), nnU-Net v2 raw \
     (imagesTr/CASE_0000.nii.gz, labelsTr/CASE.nii.gz, dataset.json) and 3DIRCADb \
     (3Dircadb1.N/PATIENT_DICOM, MASKS_DICOM); `hdbench datasets synth --out DIR` writes phantoms";

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
        self.warnings
            .push(quirks::borrowed_problem(case, &spacing).line());
        if let Format::Nifti(nifti) = &mut case.format {
            nifti.spacing = Some(spacing);
        }
        Ok(())
    }
}

/// Finds the cases below a folder, whichever of the accepted layouts it has.
///
/// # Errors
/// `Error::Malformed` for a folder without cases, with cases in two layouts, or with two data sets,
/// and for what the layouts refuse: numbers that occur twice, label maps without image, several
/// channels; `Error::Read` for folders that cannot be read.
pub fn find(dir: &Path) -> Result<Dataset> {
    let found = find_any(dir)?;
    refuse_name_of_all(dir, found.all_cases().map(|case| case.name.as_str()))?;
    Ok(found)
}

fn find_any(dir: &Path) -> Result<Dataset> {
    // Of the layouts, 3DIRCADb alone may be an archive.
    if dir.is_file() && is_zip(dir)? {
        return patients(dir);
    }
    let files = listing::files(dir, ACCEPTED)?;
    let roots: BTreeSet<&Path> = files
        .iter()
        .filter_map(|file| image_folders::place(file))
        .map(|(root, _)| root)
        .collect();
    // A data set of image folders may name its cases as LiTS does.
    let lits: Vec<_> = files
        .iter()
        .filter(|file| image_folders::place(file).is_none() && lits::is_named(file))
        .cloned()
        .collect();
    let mut seen: Vec<String> = roots
        .iter()
        .map(|root| format!("{} (imagesTr, labelsTr)", root.shown()))
        .collect();
    seen.extend(lits.first().map(|file| format!("{} (LiTS)", file.shown())));
    let patient = files.iter().find(|file| is_of_patient(dir, file));
    seen.extend(patient.map(|file| format!("{} (3DIRCADb)", file.shown())));
    if seen.len() > 1 {
        return Err(Error::malformed(
            dir,
            format!("holds more than one data set: {}", seen.join(", ")),
            "name the folder of one of them",
        ));
    }
    match roots.first() {
        Some(root) => image_folders::find(root, &files),
        None if !lits.is_empty() => Ok(Dataset {
            layout: Layout::Lits,
            cases: lits::cases(dir, &lits)?,
            test_cases: lits::test_cases(&lits)?,
            description: None,
            warnings: Vec::new(),
        }),
        None if patient.is_some() || is_named_after_patient(dir) => patients(dir),
        None => Err(Error::malformed(dir, "no data set found", ACCEPTED)),
    }
}

fn patients(dir: &Path) -> Result<Dataset> {
    Ok(Dataset {
        layout: Layout::Ircadb,
        cases: ircadb::find(dir)?.into_iter().map(Case::ircadb).collect(),
        test_cases: Vec::new(),
        description: None,
        warnings: Vec::new(),
    })
}

/// Whether a file lies in a patient's folder, or is an archive of patients; a NIfTI file may be
/// named after a patient and is none.
fn is_of_patient(dir: &Path, file: &Path) -> bool {
    let below = file.strip_prefix(dir).unwrap_or(file);
    let folder = below.parent().unwrap_or(Path::new(""));
    let zip = below
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
    folder.ancestors().any(is_named_after_patient) || (zip && is_named_after_patient(below))
}

/// `3Dircadb1.7`, `3Dircadb1.7.zip`, `3Dircadb1.zip`.
fn is_named_after_patient(path: &Path) -> bool {
    let real = match path.file_name() {
        Some(_) => path.to_path_buf(),
        // `.` and `..` have no name of their own.
        None => path.canonicalize().unwrap_or_default(),
    };
    let name = real.file_name().unwrap_or_default().to_string_lossy();
    name.to_ascii_lowercase().starts_with("3dircadb1.")
}
