//! The leakage audit: pairs of a training and a test case that are the same scan.

use std::fmt;
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::progress::Progress;
use hdbench_volume::Volume;

use super::each::each;
use super::fingerprint::{Fingerprint, Index, Overlap};
use super::lock::{Lock, hash_image};
use super::{Case, Dataset, find, quirks};

/// What says that two cases are the same scan.
#[derive(Clone, Debug, PartialEq)]
pub enum Evidence {
    /// Marks of the one are found in the other, at places that fit together.
    Marks(Overlap),
    /// All voxels are the same once both are turned to canonical orientation.
    Voxels,
    /// The published table alone; the voxels differ, as in phantoms that carry the same names.
    TableAlone,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Marks(overlap) => write!(
                f,
                "{} common marks, {:.1} % of the smaller scan's ({})",
                overlap.shared,
                100.0 * overlap.share_of_smaller,
                overlap.relation
            ),
            Self::Voxels => f.write_str("all voxels are the same"),
            Self::TableAlone => f.write_str(
                "by their names LiTS volume 27 + N and 3DIRCADb patient N, but the voxels differ: no \
                 leak",
            ),
        }
    }
}

/// Two cases that are the same scan, or ought to be.
#[derive(Clone, Debug, PartialEq)]
pub struct SameScan {
    /// The training case.
    pub train: String,
    /// The test case.
    pub test: String,
    /// What says so.
    pub evidence: Evidence,
    /// Whether LiTS's and 3DIRCADb's published overlap has the pair.
    pub in_table: bool,
}

impl SameScan {
    /// Whether a model trained on the one has seen the other.
    pub fn is_leak(&self) -> bool {
        self.evidence != Evidence::TableAlone
    }
}

/// Whether two names are one scan by the published overlap: LiTS `volume-(27 + N)` is
/// `3Dircadb1.N`, for N from 1 to 20, either way round.
pub fn known_pair(train: &str, test: &str) -> bool {
    let patient_of =
        |volume: &str| quirks::ircadb_patient(volume.strip_prefix("volume-")?.parse().ok()?);
    let number_of = |patient: &str| patient.strip_prefix("3Dircadb1.")?.parse::<u32>().ok();
    let same = |volume: &str, patient: &str| {
        let known = patient_of(volume);
        known.is_some() && known == number_of(patient)
    };
    same(train, test) || same(test, train)
}

/// The pairs of a training and a test case with common scan content, in the order of the training
/// cases and then of the test cases; also those of the table whose voxels say otherwise, which are
/// no leaks.
pub fn same_scans(
    train: &[(String, Fingerprint)],
    test: &[(String, Fingerprint)],
) -> Vec<SameScan> {
    let index = Index::new(train.iter().map(|(_, fingerprint)| fingerprint).collect());
    let found = test
        .iter()
        .enumerate()
        .flat_map(|(place, (_, fingerprint))| {
            let found = index.find(fingerprint).into_iter();
            found.map(move |(train, overlap)| (train, place, Evidence::Marks(overlap)))
        });
    named(names(train), names(test), found.collect())
}

/// The same within one set: each pair once, the earlier case first, none with itself.
pub fn same_scans_within(cases: &[(String, Fingerprint)]) -> Vec<SameScan> {
    let index = Index::new(cases.iter().map(|(_, fingerprint)| fingerprint).collect());
    let found = cases
        .iter()
        .enumerate()
        .flat_map(|(place, (_, fingerprint))| {
            let found = index.find(fingerprint).into_iter();
            found
                .filter(move |&(other, _)| other < place)
                .map(move |(other, overlap)| (other, place, Evidence::Marks(overlap)))
        });
    let mut found: Vec<_> = found.collect();
    found.sort_by_key(|&(first, second, _)| (first, second));
    let names = names(cases);
    let pair = |(first, second, evidence): (usize, usize, Evidence)| SameScan {
        train: names[first].to_owned(),
        test: names[second].to_owned(),
        evidence,
        in_table: known_pair(names[first], names[second]),
    };
    found.into_iter().map(pair).collect()
}

/// As [`same_scans`] by hashes of all voxels alone, as lock files have them: a crop or a shift in
/// HU is not found.
pub fn same_voxels(train: &[(String, String)], test: &[(String, String)]) -> Vec<SameScan> {
    let mut found = Vec::new();
    for (i, (_, ours)) in train.iter().enumerate() {
        for (j, (_, theirs)) in test.iter().enumerate() {
            if ours == theirs {
                found.push((i, j, Evidence::Voxels));
            }
        }
    }
    named(names(train), names(test), found)
}

/// One side of an audit.
#[derive(Debug)]
pub enum Side {
    /// A data set on disk.
    Folder(PathBuf, Dataset),
    /// A lock file.
    Lock(PathBuf, Lock),
}

impl Side {
    /// A folder is a data set, a file a lock.
    ///
    /// # Errors
    /// Those of [`find`] and of [`Lock::read`].
    pub fn open(path: &Path) -> Result<Self> {
        if path.is_file() && !hdbench_volume::artifact::is_zip(path)? {
            return Ok(Self::Lock(path.to_path_buf(), Lock::read(path)?));
        }
        Ok(Self::Folder(path.to_path_buf(), find(path)?))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Folder(path, _) | Self::Lock(path, _) => path,
        }
    }

    /// Whether both are one set of cases.
    fn is(&self, other: &Self) -> bool {
        match (self.path().canonicalize(), other.path().canonicalize()) {
            (Ok(a), Ok(b)) => a == b,
            _ => false,
        }
    }
}

