//! From a study's folder to what a report shows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::claims::{self, Grounds};
use super::content::{Content, FoldFacts, Kind, LeakFacts};
use super::evidence::{add_intervals, drawn_for, evidence};
use super::overlay::{CaseOverlay, Predicted, axial, choose_slice};
use super::row::{CaseScore, Cost, Estimate, Row, StageCost, Status, Training, fold_name};
use super::score::Score;
use super::stages::{LossPoint, stage_checks};
use super::viewer::{self, Stack, Whole};
use crate::analysis::published::AddedNumbers;
use crate::analysis::{Aggregate, Aggregates, Scored, aggregate};
use crate::cell::{CellRecord, ChallengeAnswer, Stage, prediction_path, prediction_seconds};
use crate::dataset::Protocol;
use crate::error::{Error, Result};
use crate::evaluation::{ALL_CASES, Label, Row as Tidy, read_metrics_long};
use crate::network::{NetworkKind, ORGANS, summarise};
use crate::preprocess::Stored;
use crate::recipe::{Recipe, Variant};
use crate::schedule::{CellState, scored_of_study, status as cell_states};
use crate::seed::Seed;
use crate::study::{
    Cell, Environment, Fold, Inputs, Leak, Role, Sight, Study, TestCase, hardware_line,
    threshold_liver,
};
use crate::training::{LossRow, read_losses};
use crate::volume::{Orientation, Volume, read_labels};

/// Everything of a study that is there, for [`super::write`], and the scores that its networks are compared
/// by, where at least two are scored.
pub fn collect(
    run: &Path,
    study: &Study,
    inputs: &Inputs,
    command: &str,
) -> Result<(Content, Vec<Tidy>)> {
    let plans = row_plans(study, inputs);
    let states = cell_states(run)?;
    let scored = match scored_of_study(run, study, &states) {
        // Nothing is scored yet.
        Err(Error::Malformed { .. }) => Scored::default(),
        read => read?,
    };
    let states: BTreeMap<String, CellState> = states
        .into_iter()
        .map(|cell| (cell.cell, cell.state))
        .collect();
    let rows = plans
        .iter()
        .map(|plan| row(run, study, plan, &states))
        .collect::<Result<Vec<_>>>()?;
    let environment = Environment::now(study, None);
    let tested = tested(inputs);
    let with_lesions = tested.iter().filter(|test| test.has_lesion).count();
    let mut notes = notes(study);
    if let Some(sight) = Sight::of(&inputs.folds, &study.scale) {
        notes.push(format!(
            "Grid: {}.",
            sight.warning().unwrap_or_else(|| sight.words())
        ));
    }
    notes.extend(inputs.warnings.iter().cloned());
    let threshold = threshold_liver(&inputs.folds)?;
    let commit = match environment.machine.commit.as_str() {
        "" => String::new(),
        commit => format!(" ({commit})"),
    };
    let split = match &study.protocol {
        Protocol::Holdout => format!("split: {}", inputs.folds[0].split.description),
        protocol => protocol.title(),
    };
    let evidence = evidence(scored.clone(), study)?;
    let claims = claims::judge(&Grounds {
        rows: &rows,
        dice: evidence
            .as_ref()
            .and_then(|evidence| evidence.lesion_dice.as_ref()),
        groups: evidence
            .as_ref()
            .and_then(|evidence| Some(&evidence.tables.groups.as_ref()?.0)),
        seed: Seed(study.seed).derive("analysis"),
    })?;
    let (overlays, stacks) = overlays(run, &tested, &plans, &rows)?;
    let compared = evidence.as_ref().map_or(Vec::new(), |_| scored.rows);
    let content = Content {
        kind: match study.protocol {
            Protocol::Holdout => Kind::Ablation,
            _ => Kind::CrossValidation,
        },
        study: study.name.clone(),
        recipe: recipe_line(study)?,
        scale: name_of(&study.scale.name)?,
        data: data_line(study),
        test_set: format!("{} ({split})", test_set(study)),
        n_train: inputs.folds[0].train.len(),
        n_test: tested.len(),
        n_test_with_lesions: with_lesions,
        folds: inputs.folds.iter().map(fold_facts).collect(),
        leaks: inputs.folds.iter().flat_map(leak_facts).collect(),
        threshold_liver: (!threshold.is_empty())
            .then(|| threshold.values().sum::<f64>() / threshold.len() as f64),
        published: added_numbers(run)?,
        master_seed: study.seed,
        hdbench: format!("{}{commit}", environment.machine.hdbench),
        hardware: hardware_line(&environment),
        command: command.to_owned(),
        notes,
        overlays,
        stacks,
        evidence,
        claims: match study.protocol {
            Protocol::Holdout => claims,
            _ => Vec::new(),
        },
        phantoms: study.data.phantoms.is_some(),
        rows,
    };
    Ok((content, compared))
}

