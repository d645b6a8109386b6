use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::progress::Progress;
use hdbench_ground::text::Shown as _;
use hdbench_volume::artifact::{
    Owned, create_dir, hash_bytes, hash_file, json_if_there, remove_owned, write_atomic,
};
use hdbench_volume::{write_image, write_labels};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

use super::acquisition::{Orientation, Phase};
use super::dicom;
use super::render::{LesionFacts, Phantom, generate};
use super::spec::{GENERATOR_VERSION, PhantomKind, Spec};

/// The file that says what a folder of phantoms holds.
pub const RECORD_FILE: &str = "phantom.json";

/// What a folder of phantoms holds now.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Whether everything was there already and nothing was written.
    pub reused: bool,
    /// One entry a case, in the order of their numbers.
    pub cases: Vec<CaseFacts>,
}

/// One case of the record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseFacts {
    /// The `N` of `volume-N.nii.gz`.
    pub index: usize,
    /// Voxels, `[z, y, x]`.
    pub shape: [usize; 3],
    /// Voxel spacing in mm, `[z, y, x]`.
    pub spacing_mm: [f64; 3],
    /// Where the file's axes point.
    pub orientation: Orientation,
    /// When after the injection the scan was taken.
    pub phase: Phase,
    /// Standard deviation of the noise in HU.
    pub noise_sd_hu: f64,
    /// Liver with its tumours, in voxels.
    pub liver_voxels: usize,
    /// The tumours.
    pub lesions: Vec<LesionFacts>,
    /// BLAKE3 of the image's file, or of the names and hashes of its DICOM files.
    pub image_hash: String,
    /// The same of the labels.
    pub labels_hash: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    generator: u32,
    #[serde(default)]
    kind: PhantomKind,
    seed: u64,
    matrix: usize,
    min_slices: usize,
    max_slices: usize,
    planned_cases: usize,
    /// Empty while the set is being written.
    cases: Vec<CaseFacts>,
}

impl Record {
    fn planned(spec: &Spec) -> Self {
        Self {
            generator: GENERATOR_VERSION,
            kind: spec.kind,
            seed: spec.seed.0,
            matrix: spec.matrix,
            min_slices: spec.min_slices,
            max_slices: spec.max_slices,
            planned_cases: spec.cases,
            cases: Vec::new(),
        }
    }

    /// The record of a folder, if it has one.
    fn read(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join(RECORD_FILE);
        let hint = "choose another folder, or delete this file and the volumes beside it";
        json_if_there(&path, "the record of a phantom set", hint)
    }

    fn write(&self, dir: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|e| Error::Internal(format!("phantom record: {e}")))?;
        text.push('\n');
        write_atomic(&dir.join(RECORD_FILE), text.as_bytes())
    }

    fn matches(&self, spec: &Spec) -> bool {
        let planned = Self::planned(spec);
        Self {
            cases: Vec::new(),
            ..*self
        } == planned
            && self.cases.len() == spec.cases
    }
}

/// Whether `dir` holds exactly this set, every file with the bytes that were written.
///
/// # Errors
///
/// When the record is there but is none, or a file cannot be read.
pub fn is_complete(dir: &Path, spec: &Spec) -> Result<bool> {
    match Record::read(dir)? {
        Some(record) if record.matches(spec) => files_are_intact(dir, &record),
        _ => Ok(false),
    }
}

fn files_are_intact(dir: &Path, record: &Record) -> Result<bool> {
    let intact = |path: PathBuf, hash: &str| match hash_path(&path) {
        Ok(found) => Ok(found == hash),
        Err(Error::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Ok(false)
        }
        Err(e) => Err(e),
    };
    let checks: Vec<bool> = record
        .cases
        .par_iter()
        .map(|case| {
            let [image, labels] = case_paths(record.kind, dir, case.index);
            Ok(intact(image, &case.image_hash)? && intact(labels, &case.labels_hash)?)
        })
        .collect::<Result<_>>()?;
    Ok(checks.into_iter().all(|ok| ok))
}

/// Writes every case, in parallel, and the record `phantom.json`; a folder that is complete already is
/// left as it is. A case of LiTS is `volume-N.nii.gz` and `segmentation-N.nii.gz`, one of 3DIRCADb
/// the DICOM series of `3Dircadb1.N/PATIENT_DICOM` and `3Dircadb1.N/MASKS_DICOM/<structure>`.
///
/// A folder that holds another set of phantoms is turned into this one. The record is written
/// without cases first and with them last, so that a set cut short is known for what it is.
///
/// # Errors
///
/// [`Error::Usage`] if the spec cannot be drawn or the folder holds volumes that are no phantoms;
/// [`Error::Interrupted`] if the listener says so; otherwise what reading and writing give.
pub fn write(spec: &Spec, dir: &Path, progress: &dyn Progress) -> Result<Summary> {
    spec.validate()?;
    let previous = Record::read(dir)?;
    if let Some(record) = &previous
        && record.matches(spec)
        && files_are_intact(dir, record)?
    {
        return Ok(Summary {
            reused: true,
            cases: previous.map_or_else(Vec::new, |r| r.cases),
        });
    }
    create_dir(dir)?;
    clear_for(spec, dir, previous.as_ref())?;
    Record::planned(spec).write(dir)?;
    progress.stage("", "phantoms");
    let cases: Vec<CaseFacts> = (0..spec.cases)
        .into_par_iter()
        .map(|index| {
            if progress.interrupted() {
                return Err(Error::Interrupted {
                    hint: "start again: the phantoms are drawn anew, with the same bytes".into(),
                });
            }
            let facts = write_case(spec.kind, dir, index, &generate(spec, index))?;
            progress.advance(1);
            Ok(facts)
        })
        .collect::<Result<_>>()?;
    let record = Record {
        cases,
        ..Record::planned(spec)
    };
    record.write(dir)?;
    Ok(Summary {
        reused: false,
        cases: record.cases,
    })
}

