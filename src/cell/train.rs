use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::Device;
use serde::Serialize;

use super::record::{CellRecord, StageRecord, files_below, words};
use super::stage::Stage;
use super::units::{iterations, training_units};
use crate::artifact::{
    FileState, Look, hash_bytes, hash_file, read_file, record_files, write_atomic,
};
use crate::cost::{MachineClock, PeakMemory};
use crate::error::{Error, Result};
use crate::network::{Bundle, Network, NetworkKind, initialise, load_encoder};
use crate::progress::Progress;
use crate::recipe::{Recipe, Scale};
use crate::study::{Inputs, NetworkCell, Study, is_undivided, pretraining};
use crate::text::Shown as _;
use crate::training::{Checkpoint, Session, StagePlan, stages, write_losses};

/// The losses of all iterations, in the cell's folder ...
const LOSSES: &str = "losses.csv";
/// ... and the copy of them beside the weights.
const LOSSES_COPY: &str = "model/losses.csv";

/// Raised when the same settings lead to other weights than before.
const METHOD: u32 = 3;

/// Everything a training's result follows from.
#[derive(Serialize)]
struct Determinants<'a> {
    method: u32,
    part: NetworkKind,
    plans: &'a [StagePlan],
    recipe: &'a Recipe,
    scale: &'a Scale,
    seed: u64,
    /// Its kind.
    device: &'a str,
    threads: usize,
    #[serde(skip_serializing_if = "is_undivided")]
    shards: usize,
    train: &'a [String],
    starts_from: Option<String>,
    encoder_weights: Option<String>,
}

/// Trains a cell's network into its `model/`, unless that is done; returns the hash of its weights.
pub fn train(
    run: &Path,
    study: &Study,
    inputs: &Inputs,
    cell: NetworkCell,
    record: &mut CellRecord,
    progress: &dyn Progress,
) -> Result<String> {
    let folder = cell.folder(run);
    let fold = inputs.fold(cell.fold)?;
    let plans = stages(cell.algorithm, &study.recipe, &study.scale);
    let origin = cell.starts_from(&study.recipe);
    let starts_from = origin
        .map(|origin| Bundle::describe(&origin.folder(run).join("model")).map(|b| b.weights))
        .transpose()?;
    let encoder_weights = encoder_weights(study, cell);
    let given = encoder_weights.map(hash_file).transpose()?;
    let hashes = trained_on(study, cell, &fold.train_hashes);
    let text = determined(study, &plans, cell, &hashes, starts_from, given)?;
    let key = hash_bytes(&text);
    let from = parts(&text)?;
    mend(study, cell, &folder, &key, record, progress)?;
    if let Some(done) = record.done(&folder, Stage::Train, &key, progress) {
        progress.advance(training_units(cell.algorithm) * iterations(&plans) as u64);
        return Ok(done.hash.clone());
    }
    let memory = PeakMemory::start();
    let clock = MachineClock::start(study.computes_on_processors()?);
    let devices: Vec<Device> = study.devices()?.into_iter().map(Device::autodiff).collect();
    let device = &devices[0];
    let blank = || blank(cell.algorithm, study, device);
    let mut imported = None;
    let (network, losses) = if let Some(weights) = encoder_weights {
        let mut network = initialise(blank(), study.cell_seed(cell.fold, cell.seed));
        imported = Some(load_encoder(&mut network, weights)?);
        (network, Vec::new())
    } else {
        let seed = study.cell_seed(cell.fold, cell.seed);
        let session = Session {
            cell: &folder,
            inputs: &key,
            recipe: &study.recipe,
            scale: &study.scale,
            cases: match cell.algorithm {
                NetworkKind::Encoder => &inputs.pretraining,
                _ => &fold.train,
            },
            seed,
            devices: &devices,
            device: study.places()?.first(),
            shards: study.shards,
            saving: study.saving,
            progress,
            units: training_units(cell.algorithm),
        };
        let start = || match origin {
            Some(origin) => from_origin(initialise(blank(), seed), run, origin, device),
            None => Ok(initialise(blank(), seed)),
        };
        let trained = session.train(&plans, blank, start)?;
        (trained.network, trained.losses)
    };
    write_losses(&folder.join(LOSSES), &losses)?;
    let model = folder.join("model");
    let hash = Bundle::save(
        &model,
        &network,
        cell.algorithm,
        &study.recipe,
        &study.scale,
    )?;
    // Nothing but the training can make the losses again, and people open tables: a second copy.
    write_losses(&folder.join(LOSSES_COPY), &losses)?;
    let outputs = vec![LOSSES.to_owned(), "model".into()];
    record.stages.insert(
        Stage::Train,
        StageRecord {
            inputs: key,
            from,
            files: record_files(&folder, files_below(&folder, &outputs)?)?,
            outputs,
            hash: hash.clone(),
            seconds: losses.iter().map(|row| row.seconds).sum(),
            peak_memory_mb: memory.megabytes(),
            reference_seconds: clock.and_then(MachineClock::seconds),
            imported,
        },
    );
    record.write(&folder)?;
    Checkpoint::remove(&folder)?;
    Ok(hash)
}

