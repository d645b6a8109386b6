use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::artifact::write_atomic;
use crate::error::{Error, Result, is_absent};
use crate::network::LoadReport;

/// How far a cell is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "status", content = "reason")]
pub enum Status {
    #[default]
    Queued,
    Running,
    /// Stopped by a signal; goes on with the next start.
    Interrupted,
    Done,
    /// With what went wrong.
    Failed(String),
}

/// A finished stage: what it was made from and what it made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageRecord {
    /// Hash of everything that determined the outputs.
    pub inputs: String,
    /// The same in parts, each with its own hash or value: what tells which of them has changed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub from: BTreeMap<String, String>,
    /// Files or folders, relative to the cell.
    pub outputs: Vec<String>,
    /// Hash of the outputs where a later stage is made from them.
    pub hash: String,
    /// Wall time, over all starts.
    pub seconds: f64,
    /// Highest resident memory of the process while it ran, MB (10^6 bytes).
    pub peak_memory_mb: Option<f64>,
    /// Weights of another program that it began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<LoadReport>,
}

/// `state.json`: always written last and atomically.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CellRecord {
    #[serde(flatten)]
    pub status: Status,
    pub stages: BTreeMap<String, StageRecord>,
}

impl CellRecord {
    /// The record of a cell's folder; a new one where there is none.
    pub fn read(cell: &Path) -> Result<Self> {
        let path = cell.join("state.json");
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|e| {
                Error::malformed(
                    &path,
                    e.to_string(),
                    "delete the cell's folder to run it again",
                )
            }),
            Err(e) if is_absent(&e) => Ok(Self::default()),
            Err(e) => Err(Error::read(&path)(e)),
        }
    }

    /// Writes the record.
    pub fn write(&self, cell: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(|e| Error::Internal(e.to_string()))?;
        write_atomic(&cell.join("state.json"), &text)
    }

    /// The stage's record, if it was made from these inputs and its outputs are there.
    pub fn done(&self, cell: &Path, stage: &str, inputs: &str) -> Option<&StageRecord> {
        self.stages.get(stage).filter(|record| {
            record.inputs == inputs
                && record
                    .outputs
                    .iter()
                    .all(|output| cell.join(output).exists())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_done_only_for_its_inputs_and_with_its_outputs() {
        let dir = tempfile::tempdir().unwrap();
        let mut record = CellRecord::default();
        let stage = StageRecord {
            inputs: "a".into(),
            from: BTreeMap::new(),
            outputs: vec!["model".into()],
            hash: "h".into(),
            seconds: 1.0,
            peak_memory_mb: None,
            imported: None,
        };
        record.stages.insert("train".into(), stage);
        record.status = Status::Failed("why".into());
        record.write(dir.path()).unwrap();
        let record = CellRecord::read(dir.path()).unwrap();
        assert_eq!(record.status, Status::Failed("why".into()));
        assert!(
            record.done(dir.path(), "train", "a").is_none(),
            "no output yet"
        );
        std::fs::create_dir(dir.path().join("model")).unwrap();
        assert!(record.done(dir.path(), "train", "a").is_some());
        assert!(record.done(dir.path(), "train", "b").is_none());
    }
}
