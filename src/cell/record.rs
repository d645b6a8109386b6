use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

use super::stage::Stage;
use crate::artifact::{
    FileRecords, FileState, Look, hash_bytes, hash_file, json_if_there, read_file, read_text,
    record_files, settle, unlike as unlike_files, write_atomic,
};
use crate::error::{Error, Result, is_absent};
use crate::network::LoadReport;
use crate::progress::Progress;
use crate::text::Shown as _;

/// What the cell is ...
pub const CELL: &str = "cell.json";
/// ... and on what it was made.
pub const ENVIRONMENT: &str = "env.json";

const SMALL_FILES: [&str; 2] = [CELL, ENVIRONMENT];

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
    /// Every file that it made: what it is believed by. Empty in a record of an older version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: FileRecords,
    /// Hash of the outputs where a later stage is made from them.
    pub hash: String,
    /// Wall time, over all starts.
    pub seconds: f64,
    /// Highest resident memory of the process while it ran, MB (10^6 bytes).
    pub peak_memory_mb: Option<f64>,
    /// s of the fixed piece of work that tells how fast the machine was meanwhile; of stages on processors alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_seconds: Option<f64>,
    /// Weights of another program that it began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<LoadReport>,
}

/// `state.json`: always written last and atomically.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CellRecord {
    #[serde(flatten)]
    pub status: Status,
    pub stages: BTreeMap<Stage, StageRecord>,
    /// Small files that no stage could make again, whole: what the cell is and on what it was made.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<String, String>,
    /// What was filed beside them later.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub filed: FileRecords,
}

impl CellRecord {
    /// The record of a cell's folder; a new one where there is none.
    pub fn read(cell: &Path) -> Result<Self> {
        let path = cell.join("state.json");
        let hint = "`--force CELL` at the study's next start runs it again";
        Ok(json_if_there(&path, "the record of a cell", hint)?.unwrap_or_default())
    }

    /// Writes the record. A cell's folder that was moved away meanwhile is not begun again in its old
    /// place.
    pub fn write(&self, cell: &Path) -> Result<()> {
        std::fs::read_dir(cell).map_err(Error::write(cell))?;
        let text = serde_json::to_vec_pretty(self).map_err(|e| Error::Internal(e.to_string()))?;
        write_atomic(&cell.join("state.json"), &text)
    }

    /// The stage's record, if it was made from these inputs and its files are as it says. What became
    /// of those that are not is told.
    pub fn done(
        &mut self,
        cell: &Path,
        stage: Stage,
        inputs: &str,
        progress: &dyn Progress,
    ) -> Option<&StageRecord> {
        let record = self.stages.get_mut(&stage)?;
        if record.inputs != inputs {
            return None;
        }
        let unlike = record.settle(cell);
        if unlike.is_empty() {
            return Some(record);
        }
        progress.note(&format!(
            "{}: {}: what was made by this stage ({stage}) is made again",
            cell.shown(),
            words(&unlike)
        ));
        None
    }

    /// Writes a small file that no stage could make again, and keeps it in the record too.
    pub fn keep(&mut self, cell: &Path, name: &str, text: String) -> Result<()> {
        write_atomic(&cell.join(name), text.as_bytes())?;
        self.kept.insert(name.to_owned(), text);
        Ok(())
    }

    /// The small files that are not as the record keeps them.
    pub fn unlike_kept(&self, cell: &Path) -> Vec<(String, FileState)> {
        let state = |name: &String, text: &String| match read_file(&cell.join(name)) {
            Ok(bytes) if bytes == text.as_bytes() => FileState::Equal,
            Err(e) if is_absent(&e) => FileState::Missing,
            _ => FileState::Other,
        };
        self.kept
            .iter()
            .map(|(name, text)| (name.clone(), state(name, text)))
            .filter(|(_, state)| *state != FileState::Equal)
            .collect()
    }

    /// Everything of a finished cell that is not as recorded.
    pub fn unlike(&self, cell: &Path, look: Look) -> Vec<(String, FileState)> {
        let mut unlike = self.unlike_kept(cell);
        unlike.extend(unlike_files(cell, &self.filed, look));
        for stage in self.stages.values() {
            unlike.extend(stage.unlike(cell, look));
        }
        unlike
    }

