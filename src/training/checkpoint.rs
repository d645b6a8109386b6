use std::path::{Path, PathBuf};
use std::sync::mpsc::{SendError, sync_channel};
use std::thread::JoinHandle;

use burn::module::Module;
use burn::optim::{ModuleOptimizer, OptimizerRecord};
use burn::store::ModuleRecord;
use serde::{Deserialize, Serialize};

use crate::artifact::{
    FileRecords, FileState, Look, Owned, hash_bytes, open_file, read_file, record_files,
    remove_owned, replace_dir, unlike, write_atomic, write_atomic_with,
};
use crate::error::{Error, Result};
use crate::network::Network;
use crate::text::Shown as _;
use crate::workers;

const NETWORK: &str = "network.bpk";
const OPTIMIZER: &str = "optimizer.bpk";
const DESCRIPTION: &str = "checkpoint.json";

/// The newest checkpoint until it takes the latest one's place.
const NEXT: &str = "next";
const LATEST: &str = "latest";
const PREVIOUS: &str = "previous";

/// What checkpoints are made of.
pub(crate) const FOLDER: Owned<'_> =
    Owned::files("a checkpoint", &[NETWORK, OPTIMIZER, DESCRIPTION]);

/// One line of `losses.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossRow {
    /// From 1, counted over all stages of the cell.
    pub iteration: usize,
    pub stage: String,
    pub lr: f64,
    /// Of what the network answers; of the hybrid, of its fusion.
    pub loss: f64,
    /// Of the hybrid's 2-D part, where it trains beside the fusion.
    #[serde(default)]
    pub loss_2d: Option<f64>,
    /// Wall time of the iteration.
    pub seconds: f64,
}

/// The state of a training in the middle of a stage: network, momentum, losses so far. Random
/// streams have no state of their own ([`crate::seed`]).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// What the stage was asked to do; a checkpoint made for something else is not taken.
    pub inputs: String,
    pub stage: String,
    /// Iterations of this stage that are done.
    pub iteration: usize,
    /// Of all stages so far.
    pub losses: Vec<LossRow>,
}

/// `checkpoint.json`: a checkpoint and the hashes of what lies beside it, sealed with their own.
#[derive(Serialize, Deserialize)]
struct Sealed {
    seal: String,
    files: FileRecords,
    checkpoint: Checkpoint,
}

impl Sealed {
    fn of(files: FileRecords, checkpoint: Checkpoint) -> Result<Self> {
        let seal = seal_of(&files, &checkpoint)?;
        Ok(Self {
            seal,
            files,
            checkpoint,
        })
    }

    /// Reads a folder's checkpoint; `None` where there is none, the reason where it is not what was
    /// saved.
    fn read(folder: &Path) -> Option<Result<Checkpoint, String>> {
        let text = match read_file(&folder.join(DESCRIPTION)) {
            Ok(text) => text,
            Err(_) if !folder.exists() => return None,
            Err(e) => return Some(Err(format!("{DESCRIPTION} cannot be read: {e}"))),
        };
        let sealed: Self = match serde_json::from_slice(&text) {
            Ok(sealed) => sealed,
            Err(e) => return Some(Err(format!("{DESCRIPTION} does not parse: {e}"))),
        };
        if seal_of(&sealed.files, &sealed.checkpoint).ok() != Some(sealed.seal) {
            return Some(Err(format!("{DESCRIPTION} is not what was saved")));
        }
        let unlike = unlike(folder, &sealed.files, Look::Whole);
        Some(match unlike.first() {
            Some((name, FileState::Missing)) => Err(format!("{name} is missing")),
            Some((name, _)) => Err(format!("{name} is not what was saved")),
            None => Ok(sealed.checkpoint),
        })
    }
}

fn seal_of(files: &FileRecords, checkpoint: &Checkpoint) -> Result<String> {
    let text = serde_json::to_vec(&(files, checkpoint));
    text.map(|text| hash_bytes(&text))
        .map_err(|e| Error::Internal(e.to_string()))
}

