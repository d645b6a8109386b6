//! The training of somebody else's algorithm, where the study's file says how.

use std::path::Path;

use hdbench_algorithm::{Output, TrainingCase, Watch, stage_training, train as start};

use super::facts::{Facts, short};
use super::scans::{remove, remove_scans, scan_file};
use super::{DATA, LABELS, LOG, MODEL, SCRATCH};
use crate::artifact::{create_dir, hash_bytes, record_files};
use crate::cell::record::{CellRecord, StageRecord, files_below};
use crate::cell::stage::Stage;
use crate::cell::units::OTHERS_TRAINING;
use crate::cost::MachineClock;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::study::{Fold, Study};
use crate::volume::{Orientation, Volume, write_labels};

/// Raised when the same cases are laid out otherwise than before.
const METHOD: u32 = 1;

/// Trains into the cell's `model/`, unless that is done; the hash of what lies there. Nothing of an algorithm that trains
/// nothing.
///
/// # Errors
/// `Error::Malformed` with the last that it said, where it failed; `Error::Interrupted`.
pub(super) fn train(
    study: &Study,
    fold: &Fold,
    facts: &Facts<'_>,
    record: &mut CellRecord,
    progress: &dyn Progress,
) -> Result<Option<String>> {
    if facts.algorithm.train.is_empty() {
        return Ok(None);
    }
    let folder = &facts.folder;
    let mut from = facts.determinants();
    from.insert("train".into(), short(&fold.train_hashes.join(" ")));
    let key = hash_bytes(format!("{METHOD} {from:?}").as_bytes());
    if let Some(done) = record.done(folder, Stage::Train, &key, progress) {
        progress.advance(OTHERS_TRAINING);
        return Ok(Some(done.hash.clone()));
    }
    progress.stage("", "training");
    let clock = MachineClock::start(facts.algorithm.gpus == 0);
    let (data, model) = (folder.join(DATA), folder.join(MODEL));
    for old in [&data, &model] {
        remove(old)?;
        create_dir(old)?;
    }
    let (scratch, log) = (folder.join(SCRATCH), folder.join(LOG));
    let gpus = facts.gpus(study);
    let job = hdbench_algorithm::Job {
        model: Some(&model),
        ..facts.job(study, &scratch, &log, &gpus)
    };
    stage_training(&job, &data, &training_cases(folder, fold)?)?;
    let measured = start(&job, &data, &Listener(progress))?.map_err(|failure| {
        let hint = "the log has all that it said; the same start trains again";
        Error::malformed(&log, format!("its training failed: {failure}"), hint)
    })?;
    for used in [&data, &folder.join(LABELS)] {
        remove(used)?;
    }
    remove_scans(folder)?;
    let outputs = vec![MODEL.to_owned()];
    let files = record_files(folder, files_below(folder, &outputs)?)?;
    if files.is_empty() {
        return Err(Error::malformed(
            &model,
            "its training left nothing here",
            "the command `train` is to write what `run` needs into {model}",
        ));
    }
    let all: Vec<&str> = files.values().map(|file| file.blake3()).collect();
    let hash = hash_bytes(all.join(" ").as_bytes());
    record.stages.insert(
        Stage::Train,
        StageRecord {
            inputs: key,
            from,
            outputs,
            files,
            hash: hash.clone(),
            seconds: measured.wall_seconds,
            peak_memory_mb: measured.peak_memory_mb,
            reference_seconds: clock.and_then(MachineClock::seconds),
            imported: None,
        },
    );
    record.write(folder)?;
    progress.advance(OTHERS_TRAINING);
    Ok(Some(hash))
}

/// The fold's training cases, their label maps as files of 0 background, 1 liver, 2 lesion.
fn training_cases(folder: &Path, fold: &Fold) -> Result<Vec<TrainingCase>> {
    let labels = folder.join(LABELS);
    create_dir(&labels)?;
    let cases = fold.train_cases.iter().zip(&fold.train);
    cases
        .map(|(case, stored)| {
            let path = labels.join(format!("{}.nii.gz", case.name));
            let own = stored.own_labels()?;
            let file = stored.file().clone();
            let voxels = Orientation::of(&file).from_canonical(&own.voxels);
            write_labels(
                &path,
                &Volume {
                    voxels,
                    geometry: file,
                },
            )?;
            Ok(TrainingCase {
                name: case.name.clone(),
                image: scan_file(folder, case)?,
                labels: path,
            })
        })
        .collect()
}

/// Hears of a training what there is to hear.
struct Listener<'a>(&'a dyn Progress);

impl Watch for Listener<'_> {
    fn interrupted(&self) -> bool {
        self.0.interrupted()
    }

    fn note(&self, line: &str) {
        self.0.note(line);
    }

    fn output(&self, _output: &Output<'_>) -> Result<bool> {
        Ok(true)
    }
}
