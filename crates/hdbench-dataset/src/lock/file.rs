use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::progress::Progress;
use hdbench_ground::text::name_of;
use hdbench_volume::artifact::{hash_file, read_file, write_atomic};
use hdbench_volume::{Orientation, Volume};
use serde::{Deserialize, Serialize};

use super::hash::{hash_image, hash_labels};
use crate::each::each;
use crate::{Case, Dataset, find, load_pair};

/// Raised when the fields or what is hashed change.
const FORMAT: u32 = 1;

/// What a data set consists of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Version of this format.
    pub format: u32,
    /// How the files lie.
    pub layout: String,
    /// Every file that a case is read from, sorted by path.
    #[serde(default)]
    pub files: Vec<LockedFile>,
    /// In natural order; training cases, then test cases.
    #[serde(default)]
    pub cases: Vec<LockedCase>,
}

/// A file of a data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedFile {
    /// From the data set's folder, parts separated by `/`.
    pub path: String,
    /// Size.
    pub bytes: u64,
    /// Of its bytes as they lie on disk.
    pub blake3: String,
}

/// A case of a data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedCase {
    /// Its name.
    pub name: String,
    /// Paths of its files, as in [`Lock::files`].
    pub files: Vec<String>,
    /// Voxels `[z, y, x]` in file order.
    pub shape: [usize; 3],
    /// mm, `[z, y, x]` in file order.
    pub spacing_mm: [f64; 3],
    /// Where the file's x, y and z axes run to (`LPS`).
    pub orientation: String,
    /// [`hash_image`].
    pub voxels: String,
    /// [`hash_labels`], of a case with labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
    /// Voxels of background, liver and tumour, of a case with labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_voxels: Option<[u64; 3]>,
}

impl Lock {
    /// Reads every file and every voxel of the data set in `dir`, at most `jobs` at a time.
    ///
    /// # Errors
    /// Those of [`find`] and of the readers; `Error::Interrupted`.
    pub fn of(dir: &Path, jobs: usize, progress: &dyn Progress) -> Result<Self> {
        Self::renewed(dir, None, jobs, progress)
    }

    /// Like [`Self::of`], but cases whose files have not changed since `before` are not read again.
    pub(super) fn renewed(
        dir: &Path,
        before: Option<&Self>,
        jobs: usize,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let dataset = find(dir)?;
        let cases: Vec<(&Case, Vec<PathBuf>)> = dataset
            .all_cases()
            .map(|case| Ok((case, case.files()?)))
            .collect::<Result<_>>()?;
        let files = files_of(&dataset, &cases);
        progress.plan((files.len() + cases.len()) as u64);
        progress.stage("", &format!("hashing {} files", files.len()));
        let files: Vec<LockedFile> = each(&files, jobs, progress, |file| locked_file(dir, file))?
            .into_iter()
            .collect::<Result<_>>()?;
        let unchanged = before.map(|before| before.unchanged(&files));
        progress.stage("", &format!("reading {} cases", cases.len()));
        let cases = each(&cases, jobs, progress, |(case, files)| {
            let files: Vec<String> = files.iter().map(|file| relative(dir, file)).collect();
            let known = unchanged
                .as_ref()
                .and_then(|cases| cases.get(case.name.as_str()))
                .filter(|known| known.files == files);
            match known {
                Some(&known) => Ok(known.clone()),
                None => locked_case(case, files),
            }
        })?;
        Ok(Self {
            format: FORMAT,
            layout: dataset.layout.to_string(),
            files,
            cases: cases.into_iter().collect::<Result<_>>()?,
        })
    }

    /// Its cases all of whose files are still the same.
    fn unchanged(&self, files: &[LockedFile]) -> BTreeMap<&str, &LockedCase> {
        let now: BTreeMap<&str, &LockedFile> = files
            .iter()
            .map(|file| (file.path.as_str(), file))
            .collect();
        let changed: BTreeSet<&str> = self
            .files
            .iter()
            .filter(|file| now.get(file.path.as_str()) != Some(file))
            .map(|file| file.path.as_str())
            .collect();
        self.cases
            .iter()
            .filter(|case| {
                case.files
                    .iter()
                    .all(|file| !changed.contains(file.as_str()))
            })
            .map(|case| (case.name.as_str(), case))
            .collect()
    }

    /// The lock file's text; equal data sets give equal bytes.
    pub fn to_text(&self) -> Result<String> {
        toml::to_string(self).map_err(|e| Error::Internal(e.to_string()))
    }

    /// Writes the lock file, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_atomic(path, self.to_text()?.as_bytes())
    }

    /// Reads a lock file.
    ///
    /// # Errors
    /// `Error::Read`, and `Error::Malformed` for what is none or has another format.
    pub fn read(path: &Path) -> Result<Self> {
        const HINT: &str = "`hdbench datasets lock DIR --out FILE` writes one";
        let bytes = read_file(path).map_err(Error::read(path))?;
        let text = String::from_utf8(bytes)
            .map_err(|_| Error::malformed(path, "expected a lock file, found no text", HINT))?;
        let lock: Self = toml::from_str(&text).map_err(|e| {
            Error::malformed(path, format!("expected a lock file: {}", e.message()), HINT)
        })?;
        if lock.format != FORMAT {
            return Err(Error::malformed(
                path,
                format!("has format {}, expected {FORMAT}", lock.format),
                "lock the data set again with this version",
            ));
        }
        Ok(lock)
    }
}

/// Each file once; 3DIRCADb's patients may share an archive.
fn files_of(dataset: &Dataset, cases: &[(&Case, Vec<PathBuf>)]) -> Vec<PathBuf> {
    let files: BTreeSet<&PathBuf> = cases
        .iter()
        .flat_map(|(_, files)| files)
        .chain(&dataset.description)
        .collect();
    files.into_iter().cloned().collect()
}

fn relative(dir: &Path, file: &Path) -> String {
    let below = file.strip_prefix(dir).unwrap_or(file);
    // A data set that is one archive.
    let below = match below.as_os_str().is_empty() {
        true => Path::new(file.file_name().unwrap_or_default()),
        false => below,
    };
    let parts: Vec<_> = below
        .components()
        .map(|part| name_of(part.as_os_str()))
        .collect();
    parts.join("/")
}

fn locked_file(dir: &Path, file: &Path) -> Result<LockedFile> {
    Ok(LockedFile {
        path: relative(dir, file),
        bytes: std::fs::metadata(file).map_err(Error::read(file))?.len(),
        blake3: hash_file(file)?,
    })
}

fn locked_case(case: &Case, files: Vec<String>) -> Result<LockedCase> {
    let (image, labels) = match case.has_labels() {
        true => {
            let pair = load_pair(case)?;
            (pair.image, Some(pair.labels))
        }
        false => (case.read_image()?, None),
    };
    let count = |labels: &Volume<u8>| {
        [0, 1, 2].map(|class| {
            labels
                .voxels
                .iter()
                .filter(|&&label| label == class)
                .count() as u64
        })
    };
    Ok(LockedCase {
        name: case.name.clone(),
        files,
        shape: image.geometry.shape,
        spacing_mm: image.geometry.spacing_mm,
        orientation: Orientation::of(&image.geometry).to_string(),
        voxels: hash_image(&image),
        label_voxels: labels.as_ref().map(count),
        labels: labels.as_ref().map(hash_labels),
    })
}
