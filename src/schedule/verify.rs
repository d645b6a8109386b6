use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;
use walkdir::WalkDir;

use super::status::{CellState, status};
use crate::artifact::{FileRecords, FileState, Look, create_dir, read_file, symlink, write_atomic};
use crate::cell::{BEGUN, CellRecord, Stage, Status, WORKING, begun_predictions, files_below};
use crate::dataset::{self, Case};
use crate::error::{Error, Result, is_absent};
use crate::progress::Progress;
use crate::study::{
    Cell, Environment, LockedScan, Study, lock_is_empty, locked_cases, locked_split,
    pretraining_problems,
};
use crate::text::Shown as _;
use crate::training::{LossRow, read_losses};

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

/// What running a cell again gave.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reproduced {
    /// Weights, losses, predictions, scores: whether each is the same to the last bit.
    pub same: BTreeMap<&'static str, bool>,
    /// What is another in the program or the machine.
    pub differs: Vec<String>,
}

impl Reproduced {
    /// Whether all are.
    pub fn is_same(&self) -> bool {
        self.same.values().all(|same| *same)
    }
}

/// In a folder that a cell is run again in: which cell of which study.
const AGAIN: &str = "reproduce.json";

/// Prepares a folder in which a cell can be run again from its record: the study's settings and lock, its
/// cache, and the cells that this one needs, as links. A folder in which that was begun before goes on;
/// what it finished there is run again.
///
/// # Errors
/// `Error::Usage` for a cell that is not done, and for a folder that holds anything else;
/// `Error::Write`.
pub fn prepare_again(run: &Path, cell: Cell, scratch: &Path) -> Result<()> {
    let study = Study::read(run)?;
    let record = CellRecord::read(&cell.folder(run))?;
    let stages = &record.stages;
    if !stages.contains_key(&Stage::Train) && !stages.contains_key(&Stage::Score) {
        return Err(Error::usage(
            format!(
                "{} is not finished: there is nothing to compare with",
                cell.name()
            ),
            "name a cell that hdbench status shows as done",
        ));
    }
    let absolute = std::path::absolute(run).map_err(Error::read(run))?;
    claim(&absolute, cell, scratch)?;
    let mut again = study.clone();
    again.cache = absolute.join(&study.cache);
    // Absolute paths stay as they are.
    again.write(scratch, true)?;
    let lock = run.join("study.lock");
    let text = read_file(&lock).map_err(Error::read(&lock))?;
    write_atomic(&scratch.join("study.lock"), &text)?;
    let mut needed = cell.needs(&study.recipe);
    while let Some(need) = needed.pop() {
        let to = need.folder(scratch);
        if to.exists() {
            continue;
        }
        if let Some(parent) = to.parent() {
            create_dir(parent)?;
        }
        link(&need.folder(&absolute), &to)?;
        needed.extend(need.needs(&study.recipe));
    }
    Ok(())
}

/// Makes sure that a folder is empty or was begun for the same, and that it holds no result yet.
fn claim(run: &Path, cell: Cell, scratch: &Path) -> Result<()> {
    let marker = scratch.join(AGAIN);
    let whose = serde_json::json!({ "study": run, "cell": cell.name() });
    let text = serde_json::to_vec_pretty(&whose).map_err(|e| Error::Internal(e.to_string()))?;
    let is_empty = match std::fs::read_dir(scratch) {
        Ok(mut entries) => entries.next().is_none(),
        Err(e) if is_absent(&e) => true,
        Err(e) => return Err(Error::read(scratch)(e)),
    };
    if !is_empty && read_file(&marker).ok().as_deref() != Some(&text) {
        return Err(Error::usage(
            format!(
                "{}: holds something else than {} begun again",
                scratch.shown(),
                cell.name()
            ),
            "give --out a folder that is not there yet",
        ));
    }
    create_dir(scratch)?;
    write_atomic(&marker, &text)?;
    // A result from before is nothing that was run now.
    let folder = cell.folder(scratch);
    match CellRecord::read(&folder) {
        Ok(record) if record.status != Status::Done => Ok(()),
        _ => std::fs::remove_dir_all(&folder).map_err(Error::write(&folder)),
    }
}

fn link(from: &Path, to: &Path) -> Result<()> {
    symlink(from, to).map_err(Error::write(to))
}

/// Compares what a cell made in two folders.
///
/// # Errors
/// `Error::Read` and `Error::Malformed` for what is not there.
pub fn compare_runs(run: &Path, scratch: &Path, cell: Cell) -> Result<Reproduced> {
    let folders = [run, scratch].map(|run| cell.folder(run));
    let records = [
        CellRecord::read(&folders[0])?,
        CellRecord::read(&folders[1])?,
    ];
    let mut same = BTreeMap::new();
    for (name, stage) in [
        ("weights", Stage::Train),
        ("predictions", Stage::Predict),
        ("scores", Stage::Score),
    ] {
        if let Some(before) = records[0].stages.get(&stage) {
            let now = records[1].stages.get(&stage).map(|done| &done.hash);
            same.insert(name, now == Some(&before.hash));
        }
    }
    let losses: Vec<PathBuf> = folders
        .iter()
        .map(|folder| folder.join("losses.csv"))
        .collect();
    if losses[0].is_file() {
        let [before, now] = [read_losses(&losses[0])?, read_losses(&losses[1])?];
        // Everything but the seconds.
        let equal = before.len() == now.len()
            && before.iter().zip(&now).all(|(a, b)| {
                let bits = |row: &LossRow| {
                    let losses = [Some(row.lr), Some(row.loss), row.loss_2d];
                    losses.map(|loss| loss.map(f64::to_bits))
                };
                (a.iteration, &a.stage, bits(a)) == (b.iteration, &b.stage, bits(b))
            });
        same.insert("losses", equal);
    }
    let [before, now] = [
        Environment::read(&folders[0])?,
        Environment::read(&folders[1])?,
    ];
    let mut differs = Vec::new();
    for (what, a, b) in [
        ("hdbench", &before.machine.hdbench, &now.machine.hdbench),
        ("commit", &before.machine.commit, &now.machine.commit),
        (
            "processor",
            &before.machine.processor,
            &now.machine.processor,
        ),
        ("device", &before.device, &now.device),
    ] {
        if a != b {
            differs.push(format!("{what}: {a} then, {b} now"));
        }
    }
    if before.threads != now.threads {
        differs.push(format!(
            "threads: {} then, {} now",
            before.threads, now.threads
        ));
    }
    Ok(Reproduced { same, differs })
}
