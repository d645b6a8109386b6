//! From a study's scores to intervals and paired tests.

use std::collections::BTreeSet;

use super::analysis::{AnalysisTables, LesionBins};
use super::row::Row;
use super::score::Score;
use crate::analysis::statistics::{RESAMPLES, mean_interval};
use crate::analysis::{
    AnalysisOptions, Better, Bins, Boundary, CaseGroups, FigureTable, RankMethod, Scored, analyse,
    by_case_groups, by_lesion_size, figures, ranking,
};
use crate::error::{Error, Result};
use crate::evaluation::{ALL_CASES, BURDENS, Label, Row as Tidy};
use crate::recipe::Variant;
use crate::seed::Seed;
use crate::study::Study;

/// Table VI's baseline, and that of the differences.
const BASELINE: Variant = Variant::DenseUNet2d;

/// How cases become an order.
const RANKED_BY: [RankMethod; 3] = [
    RankMethod::MeanThenRank,
    RankMethod::RankThenMean,
    RankMethod::TestThenRank,
];

/// What is compared: the figures of the paper's tables.
const COMPARED: [(Label, &str); 4] = [
    (Label::Lesion, "dice"),
    (Label::Lesion, "assd"),
    (Label::Liver, "dice"),
    (Label::Liver, "assd"),
];

/// What a study's scores show beyond their means.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Paired tests, rankings and tumour sizes.
    pub tables: AnalysisTables,
    /// Lesion Dice of every case; algorithms by their titles.
    pub lesion_dice: Option<FigureTable>,
    /// Tumour burden of the references, `[case]` in every column, and of the predictions.
    pub burdens: Vec<Burdens>,
}

/// The tumour burdens that one network predicts, case by case.
#[derive(Clone, Debug, PartialEq)]
pub struct Burdens {
    pub algorithm: String,
    /// Burden of the reference and of the prediction, fractions of the liver.
    pub cases: Vec<[f64; 2]>,
}

/// Paired tests and tumour sizes over the networks that are scored; none with fewer than two.
pub(super) fn evidence(mut scored: Scored, study: &Study) -> Result<Option<Evidence>> {
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
        baseline: algorithms.contains(baseline).then(|| baseline.to_owned()),
        ..drawn_for(study)
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
    // In the order of the study, as everywhere else.
    let order = |name: &str| {
        let place = study
            .variants
            .iter()
            .position(|variant| variant.title() == name);
        place.unwrap_or(usize::MAX)
    };
    let mut lesions: Vec<_> = scored.lesions.iter().collect();
    lesions.sort_by_key(|(name, _)| order(name));
    let bins = lesions
        .into_iter()
        .map(|(algorithm, lesions)| {
            Ok(LesionBins {
                algorithm: algorithm.clone(),
                bins: by_lesion_size(lesions, &cases, &Bins::default(), &options)?,
            })
        })
        .collect::<Result<_>>()?;
    let rankings = match dice.first() {
        Some(dice) if dice.cases.len() > 1 => RANKED_BY
            .map(|method| {
                let values = dice.values.view();
                let draws = options.resamples.min(1_000);
                let ranked = ranking(
                    &dice.algorithms,
                    values,
                    Better::Larger,
                    method,
                    draws,
                    options.seed,
                );
                (dice.name(), ranked)
            })
            .to_vec(),
        _ => Vec::new(),
    };
    let burdens = burdens(&scored.rows)?;
    let tables = AnalysisTables {
        analysis: analyse(&shown, &options)?,
        cases: format!("{} cases", cases.len()),
        method: format!(
            "95 % BCa bootstrap interval of the mean over cases ({RESAMPLES} draws of the study's seed {}).",
            study.seed
        ),
        rankings,
        groups,
        bins,
    };
    Ok(Some(Evidence {
        tables,
        lesion_dice: dice.into_iter().next(),
        burdens,
    }))
}

/// How the intervals of a study are drawn.
pub(super) fn drawn_for(study: &Study) -> AnalysisOptions {
    AnalysisOptions {
        seed: Seed(study.seed).derive("analysis"),
        ..AnalysisOptions::default()
    }
}

/// Reference and prediction of every case that has both.
fn burdens(rows: &[Tidy]) -> Result<Vec<Burdens>> {
    let [prediction, reference, _] = BURDENS;
    let of = |metric: &'static str| {
        figures(rows, move |row| row.label.is_none() && row.metric == metric)
    };
    let (truth, predicted) = (of(reference)?, of(prediction)?);
    let (Some(truth), Some(predicted)) = (truth.first(), predicted.first()) else {
        return Ok(Vec::new());
    };
    if truth.cases != predicted.cases || truth.algorithms != predicted.algorithms {
        return Ok(Vec::new());
    }
    Ok(predicted
        .algorithms
        .iter()
        .enumerate()
        .map(|(place, algorithm)| Burdens {
            algorithm: algorithm.clone(),
            cases: (0..predicted.cases.len())
                .map(|case| [truth.values[[case, place]], predicted.values[[case, place]]])
                .filter(|pair| pair.iter().all(|burden| burden.is_finite()))
                .collect(),
        })
        .collect())
}

/// Gives the two Dice scores of a row their bootstrap intervals over cases, those of the tables of the evidence
/// where these have them too.
pub(super) fn add_intervals(row: &mut Row, options: &AnalysisOptions) {
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
    for (score, figure, values) in [
        (
            Score::LesionDiceWithLesions,
            "lesion dice, with lesions",
            lesion,
        ),
        (Score::LiverDicePerCase, "liver dice", liver),
    ] {
        if let Some(estimate) = row.scores.get_mut(&score) {
            estimate.interval = mean_interval(&values, options.resampling(figure));
        }
    }
}
