use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::study::Study;
use crate::artifact::{hash_bytes, hash_file, write_atomic};
use crate::dataset::split::{self, Labelled};
use crate::dataset::{self, Case, Split, load_pair};
use crate::error::{Error, Result};
use crate::preprocess::{Grid, Stored};
use crate::progress::Progress;
use crate::seed::Seed;

/// A file as it was when it was hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct LockedFile {
    bytes: u64,
    /// Nanoseconds since 1970.
    modified: String,
    blake3: String,
}

/// `study.lock`: the hash of every input, and the split that followed from them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Lock {
    #[serde(skip_serializing_if = "Option::is_none")]
    split: Option<Split>,
    files: BTreeMap<PathBuf, LockedFile>,
}

/// A test case: files, cache and hash.
#[derive(Debug)]
pub struct TestCase {
    pub case: Case,
    pub hash: String,
    /// Its folder in the cache.
    pub cached: PathBuf,
    pub has_lesion: bool,
}

/// The cases of a study, hashed, preprocessed and split.
#[derive(Debug)]
pub struct Inputs {
    pub split: Split,
    /// Cached training cases, in the split's order.
    pub train: Vec<Stored>,
    /// One hash a training case: files and preprocessing.
    pub train_hashes: Vec<String>,
    pub test: Vec<TestCase>,
    /// What was odd about the files.
    pub warnings: Vec<String>,
}

impl Inputs {
    /// Finds, hashes, preprocesses and splits a study's cases; what was done before is not done
    /// again.
    pub fn prepare(run: &Path, study: &Study, progress: &dyn Progress) -> Result<Self> {
        progress.stage("", "preparing cases");
        let found = dataset::find(&study.data.folder)?;
        let mut warnings = found.warnings;
        let (cases, unlabelled): (Vec<Case>, Vec<Case>) =
            found.cases.into_iter().partition(Case::has_labels);
        warnings.extend(
            unlabelled
                .iter()
                .map(|case| format!("{} has no segmentation and is not used", case.name)),
        );
        let path = run.join("study.lock");
        let mut lock = read_lock(&path)?;
        let files = cases
            .iter()
            .map(Case::files)
            .collect::<Result<Vec<_>>>()?
            .concat();
        let hashed = files
            .par_iter()
            .map(|file| Ok((file.clone(), locked(file, lock.files.get(file))?)))
            .collect::<Result<BTreeMap<_, _>>>()?;
        lock.files = hashed;
        let keys: Vec<String> = cases
            .iter()
            .map(|case| cache_key(case, &lock, study))
            .collect::<Result<_>>()?;
        cases.par_iter().zip(&keys).try_for_each(|(case, key)| {
            if progress.interrupted() {
                return Err(Error::Interrupted {
                    hint: "run the same command again to go on".into(),
                });
            }
            prepare_case(case, &cache_folder(run, study, key), study)
        })?;
        let mut stored = keys
            .iter()
            .map(|key| Stored::open(&cache_folder(run, study, key)).map(Some))
            .collect::<Result<Vec<_>>>()?;
        let labelled: Vec<Labelled> = cases
            .iter()
            .zip(&stored)
            .map(|(case, stored)| Labelled {
                name: case.name.clone(),
                tumour: has_lesion(stored),
            })
            .collect();
        for stored in stored.iter().flatten() {
            warnings.extend(stored.warnings.iter().cloned());
        }
        let split = split::for_cases(&labelled, Seed(study.seed))?;
        let index_of = |name: &String| {
            cases
                .iter()
                .position(|case| case.name == *name)
                .ok_or_else(|| {
                    Error::Internal(format!("{name} is in the split but not in the data"))
                })
        };
        let mut train = Vec::new();
        let mut train_hashes = Vec::new();
        for name in &split.train {
            let index = index_of(name)?;
            train_hashes.push(keys[index].clone());
            train.extend(stored[index].take());
        }
        let mut test = Vec::new();
        for name in &split.test {
            let index = index_of(name)?;
            test.push(TestCase {
                case: cases[index].clone(),
                hash: keys[index].clone(),
                cached: cache_folder(run, study, &keys[index]),
                has_lesion: has_lesion(&stored[index]),
            });
        }
        lock.split = Some(split.clone());
        let text = toml::to_string(&lock).map_err(|e| Error::Internal(e.to_string()))?;
        // The cells' own processes read this file too: it is written only when it says something new.
        if std::fs::read_to_string(&path).ok().as_deref() != Some(&text) {
            write_atomic(&path, text.as_bytes())?;
        }
        Ok(Self {
            split,
            train,
            train_hashes,
            test,
            warnings,
        })
    }
}

fn has_lesion(stored: &Option<Stored>) -> bool {
    stored
        .as_ref()
        .is_some_and(|stored| stored.facts(Grid::Original).has_lesion())
}

fn cache_folder(run: &Path, study: &Study, key: &str) -> PathBuf {
    run.join(&study.cache).join(key)
}

fn cache_key(case: &Case, lock: &Lock, study: &Study) -> Result<String> {
    let files = case.files()?;
    let hashes: Vec<&str> = files
        .iter()
        .filter_map(|path| Some(lock.files.get(path)?.blake3.as_str()))
        .collect();
    Ok(Stored::key(
        &hash_bytes(hashes.concat().as_bytes()),
        &case.reading(),
        study.recipe.hu_window,
        study.scale.coarse_spacing_mm,
    ))
}

fn prepare_case(case: &Case, folder: &Path, study: &Study) -> Result<()> {
    if Stored::exists(folder) {
        return Ok(());
    }
    let pair = load_pair(case)?;
    let coarse_mm = study.scale.coarse_spacing_mm;
    Stored::write(folder, &case.name, &pair, study.recipe.hu_window, coarse_mm)
}

fn read_lock(path: &Path) -> Result<Lock> {
    match std::fs::read_to_string(path) {
        Ok(text) => toml::from_str(&text)
            .map_err(|e| Error::malformed(path, e.to_string(), "delete it; it is made again")),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Lock::default()),
        Err(e) => Err(Error::read(path)(e)),
    }
}

/// Hashes a file, unless size and time say that it is the one hashed before.
fn locked(path: &Path, before: Option<&LockedFile>) -> Result<LockedFile> {
    let metadata = std::fs::metadata(path).map_err(Error::read(path))?;
    let modified = metadata.modified().map_err(Error::read(path))?;
    let modified = modified
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos())
        .to_string();
    if let Some(before) = before.filter(|b| b.bytes == metadata.len() && b.modified == modified) {
        return Ok(before.clone());
    }
    Ok(LockedFile {
        bytes: metadata.len(),
        modified,
        blake3: hash_file(path)?,
    })
}