/// A case that could not be read.
#[derive(Debug)]
pub struct Unreadable {
    /// Its name.
    pub case: String,
    /// Why.
    pub error: Error,
}

/// What an audit found.
#[derive(Debug)]
pub struct Audit {
    /// Cases of the training side.
    pub train_cases: usize,
    /// Cases of the test side.
    pub test_cases: usize,
    /// Whether a lock file was one of the sides, so that only equal voxels could be found.
    pub by_hash_alone: bool,
    /// The pairs.
    pub pairs: Vec<SameScan>,
    /// Cases that nothing can be said of.
    pub unreadable: Vec<Unreadable>,
}

impl Audit {
    /// The pairs that are leaks.
    pub fn leaks(&self) -> impl Iterator<Item = &SameScan> {
        self.pairs.iter().filter(|pair| pair.is_leak())
    }
}

/// Compares two sides, training and test cases of each; the same folder twice is searched for
/// scans that occur in it more than once. At most `jobs` cases are read at a time.
///
/// # Errors
/// `Error::Interrupted`; a case that cannot be read is one of [`Audit::unreadable`].
pub fn audit(train: &Side, test: &Side, jobs: usize, progress: &dyn Progress) -> Result<Audit> {
    let mut unreadable = Vec::new();
    let (train_cases, test_cases, by_hash_alone, pairs) = match (train, test) {
        (Side::Folder(_, ours), Side::Folder(..)) if train.is(test) => {
            let cases = read_each(ours, jobs, progress, &mut unreadable, Fingerprint::of)?;
            let count = ours.all_cases().count();
            (count, count, false, same_scans_within(&cases))
        }
        (Side::Folder(_, ours), Side::Folder(_, theirs)) => {
            let mut marks =
                |side| read_each(side, jobs, progress, &mut unreadable, Fingerprint::of);
            let pairs = same_scans(&marks(ours)?, &marks(theirs)?);
            (
                ours.all_cases().count(),
                theirs.all_cases().count(),
                false,
                pairs,
            )
        }
        _ => {
            let mut hashes = |side: &Side| match side {
                Side::Folder(_, dataset) => {
                    read_each(dataset, jobs, progress, &mut unreadable, hash_image)
                }
                Side::Lock(_, lock) => Ok(lock
                    .cases
                    .iter()
                    .map(|case| (case.name.clone(), case.voxels.clone()))
                    .collect()),
            };
            let ours = hashes(train)?;
            if train.is(test) {
                let mut pairs = same_voxels(&ours, &ours);
                let place = |name: &str| ours.iter().position(|(other, _)| other == name);
                pairs.retain(|pair| place(&pair.train) < place(&pair.test));
                (ours.len(), ours.len(), true, pairs)
            } else {
                let theirs = hashes(test)?;
                let pairs = same_voxels(&ours, &theirs);
                (ours.len(), theirs.len(), true, pairs)
            }
        }
    };
    Ok(Audit {
        train_cases,
        test_cases,
        by_hash_alone,
        pairs,
        unreadable,
    })
}

fn read_each<T: Send>(
    dataset: &Dataset,
    jobs: usize,
    progress: &dyn Progress,
    unreadable: &mut Vec<Unreadable>,
    of: impl Fn(&Volume<f32>) -> T + Sync,
) -> Result<Vec<(String, T)>> {
    let cases: Vec<&Case> = dataset.all_cases().collect();
    progress.plan(cases.len() as u64);
    progress.stage("", &format!("reading {} cases", cases.len()));
    let results = each(&cases, jobs, progress, |case| {
        case.read_image().map(|image| of(&image))
    })?;
    let mut read = Vec::new();
    for (case, result) in cases.into_iter().zip(results) {
        match result {
            Ok(value) => read.push((case.name.clone(), value)),
            Err(error) => unreadable.push(Unreadable {
                case: case.name.clone(),
                error,
            }),
        }
    }
    Ok(read)
}

fn names<T>(cases: &[(String, T)]) -> Vec<&str> {
    cases.iter().map(|(name, _)| name.as_str()).collect()
}

/// Gives the found pairs their names and adds those that only the table has.
fn named(
    train: Vec<&str>,
    test: Vec<&str>,
    mut found: Vec<(usize, usize, Evidence)>,
) -> Vec<SameScan> {
    let mut table = Vec::new();
    for (i, ours) in train.iter().enumerate() {
        for (j, theirs) in test.iter().enumerate() {
            let missed = !found.iter().any(|&(a, b, _)| (a, b) == (i, j));
            if known_pair(ours, theirs) && missed {
                table.push((i, j, Evidence::TableAlone));
            }
        }
    }
    found.append(&mut table);
    found.sort_by_key(|&(i, j, _)| (i, j));
    found
        .into_iter()
        .map(|(i, j, evidence)| SameScan {
            train: train[i].to_owned(),
            test: test[j].to_owned(),
            evidence,
            in_table: known_pair(train[i], test[j]),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_overlap_is_volumes_28_to_47() {
        assert!(known_pair("volume-28", "3Dircadb1.1"));
        assert!(known_pair("3Dircadb1.20", "volume-47"));
        for (train, test) in [
            ("volume-27", "3Dircadb1.0"),
            ("volume-48", "3Dircadb1.21"),
            ("volume-29", "3Dircadb1.1"),
            ("test-volume-28", "3Dircadb1.1"),
            ("volume-28", "volume-28"),
            ("volume-1", "x"),
        ] {
            assert!(!known_pair(train, test), "{train} {test}");
        }
    }
}
