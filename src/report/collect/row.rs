//! A row of the tables: one network over some folds and all replicates.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hdbench_algorithm::Algorithm as External;

use super::cost::{cost, mean_cost};
use super::scores::{Scores, add_intervals, per_case};
use crate::analysis::{AnalysisOptions, over_replicates};
use crate::cell::{CellRecord, ChallengeAnswer, taken};
use crate::error::Result;
use crate::evaluation::read_metrics_long;
use crate::recipe::Variant;
use crate::report::content::{LossPoint, NetworkRow, RowStatus, Score, Training, stage_checks};
use crate::schedule::CellState;
use crate::study::{Algorithm, Cell, Fold, Inputs, Role, Study, TestCase};
use crate::training::{LossRow, read_losses};

/// The cells that a row of the tables is over: one network, some folds, all replicates.
pub(super) struct RowPlan<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) role: Role,
    pub(super) cells: Vec<(&'a Fold, Cell)>,
}

pub(super) fn row_plans<'a>(study: &Study, inputs: &'a Inputs) -> Vec<RowPlan<'a>> {
    let mut plans = Vec::new();
    for role in [Role::Own, Role::Transfer, Role::Leaked] {
        let folds: Vec<&Fold> = inputs.folds.iter().filter(|f| f.role == role).collect();
        if folds.is_empty() {
            continue;
        }
        for algorithm in study.algorithms_of(role) {
            let cell = |fold: &Fold, seed| Cell {
                algorithm,
                fold: fold.index,
                seed,
            };
            let cells = folds.iter().flat_map(|&fold| {
                let seeds = study.seeds_of(algorithm).iter();
                seeds.map(move |&seed| (fold, cell(fold, seed)))
            });
            plans.push(RowPlan {
                algorithm,
                role,
                cells: cells.collect(),
            });
        }
    }
    plans
}

/// What a report has of a row.
///
/// # Errors
/// Files of a finished cell that cannot be read.
pub(super) fn row(
    run: &Path,
    study: &Study,
    plan: &RowPlan<'_>,
    states: &BTreeMap<String, CellState>,
) -> Result<NetworkRow> {
    let algorithm = plan.algorithm;
    let title = study.title(algorithm);
    let open: BTreeMap<Cell, String> = plan
        .cells
        .iter()
        .filter_map(|(_, cell)| {
            let reason = match states.get(&cell.name()) {
                Some(state) => state.open()?,
                None => "not trained yet".into(),
            };
            Some((*cell, reason))
        })
        .collect();
    let mut row = NetworkRow {
        variant: algorithm.id().into(),
        title: match plan.role {
            Role::Own => title,
            Role::Transfer => format!("{title}, transfer"),
            Role::Leaked => format!("{title}, transfer, leaked"),
        },
        note: note(algorithm, study),
        role: plan.role,
        status: status(&plan.cells, &open),
        ..NetworkRow::default()
    };
    let mut scores = Vec::new();
    let mut remarks = Remarks::default();
    // What is not finished, or not this study's any more, is shown as such and nothing of it judged.
    let finished = plan
        .cells
        .iter()
        .filter(|(_, cell)| !open.contains_key(cell));
    for (fold, cell) in finished {
        let folder = cell.folder(run);
        // Whose training is somebody else's has none.
        let trained = algorithm.network().map(|_| folder.join("losses.csv"));
        let losses = trained.map_or(Ok(Vec::new()), |path| read_losses(&path))?;
        let losses: Vec<LossPoint> = losses.into_iter().map(loss_point).collect();
        let rows = read_metrics_long(&folder.join("metrics_long.csv"))?;
        let found = Scores::of(rows, algorithm, &fold.test)?;
        row.trainings.push(Training {
            fold: fold.index,
            seed: cell.seed,
            lesion_dice: found.estimate(Score::LesionDiceWithLesions),
            liver_dice: found.estimate(Score::LiverDicePerCase),
            stages: stage_checks(&losses),
        });
        scores.extend(found.rows);
        if row.losses.is_empty() {
            row.losses = losses;
        } else {
            row.more_losses.push(losses);
        }
        remarks.add(&folder, algorithm, &fold.test)?;
        if row.challenge.is_none() {
            row.challenge = ChallengeAnswer::read(&folder)?;
        }
    }
    row.remarks = remarks.lines();
    if row.status == RowStatus::Done {
        let mut tests: Vec<TestCase> = Vec::new();
        for (fold, _) in &plan.cells {
            let new = fold
                .test
                .iter()
                .filter(|test| !tests.iter().any(|t| t.case == test.case));
            tests.extend(new.cloned().collect::<Vec<_>>());
        }
        let folds: BTreeSet<u32> = scores.iter().map(|row| row.fold).collect();
        let scores = Scores::of(over_replicates(scores, folds.len() > 1), algorithm, &tests)?;
        for score in Score::ALL {
            if let Some(estimate) = scores.estimate(score) {
                row.scores.insert(score, estimate);
            }
        }
        row.per_case = per_case(&scores.rows, &tests);
        add_intervals(&mut row, &AnalysisOptions::default());
        let costs = plan
            .cells
            .iter()
            .map(|(_, cell)| cost(run, study, *cell, &CellRecord::read(&cell.folder(run))?))
            .collect::<Result<Vec<_>>>()?;
        row.cost = mean_cost(costs);
    }
    Ok(row)
}

