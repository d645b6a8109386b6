use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;
use walkdir::WalkDir;

use super::status::{CellState, status};
use crate::artifact::{FileRecords, FileState, Look};
use crate::cell::{BEGUN, CellRecord, Stage, WORKING, begun_predictions, files_below};
use crate::dataset::{self, Case};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::study::{
    Cell, LockedScan, Study, lock_is_empty, locked_cases, locked_split, pretraining_problems,
};
use crate::text::Shown as _;

/// Something that is not what the study's records say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// A case, a cell, or a file.
    pub what: String,
    pub problem: String,
}

/// A file of the study and what it turned out to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Its path below the study's folder.
    pub file: String,
    pub state: CheckedState,
}

/// What a file is, held against the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckedState {
    Equal,
    Other,
    Missing,
    /// No record names it.
    Unknown,
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Cases whose files were read and hashed again.
    pub cases: usize,
    /// Outputs that were read and hashed again and are as recorded.
    pub outputs: usize,
    pub mismatches: Vec<Mismatch>,
    /// What equal hashes do not say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Every file of every cell.
    pub files: Vec<Checked>,
}

impl Verified {
    fn add(&mut self, what: impl Into<String>, problem: impl Into<String>) {
        self.mismatches.push(Mismatch {
            what: what.into(),
            problem: problem.into(),
        });
    }

    fn file(&mut self, file: String, state: FileState) {
        let state = match state {
            FileState::Equal => {
                self.outputs += 1;
                CheckedState::Equal
            }
            FileState::Other => {
                self.add(&file, "is not what the record says");
                CheckedState::Other
            }
            FileState::Missing => {
                self.add(&file, "is missing");
                CheckedState::Missing
            }
        };
        self.files.push(Checked { file, state });
    }

    /// Files that no record names.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        let unknown = self.files.iter();
        unknown
            .filter(|checked| checked.state == CheckedState::Unknown)
            .map(|checked| checked.file.as_str())
    }
}

/// Reads every case and every output of a study again and compares their hashes with the records.
///
/// # Errors
/// `Error::Malformed` for a folder without a study; `Error::Interrupted`. What cannot be read is a
/// mismatch.
pub fn verify(run: &Path, progress: &dyn Progress) -> Result<Verified> {
    let study = Study::read(run)?;
    let mut found = Verified::default();
    if let Ok(places) = study.places()
        && !places.first().repeats_exactly()
    {
        found.notes.push(places.first().inexact());
    }
    if lock_is_empty(run)? {
        found.add(
            "study.lock",
            "is missing or empty: nothing says what the cells were made from",
        );
    }
    verify_cases(run, &study, &mut found, progress)?;
    progress.stage("", "hashing what the cells made");
    for cell in status(run)? {
        stop_if_asked(progress)?;
        if let CellState::Stale { changed, .. } = &cell.state
            && !changed.is_empty()
        {
            found.add(
                &cell.cell,
                format!("made from other inputs: {}", changed.join(", ")),
            );
        }
        verify_cell(run, Cell::parse(&cell.cell)?, &mut found);
    }
    Ok(found)
}

fn stop_if_asked(progress: &dyn Progress) -> Result<()> {
    if progress.interrupted() {
        return Err(Error::Interrupted {
            hint: "nothing was changed; run it again".into(),
        });
    }
    Ok(())
}