/// The cells that a row of the tables is over: one network, some folds, all replicates.
struct RowPlan<'a> {
    variant: Variant,
    role: Role,
    cells: Vec<(&'a Fold, Cell)>,
}

fn row_plans<'a>(study: &Study, inputs: &'a Inputs) -> Vec<RowPlan<'a>> {
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

/// Every test case of the study's own folds, once.
fn tested(inputs: &Inputs) -> Vec<&TestCase> {
    let mut tested: Vec<&TestCase> = Vec::new();
    let own = inputs.folds.iter().filter(|fold| fold.role == Role::Own);
    for test in own.flat_map(|fold| &fold.test) {
        if !tested.iter().any(|other| other.case == test.case) {
            tested.push(test);
        }
    }
    tested
}

/// Where a study keeps published numbers that its user has added to a table.
pub fn added_path(run: &Path, number: u8) -> PathBuf {
    run.join(format!("published-{number}.toml"))
}

fn added_numbers(run: &Path) -> Result<Vec<AddedNumbers>> {
    let paths = (0..=9).map(|number| added_path(run, number));
    let there = paths.filter(|path| path.exists());
    there
        .map(|path| AddedNumbers::read(&path, |id| Variant::from_id(id).is_some()))
        .collect()
}

fn fold_facts(fold: &Fold) -> FoldFacts {
    FoldFacts {
        index: fold.index,
        role: fold.role,
        description: fold.split.description.clone(),
        n_train: fold.train.len(),
        test: fold.split.test.clone(),
    }
}

fn leak_facts(fold: &Fold) -> Vec<LeakFacts> {
    let facts = |left_out: bool| {
        move |leak: &Leak| LeakFacts {
            fold: fold.index,
            role: fold.role,
            train: leak.train.clone(),
            test: leak.test.clone(),
            evidence: leak.evidence.clone(),
            left_out,
        }
    };
    let kept = fold.leaks.iter().map(facts(false));
    kept.chain(fold.left_out.iter().map(facts(true))).collect()
}

fn name_of(name: &impl serde::Serialize) -> Result<String> {
    let json = serde_json::to_value(name).map_err(|e| Error::Internal(e.to_string()))?;
    Ok(json.as_str().unwrap_or_default().to_owned())
}

fn recipe_line(study: &Study) -> Result<String> {
    let name = name_of(&study.recipe.name)?;
    let changes = study.settings().changes()?;
    Ok(if changes.is_empty() {
        name
    } else {
        format!("{name}, with {}", changes.join(", "))
    })
}

fn data_line(study: &Study) -> String {
    match (study.data.phantoms, &study.protocol) {
        (Some(phantoms), Protocol::Holdout) => format!(
            "{} CT phantoms of {} x {} pixels generated by hdbench, seed {}: they prove that the \
             machine works, not the paper's ranking",
            phantoms.cases, phantoms.matrix, phantoms.matrix, phantoms.seed
        ),
        (Some(phantoms), _) => format!(
            "{} CT phantoms of {} x {} pixels in the layout of 3DIRCADb, generated by hdbench, seed \
             {}: they prove that the machine works, and say nothing about patients",
            phantoms.cases, phantoms.matrix, phantoms.matrix, phantoms.seed
        ),
        (None, _) => "CT volumes with labels, given by the user".into(),
    }
}

fn test_set(study: &Study) -> &'static str {
    match (study.data.phantoms, &study.protocol) {
        (Some(_), Protocol::Holdout) => "held-out phantoms",
        (Some(_), _) => "phantoms of the 3DIRCADb patients",
        (None, _) => "held-out cases of the given folder",
    }
}

fn notes(study: &Study) -> Vec<String> {
    let mut notes = vec![
        "The last iteration is the model; nothing was chosen by looking at test scores.".into(),
        format!(
            "Scores: profile strict (liver is label 1 or 2; Dice 1 where prediction and reference \
             are both empty, 0 where one is; distances of empty masks are undefined and counted \
             out). Thresholds: liver {}, lesion {}.",
            study.recipe.liver_threshold,
            study
                .scale
                .lesion_threshold
                .unwrap_or(study.recipe.lesion_threshold)
        ),
    ];
    if study.encoder_weights.is_none() {
        notes.push(format!(
            "No ImageNet weights were at hand: 'pre-trained' means an encoder that has learned from {} \
             further phantoms, none of them a case of this study, which of {ORGANS} organs a slice shows.",
            study.scale.encoder_cases
        ));
    }
    notes
}

