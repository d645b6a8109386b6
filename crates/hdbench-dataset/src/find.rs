//! Which layout a folder has, and its cases.

use std::collections::BTreeSet;
use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;
use hdbench_volume::artifact::is_zip;
use hdbench_volume::case_name::refuse_name_of_all;

use super::dataset::{Dataset, Layout};
use super::{Case, image_folders, ircadb, listing, lits};

const ACCEPTED: &str = "accepted are LiTS (volume-N.nii[.gz], segmentation-N.nii[.gz]), the Decathlon's Task03 \
     (imagesTr/liver_N.nii.gz, labelsTr, dataset.json), nnU-Net v2 raw \
     (imagesTr/CASE_0000.nii.gz, labelsTr/CASE.nii.gz, dataset.json) and 3DIRCADb \
     (3Dircadb1.N/PATIENT_DICOM, MASKS_DICOM); `hdbench datasets synth --out DIR` writes phantoms";

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