fn verify_cases(
    run: &Path,
    study: &Study,
    found: &mut Verified,
    progress: &dyn Progress,
) -> Result<()> {
    let locked = locked_cases(run)?;
    let mut there: BTreeMap<String, Case> = BTreeMap::new();
    let mut sets = vec![("", &study.data)];
    sets.extend(
        study
            .transfer
            .iter()
            .map(|transfer| ("transfer/", &transfer.data)),
    );
    for (prefix, data) in sets {
        match dataset::find(&data.folder) {
            Ok(set) => there.extend(
                set.cases
                    .into_iter()
                    .map(|case| (format!("{prefix}{}", case.name), case)),
            ),
            Err(error) => found.add(data.folder.shown().to_string(), error.to_string()),
        }
    }
    progress.stage("", "hashing the cases");
    for (name, before) in &locked {
        stop_if_asked(progress)?;
        let Some(case) = there.get(name) else {
            found.add(name, "is gone");
            continue;
        };
        match LockedScan::of(case, None) {
            Ok(now) if now.is_same(before) => {
                found.cases += 1;
                if let Some(problem) = before.cache_problem(&run.join(&study.cache)) {
                    found.add(format!("{name} in the cache"), problem);
                }
            }
            Ok(_) => found.add(
                name,
                "its files have other contents than when the study began",
            ),
            Err(error) => found.add(name, error.to_string()),
        }
    }
    stop_if_asked(progress)?;
    for (folder, problem) in pretraining_problems(run, &run.join(&study.cache))? {
        found.add(format!("{folder} in the cache, for pre-training"), problem);
    }
    Ok(())
}

fn verify_cell(run: &Path, cell: Cell, found: &mut Verified) {
    let folder = cell.folder(run);
    let name = |file: &str| format!("{}/{file}", cell.name());
    let record = match CellRecord::read(&folder) {
        Ok(record) => record,
        Err(error) => return found.add(name("state.json"), error.to_string()),
    };
    let mut known: BTreeSet<String> = BTreeSet::new();
    let kept: BTreeMap<String, FileState> = record.unlike_kept(&folder).into_iter().collect();
    for file in record.kept.keys() {
        let state = kept.get(file).copied().unwrap_or(FileState::Equal);
        found.file(name(file), state);
        known.insert(file.clone());
    }
    // Of a prediction that has not ended, each case is on record by itself.
    let mut begun = FileRecords::new();
    if !record.stages.contains_key(&Stage::Predict) {
        begun = match begun_predictions(&folder) {
            Ok(files) => files,
            Err(error) => return found.add(name(BEGUN), error.to_string()),
        };
        known.insert(BEGUN.to_owned());
    }
    let stages = record.stages.values().map(|stage| &stage.files);
    for (file, recorded) in stages.chain([&record.filed, &begun]).flatten() {
        found.file(name(file), recorded.look(&folder.join(file), Look::Whole));
        known.insert(file.clone());
    }
    let split = locked_split(run, cell.fold).ok().flatten();
    let tests = split.map(|split| split.test).unwrap_or_default();
    for (stage, old) in record.stages.iter().filter(|(_, s)| s.files.is_empty()) {
        let what = format!("{}: {}", cell.name(), old.outputs.join(", "));
        match old.hash_of_old(&folder, *stage, &tests) {
            Ok(hash) if hash == old.hash => found.outputs += 1,
            Ok(_) => found.add(what, "is not what the record says"),
            Err(error) => found.add(what, error.to_string()),
        }
        known.extend(files_below(&folder, &old.outputs).unwrap_or_default());
    }
    let mut strangers = false;
    let there = WalkDir::new(&folder).sort_by_file_name().into_iter();
    for entry in there.filter_map(Result::ok) {
        let file = entry.path().strip_prefix(&folder).unwrap_or(entry.path());
        let file = file.to_string_lossy().into_owned();
        if !entry.file_type().is_file() || known.contains(&file) || is_working_file(&file) {
            continue;
        }
        if record.stages.is_empty() && !strangers {
            strangers = true;
            found.add(
                name("state.json"),
                "is missing or names no stage: nothing says what the cell's files were made from",
            );
        }
        // A report shows it.
        if file == "challenge.json" {
            found.add(
                name(&file),
                "is in no record: it was not filed by `submit-lits import`",
            );
        }
        found.files.push(Checked {
            file: name(&file),
            state: CheckedState::Unknown,
        });
    }
}

/// What a cell writes while it works.
fn is_working_file(file: &str) -> bool {
    let first = file.split('/').next().unwrap_or(file);
    let ours = ["state.json", "log.txt", "checkpoints"].contains(&first);
    ours || WORKING.contains(&first) || first.starts_with('.')
}
