//! What a study's folder tells those who compare scores: the rows of its finished cells, what they cost and what
//! they were made from.

use std::collections::BTreeMap;
use std::path::Path;

use hdbench_stats::gate::{CostSamples, Quantity, SourceFacts};
use hdbench_stats::statistics::median;
use hdbench_stats::{Scored, Studies};

use super::status::{CellState, CellStatus, status};
use crate::artifact::hash_bytes;
use crate::cell::{CellRecord, Stage, prediction_seconds};
use crate::error::{Error, Result};
use crate::study::{
    Cell, Environment, Machine, Role, Study, fold_roles, lock_is_empty, row_cells, test_case_hashes,
};
use crate::training::read_losses;

/// The folders of this program's studies.
#[derive(Clone, Copy, Debug)]
pub struct StudyFolders;

impl Studies for StudyFolders {
    fn scored(&self, folder: &Path) -> Result<Option<Scored>> {
        if !Study::path(folder).is_file() {
            return Ok(None);
        }
        of_study(folder, &Study::read(folder)?, &status(folder)?).map(Some)
    }

    fn made_from(&self, path: &Path) -> Result<(SourceFacts, Vec<CostSamples>)> {
        let machine = Machine::here();
        let mut facts = SourceFacts {
            hdbench: machine.hdbench.clone(),
            commit: machine.commit.clone(),
            ..SourceFacts::default()
        };
        let mut measured = Vec::new();
        if path.is_dir() && Study::path(path).is_file() {
            let study = Study::read(path)?;
            measured = costs(path, &study)?;
            facts.study = study.name.clone();
            facts.hardware = hardware(path, &study)?;
            facts.inputs = test_case_hashes(path)?;
            let made = serde_json::to_vec(&(&study.recipe, &study.scale))
                .map_err(|e| Error::Internal(e.to_string()))?;
            facts.settings_hash = hash_bytes(&made)[..16].to_owned();
            facts.settings = format!(
                "recipe {:?}, scale {:?}, seed {}, {} replicate{}",
                study.recipe.name,
                study.scale.name,
                study.seed,
                study.seeds.len(),
                if study.seeds.len() == 1 { "" } else { "s" }
            )
            .to_lowercase();
        }
        Ok((facts, measured))
    }
}

/// The scores of a study whose cells are known to stand so.
///
/// # Errors
/// As [`Scored::read`].
pub fn scored_of_study(run: &Path, study: &Study, states: &[CellStatus]) -> Result<Scored> {
    of_study(run, study, states)?.named(run)
}

/// Every finished cell of a study; what was trained on other data keeps that in its name. What is not
/// finished, or from other inputs than the study has now, is noted and not taken.
fn of_study(run: &Path, study: &Study, states: &[CellStatus]) -> Result<Scored> {
    let mut scored = Scored::default();
    let states: BTreeMap<&str, &CellState> = states
        .iter()
        .map(|cell| (cell.cell.as_str(), &cell.state))
        .collect();
    for (fold, role) in fold_roles(run)? {
        for algorithm in study.algorithms_of(role) {
            // Some of an algorithm's replicates are not the algorithm.
            let mut open = Vec::new();
            let mut finished = false;
            let seeds = study.seeds_of(algorithm);
            for &seed in seeds {
                let cell = Cell {
                    algorithm,
                    fold,
                    seed,
                };
                let folder = cell.folder(run);
                let name = cell.name();
                let state = states.get(name.as_str()).copied();
                let reason = match state {
                    Some(state) => state.open(),
                    None => Some("not trained yet".into()),
                };
                if let Some(reason) = reason {
                    let begun = !matches!(state, None | Some(CellState::Queued { .. }));
                    open.push((begun, format!("{name} is left out: {reason}")));
                    continue;
                }
                finished = true;
                let tidy = folder.join("metrics_long.csv");
                let mut cell = Scored::of_tidy(&tidy)?;
                cell.rename(|name| match role {
                    Role::Own => name.to_owned(),
                    Role::Transfer => format!("{name}, transfer"),
                    Role::Leaked => format!("{name}, transfer, leaked"),
                });
                scored.rows.extend(cell.rows);
                // Replicates find the same reference lesions again: the first one counts.
                for (algorithm, lesions) in cell.lesions {
                    if seed == seeds[0] {
                        scored.lesions.entry(algorithm).or_default().extend(lesions);
                    }
                }
            }
            for (begun, line) in open {
                if begun || finished {
                    scored.unjudged.push(line.clone());
                }
                scored.notes.push(line);
            }
        }
    }
    if !scored.rows.is_empty() {
        return Ok(scored);
    }
    let problem = match scored.unjudged.as_slice() {
        _ if lock_is_empty(run)? => {
            "its study.lock is missing or empty: nothing says what its cells \
                                    were made from"
                .to_owned()
        }
        [] => "no cell of this study is scored yet".into(),
        unjudged => format!("no cell of this study is finished: {}", unjudged.join("; ")),
    };
    Err(Error::malformed(
        run,
        problem,
        "start it again; it goes on where it stopped",
    ))
}

