//! From a study's folder to what a report shows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::row::{row, row_plans};
use super::views::views;
use crate::analysis::published::AddedNumbers;
use crate::analysis::{
    AnalysisOptions, ClaimNetwork, Evidence, Grounds, NamedNetwork, Scored, judge_claims,
};
use crate::dataset::Protocol;
use crate::error::{Error, Result};
use crate::evaluation::MetricRow;
use crate::network::ORGANS;
use crate::recipe::Variant;
use crate::report::content::{
    Content, FoldFacts, LeakFacts, LossPoint, NetworkRow, RowStatus, StudyKind,
};
use crate::schedule::{CellState, scored_of_study, status as cell_states};
use crate::study::{
    Algorithm, Environment, Fold, Inputs, Leak, Role, Sight, Study, TestCase, hardware_line,
    threshold_liver,
};

/// Table VI's baseline, and that of the differences.
const BASELINE: Variant = Variant::DenseUNet2d;

/// Everything of a study that is there, for [`write`](crate::report::write), and the scores that its networks are compared
/// by, where at least two are scored.
pub fn collect(
    run: &Path,
    study: &Study,
    inputs: &Inputs,
    command: &str,
) -> Result<(Content, Vec<MetricRow>)> {
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
    let sight = Sight::of(&inputs.folds, &study.scale).filter(|_| !study.variants.is_empty());
    if let Some(sight) = sight {
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
    let claims = judge_claims(&Grounds {
        networks: &claim_networks(&rows),
        dice: evidence
            .as_ref()
            .and_then(|evidence| evidence.lesion_dice.as_ref()),
        groups: evidence
            .as_ref()
            .and_then(|evidence| Some(&evidence.tables.groups.as_ref()?.0)),
        seed: AnalysisOptions::default().seed,
    })?;
    let (overlays, stacks) = views(run, &tested, &plans, &rows)?;
    let compared = evidence.as_ref().map_or(Vec::new(), |_| scored.rows);
    let content = Content {
        kind: match study.protocol {
            Protocol::Holdout => StudyKind::Ablation,
            _ => StudyKind::CrossValidation,
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

/// Paired tests and tumour sizes over the networks of a study.
fn evidence(scored: Scored, study: &Study) -> Result<Option<Evidence>> {
    let named = |algorithm: Algorithm| NamedNetwork {
        id: algorithm.id().into(),
        name: study.title(algorithm),
    };
    let all = study.algorithms_of(Role::Own).into_iter();
    let networks: Vec<NamedNetwork> = all.map(named).collect();
    let options = AnalysisOptions {
        baseline: Some(BASELINE.title().to_owned()),
        ..AnalysisOptions::default()
    };
    let method = options.in_words();
    Evidence::of(scored, &networks, options, method)
}

/// The finished rows, as claims look at them; a network that was trained on other data too counts by its
/// first row, that of the study's own folds.
fn claim_networks(rows: &[NetworkRow]) -> Vec<ClaimNetwork> {
    let losses =
        |points: &Vec<LossPoint>| -> Vec<f64> { points.iter().map(|point| point.loss).collect() };
    let finished = rows.iter().filter(|row| row.status == RowStatus::Done);
    finished
        .map(|row| ClaimNetwork {
            id: row.variant.clone(),
            name: row.title.clone(),
            losses: [&row.losses]
                .into_iter()
                .chain(&row.more_losses)
                .map(losses)
                .collect(),
            hours: row.cost.hours_to_end,
        })
        .collect()
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
    let scores = "Scores: profile strict (liver is label 1 or 2; Dice 1 where prediction and reference \
         are both empty, 0 where one is; distances of empty masks are undefined and counted out).";
    if study.variants.is_empty() {
        return vec![scores.into()];
    }
    let lesion = study.scale.lesion_threshold;
    let mut notes = vec![
        "The last iteration is the model; nothing was chosen by looking at test scores.".into(),
        format!(
            "{scores} Thresholds: liver {}, lesion {}.",
            study.recipe.liver_threshold,
            lesion.unwrap_or(study.recipe.lesion_threshold)
        ),
    ];
    let starts_from_encoder =
        |variant: &Variant| variant.starts_from_encoder() || *variant == Variant::HDenseUNet;
    if study.encoder_weights.is_none() && study.variants.iter().any(starts_from_encoder) {
        notes.push(format!(
            "No ImageNet weights were at hand: 'pre-trained' means an encoder that has learned from {} \
             further phantoms, none of them a case of this study, which of {ORGANS} organs a slice shows.",
            study.scale.encoder_cases
        ));
    }
    notes
}
