use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::algorithm::Algorithm;
use super::cell::{Cell, cells_of};
use super::definition::Study;
use super::fold::{Fold, Role, refuse_leaks};
use super::folds::{Ready, folds};
use super::leakage::{self};
use super::lock::{LockedFold, LockedScan, differences, read_lock};
use super::pretraining;
use super::ready::{find, ready};
use crate::artifact::{read_file, write_atomic};
use crate::dataset::{Dataset, Split, splits_json};
use crate::error::{Error, Result};
use crate::preprocess::Stored;
use crate::progress::Progress;

/// The cases of a study, hashed, preprocessed, audited and divided into folds.
#[derive(Debug, Default)]
pub struct Inputs {
    /// Those that are run, in the order of their numbers; at least one.
    pub folds: Vec<Fold>,
    /// What was odd about the files.
    pub warnings: Vec<String>,
    /// What the encoder is pre-trained on; none where nothing is.
    pub pretraining: Vec<Arc<Stored>>,
    /// Every case as the study found it.
    pub(crate) locked: BTreeMap<String, LockedScan>,
    /// Cases that were others by the lock that was there before, and how.
    pub changed: Vec<String>,
}

impl Inputs {
    /// The cells of an algorithm.
    pub fn cells_of(&self, study: &Study, algorithm: Algorithm) -> Vec<Cell> {
        let folds = self.folds.iter().map(|fold| (fold.index, fold.role));
        let cells = cells_of(study, folds).into_iter();
        cells.filter(|cell| cell.algorithm == algorithm).collect()
    }

    /// Finds, hashes, preprocesses, audits and divides a study's cases; what was done before is
    /// not done again.
    ///
    /// # Errors
    /// Whatever reading gives; `Error::Usage` where a fold would be tested on scans that it was
    /// trained on and the study does not allow it.
    pub fn prepare(run: &Path, study: &Study, progress: &dyn Progress) -> Result<Self> {
        Self::open(run, study, false, progress)
    }

    /// The same for a single cell of a study that has begun: its lock has to hold, or cells of one
    /// study would be made from different data.
    ///
    /// # Errors
    /// As [`Inputs::prepare`], and `Error::Malformed` where a case is another than the lock says.
    pub fn reopen(run: &Path, study: &Study, progress: &dyn Progress) -> Result<Self> {
        Self::open(run, study, true, progress)
    }

    fn open(run: &Path, study: &Study, hold: bool, progress: &dyn Progress) -> Result<Self> {
        progress.stage("", "preparing cases");
        let path = run.join("study.lock");
        let mut lock = read_lock(&path)?;
        let mut locked = BTreeMap::new();
        let mut warnings = Vec::new();
        let found = find(study)?;
        if hold && !lock.cases.is_empty() {
            hold_to(&lock.cases, &path, &found)?;
        }
        let (found, other_found) = found;
        let mut set = |found: Dataset, prefix: &str| -> Result<Vec<Ready>> {
            let before = &lock.cases;
            ready(
                run,
                study,
                found,
                prefix,
                before,
                &mut locked,
                &mut warnings,
                progress,
            )
        };
        let own = set(found, "")?;
        let other = match other_found {
            Some(found) => set(found, "transfer/")?,
            None => Vec::new(),
        };
        let changed = match lock.cases.is_empty() {
            true => Vec::new(),
            false => differences(&lock.cases, &locked),
        };
        lock.cases = locked;
        let pretraining = pretraining::prepare(run, study, &mut lock.pretraining, progress)?;
        let all: Vec<leakage::Scan<'_>> = own
            .iter()
            .chain(&other)
            .map(|ready| leakage::Scan {
                key: &ready.key,
                name: &ready.case.name,
                hash: &ready.hash,
                cached: &ready.cached,
            })
            .collect();
        lock.audit = leakage::audit(&all, &lock.audit)?;
        let folds = folds(study, &own, &other, &lock.audit.pairs)?;
        lock.folds = folds
            .iter()
            .map(|fold| LockedFold {
                index: fold.index,
                role: fold.role,
                split: fold.split.clone(),
            })
            .collect();
        // The cells' own processes read these files too: they are written only when they say
        // something new.
        let text = toml::to_string(&lock).map_err(|e| Error::Internal(e.to_string()))?;
        write_changed(&path, text.as_bytes())?;
        refuse_leaks(&folds, study.allow_leakage)?;
        let own_folds = folds.iter().filter(|fold| fold.role == Role::Own);
        let splits: Vec<Split> = own_folds.map(|fold| fold.split.clone()).collect();
        write_changed(&run.join("splits_final.json"), &splits_json(&splits)?)?;
        // The folder and the case itself may say the same.
        let mut told = BTreeSet::new();
        warnings.retain(|warning| told.insert(warning.clone()));
        Ok(Self {
            folds,
            warnings,
            pretraining,
            locked: lock.cases,
            changed,
        })
    }

    /// An error if the lock that was there before did not hold.
    ///
    /// # Errors
    /// `Error::Malformed` with the cases that are others than the study began with.
    pub fn as_locked(&self, run: &Path) -> Result<()> {
        match self.changed.as_slice() {
            [] => Ok(()),
            changed => Err(changed_since(&run.join("study.lock"), changed)),
        }
    }

    /// Looks at every input again, at the end of a study: contents are read where sizes or times say
    /// that they may be others.
    ///
    /// # Errors
    /// `Error::Malformed` where a case is not what it was when the study began; what reading gives.
    pub fn check_again(&self, run: &Path, study: &Study) -> Result<()> {
        hold_to(&self.locked, &run.join("study.lock"), &find(study)?)
    }

    /// The fold of this number.
    ///
    /// # Errors
    /// `Error::Usage` for one that the study does not run.
    pub fn fold(&self, index: usize) -> Result<&Fold> {
        let found = self.folds.iter().find(|fold| fold.index == index);
        found.ok_or_else(|| {
            let known: Vec<String> = self.folds.iter().map(|f| f.index.to_string()).collect();
            Error::usage(
                format!("the study has no fold {index}"),
                format!("its folds are {}", known.join(", ")),
            )
        })
    }
}

/// An error if the data is not what it was.
fn hold_to(
    locked: &BTreeMap<String, LockedScan>,
    lock: &Path,
    (own, other): &(Dataset, Option<Dataset>),
) -> Result<()> {
    let mut now = BTreeMap::new();
    for (set, prefix) in [(Some(own), ""), (other.as_ref(), "transfer/")] {
        let cases = set.into_iter().flat_map(|set| &set.cases);
        for case in cases.filter(|case| case.has_labels()) {
            let key = format!("{prefix}{}", case.name);
            let lock = LockedScan::of(case, locked.get(&key))?;
            now.insert(key, lock);
        }
    }
    match differences(locked, &now) {
        none if none.is_empty() => Ok(()),
        changed => Err(changed_since(lock, &changed)),
    }
}

fn changed_since(lock: &Path, changed: &[String]) -> Error {
    const SHOWN: usize = 5;
    let more = match changed.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let shown = &changed[..changed.len().min(SHOWN)];
    Error::malformed(
        lock,
        format!(
            "the data changed since the study began: {}{more}",
            shown.join(", ")
        ),
        "put it back, or start the study again: what was made from it is then made anew",
    )
}

fn write_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if read_file(path).ok().as_deref() == Some(bytes) {
        return Ok(());
    }
    write_atomic(path, bytes)
}
