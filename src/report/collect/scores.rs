//! The scores of one network from its tidy tables.

use crate::analysis::statistics::mean_interval;
use crate::analysis::{Aggregate, Aggregates, AnalysisOptions, aggregate};
use crate::error::Result;
use crate::evaluation::{Label, MetricRow};
use crate::report::content::{CaseScore, Estimate, NetworkRow, Score};
use crate::study::{Algorithm, TestCase};

/// The label and metric a score is taken from.
fn source(score: Score) -> (Option<Label>, &'static str) {
    let (liver, lesion) = (Some(Label::LIVER), Some(Label::LESION));
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
pub(super) struct Scores {
    algorithm: Algorithm,
    pub(super) rows: Vec<MetricRow>,
    all: Aggregates,
    /// Over the cases whose reference has a lesion.
    with_lesions: Aggregates,
}

impl Scores {
    pub(super) fn of(
        rows: Vec<MetricRow>,
        algorithm: Algorithm,
        tests: &[TestCase],
    ) -> Result<Self> {
        let with_lesion = |case: &str| {
            let test = tests.iter().find(|test| test.case.name == case);
            test.is_some_and(|test| test.has_lesion)
        };
        let with_lesions: Vec<MetricRow> = rows
            .iter()
            .filter(|row| with_lesion(&row.case))
            .cloned()
            .collect();
        Ok(Self {
            algorithm,
            all: aggregate(&rows)?,
            with_lesions: aggregate(&with_lesions)?,
            rows,
        })
    }

    pub(super) fn estimate(&self, score: Score) -> Option<Estimate> {
        let (label, metric) = source(score);
        let key = (self.algorithm.id().into(), label, metric.into());
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

/// Dice of every test case, those of the profile.
pub(super) fn per_case(rows: &[MetricRow], tests: &[TestCase]) -> Vec<CaseScore> {
    let dice = |case: &str, label| {
        rows.iter()
            .find(|row| row.case == case && row.label == Some(label) && row.metric == "dice")
            .map(|row| row.value)
    };
    tests
        .iter()
        .map(|test| CaseScore {
            case: test.case.name.clone(),
            liver_dice: dice(&test.case.name, Label::LIVER),
            lesion_dice: dice(&test.case.name, Label::LESION),
            has_lesions: test.has_lesion,
        })
        .collect()
}

/// Gives the two Dice scores of a row their bootstrap intervals over cases, those of the tables of the evidence
/// where these have them too.
pub(super) fn add_intervals(row: &mut NetworkRow, options: &AnalysisOptions) {
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
    for (score, name, values) in [
        (
            Score::LesionDiceWithLesions,
            "lesion dice, with lesions",
            lesion,
        ),
        (Score::LiverDicePerCase, "liver dice", liver),
    ] {
        if let Some(estimate) = row.scores.get_mut(&score) {
            estimate.interval = mean_interval(&values, options.resampling(name));
        }
    }
}