    /// The same by a quick look, which takes over the times of files that are as recorded.
    pub fn settle(&mut self, cell: &Path) -> Vec<(String, FileState)> {
        let mut unlike = self.unlike_kept(cell);
        unlike.extend(settle(cell, &mut self.filed));
        for stage in self.stages.values_mut() {
            unlike.extend(stage.settle(cell));
        }
        unlike
    }

    /// Whether every stage's files are on record, as older versions did not have them.
    pub fn is_current(&self) -> bool {
        let mut stages = self.stages.values();
        self.kept.contains_key(ENVIRONMENT) && stages.all(|stage| !stage.files.is_empty())
    }

    /// Puts back the small files that are not as the record keeps them, and tells which.
    pub fn restore_kept(&self, cell: &Path, progress: &dyn Progress) -> Result<()> {
        for (name, state) in self.unlike_kept(cell) {
            write_atomic(&cell.join(&name), self.kept[&name].as_bytes())?;
            let put_back = words(&[(name, state)]);
            progress.note(&format!("{}: {put_back}: put back", cell.shown()));
        }
        Ok(())
    }

    /// Takes over the files of a record of an older version, where the hash that it has is theirs.
    /// A stage for which it is not is forgotten, and told.
    pub fn adopt(&mut self, cell: &Path, tests: &[String], progress: &dyn Progress) -> Result<()> {
        let old: Vec<Stage> = self
            .stages
            .iter()
            .filter(|(_, record)| record.files.is_empty())
            .map(|(stage, _)| *stage)
            .collect();
        for stage in old {
            let Some(record) = self.stages.get_mut(&stage) else {
                continue;
            };
            for name in SMALL_FILES.iter().filter(|_| stage == Stage::Train) {
                if let Ok(text) = read_text(&cell.join(name)) {
                    self.kept.entry((*name).to_owned()).or_insert(text);
                }
            }
            match record.hash_of_old(cell, stage, tests) {
                Ok(hash) if hash == record.hash => {
                    record.files = record_files(cell, files_below(cell, &record.outputs)?)?;
                }
                _ => {
                    progress.note(&format!(
                        "{}: what was made by a stage ({stage}) of an older version is not as \
                         recorded: made again",
                        cell.shown()
                    ));
                    self.stages.remove(&stage);
                }
            }
        }
        Ok(())
    }
}

impl StageRecord {
    /// The files that are not as recorded; the outputs that are missing in a record without files.
    pub fn unlike(&self, cell: &Path, look: Look) -> Vec<(String, FileState)> {
        if !self.files.is_empty() {
            return unlike_files(cell, &self.files, look);
        }
        let missing = self.outputs.iter().filter(|name| !cell.join(name).exists());
        missing
            .map(|name| (name.clone(), FileState::Missing))
            .collect()
    }

    /// The same by a quick look, which takes over the times of files that are as recorded.
    fn settle(&mut self, cell: &Path) -> Vec<(String, FileState)> {
        match self.files.is_empty() {
            true => self.unlike(cell, Look::Quick),
            false => settle(cell, &mut self.files),
        }
    }

    /// What an older version would record of the stage's outputs as they are now, for these test
    /// cases.
    ///
    /// # Errors
    /// `Error::Read`.
    pub fn hash_of_old(&self, cell: &Path, stage: Stage, tests: &[String]) -> Result<String> {
        match stage {
            Stage::Train => hash_file(&cell.join("model").join("model.safetensors")),
            Stage::Predict => {
                let hashes = tests
                    .iter()
                    .map(|case| hash_file(&prediction_path(cell, case)));
                Ok(hash_bytes(hashes.collect::<Result<String>>()?.as_bytes()))
            }
            Stage::Score => hash_file(&cell.join("metrics_long.csv")),
        }
    }
}

/// The folder of a cell's predictions.
pub const PREDICTIONS: &str = "predictions";

/// The file of a case's prediction.
pub fn prediction_path(cell: &Path, case: &str) -> PathBuf {
    cell.join(PREDICTIONS).join(format!("{case}.nii.gz"))
}

