//! `study.lock`: the hash of every input of a study, and what followed from them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::definition::Study;
use super::fold::Role;
use super::leakage::{self, Audit};
use crate::artifact::{Look, hash_bytes, read_if_there};
use crate::dataset::{Case, Split};
use crate::error::{Error, Result};
use crate::preprocess::{Grids, Stored};

/// The files of a case as they were when they were hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedScan {
    files: usize,
    pub(super) bytes: u64,
    /// Hash of names, sizes and times: while it holds, the content is not read again.
    stamp: String,
    /// Hash of the files' contents.
    blake3: String,
    /// Name of its folder in the cache; empty where it was never prepared.
    #[serde(default)]
    prepared: String,
    /// Hash of what lies there; empty where it was never prepared, or by an older version.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) content: String,
}

impl LockedScan {
    /// Hashes the files of a case, unless sizes and times say that they are those hashed before.
    pub fn of(case: &Case, before: Option<&Self>) -> Result<Self> {
        let files = case.files()?;
        let (mut bytes, mut stamp) = (0, String::new());
        for file in &files {
            let metadata = std::fs::metadata(file).map_err(Error::read(file))?;
            let modified = metadata.modified().map_err(Error::read(file))?;
            let modified = modified
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_nanos());
            bytes += metadata.len();
            stamp += &format!("{} {} {modified}\n", file.display(), metadata.len());
            if file
                .extension()
                .is_some_and(|end| end.eq_ignore_ascii_case("zip"))
            {
                // Which part of it is read.
                stamp += &format!("{}\n", case.name);
            }
        }
        let stamp = hash_bytes(stamp.as_bytes())[..24].to_owned();
        if let Some(before) = before.filter(|before| before.stamp == stamp) {
            return Ok(before.clone());
        }
        let hashes = case.content_hashes()?;
        Ok(Self {
            files: files.len(),
            bytes,
            stamp,
            blake3: hash_bytes(hashes.join(" ").as_bytes()),
            prepared: String::new(),
            content: String::new(),
        })
    }

    /// Names the folder of what is prepared of the case for a study, and returns that name.
    pub(crate) fn prepare(&mut self, case: &Case, study: &Study) -> String {
        let hash = Stored::key(
            &format!("{} {}", self.blake3, case.reading()),
            &Grids::of(&study.recipe, &study.scale),
        );
        if self.prepared != hash {
            self.prepared.clone_from(&hash);
            self.content.clear();
        }
        hash
    }

    /// Whether the files have the same contents.
    pub fn is_same(&self, other: &Self) -> bool {
        self.blake3 == other.blake3
    }
}

/// `study.lock`: the hash of every input, and what followed from them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct StudyLock {
    #[serde(default)]
    pub(crate) folds: Vec<LockedFold>,
    #[serde(default)]
    pub(super) audit: Audit,
    #[serde(default)]
    pub(crate) cases: BTreeMap<String, LockedScan>,
    /// What was prepared of the phantoms for pre-training, by their folders in the cache.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) pretraining: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LockedFold {
    pub(super) index: usize,
    pub(super) role: Role,
    #[serde(flatten)]
    pub(crate) split: Split,
}

/// Cases that are not the same in both, with what became of them.
pub(crate) fn differences(
    before: &BTreeMap<String, LockedScan>,
    now: &BTreeMap<String, LockedScan>,
) -> Vec<String> {
    let gone = before
        .iter()
        .filter_map(|(name, before)| match now.get(name) {
            None => Some(format!("{name} is gone")),
            Some(now) => (!now.is_same(before)).then(|| format!("{name} has other contents")),
        });
    let new = now.keys().filter(|name| !before.contains_key(*name));
    gone.chain(new.map(|name| format!("{name} is new")))
        .collect()
}