/// Puts back those files of a finished training that need no training: its settings, and a table of
/// losses of which a copy lies beside the weights.
fn mend(
    study: &Study,
    cell: NetworkCell,
    folder: &Path,
    inputs: &str,
    record: &CellRecord,
    progress: &dyn Progress,
) -> Result<()> {
    // What was trained from other inputs is trained again anyway.
    let stage = record.stages.get(&Stage::Train);
    let Some(stage) = stage.filter(|stage| stage.inputs == inputs) else {
        return Ok(());
    };
    for (name, state) in stage.unlike(folder, Look::Quick) {
        match name.as_str() {
            LOSSES | LOSSES_COPY => {
                let from = if name == LOSSES { LOSSES_COPY } else { LOSSES };
                let is_whole = stage.files.get(from).is_some_and(|file| {
                    file.look(&folder.join(from), Look::Whole) == FileState::Equal
                });
                if !is_whole {
                    continue;
                }
                let path = folder.join(from);
                let bytes = read_file(&path).map_err(Error::read(&path))?;
                write_atomic(&folder.join(&name), &bytes)?;
            }
            "model/model.toml" => {
                let (recipe, scale) = (&study.recipe, &study.scale);
                let model = folder.join("model");
                Bundle::put_description(&model, cell.algorithm, &stage.hash, recipe, scale)?;
            }
            _ => continue,
        }
        let put_back = words(&[(name, state)]);
        progress.note(&format!("{}: {put_back}: put back", folder.shown()));
    }
    Ok(())
}

/// Weights of another program that a cell begins with.
fn encoder_weights(study: &Study, cell: NetworkCell) -> Option<&Path> {
    let given = study.encoder_weights.as_deref();
    given.filter(|_| cell.algorithm == NetworkKind::Encoder)
}

/// The determinants of a cell's training as JSON.
fn determined(
    study: &Study,
    plans: &[StagePlan],
    cell: NetworkCell,
    train: &[String],
    starts_from: Option<String>,
    encoder_weights: Option<String>,
) -> Result<Vec<u8>> {
    let determinants = Determinants {
        method: METHOD,
        part: cell.algorithm,
        plans,
        recipe: &study.recipe,
        scale: &study.scale,
        seed: study.cell_seed(cell.fold, cell.seed).0,
        device: study.kind(),
        threads: study.threads,
        shards: study.shards,
        train,
        starts_from,
        encoder_weights,
    };
    serde_json::to_vec(&determinants).map_err(|e| Error::Internal(e.to_string()))
}

/// Each determinant by its name: short ones as they are, long ones by their hash.
fn parts(determinants: &[u8]) -> Result<BTreeMap<String, String>> {
    let whole: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(determinants).map_err(|e| Error::Internal(e.to_string()))?;
    Ok(whole
        .into_iter()
        .map(|(name, value)| {
            let text = value.to_string();
            let short = match text.len() {
                ..=64 => text.trim_matches('"').to_owned(),
                _ => hash_bytes(text.as_bytes())[..16].to_owned(),
            };
            (name, short)
        })
        .collect())
}

/// What a cell's training would be made from now, by the study and its lock: hash of all, and the same
/// in parts; nothing where the cell that it starts from is not trained, or the lock is of an older version.
pub(crate) fn made_from(
    run: &Path,
    study: &Study,
    train: &[String],
    cell: NetworkCell,
) -> Result<Option<(String, BTreeMap<String, String>)>> {
    let plans = stages(cell.algorithm, &study.recipe, &study.scale);
    let starts_from = match cell.starts_from(&study.recipe) {
        None => None,
        Some(origin) => match Bundle::describe(&origin.folder(run).join("model")) {
            Ok(model) => Some(model.weights),
            Err(_) => return Ok(None),
        },
    };
    // A file that was put away since the training says nothing against it.
    let Ok(given) = encoder_weights(study, cell).map(hash_file).transpose() else {
        return Ok(None);
    };
    let train = trained_on(study, cell, train);
    let text = determined(study, &plans, cell, &train, starts_from, given)?;
    Ok(Some((hash_bytes(&text), parts(&text)?)))
}

/// Hashes of what a cell is trained on: the fold's training cases, but for the encoder.
fn trained_on(study: &Study, cell: NetworkCell, train: &[String]) -> Vec<String> {
    match cell.algorithm {
        NetworkKind::Encoder if study.encoder_weights.is_none() => pretraining::keys(study),
        NetworkKind::Encoder => Vec::new(),
        _ => train.to_vec(),
    }
}

fn blank(part: NetworkKind, study: &Study, device: &Device) -> Network {
    Network::build(part, &study.recipe, &study.scale, device)
}

/// Puts the trained network of another cell into its place.
fn from_origin(
    network: Network,
    run: &Path,
    origin: NetworkCell,
    device: &Device,
) -> Result<Network> {
    let (_, trained) = Bundle::load(&origin.folder(run).join("model"), device)?;
    match (network, trained) {
        (Network::DenseUNet2d(net), Network::Classifier(classifier)) => {
            Ok(Network::DenseUNet2d(net.with_encoder(classifier.encoder)))
        }
        (Network::Hybrid(mut hybrid), Network::DenseUNet2d(slices)) => {
            hybrid.slices = slices.without_dropout();
            Ok(Network::Hybrid(hybrid))
        }
        (_, _) => Err(Error::Internal(format!(
            "{} cannot start a training",
            origin.name()
        ))),
    }
}
