//! What an algorithm says of itself, and what its predictions follow from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hdbench_algorithm::{Algorithm as External, Container, Job, version_of};

use super::SCRATCH;
use crate::artifact::{hash_bytes, settle};
use crate::cell::record::{CELL, CellRecord, ENVIRONMENT, StageRecord};
use crate::cell::run::pretty;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::study::{Cell, Environment, ExternalFacts, Study};

/// The algorithm of a cell, and what it said when it was asked.
pub(super) struct Facts<'a> {
    pub(super) cell: Cell,
    pub(super) folder: PathBuf,
    pub(super) algorithm: &'a External,
    pub(super) container: Option<Container>,
    said: ExternalFacts,
}

impl<'a> Facts<'a> {
    /// Finds what runs the algorithm's image, and asks for its version.
    ///
    /// # Errors
    /// `Error::Usage` where neither can be had, with what to install.
    pub(super) fn ask(run: &Path, study: &'a Study, cell: Cell) -> Result<Self> {
        let algorithm = study.external(cell.algorithm).ok_or_else(|| {
            Error::Internal(format!("{}: the study has no such algorithm", cell.name()))
        })?;
        let folder = cell.folder(run);
        let container = Container::find(algorithm)?;
        let id = cell.algorithm.id();
        let said = ExternalFacts {
            command: algorithm.run.clone(),
            version: version_of(id, algorithm, container.as_ref(), &folder.join(SCRATCH))?,
            image: container.as_ref().and_then(|found| found.digest.clone()),
            runtime: container
                .as_ref()
                .map(|found| found.runtime.program().to_owned()),
            trained_on: algorithm.trained_on.clone(),
        };
        Ok(Self {
            cell,
            folder,
            algorithm,
            container,
            said,
        })
    }

    /// Writes what the cell is and on what it is made, where that is not what was written before.
    ///
    /// # Errors
    /// `Error::Write`.
    pub(super) fn record(
        &self,
        study: &Study,
        record: &mut CellRecord,
        progress: &dyn Progress,
    ) -> Result<()> {
        let Cell {
            algorithm,
            fold,
            seed,
        } = self.cell;
        let about = pretty(&serde_json::json!({
            "algorithm": algorithm, "fold": fold, "seed": seed, "definition": self.algorithm,
        }))?;
        let before = record.kept.get(ENVIRONMENT);
        let before: Option<Environment> = before.and_then(|text| serde_json::from_str(text).ok());
        let is_same = before.is_some_and(|before| before.external.as_ref() == Some(&self.said));
        if !is_same || record.kept.get(CELL) != Some(&about) {
            record.keep(&self.folder, CELL, about)?;
            let environment = Environment {
                external: Some(self.said.clone()),
                ..Environment::now(study, Some(self.cell))
            };
            record.keep(&self.folder, ENVIRONMENT, pretty(&environment)?)?;
            record.write(&self.folder)?;
        }
        record.restore_kept(&self.folder, progress)?;
        settle(&self.folder, &mut record.filed);
        Ok(())
    }

    /// What predictions follow from beside the cases, each with its hash or value: what tells which of them has changed.
    pub(super) fn determinants(&self) -> BTreeMap<String, String> {
        let mut from = BTreeMap::from([("algorithm".to_owned(), definition(self.algorithm))]);
        let mut add = |name: &str, value: Option<String>| {
            from.extend(value.map(|value| (name.to_owned(), value)));
        };
        add("version", self.said.version.as_deref().map(short));
        add("image", self.said.image.as_deref().map(short));
        add("scripts", scripts(self.algorithm));
        let elsewhere = self.algorithm.predictions.as_deref();
        add("files", elsewhere.map(listing));
        let seed = self.algorithm.takes_seed();
        add("seed", seed.then(|| self.cell.seed.to_string()));
        from
    }

    /// A start of it, without cases.
    pub(super) fn job<'b>(
        &'b self,
        study: &Study,
        scratch: &'b Path,
        log: &'b Path,
        gpus: &'b [String],
    ) -> Job<'b> {
        Job {
            id: self.cell.algorithm.id(),
            algorithm: self.algorithm,
            container: self.container.as_ref(),
            cases: &[],
            scratch,
            log,
            model: None,
            fold: self.cell.fold,
            seed: u64::from(self.cell.seed),
            threads: study.threads,
            device: match self.algorithm.gpus {
                0 => "cpu",
                _ => "cuda",
            },
            gpus,
        }
    }

    /// The cards that it may see, where the study names some.
    pub(super) fn gpus(&self, study: &Study) -> Vec<String> {
        if self.algorithm.gpus == 0 {
            return Vec::new();
        }
        let places = study.places().ok();
        let places = places.iter().flat_map(|places| places.all());
        places
            .filter_map(|place| place.card())
            .map(|card| card.to_string())
            .collect()
    }
}

/// What lies in a folder that was filled elsewhere: names, sizes and times.
fn listing(folder: &Path) -> String {
    let files = walkdir::WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter();
    let facts = files.flatten().filter_map(|entry| {
        let facts = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
        let name = entry.path().strip_prefix(folder).ok()?.to_owned();
        Some(format!(
            "{name:?} {} {:?}",
            facts.len(),
            facts.modified().ok()
        ))
    });
    short(&facts.collect::<Vec<_>>().join("\n"))
}

/// From this size on a file of a command is told by its size and its time: weights are not read at each look.
const READ_WHOLE_BYTES: u64 = 16 << 20;

/// What the files say that a command names by a path, such as `{here}/predict.py`; nothing of one that names none. What
/// lies in an image is the image's.
fn scripts(algorithm: &External) -> Option<String> {
    if algorithm.image.is_some() {
        return None;
    }
    let words = [&algorithm.train, &algorithm.run, &algorithm.version];
    let words = words.into_iter().flatten();
    // As an argument of its own, or behind an option: `--config=/path/a.toml`.
    let paths = words.map(|word| word.split_once('=').map_or(word.as_str(), |(_, path)| path));
    let facts = paths.filter(|path| path.contains('/')).filter_map(|path| {
        let facts = std::fs::metadata(path)
            .ok()
            .filter(std::fs::Metadata::is_file)?;
        Some(match facts.len() < READ_WHOLE_BYTES {
            true => hash_bytes(&std::fs::read(path).ok()?),
            false => format!("{} {:?}", facts.len(), facts.modified().ok()),
        })
    });
    let facts: Vec<String> = facts.collect();
    (!facts.is_empty()).then(|| short(&facts.join(" ")))
}

/// What predictions follow from as one line, for a hash.
pub(super) fn told(from: &BTreeMap<String, String>) -> String {
    let parts = from.iter().map(|(key, value)| format!("{key}={value}"));
    parts.collect::<Vec<_>>().join(" ")
}

fn definition(algorithm: &External) -> String {
    short(&algorithm.hash_text())
}

/// A word for a text.
pub(super) fn short(text: &str) -> String {
    hash_bytes(text.as_bytes())[..16].to_owned()
}

/// What is another in a finished prediction's inputs: its definition in the study's file, or a file of its command. What
/// the algorithm says of itself is asked where it runs.
pub(crate) fn changed_external(algorithm: &External, stage: &StageRecord) -> Option<String> {
    let before = stage.from.get("algorithm")?;
    if *before != definition(algorithm) {
        return Some("the algorithm's definition".to_owned());
    }
    let same = stage.from.get("scripts") == scripts(algorithm).as_ref();
    (!same).then(|| "a file of the algorithm's command".to_owned())
}