/// A checkpoint with all that belongs to it, in the host's memory.
pub struct Snapshot {
    checkpoint: Checkpoint,
    network: ModuleRecord,
    optimizer: OptimizerRecord,
}

impl Snapshot {
    /// Makes this the cell's latest checkpoint and the one that was it the previous one. At every
    /// moment one of the two is whole.
    ///
    /// # Errors
    /// `Error::Write`.
    pub fn save(self, cell: &Path) -> Result<()> {
        // A folder that was moved away while its cell trained is not begun again in its old place.
        if !cell.is_dir() {
            return Err(Error::malformed(
                cell,
                "the folder is gone: moved or deleted while its cell trained",
                "start the study in its new place; it goes on from the last checkpoint",
            ));
        }
        replace_dir(&Checkpoint::folder(cell, NEXT), &FOLDER, |dir| {
            let path = dir.join(NETWORK);
            self.network.save(&path).map_err(Error::saving(&path))?;
            let path = dir.join(OPTIMIZER);
            self.optimizer.save(&path).map_err(Error::saving(&path))?;
            let files = record_files(dir, [NETWORK, OPTIMIZER])?;
            let sealed = Sealed::of(files, self.checkpoint)?;
            let json = serde_json::to_vec(&sealed).map_err(|e| Error::Internal(e.to_string()))?;
            write_atomic(&dir.join(DESCRIPTION), &json)
        })?;
        Checkpoint::promote(cell)
    }
}

/// Writes a cell's checkpoints, one after the other.
pub struct Saver {
    cell: PathBuf,
    /// Whether on a thread of its own, while the training goes on.
    beside: bool,
    /// The one that is being written.
    writing: Option<JoinHandle<Result<()>>>,
}

impl Saver {
    pub fn new(cell: &Path, beside: bool) -> Self {
        Self {
            cell: cell.to_owned(),
            beside,
            writing: None,
        }
    }

    /// Writes a checkpoint, or begins to.
    ///
    /// # Errors
    /// Those of [`Snapshot::save`], of this one or the one before it.
    pub fn save(&mut self, snapshot: Snapshot) -> Result<()> {
        self.finish()?;
        if !self.beside {
            return snapshot.save(&self.cell);
        }
        let cell = self.cell.clone();
        let (give, given) = sync_channel::<Snapshot>(1);
        let write = move || given.recv().map_or(Ok(()), |snapshot| snapshot.save(&cell));
        // Where the system gives no thread, the training waits for its checkpoint.
        let Ok(writing) = workers::spawn("checkpoint", write) else {
            return snapshot.save(&self.cell);
        };
        self.writing = Some(writing);
        match give.send(snapshot) {
            Ok(()) => Ok(()),
            Err(SendError(snapshot)) => snapshot.save(&self.cell),
        }
    }

    /// Waits for the one that is being written.
    ///
    /// # Errors
    /// Those of [`Snapshot::save`].
    pub fn finish(&mut self) -> Result<()> {
        match self.writing.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(written)) => written,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
        }
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        // A training that failed otherwise has its own error.
        if let Some(writing) = self.writing.take() {
            let _ = writing.join();
        }
    }
}

/// A checkpoint that a training can go on from.
pub struct Resumable {
    pub checkpoint: Checkpoint,
    /// Which of the stages that were asked for it is in.
    pub stage: usize,
    folder: PathBuf,
}

impl Resumable {
    /// Network and optimiser as they were saved.
    ///
    /// # Errors
    /// `Error::Malformed` where they fit another network.
    pub fn load(
        &self,
        network: Network,
        optimizer: ModuleOptimizer,
    ) -> Result<(Network, ModuleOptimizer)> {
        let path = self.folder.join(NETWORK);
        let record = ModuleRecord::load(&path).map_err(record_error(&path))?;
        let network = network
            .try_load_record(record)
            .map_err(record_error(&path))?;
        let path = self.folder.join(OPTIMIZER);
        let record = OptimizerRecord::load(&path).map_err(record_error(&path))?;
        Ok((network, optimizer.load_record(record)))
    }
}

