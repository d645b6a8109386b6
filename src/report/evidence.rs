//! From a study's scores to intervals and paired tests.

use std::collections::BTreeSet;
use std::path::Path;

use ndarray::Array2;

use super::analysis::{AnalysisTables, LesionBins};
use super::content::Row;
use super::score::Score;
use crate::analysis::statistics::{RESAMPLES, bca, bootstrap_means};
use crate::analysis::{
    AnalysisOptions, Bins, Boundary, CaseGroups, Scored, analyse, by_case_groups, by_lesion_size,
    figures,
};
use crate::error::{Error, Result};
use crate::evaluation::{ALL_CASES, Label};
use crate::harness::Study;
use crate::recipe::Variant;
use crate::seed::Seed;

/// Table VI's baseline, and that of the differences.
const BASELINE: Variant = Variant::DenseUNet2d;

/// What is compared: the figures of the paper's tables.
const COMPARED: [(Label, &str); 4] = [
    (Label::Lesion, "dice"),
    (Label::Lesion, "assd"),
    (Label::Liver, "dice"),
    (Label::Liver, "assd"),
];

/// Paired tests and tumour sizes over the networks that are scored; none with fewer than two.
pub(super) fn evidence(run: &Path, study: &Study) -> Result<Option<AnalysisTables>> {
    let mut scored = match Scored::read(run) {
        Ok(scored) => scored,
        // Nothing is scored yet.
        Err(Error::Malformed { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    // Networks that were trained on other data stand in tables of their own.
    let own = |name: &str| study.variants.iter().find(|variant| variant.id() == name);
    scored.rows.retain(|row| own(&row.algorithm).is_some());
    scored.lesions.retain(|name, _| own(name).is_some());
    scored.rename(|name| own(name).map_or(name.to_owned(), |own| own.title().to_owned()));
    let algorithms = scored.algorithms();
    if algorithms.len() < 2 {
        return Ok(None);
    }
    let baseline = BASELINE.title();
    let options = AnalysisOptions {
        seed: Seed(study.seed).derive("analysis"),
        baseline: algorithms.contains(baseline).then(|| baseline.to_owned()),
        ..AnalysisOptions::default()
    };
    let shown = figures(&scored.rows, |row| {
        let is =
            |(label, metric): &(Label, &str)| row.label == Some(*label) && row.metric == *metric;
        COMPARED.iter().any(is)
    })?;
    let of = |metric: &'static str| {
        figures(&scored.rows, move |row| {
            row.label == Some(Label::Lesion) && row.metric == metric
        })
    };
    let (volumes, dice) = (of("volume_ref_ml")?, of("dice")?);
    let groups = match (volumes.first(), dice.first()) {
        // Too few tumours make no groups.
        (Some(volumes), Some(dice)) => CaseGroups::divide(volumes, Boundary::LargestGap)
            .ok()
            .map(|groups| {
                Ok::<_, Error>((groups.clone(), by_case_groups(dice, &groups, &options)?))
            })
            .transpose()?,
        _ => None,
    };
    let cases: BTreeSet<&str> = scored
        .rows
        .iter()
        .filter(|row| row.case != ALL_CASES)
        .map(|row| row.case.as_str())
        .collect();
    let cases: Vec<String> = cases.into_iter().map(str::to_owned).collect();
    let bins = scored
        .lesions
        .iter()
        .map(|(algorithm, lesions)| {
            Ok(LesionBins {
                algorithm: algorithm.clone(),
                bins: by_lesion_size(lesions, &cases, &Bins::default(), &options)?,
            })
        })
        .collect::<Result<_>>()?;
    Ok(Some(AnalysisTables {
        analysis: analyse(&shown, &options)?,
        cases: format!("{} cases", cases.len()),
        method: format!("95 % BCa bootstrap interval of the mean over cases ({RESAMPLES} draws)."),
        rankings: Vec::new(),
        groups,
        bins,
    }))
}

/// Gives the two Dice scores of a row their bootstrap intervals over cases.
pub(super) fn add_intervals(row: &mut Row) {
    let lesion: Vec<f64> = row
        .per_case
        .iter()
        .filter(|case| case.has_lesions)
        .filter_map(|case| case.lesion_dice)
        .collect();
    let liver: Vec<f64> = row
        .per_case
        .iter()
        .filter_map(|case| case.liver_dice)
        .collect();
    for (score, values) in [
        (Score::LesionDiceWithLesions, lesion),
        (Score::LiverDicePerCase, liver),
    ] {
        if let Some(estimate) = row.scores.get_mut(&score) {
            let column = Array2::from_shape_fn((values.len(), 1), |(case, _)| values[case]);
            let drawn = bootstrap_means(column.view(), RESAMPLES, Seed(1));
            estimate.interval = bca(&values, &drawn.means.row(0).to_vec(), 0.95);
        }
    }
}
