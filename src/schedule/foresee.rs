//! What a start would do, said without writing anything.

use std::path::Path;

use super::status::{CellStatus, status_of};
use crate::dataset::split::Labelled;
use crate::dataset::{self, Case, Dataset};
use crate::error::{Error, Result};
use crate::seed::Seed;
use crate::study::{
    Data, LockedScan, PreparedFold, Role, Study, StudyLock, differences, read_lock,
};
use crate::text::Shown as _;

/// What a start of a study would find.
#[derive(Debug)]
pub struct Foreseen {
    /// How its cells stand.
    pub cells: Vec<CellStatus>,
    /// What would be made first, and what is not known before that; for people.
    pub notes: Vec<String>,
}

/// One of the study's data sets as far as it is there.
struct Known {
    cases: Vec<Labelled>,
    found: Vec<Case>,
}

/// Looks at a study that may not have begun, or that may go on with other settings. Reads the names
/// and times of the data's files, of changed ones the contents; what follows from voxels alone is said
/// to be unknown, unless the study has prepared its cases before.
///
/// # Errors
/// What finding the cases and dividing them gives; `Error::Malformed` for records that do not parse.
pub fn foresee(run: &Path, study: &Study) -> Result<Foreseen> {
    let mut notes = Vec::new();
    let own = known(&study.data, "", &mut notes)?;
    let other = match &study.transfer {
        Some(transfer) => Some(known(&transfer.data, "transfer/", &mut notes)?),
        None => None,
    };
    let lock = read_lock(&run.join("study.lock"))?;
    // The lock says how cases were divided by the study that was there before.
    let before = Study::read(run).ok().filter(|before| {
        before.protocol == study.protocol
            && before.seed == study.seed
            && before.data == study.data
            && before.transfer == study.transfer
    });
    let sets = [("", Some(&own)), ("transfer/", other.as_ref())];
    let lock = match before {
        Some(_) if !lock.cases.is_empty() => Some(updated(study, lock, &sets, &mut notes)?),
        _ => None,
    };
    let folds = folds(study, &own, lock.as_ref(), &mut notes)?;
    let cells = status_of(run, study, &folds)?;
    Ok(Foreseen { cells, notes })
}

fn known(data: &Data, prefix: &str, notes: &mut Vec<String>) -> Result<Known> {
    let labelled = |found: Dataset| -> Vec<Case> {
        found.cases.into_iter().filter(Case::has_labels).collect()
    };
    let named = |name: String| Labelled { name, tumour: true };
    let what = if prefix.is_empty() {
        ""
    } else {
        " to train the transfer on"
    };
    match (dataset::find(&data.folder).map(labelled), data.phantoms) {
        (Ok(found), None) => {
            notes.push(format!("{} labelled cases{what}", found.len()));
            let cases = found.iter().map(|case| named(case.name.clone()));
            Ok(Known {
                cases: cases.collect(),
                found,
            })
        }
        (Ok(found), Some(phantoms)) if found.len() == phantoms.cases => Ok(Known {
            cases: found.iter().map(|case| named(case.name.clone())).collect(),
            found,
        }),
        (Err(error), None) => Err(error),
        // They are not there yet, or not all of them.
        (_, Some(phantoms)) => {
            notes.push(format!(
                "{} CT phantoms{what} would be generated in {}",
                phantoms.cases,
                data.folder.shown()
            ));
            Ok(Known {
                cases: (0..phantoms.cases)
                    .map(|i| named(format!("phantom-{i}")))
                    .collect(),
                found: Vec::new(),
            })
        }
    }
}

/// The lock as the next start would write it, as far as that follows from the files; the cases of a
/// fold are unknown where other cases are there than before.
fn updated(
    study: &Study,
    mut lock: StudyLock,
    sets: &[(&str, Option<&Known>)],
    notes: &mut Vec<String>,
) -> Result<StudyLock> {
    let mut now = std::collections::BTreeMap::new();
    for (prefix, set) in sets {
        for case in set.iter().flat_map(|set| &set.found) {
            let key = format!("{prefix}{}", case.name);
            let mut locked = LockedScan::of(case, lock.cases.get(&key))?;
            locked.prepare(case, study);
            now.insert(key, locked);
        }
    }
    let changed = differences(&lock.cases, &now);
    notes.extend(changed.iter().map(|changed| {
        format!("{changed} since the last start: what was made from it would be made anew")
    }));
    if !lock.cases.keys().eq(now.keys()) {
        for fold in &mut lock.folds {
            fold.split.train.clear();
            fold.split.test.clear();
        }
    }
    lock.cases = now;
    Ok(lock)
}

fn folds(
    study: &Study,
    own: &Known,
    lock: Option<&StudyLock>,
    notes: &mut Vec<String>,
) -> Result<Vec<PreparedFold>> {
    // How many there are does not depend on which cases have tumours; what is in them does.
    let count = study.protocol.folds(&own.cases, Seed(study.seed))?.len();
    if let Some(missing) = study.folds.iter().find(|&&fold| fold >= count) {
        return Err(Error::usage(
            format!("fold {missing} of {count} does not exist"),
            "folds are counted from 0",
        ));
    }
    let wanted = |index: &usize| study.folds.is_empty() || study.folds.contains(index);
    let mut roles: Vec<(usize, Role)> = (0..count)
        .filter(wanted)
        .map(|index| (index, Role::Own))
        .collect();
    let locked = lock.map(StudyLock::prepared).unwrap_or_default();
    if let Some(transfer) = &study.transfer {
        roles.push((count, Role::Transfer));
        // Phantoms have the same scans in both sets, so that the leak can be shown.
        let generated = study.data.phantoms.and(transfer.data.phantoms).is_some();
        let was = locked.iter().any(|fold| fold.role == Role::Leaked);
        if was || (lock.is_none() && generated) {
            roles.push((count + 1, Role::Leaked));
        } else if lock.is_none() {
            notes.push(
                "a second transfer, with the leak, follows if the training set holds scans of the test set: \
                 that is known once the cases are prepared"
                    .into(),
            );
        }
    }
    if lock.is_none() {
        notes.push(
            "which cases are in which fold, and whether two of them are the same scan, is known once they \
             are prepared"
                .into(),
        );
    }
    let fold = |(index, role): (usize, Role)| {
        let known = locked
            .iter()
            .find(|fold| (fold.index, fold.role) == (index, role));
        known.cloned().unwrap_or_else(|| PreparedFold {
            index,
            role,
            train: vec![String::new()],
            test: vec![String::new()],
        })
    };
    Ok(roles.into_iter().map(fold).collect())
}
