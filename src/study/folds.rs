//! From cases that are ready to the folds of a study.

use std::path::PathBuf;
use std::sync::Arc;

use super::definition::Study;
use super::fold::{Fold, Leak, Role, TestCase};
use super::leakage::SamePair;
use crate::dataset::split::Labelled;
use crate::dataset::{Case, Split};
use crate::error::{Error, Result};
use crate::preprocess::Stored;
use crate::seed::Seed;

/// A labelled case of one of the study's data sets, in the cache.
pub(crate) struct Ready {
    pub case: Case,
    /// Its name in the lock: unique over both data sets.
    pub key: String,
    pub hash: String,
    pub cached: PathBuf,
    pub stored: Arc<Stored>,
}

impl Ready {
    fn has_lesion(&self) -> bool {
        self.stored.has_lesion()
    }
}

/// The folds of the protocol that the study runs, then those of its transfer.
pub(crate) fn folds(
    study: &Study,
    own: &[Ready],
    other: &[Ready],
    same: &[SamePair],
) -> Result<Vec<Fold>> {
    let labelled: Vec<Labelled> = own
        .iter()
        .map(|ready| Labelled {
            name: ready.case.name.clone(),
            tumour: ready.has_lesion(),
        })
        .collect();
    let splits = study.protocol.folds(&labelled, Seed(study.seed))?;
    if let Some(&missing) = study.folds.iter().find(|&&fold| fold >= splits.len()) {
        return Err(Error::usage(
            format!("fold {missing} of {} does not exist", splits.len()),
            "folds are counted from 0",
        ));
    }
    let wanted = |index: usize| study.folds.is_empty() || study.folds.contains(&index);
    let mut folds = Vec::new();
    for (index, split) in splits.iter().enumerate().filter(|(i, _)| wanted(*i)) {
        let train = pick(own, &split.train)?;
        let test = pick(own, &split.test)?;
        let split = split.clone();
        folds.push(fold(index, Role::Own, split, &train, &test, same));
    }
    if study.transfer.is_some() {
        let tested: Vec<String> = splits.iter().flat_map(|split| split.test.clone()).collect();
        let mut test = pick(own, &tested)?;
        test.sort_by_key(|ready| own.iter().position(|other| other.key == ready.key));
        folds.extend(transfer(splits.len(), other, own, &test, same)?);
    }
    Ok(folds)
}

/// Training on the other data set: without any scan of the study's own set, tested here or not, and,
/// where there are such, with all of them as well.
fn transfer(
    first: usize,
    other: &[Ready],
    own: &[Ready],
    test: &[&Ready],
    same: &[SamePair],
) -> Result<Vec<Fold>> {
    let all: Vec<&Ready> = other.iter().collect();
    let own: Vec<&Ready> = own.iter().collect();
    let left_out = leaks(&all, &own, same);
    let clean: Vec<&Ready> = all
        .iter()
        .filter(|ready| left_out.iter().all(|leak| leak.train != ready.case.name))
        .copied()
        .collect();
    if clean.is_empty() {
        return Err(Error::usage(
            "every case of the training set is a scan of the test set",
            "a transfer needs other cases to train on",
        ));
    }
    let names = |cases: &[&Ready]| cases.iter().map(|ready| ready.case.name.clone()).collect();
    let split = |train: &[&Ready], what: String| Split {
        train: names(train),
        test: names(test),
        description: format!("trained on {} cases of another data set{what}", train.len()),
    };
    let honest = match left_out.len() {
        0 => ", none of which is a scan of this one".into(),
        _ => format!(
            "; {} of its {} were left out because they are scans of this one",
            all.len() - clean.len(),
            all.len()
        ),
    };
    let mut folds = vec![Fold {
        left_out: left_out.clone(),
        ..fold(
            first,
            Role::Transfer,
            split(&clean, honest),
            &clean,
            test,
            same,
        )
    }];
    if !left_out.is_empty() {
        let leaked = leaks(&all, test, same).len();
        let split = split(&all, format!(", {leaked} test scans among them"));
        folds.push(fold(first + 1, Role::Leaked, split, &all, test, same));
    }
    Ok(folds)
}

fn pick<'a>(cases: &'a [Ready], names: &[String]) -> Result<Vec<&'a Ready>> {
    names
        .iter()
        .map(|name| {
            let found = cases.iter().find(|ready| ready.case.name == *name);
            found.ok_or_else(|| {
                Error::Internal(format!("{name} is in the split but not in the data"))
            })
        })
        .collect()
}

fn fold(
    index: usize,
    role: Role,
    split: Split,
    train: &[&Ready],
    test: &[&Ready],
    same: &[SamePair],
) -> Fold {
    Fold {
        index,
        role,
        split,
        train_cases: train.iter().map(|ready| ready.case.clone()).collect(),
        train: train
            .iter()
            .map(|ready| Arc::clone(&ready.stored))
            .collect(),
        train_hashes: train.iter().map(|ready| ready.hash.clone()).collect(),
        test: test
            .iter()
            .map(|ready| TestCase {
                case: ready.case.clone(),
                hash: ready.hash.clone(),
                cached: ready.cached.clone(),
                has_lesion: ready.has_lesion(),
            })
            .collect(),
        leaks: leaks(train, test, same),
        left_out: Vec::new(),
    }
}

fn leaks(train: &[&Ready], test: &[&Ready], same: &[SamePair]) -> Vec<Leak> {
    let name = |cases: &[&Ready], key: &str| {
        let found = cases.iter().find(|ready| ready.key == key);
        found.map(|ready| ready.case.name.clone())
    };
    same.iter()
        .filter_map(|pair| {
            let (a, b) = (pair.first.as_str(), pair.second.as_str());
            let (train, test) = match (name(train, a), name(test, b)) {
                (Some(train), Some(test)) => (train, test),
                _ => (name(train, b)?, name(test, a)?),
            };
            Some(Leak {
                train,
                test,
                evidence: pair.evidence.clone(),
            })
        })
        .collect()
}