fn write_case(kind: PhantomKind, dir: &Path, index: usize, phantom: &Phantom) -> Result<CaseFacts> {
    let [image, labels] = case_paths(kind, dir, index);
    if kind == PhantomKind::Ircadb {
        dicom::write_patient(phantom, index, &image, &labels)?;
    } else {
        write_image(&image, &phantom.image)?;
        write_labels(&labels, &phantom.labels)?;
    }
    Ok(CaseFacts {
        index,
        shape: phantom.image.geometry.shape,
        spacing_mm: phantom.image.geometry.spacing_mm,
        orientation: phantom.orientation,
        phase: phantom.phase,
        noise_sd_hu: phantom.noise_sd_hu,
        liver_voxels: phantom
            .labels
            .voxels
            .iter()
            .filter(|&&label| label > 0)
            .count(),
        lesions: phantom.lesions.clone(),
        image_hash: hash_path(&image)?,
        labels_hash: hash_path(&labels)?,
    })
}

/// Removes the cases of an older, larger set; refuses a folder with volumes that are not ours.
fn clear_for(spec: &Spec, dir: &Path, previous: Option<&Record>) -> Result<()> {
    let planned = spec
        .cases
        .max(previous.map_or(0, |record| record.planned_cases));
    let ours: BTreeSet<PathBuf> = match previous {
        Some(record) => (0..planned)
            .flat_map(|index| case_paths(record.kind, dir, index))
            .collect(),
        None => BTreeSet::new(),
    };
    let kept: BTreeSet<PathBuf> = (0..spec.cases)
        .flat_map(|index| case_paths(spec.kind, dir, index))
        .collect();
    let mut old = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::read(dir))? {
        let path = entry.map_err(Error::read(dir))?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let is_case = ["volume-", "segmentation-", "3Dircadb1."]
            .iter()
            .any(|prefix| name.starts_with(prefix));
        let has = |paths: &BTreeSet<PathBuf>| paths.iter().any(|other| other.starts_with(&path));
        if is_case && !has(&ours) {
            return Err(Error::usage(
                format!(
                    "{}: the folder holds volumes that are no phantoms ({name})",
                    dir.shown()
                ),
                "choose an empty folder for the phantoms",
            ));
        }
        // A patient's folder is written anew as a whole: an older series may have had more slices.
        if is_case && (!has(&kept) || path.is_dir()) {
            old.push(path);
        }
    }
    old.iter().try_for_each(|path| match path.is_dir() {
        true => remove_owned(path, &PATIENT.keeping_others()),
        false => fs::remove_file(path).map_err(Error::write(path)),
    })
}

/// What a patient's folder holds of ours.
const PATIENT: Owned<'_> = Owned::by("a phantom of 3DIRCADb", &|path, _| {
    ["PATIENT_DICOM", "MASKS_DICOM"]
        .iter()
        .any(|folder| path.starts_with(folder))
});

/// Image and labels of a case: files, or for 3DIRCADb folders of DICOM files.
fn case_paths(kind: PhantomKind, dir: &Path, index: usize) -> [PathBuf; 2] {
    match kind {
        PhantomKind::Lits | PhantomKind::LitsWithIrcadb => {
            ["volume", "segmentation"].map(|what| dir.join(format!("{what}-{index}.nii.gz")))
        }
        PhantomKind::Ircadb => {
            let patient = dir.join(format!("3Dircadb1.{}", index + 1));
            ["PATIENT_DICOM", "MASKS_DICOM"].map(|what| patient.join(what))
        }
    }
}

/// Hash of a file, or of all files below a folder with their names.
fn hash_path(path: &Path) -> Result<String> {
    if !path.is_dir() {
        return hash_file(path);
    }
    let mut text = String::new();
    for entry in WalkDir::new(path).sort_by_file_name() {
        let entry = entry.map_err(|e| Error::read(path)(e.into()))?;
        if entry.file_type().is_file() {
            let name = entry.path().strip_prefix(path).unwrap_or(entry.path());
            text += &format!("{} {}\n", name.display(), hash_file(entry.path())?);
        }
    }
    Ok(hash_bytes(text.as_bytes()))
}
