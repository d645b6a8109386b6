use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::cell::Cell;
use super::environment::Environment;
use super::inputs::{LockedCase, locked_cases, locked_split};
use super::predict::prediction_path;
use super::record::CellRecord;
use super::status::{CellState, status};
use super::study::Study;
use crate::artifact::{create_dir, hash_bytes, hash_file, write_atomic};
use crate::dataset::{self, Case};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::training::read_losses;

/// Something that is not what the study's records say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// A case, or a cell's output.
    pub what: String,
    pub problem: String,
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Cases whose files were read and hashed again.
    pub cases: usize,
    /// Outputs that were read and hashed again.
    pub outputs: usize,
    pub mismatches: Vec<Mismatch>,
}

impl Verified {
    fn add(&mut self, what: impl Into<String>, problem: impl Into<String>) {
        self.mismatches.push(Mismatch {
            what: what.into(),
            problem: problem.into(),
        });
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
    verify_cases(run, &study, &mut found, progress)?;
    progress.stage("", "hashing what the cells made");
    for cell in status(run)? {
        stop_if_asked(progress)?;
        if let CellState::Stale { changed } = &cell.state {
            found.add(
                &cell.cell,
                format!("made from other inputs: {}", changed.join(", ")),
            );
        }
        verify_cell(run, Cell::parse(&cell.cell)?, &mut found)?;
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
            Err(error) => found.add(data.folder.display().to_string(), error.to_string()),
        }
    }
    progress.stage("", "hashing the cases");
    for (name, before) in &locked {
        stop_if_asked(progress)?;
        let Some(case) = there.get(name) else {
            found.add(name, "is gone");
            continue;
        };
        match LockedCase::of(case, None) {
            Ok(now) if now.is_same(before) => found.cases += 1,
            Ok(_) => found.add(
                name,
                "its files have other contents than when the study began",
            ),
            Err(error) => found.add(name, error.to_string()),
        }
    }
    Ok(())
}

fn verify_cell(run: &Path, cell: Cell, found: &mut Verified) -> Result<()> {
    let folder = cell.folder(run);
    let record = CellRecord::read(&folder)?;
    for stage in ["train", "predict", "score"] {
        let Some(done) = record.stages.get(stage) else {
            continue;
        };
        let name = format!("{}: {}", cell.name(), done.outputs.join(", "));
        match output_hash(run, cell, stage) {
            Ok(hash) if hash == done.hash => found.outputs += 1,
            Ok(_) => found.add(name, "is not what the record says"),
            Err(error) => found.add(name, error.to_string()),
        }
    }
    Ok(())
}

/// The hash of a stage's outputs as they lie there now.
fn output_hash(run: &Path, cell: Cell, stage: &str) -> Result<String> {
    let folder = cell.folder(run);
    match stage {
        "train" => hash_file(&folder.join("model").join("model.safetensors")),
        "predict" => {
            let split = locked_split(run, cell.fold)?.ok_or_else(|| {
                Error::malformed(run, "study.lock lacks this fold", "start the study again")
            })?;
            let hashes = split
                .test
                .iter()
                .map(|case| hash_file(&prediction_path(&folder, case)));
            Ok(hash_bytes(hashes.collect::<Result<String>>()?.as_bytes()))
        }
        _ => hash_file(&folder.join("metrics_long.csv")),
    }
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

/// Prepares a folder in which a cell can be run again from its record: the study's settings and lock, its
/// cache, and the cells that this one needs, as links.
///
/// # Errors
/// `Error::Usage` for a cell that is not done; `Error::Write`.
pub fn prepare_again(run: &Path, cell: Cell, scratch: &Path) -> Result<()> {
    let study = Study::read(run)?;
    let record = CellRecord::read(&cell.folder(run))?;
    if !record.stages.contains_key("train") {
        return Err(Error::usage(
            format!(
                "{} is not trained: there is nothing to compare with",
                cell.name()
            ),
            "name a cell that hdbench status shows as done",
        ));
    }
    let absolute = std::path::absolute(run).map_err(Error::read(run))?;
    create_dir(scratch)?;
    let mut again = study.clone();
    again.cache = absolute.join(&study.cache);
    // Absolute paths stay as they are.
    again.write(scratch, true)?;
    let lock = run.join("study.lock");
    let text = std::fs::read(&lock).map_err(Error::read(&lock))?;
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

#[cfg(unix)]
fn link(from: &Path, to: &Path) -> Result<()> {
    std::os::unix::fs::symlink(from, to).map_err(Error::write(to))
}

#[cfg(not(unix))]
fn link(from: &Path, to: &Path) -> Result<()> {
    std::os::windows::fs::symlink_dir(from, to).map_err(Error::write(to))
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
        ("weights", "train"),
        ("predictions", "predict"),
        ("scores", "score"),
    ] {
        if let Some(before) = records[0].stages.get(stage) {
            let now = records[1].stages.get(stage).map(|done| &done.hash);
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
                (a.iteration, &a.stage, a.lr.to_bits(), a.loss.to_bits())
                    == (b.iteration, &b.stage, b.lr.to_bits(), b.loss.to_bits())
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