/// Files that are not as recorded, in words.
pub fn words(unlike: &[(String, FileState)]) -> String {
    const SHOWN: usize = 3;
    let one = |(name, state): &(String, FileState)| match state {
        FileState::Missing => format!("{name} is missing"),
        _ => format!("{name} is not as recorded"),
    };
    let shown: Vec<String> = unlike.iter().take(SHOWN).map(one).collect();
    match unlike.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{}, and {more} more", shown.join(", ")),
    }
}

/// The files of some outputs, which are files or folders, by their path below the cell.
pub fn files_below(cell: &Path, outputs: &[String]) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for output in outputs {
        for entry in WalkDir::new(cell.join(output)).sort_by_file_name() {
            let entry = entry.map_err(|e| Error::read(&cell.join(output))(e.into()))?;
            if let Ok(name) = entry.path().strip_prefix(cell)
                && entry.file_type().is_file()
            {
                files.push(name.to_string_lossy().into_owned());
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;

    fn stage(files: FileRecords) -> StageRecord {
        StageRecord {
            inputs: "a".into(),
            from: BTreeMap::new(),
            outputs: vec!["model".into()],
            files,
            hash: "h".into(),
            seconds: 1.0,
            peak_memory_mb: None,
            reference_seconds: None,
            imported: None,
        }
    }

    #[test]
    fn a_stage_is_done_only_for_its_inputs_and_with_its_files_as_recorded() {
        let dir = tempfile::tempdir().unwrap();
        let cell = dir.path();
        std::fs::create_dir(cell.join("model")).unwrap();
        std::fs::write(cell.join("model/weights"), b"1").unwrap();
        let mut record = CellRecord::default();
        let files = record_files(cell, files_below(cell, &["model".into()]).unwrap()).unwrap();
        record.stages.insert(Stage::Train, stage(files));
        record.status = Status::Failed("why".into());
        record.write(cell).unwrap();
        let mut record = CellRecord::read(cell).unwrap();
        assert_eq!(record.status, Status::Failed("why".into()));
        let mut done = |inputs| record.done(cell, Stage::Train, inputs, &Silent).is_some();
        assert!(done("a") && !done("b"));
        std::fs::write(cell.join("model/weights"), b"2").unwrap();
        assert!(!done("a"));
        std::fs::remove_file(cell.join("model/weights")).unwrap();
        assert!(!done("a"));
        let unlike = record.unlike(cell, Look::Quick);
        assert_eq!(words(&unlike), "model/weights is missing");
    }

    #[test]
    fn small_files_are_put_back_as_they_were() {
        let dir = tempfile::tempdir().unwrap();
        let mut record = CellRecord::default();
        record.keep(dir.path(), "env.json", "{}".into()).unwrap();
        std::fs::write(dir.path().join("env.json"), b"{\"os\":\"another\"}").unwrap();
        let other = [("env.json".to_owned(), FileState::Other)];
        assert_eq!(record.unlike(dir.path(), Look::Quick), other);
        record.restore_kept(dir.path(), &Silent).unwrap();
        assert_eq!(record.unlike(dir.path(), Look::Quick), []);
        assert_eq!(std::fs::read(dir.path().join("env.json")).unwrap(), b"{}");
    }

    #[test]
    fn a_record_of_an_older_version_is_taken_over_if_its_hash_holds() {
        let dir = tempfile::tempdir().unwrap();
        let cell = dir.path();
        std::fs::write(cell.join("metrics_long.csv"), b"a,b").unwrap();
        let score = |hash: &str| {
            let mut record = CellRecord::default();
            let outputs = vec!["metrics_long.csv".into()];
            let hash = hash.to_owned();
            let stage = StageRecord {
                outputs,
                hash,
                ..stage(FileRecords::new())
            };
            record.stages.insert(Stage::Score, stage);
            record.adopt(cell, &[], &Silent).unwrap();
            record
                .stages
                .get(&Stage::Score)
                .map(|stage| stage.files.len())
        };
        assert_eq!(score(&hash_bytes(b"a,b")), Some(1));
        assert_eq!(score(&hash_bytes(b"a,c")), None);
    }
}
