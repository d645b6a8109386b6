//! A row of the tables: one network over some folds and all replicates.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::cost::{cost, mean_cost};
use super::scores::{Scores, add_intervals, per_case, resampled_for};
use crate::analysis::over_replicates;
use crate::cell::{CellRecord, ChallengeAnswer};
use crate::error::Result;
use crate::evaluation::read_metrics_long;
use crate::network::NetworkKind;
use crate::recipe::Variant;
use crate::report::content::{LossPoint, NetworkRow, RowStatus, Score, Training, stage_checks};
use crate::schedule::CellState;
use crate::study::{Cell, Fold, Inputs, Role, Study, TestCase};
use crate::training::{LossRow, read_losses};

/// The cells that a row of the tables is over: one network, some folds, all replicates.
pub(super) struct RowPlan<'a> {
    pub(super) variant: Variant,
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
        for &variant in study.variants_of(role) {
            let cell = |fold: &Fold, seed| Cell {
                part: NetworkKind::Variant(variant),
                fold: fold.index,
                seed,
            };
            let cells = folds.iter().flat_map(|&fold| {
                let seeds = study.seeds.iter();
                seeds.map(move |&seed| (fold, cell(fold, seed)))
            });
            plans.push(RowPlan {
                variant,
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
    let variant = plan.variant;
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
        variant: variant.id().into(),
        title: match plan.role {
            Role::Own => variant.title().into(),
            Role::Transfer => format!("{}, transfer", variant.title()),
            Role::Leaked => format!("{}, transfer, leaked", variant.title()),
        },
        note: note(variant, study),
        role: plan.role,
        status: status(&plan.cells, &open),
        ..NetworkRow::default()
    };
    let mut scores = Vec::new();
    // What is not finished, or not this study's any more, is shown as such and nothing of it judged.
    let finished = plan
        .cells
        .iter()
        .filter(|(_, cell)| !open.contains_key(cell));
    for (fold, cell) in finished {
        let folder = cell.folder(run);
        let losses: Vec<LossPoint> = read_losses(&folder.join("losses.csv"))?
            .into_iter()
            .map(loss_point)
            .collect();
        let rows = read_metrics_long(&folder.join("metrics_long.csv"))?;
        let found = Scores::of(rows, variant, &fold.test)?;
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
        if row.challenge.is_none() {
            row.challenge = ChallengeAnswer::read(&folder)?;
        }
    }
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
        let scores = Scores::of(over_replicates(scores, folds.len() > 1), variant, &tests)?;
        for score in Score::ALL {
            if let Some(estimate) = scores.estimate(score) {
                row.scores.insert(score, estimate);
            }
        }
        row.per_case = per_case(&scores.rows, &tests);
        add_intervals(&mut row, &resampled_for(study));
        let costs = plan
            .cells
            .iter()
            .map(|(_, cell)| cost(run, study, *cell, &CellRecord::read(&cell.folder(run))?))
            .collect::<Result<Vec<_>>>()?;
        row.cost = mean_cost(costs);
    }
    Ok(row)
}

fn note(variant: Variant, study: &Study) -> Option<String> {
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