impl Checkpoint {
    fn folder(cell: &Path, name: &str) -> PathBuf {
        cell.join("checkpoints").join(name)
    }

    /// This state with the network and the momentum as they are now, copied off the device.
    pub fn with(&self, network: &Network, optimizer: &ModuleOptimizer) -> Snapshot {
        Snapshot {
            checkpoint: self.clone(),
            // The validation snapshot brings the running statistics up to date first.
            network: network.valid().into_record(),
            optimizer: optimizer.to_record(),
        }
    }

    /// Puts the newest checkpoint in the latest one's place, and that in the previous one's.
    fn promote(cell: &Path) -> Result<()> {
        let [next, latest, previous] =
            [NEXT, LATEST, PREVIOUS].map(|name| Self::folder(cell, name));
        let rename = |from: &Path, to: &Path| std::fs::rename(from, to).map_err(Error::write(to));
        if latest.exists() {
            remove_owned(&previous, &FOLDER)?;
            rename(&latest, &previous)?;
        }
        rename(&next, &latest)
    }

    /// The checkpoint that a training of these inputs and stages goes on from: the latest that is as it
    /// was saved. `told` hears of those that are not.
    ///
    /// # Errors
    /// `Error::Write` where what a killed process left cannot be put in order.
    pub fn find(
        cell: &Path,
        inputs: &str,
        stages: &[&str],
        told: impl Fn(String),
    ) -> Result<Option<Resumable>> {
        // Killed between its writing and the renames.
        if let Some(Ok(_)) = Sealed::read(&Self::folder(cell, NEXT)) {
            Self::promote(cell)?;
        }
        for name in [LATEST, PREVIOUS] {
            let folder = Self::folder(cell, name);
            let checkpoint = match Sealed::read(&folder) {
                None => continue,
                Some(Ok(checkpoint)) => checkpoint,
                Some(Err(problem)) => {
                    told(format!(
                        "{}: {problem}; training goes on from an earlier checkpoint, or begins anew",
                        folder.shown()
                    ));
                    continue;
                }
            };
            let stage = stages.iter().position(|stage| *stage == checkpoint.stage);
            if let Some(stage) = stage.filter(|_| checkpoint.inputs == inputs) {
                return Ok(Some(Resumable {
                    checkpoint,
                    stage,
                    folder,
                }));
            }
        }
        Ok(None)
    }

    /// Removes the cell's checkpoints, once what they led to is stored.
    ///
    /// # Errors
    /// `Error::Write`.
    pub fn remove(cell: &Path) -> Result<()> {
        remove_owned(&cell.join("checkpoints"), &FOLDER.keeping_others())
    }
}

fn record_error<E: std::fmt::Display>(path: &Path) -> impl FnOnce(E) -> Error {
    let path = path.to_path_buf();
    move |e| Error::malformed(&path, e.to_string(), "delete the cell's checkpoints folder")
}

/// Writes `losses.csv`.
pub fn write_losses(path: &Path, rows: &[LossRow]) -> Result<()> {
    write_atomic_with(path, |out| {
        let mut csv = csv::Writer::from_writer(out);
        for row in rows {
            csv.serialize(row)
                .map_err(|e| Error::write(path)(e.into()))?;
        }
        csv.flush().map_err(Error::write(path))
    })
}

/// Reads `losses.csv`.
pub fn read_losses(path: &Path) -> Result<Vec<LossRow>> {
    let mut csv = csv::Reader::from_reader(open_file(path).map_err(Error::read(path))?);
    csv.deserialize()
        .collect::<Result<_, _>>()
        .map_err(|e| Error::malformed(path, e.to_string(), "run the study again"))
}
