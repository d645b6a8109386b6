use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::optim::{ModuleOptimizer, OptimizerRecord};
use burn::store::ModuleRecord;
use serde::{Deserialize, Serialize};

use crate::artifact::{Owned, remove_owned, replace_dir, write_atomic, write_atomic_with};
use crate::error::{Error, Result};
use crate::network::Network;

/// What checkpoints are made of.
pub(crate) const FOLDER: Owned<'_> = Owned::files(
    "a checkpoint",
    &["network.bpk", "optimizer.bpk", "checkpoint.json"],
);

/// One line of `losses.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossRow {
    /// From 1, counted over all stages of the cell.
    pub iteration: usize,
    pub stage: String,
    pub lr: f64,
    pub loss: f64,
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

impl Checkpoint {
    fn folder(cell: &Path) -> PathBuf {
        cell.join("checkpoints").join("latest")
    }

    /// Replaces the cell's checkpoint, whole or not at all.
    pub fn save(&self, cell: &Path, network: &Network, optimizer: &ModuleOptimizer) -> Result<()> {
        replace_dir(&Self::folder(cell), &FOLDER, |dir| {
            // The validation snapshot brings the running statistics up to date first.
            let record = network.valid().into_record();
            let path = dir.join("network.bpk");
            record.save(&path).map_err(Error::saving(&path))?;
            let path = dir.join("optimizer.bpk");
            optimizer.save(&path).map_err(Error::saving(&path))?;
            let json = serde_json::to_vec(self).map_err(|e| Error::Internal(e.to_string()))?;
            write_atomic(&dir.join("checkpoint.json"), &json)
        })
    }

    /// The cell's checkpoint, if there is one made for these inputs and this stage.
    pub fn find(cell: &Path, inputs: &str, stage: &str) -> Result<Option<Self>> {
        let path = Self::folder(cell).join("checkpoint.json");
        let Ok(text) = std::fs::read(&path) else {
            return Ok(None);
        };
        let checkpoint: Self = serde_json::from_slice(&text).map_err(|e| {
            Error::malformed(&path, e.to_string(), "delete the cell's checkpoints folder")
        })?;
        Ok(Some(checkpoint).filter(|c| c.inputs == inputs && c.stage == stage))
    }

    /// Network and optimiser as they were saved.
    pub fn load(
        cell: &Path,
        network: Network,
        optimizer: ModuleOptimizer,
    ) -> Result<(Network, ModuleOptimizer)> {
        let path = Self::folder(cell).join("network.bpk");
        let record = ModuleRecord::load(&path).map_err(record_error(&path))?;
        let network = network
            .try_load_record(record)
            .map_err(record_error(&path))?;
        let path = Self::folder(cell).join("optimizer.bpk");
        let record = OptimizerRecord::load(&path).map_err(record_error(&path))?;
        Ok((network, optimizer.load_record(record)))
    }

    /// Removes the cell's checkpoint, once what it led to is stored.
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
    let mut csv = csv::Reader::from_path(path).map_err(|e| Error::read(path)(e.into()))?;
    csv.deserialize()
        .collect::<Result<_, _>>()
        .map_err(|e| Error::malformed(path, e.to_string(), "run the study again"))
}