/// What the predictions of a row's cells rest on.
#[derive(Default)]
struct Remarks {
    cases: BTreeSet<String>,
    empty: BTreeSet<String>,
    /// Cases by what was done to their outputs.
    changed: BTreeMap<String, BTreeSet<String>>,
}

impl Remarks {
    /// Takes in a cell.
    fn add(&mut self, cell: &Path, algorithm: Algorithm, tests: &[TestCase]) -> Result<()> {
        if algorithm.network().is_some() {
            return Ok(());
        }
        let taken = taken(cell)?;
        self.cases
            .extend(tests.iter().map(|test| test.case.name.clone()));
        self.empty.extend(taken.empty.into_keys());
        for (case, notes) in taken.changed {
            for note in notes {
                self.changed.entry(note).or_default().insert(case.clone());
            }
        }
        Ok(())
    }

    fn lines(&self) -> Vec<String> {
        const NAMED: usize = 4;
        let of = |cases: &BTreeSet<String>| {
            let named: Vec<&str> = cases.iter().take(NAMED).map(String::as_str).collect();
            let more = match cases.len() {
                all if all > NAMED => format!(" and {} more", all - NAMED),
                _ => String::new(),
            };
            format!(
                "{} of {} cases ({}{more})",
                cases.len(),
                self.cases.len(),
                named.join(", ")
            )
        };
        let empty = (!self.empty.is_empty())
            .then(|| format!("{} without a prediction count as empty", of(&self.empty)));
        let changed = self.changed.iter();
        empty
            .into_iter()
            .chain(changed.map(|(note, cases)| format!("{note} in {}", of(cases))))
            .collect()
    }
}

fn note(algorithm: Algorithm, study: &Study) -> Option<String> {
    if let Some(external) = study.external(algorithm) {
        let by_us = external.trained_on == External::UNKNOWN_TRAINING && !external.train.is_empty();
        return Some(match by_us {
            true => "trained on the study's training cases".into(),
            false => external.trained_on_words(),
        });
    }
    let variant = algorithm.variant()?;
    let from_encoder = variant.starts_from_encoder() || variant == Variant::HDenseUNet;
    from_encoder.then(|| match study.encoder_weights {
        Some(_) => "encoder from the given DenseNet-161 weights".into(),
        None => "encoder pre-trained on the organs of further phantoms".into(),
    })
}

/// Done when every cell is; else what the first one lacks.
fn status(cells: &[(&Fold, Cell)], open: &BTreeMap<Cell, String>) -> RowStatus {
    let first = cells
        .iter()
        .find_map(|(_, cell)| Some((cell, open.get(cell)?)));
    match first {
        None => RowStatus::Done,
        Some((_, reason)) if cells.len() == 1 => RowStatus::Missing {
            reason: reason.clone(),
        },
        Some((cell, reason)) => RowStatus::Missing {
            reason: format!("{}: {reason}", cell.name()),
        },
    }
}

fn loss_point(row: LossRow) -> LossPoint {
    LossPoint {
        iteration: row.iteration,
        stage: row.stage,
        loss: row.loss,
    }
}