/// The split of one of the study's own folds, by its lock.
pub(crate) fn locked_split(run: &Path, fold: usize) -> Result<Option<Split>> {
    let lock = read_lock(&run.join("study.lock"))?;
    let folds = lock.folds.into_iter();
    Ok(folds
        .filter(|locked| locked.index == fold)
        .map(|locked| locked.split)
        .next())
}

/// Numbers and roles of a study's folds, by its lock.
///
/// # Errors
/// `Error::Read` and `Error::Malformed` for the lock.
pub fn fold_roles(run: &Path) -> Result<Vec<(usize, Role)>> {
    let folds = read_lock(&run.join("study.lock"))?.folds.into_iter();
    Ok(folds.map(|fold| (fold.index, fold.role)).collect())
}

impl LockedScan {
    /// Why the study's cache does not hold the case as it was prepared; nothing where it does, or
    /// where the case is not there at all and would be prepared again.
    pub(crate) fn cache_problem(&self, cache: &Path) -> Option<String> {
        let folder = cache.join(&self.prepared);
        if self.prepared.is_empty() || !folder.exists() {
            return None;
        }
        leakage::unprepared(&folder, &self.content, Look::Whole)
    }
}

/// Whether the study's lock says nothing: it is not there, or not yet filled.
pub fn lock_is_empty(run: &Path) -> Result<bool> {
    Ok(read_lock(&run.join("study.lock"))?.folds.is_empty())
}

/// The study's cases, by name.
pub(crate) fn locked_cases(run: &Path) -> Result<BTreeMap<String, LockedScan>> {
    Ok(read_lock(&run.join("study.lock"))?.cases)
}

/// A fold by the lock, its cases by what was prepared of them; an empty name where that is unknown.
#[derive(Clone, Debug)]
pub(crate) struct PreparedFold {
    pub index: usize,
    pub role: Role,
    pub train: Vec<String>,
    pub test: Vec<String>,
}

/// The study's folds, by the lock.
///
/// # Errors
/// As [`fold_roles`].
pub(crate) fn locked_folds(run: &Path) -> Result<Vec<PreparedFold>> {
    Ok(read_lock(&run.join("study.lock"))?.prepared())
}

/// Whether a folder holds the lock of a study.
pub(crate) fn is_locked(run: &Path) -> bool {
    read_lock(&run.join("study.lock")).is_ok_and(|lock| !lock.cases.is_empty())
}

impl StudyLock {
    pub(crate) fn prepared(&self) -> Vec<PreparedFold> {
        let folds = self.folds.iter().map(|fold| {
            let prefix = if fold.role.is_transfer() {
                "transfer/"
            } else {
                ""
            };
            let prepared = |prefix: &str, names: &[String]| -> Vec<String> {
                let of = |name| {
                    let case = self.cases.get(&format!("{prefix}{name}"));
                    case.map(|case| case.prepared.clone()).unwrap_or_default()
                };
                names.iter().map(of).collect()
            };
            PreparedFold {
                index: fold.index,
                role: fold.role,
                train: prepared(prefix, &fold.split.train),
                test: prepared("", &fold.split.test),
            }
        });
        folds.collect()
    }
}

/// The hash of every test case's files of the study's own folds, by the case's name.
///
/// # Errors
/// As [`fold_roles`].
pub fn test_case_hashes(run: &Path) -> Result<BTreeMap<String, String>> {
    let lock = read_lock(&run.join("study.lock"))?;
    let own = lock.folds.iter().filter(|fold| fold.role == Role::Own);
    let tested: BTreeSet<&String> = own.flat_map(|fold| &fold.split.test).collect();
    Ok(tested
        .into_iter()
        .filter_map(|name| Some((name.clone(), lock.cases.get(name)?.blake3.clone())))
        .collect())
}

pub(crate) fn read_lock(path: &Path) -> Result<StudyLock> {
    let Some(text) = read_if_there(path)? else {
        return Ok(StudyLock::default());
    };
    toml::from_slice(&text)
        .map_err(|e| Error::malformed(path, e.to_string(), "delete it; it is made again"))
}