/// On what the study's first cell ran.
fn hardware(run: &Path, study: &Study) -> Result<String> {
    for (fold, _) in fold_roles(run)? {
        for cell in row_cells(study, fold, Role::Own) {
            let folder = cell.folder(run);
            if !folder.join("env.json").is_file() {
                continue;
            }
            let made = Environment::read(&folder)?;
            return Ok(format!(
                "{}, {} cores, {} threads, device {}",
                made.machine.processor, made.machine.cores, made.threads, made.device
            ));
        }
    }
    Ok(String::new())
}

/// Number of pieces that a stage of a training is cut into: the unit of comparison is the median of one, which
/// a single slow step does not move.
const PIECES: usize = 20;

/// What the finished cells of a study's own folds cost, and how fast the machine was meanwhile.
fn costs(run: &Path, study: &Study) -> Result<Vec<CostSamples>> {
    let mut all: BTreeMap<(String, Quantity), CostSamples> = BTreeMap::new();
    for (fold, role) in fold_roles(run)? {
        if role != Role::Own {
            continue;
        }
        for cell in row_cells(study, fold, role) {
            let folder = cell.folder(run);
            let record = CellRecord::read(&folder)?;
            let reference = |stage| {
                record
                    .stages
                    .get(&stage)
                    .and_then(|of| of.reference_seconds)
            };
            let mut add = |quantity, what: &str, value: f64, reference: Option<f64>| {
                let algorithm = cell.algorithm.id().to_owned();
                let key = (algorithm.clone(), quantity);
                let own = all.entry(key).or_insert_with(|| CostSamples {
                    algorithm,
                    quantity,
                    samples: BTreeMap::new(),
                    reference_seconds: BTreeMap::new(),
                });
                let name = format!("fold {fold}, seed {}, {what}", cell.seed);
                let reference = reference.map(|seconds| (name.clone(), seconds));
                own.reference_seconds.extend(reference);
                own.samples.insert(name, value);
            };
            let losses = folder.join("losses.csv");
            if losses.is_file() {
                for (piece, seconds) in pieces(&losses)? {
                    let quantity = Quantity::TrainingStepSeconds;
                    add(quantity, &piece, seconds, reference(Stage::Train));
                }
            }
            for (case, seconds) in prediction_seconds(&folder)? {
                let quantity = Quantity::PredictionSeconds;
                add(quantity, &case, seconds, reference(Stage::Predict));
            }
            for (stage, record) in &record.stages {
                if let Some(peak) = record.peak_memory_mb {
                    add(Quantity::PeakMemoryMb, stage.name(), peak, None);
                }
            }
        }
    }
    Ok(all.into_values().collect())
}

/// The median step of every piece of every stage.
fn pieces(losses: &Path) -> Result<Vec<(String, f64)>> {
    let rows = read_losses(losses)?;
    let mut found = Vec::new();
    for stage in rows.chunk_by(|a, b| a.stage == b.stage) {
        let length = stage.len().div_ceil(PIECES);
        for (place, piece) in stage.chunks(length).enumerate() {
            let mut seconds: Vec<f64> = piece.iter().map(|row| row.seconds).collect();
            found.push((
                format!("{} {}", stage[0].stage, place + 1),
                median(&mut seconds),
            ));
        }
    }
    Ok(found)
}