fn row(
    run: &Path,
    study: &Study,
    plan: &RowPlan<'_>,
    states: &BTreeMap<String, CellState>,
) -> Result<Row> {
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
    let mut row = Row {
        variant: variant.id().into(),
        title: match plan.role {
            Role::Own => variant.title().into(),
            Role::Transfer => format!("{}, transfer", variant.title()),
            Role::Leaked => format!("{}, transfer, leaked", variant.title()),
        },
        note: note(variant, study),
        role: plan.role,
        status: status(&plan.cells, &open),
        ..Row::default()
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
    if row.status == Status::Done {
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
        add_intervals(&mut row, &drawn_for(study));
        let costs = plan
            .cells
            .iter()
            .map(|(_, cell)| cost(run, study, *cell, &CellRecord::read(&cell.folder(run))?))
            .collect::<Result<Vec<_>>>()?;
        row.cost = mean_cost(costs);
    }
    Ok(row)
}

/// The mean over replicates of every value; a figure over all cases of a fold is dropped where
/// there are several folds, because it is none of their union.
fn over_replicates(rows: Vec<Tidy>, several_folds: bool) -> Vec<Tidy> {
    let mut groups: BTreeMap<(u32, String, Option<Label>, String), Vec<Tidy>> = BTreeMap::new();
    for row in rows {
        if several_folds && row.case == ALL_CASES {
            continue;
        }
        let key = (row.fold, row.case.clone(), row.label, row.metric.clone());
        groups.entry(key).or_default().push(row);
    }
    let mean = |values: Vec<f64>| {
        let defined: Vec<f64> = values.into_iter().filter(|value| !value.is_nan()).collect();
        match defined.len() {
            0 => f64::NAN,
            n => defined.iter().sum::<f64>() / n as f64,
        }
    };
    groups
        .into_values()
        .filter_map(|rows| {
            let value = mean(rows.iter().map(|row| row.value).collect());
            let raw_value = mean(rows.iter().map(|row| row.raw_value).collect());
            let first = rows.into_iter().next()?;
            Some(Tidy {
                value,
                raw_value,
                ..first
            })
        })
        .collect()
}

fn note(variant: Variant, study: &Study) -> Option<String> {
    let from_encoder = variant.starts_from_encoder() || variant == Variant::HDenseUNet;
    from_encoder.then(|| match study.encoder_weights {
        Some(_) => "encoder from the given DenseNet-161 weights".into(),
        None => "encoder pre-trained on the organs of further phantoms".into(),
    })
}

/// Done when every cell is; else what the first one lacks.
fn status(cells: &[(&Fold, Cell)], open: &BTreeMap<Cell, String>) -> Status {
    let first = cells
        .iter()
        .find_map(|(_, cell)| Some((cell, open.get(cell)?)));
    match first {
        None => Status::Done,
        Some((_, reason)) if cells.len() == 1 => Status::Missing {
            reason: reason.clone(),
        },
        Some((cell, reason)) => Status::Missing {
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

/// The label and metric a score is taken from.
fn source(score: Score) -> (Option<Label>, &'static str) {
    let (liver, lesion) = (Some(Label::Liver), Some(Label::Lesion));
    match score {
        Score::LesionDicePerCase | Score::LesionDiceWithLesions => (lesion, "dice"),
        Score::LesionDiceGlobal => (lesion, "dice_global"),
        Score::LiverDicePerCase => (liver, "dice"),
        Score::LiverDiceGlobal => (liver, "dice_global"),
        Score::LesionVoe => (lesion, "voe"),
        Score::LesionRvd => (lesion, "rvd"),
        Score::LesionAssd => (lesion, "assd"),
        Score::LesionRmsd => (lesion, "rmsd"),
        Score::LiverVoe => (liver, "voe"),
        Score::LiverRvd => (liver, "rvd"),
        Score::LiverAssd => (liver, "assd"),
        Score::LiverRmsd => (liver, "rmsd"),
        Score::TumourBurdenRmse => (None, "tumour_burden_rmse"),
    }
}

/// The scores of one network over some cases.
struct Scores {
    variant: Variant,
    rows: Vec<Tidy>,
    all: Aggregates,
    /// Over the cases whose reference has a lesion.
    with_lesions: Aggregates,
}

impl Scores {
    fn of(rows: Vec<Tidy>, variant: Variant, tests: &[TestCase]) -> Result<Self> {
        let with_lesion = |case: &str| {
            let test = tests.iter().find(|test| test.case.name == case);
            test.is_some_and(|test| test.has_lesion)
        };
        let with_lesions: Vec<Tidy> = rows
            .iter()
            .filter(|row| with_lesion(&row.case))
            .cloned()
            .collect();
        Ok(Self {
            variant,
            all: aggregate(&rows)?,
            with_lesions: aggregate(&with_lesions)?,
            rows,
        })
    }

    fn estimate(&self, score: Score) -> Option<Estimate> {
        let (label, metric) = source(score);
        let key = (self.variant.id().to_owned(), label, metric.to_owned());
        let aggregates = match score {
            Score::LesionDiceWithLesions => &self.with_lesions,
            _ => &self.all,
        };
        aggregates.get(&key).map(to_estimate)
    }
}

fn to_estimate(aggregate: &Aggregate) -> Estimate {
    Estimate {
        mean: aggregate.mean,
        sd: aggregate.sd,
        n: aggregate.n,
        interval: None,
    }
}

fn per_case(rows: &[Tidy], tests: &[TestCase]) -> Vec<CaseScore> {
    let dice = |case: &str, label| {
        rows.iter()
            .find(|row| row.case == case && row.label == Some(label) && row.metric == "dice")
            .map(|row| row.value)
    };
    tests
        .iter()
        .map(|test| CaseScore {
            case: test.case.name.clone(),
            liver_dice: dice(&test.case.name, Label::Liver),
            lesion_dice: dice(&test.case.name, Label::Lesion),
            has_lesions: test.has_lesion,
        })
        .collect()
}

fn cost(run: &Path, study: &Study, cell: Cell, record: &CellRecord) -> Result<Cost> {
    let folder = cell.folder(run);
    let summary = summarise(cell.part, &study.recipe, &study.scale);
    let losses = read_losses(&folder.join("losses.csv"))?;
    let mut stages: Vec<(String, f64, usize)> = Vec::new();
    for row in &losses {
        match stages
            .last_mut()
            .filter(|(stage, _, _)| *stage == row.stage)
        {
            Some((_, seconds, steps)) => {
                *seconds += row.seconds;
                *steps += 1;
            }
            None => stages.push((row.stage.clone(), row.seconds, 1)),
        }
    }
    let seconds = prediction_seconds(&folder)?;
    let peak = record
        .stages
        .values()
        .filter_map(|stage| stage.peak_memory_mb);
    Ok(Cost {
        parameters: Some(summary.parameters.trainable as u64),
        multiply_adds: Some(summary.multiply_adds()),
        stages: stages
            .into_iter()
            .map(|(stage, seconds, steps)| StageCost {
                stage,
                seconds_per_step: seconds / steps as f64,
            })
            .collect(),
        hours_to_end: hours_to_end(run, &study.recipe, cell)?,
        prediction_seconds: (!seconds.is_empty())
            .then(|| seconds.values().sum::<f64>() / seconds.len() as f64),
        peak_memory_mb: peak.reduce(f64::max),
    })
}

/// What one training of a row costs, on average.
fn mean_cost(costs: Vec<Cost>) -> Cost {
    let mean = |of: fn(&Cost) -> Option<f64>| {
        let values: Option<Vec<f64>> = costs.iter().map(of).collect();
        let values = values.filter(|values| !values.is_empty())?;
        Some(values.iter().sum::<f64>() / values.len() as f64)
    };
    let Some(first) = costs.first() else {
        return Cost::default();
    };
    let seconds = |stage: &StageCost| {
        let same = costs.iter().flat_map(|cost| &cost.stages);
        let same: Vec<f64> = same
            .filter(|other| other.stage == stage.stage)
            .map(|other| other.seconds_per_step)
            .collect();
        same.iter().sum::<f64>() / same.len() as f64
    };
    Cost {
        parameters: first.parameters,
        multiply_adds: first.multiply_adds,
        stages: first
            .stages
            .iter()
            .map(|stage| StageCost {
                stage: stage.stage.clone(),
                seconds_per_step: seconds(stage),
            })
            .collect(),
        hours_to_end: mean(|cost| cost.hours_to_end),
        prediction_seconds: mean(|cost| cost.prediction_seconds),
        peak_memory_mb: costs
            .iter()
            .filter_map(|cost| cost.peak_memory_mb)
            .reduce(f64::max),
    }
}

/// Training time of a cell and of those its network starts from.
fn hours_to_end(run: &Path, recipe: &Recipe, cell: Cell) -> Result<Option<f64>> {
    let mut hours = 0.0;
    let mut next = Some(cell);
    while let Some(cell) = next {
        let record = CellRecord::read(&cell.folder(run))?;
        let Some(train) = record.stages.get(&Stage::Train) else {
            return Ok(None);
        };
        hours += train.seconds / 3600.0;
        next = cell.starts_from(recipe);
    }
    Ok(Some(hours))
}

fn overlays(
    run: &Path,
    tests: &[&TestCase],
    plans: &[RowPlan<'_>],
    rows: &[Row],
) -> Result<(Vec<CaseOverlay>, Vec<Stack>)> {
    let viewed = viewed(tests, rows);
    let bytes = viewer::BUDGET_BYTES as f64 / viewed.len().max(1) as f64;
    let (mut overlays, mut stacks) = (Vec::new(), Vec::new());
    for test in tests {
        let bytes = viewed.contains(test.case.name.as_str()).then_some(bytes);
        let (overlay, stack) = overlay(run, test, plans, rows, bytes)?;
        overlays.push(overlay);
        stacks.extend(stack);
    }
    Ok((overlays, stacks))
}

/// The cases that the viewer has room for: all, or else the worst of the last row and as many spread over
/// the others.
fn viewed<'a>(tests: &[&'a TestCase], rows: &[Row]) -> BTreeSet<&'a str> {
    let room = viewer::room(rows.len()).max(1);
    let dice = |name: &str| {
        let done = rows.iter().rev().find(|row| row.status == Status::Done);
        let case = done.and_then(|row| row.per_case.iter().find(|case| case.case == name));
        case.and_then(|case| case.lesion_dice.filter(|_| case.has_lesions))
            .unwrap_or(1.0)
    };
    let mut order: Vec<&str> = tests.iter().map(|test| test.case.name.as_str()).collect();
    order.sort_by(|a, b| dice(a).total_cmp(&dice(b)));
    if order.len() <= room {
        return order.into_iter().collect();
    }
    let (worst, rest) = order.split_at(room.div_ceil(2));
    let more = room - worst.len();
    let spread = (0..more).map(|i| rest[(2 * i + 1) * rest.len() / (2 * more)]);
    worst.iter().copied().chain(spread).collect()
}

/// The slice of a case, and its stack where it has so many bytes in the viewer.
fn overlay(
    run: &Path,
    test: &TestCase,
    plans: &[RowPlan<'_>],
    rows: &[Row],
    bytes: Option<f64>,
) -> Result<(CaseOverlay, Option<Stack>)> {
    let missing = || Error::Internal(format!("{}: the chosen slice is not there", test.case.name));
    let stored = Stored::open(&test.cached)?;
    let orientation = Orientation::of(stored.file());
    let truth = stored.own_labels()?;
    let image = stored.own_image()?;
    let image = Volume {
        voxels: image.voxels.mapv(f32::from),
        geometry: image.geometry,
    };
    let slice = choose_slice(&truth.voxels);
    let mut predictions = Vec::new();
    let mut whole = Vec::new();
    for (plan, row) in plans.iter().zip(rows) {
        // The first replicate of the fold that tests the case.
        let tests_it = |fold: &Fold| fold.test.iter().any(|other| other.case == test.case);
        let found = plan.cells.iter().find(|(fold, _)| tests_it(fold));
        let Some((_, cell)) = found.filter(|_| row.status == Status::Done) else {
            continue;
        };
        let labels = read_labels(&prediction_path(&cell.folder(run), &test.case.name))?;
        let labels: Volume<u8> = orientation.to_canonical(&labels);
        let score = row
            .per_case
            .iter()
            .find(|score| score.case == test.case.name);
        let dice = |of: fn(&CaseScore) -> Option<f64>| score.and_then(of).unwrap_or(f64::NAN);
        let title = match row.role {
            Role::Own => row.variant.clone(),
            role => format!("{} ({})", row.variant, fold_name(0, role)),
        };
        predictions.push(Predicted {
            title: title.clone(),
            labels: axial(&labels, slice).ok_or_else(missing)?,
            liver_dice: dice(|score| score.liver_dice),
            lesion_dice: dice(|score| score.lesion_dice),
        });
        if bytes.is_some() {
            whole.push(Whole {
                title,
                labels,
                liver_dice: dice(|score| score.liver_dice),
                lesion_dice: dice(|score| score.lesion_dice),
            });
        }
    }
    let overlay = CaseOverlay {
        case: test.case.name.clone(),
        slice,
        hu: axial(&image, slice).ok_or_else(missing)?,
        truth: axial(&truth, slice).ok_or_else(missing)?,
        predictions,
    };
    let stack = bytes
        .map(|bytes| viewer::stack(&test.case.name, &image, &truth, whole, bytes))
        .transpose()?;
    Ok((overlay, stack))
}
