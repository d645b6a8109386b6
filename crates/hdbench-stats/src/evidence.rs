//! From a study's scores to intervals and paired tests.

use std::collections::BTreeSet;

use hdbench_ground::error::Result;
use hdbench_score::{ALL_CASES, Label, MetricRow};

use super::analysis_tables::{AnalysisTables, LesionBins};
use super::{
    AnalysisOptions, Bins, Boundary, Burdens, CaseGroups, GroupValue, MetricTable, RankMethod,
    Ranking, Scored, analyse, by_case_groups, by_lesion_size, metric_tables, rankings,
};

/// How cases become an order.
const RANKED_BY: [RankMethod; 3] = [
    RankMethod::MeanThenRank,
    RankMethod::RankThenMean,
    RankMethod::TestThenRank,
];

/// What is compared: the metrics of the paper's tables.
const COMPARED: [(Label, &str); 4] = [
    (Label::LESION, "dice"),
    (Label::LESION, "assd"),
    (Label::LIVER, "dice"),
    (Label::LIVER, "assd"),
];

/// What a study's scores show beyond their means.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Paired tests, rankings and tumour sizes.
    pub tables: AnalysisTables,
    /// Lesion Dice of every case; algorithms by their titles.
    pub lesion_dice: Option<MetricTable>,
    /// Tumour burden of the references, `[case]` in every column, and of the predictions.
    pub burdens: Vec<Burdens>,
}

/// A network of a study by its name in the tidy table and by the name that tables and pictures call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedNetwork {
    /// In the tidy table.
    pub id: String,
    /// In tables and pictures.
    pub name: String,
}

impl Evidence {
    /// Paired tests and tumour sizes over those of the `networks` that are scored, in their order; none with
    /// fewer than two. `method` says for the captions how intervals are drawn; a baseline that is not scored
    /// is none.
    ///
    /// # Errors
    /// What the aggregation gives.
    pub fn of(
        scored: Scored,
        networks: &[NamedNetwork],
        options: AnalysisOptions,
        method: String,
    ) -> Result<Option<Self>> {
        let scored = named(scored, networks);
        let algorithms = scored.algorithms();
        if algorithms.len() < 2 {
            return Ok(None);
        }
        let options = AnalysisOptions {
            baseline: options.baseline.filter(|name| algorithms.contains(name)),
            ..options
        };
        let lesion = |metric: &'static str| {
            metric_tables(&scored.rows, move |row| {
                row.label == Some(Label::LESION) && row.metric == metric
            })
        };
        let (volumes, dice) = (lesion("volume_ref_ml")?, lesion("dice")?);
        let compared = metric_tables(&scored.rows, |row| {
            COMPARED
                .iter()
                .any(|(label, metric)| row.label == Some(*label) && row.metric == *metric)
        })?;
        let cases = cases(&scored.rows);
        let tables = AnalysisTables {
            analysis: analyse(&compared, &options)?,
            cases: format!("{} cases", cases.len()),
            method,
            rankings: match dice.first() {
                Some(dice) => orders(dice, &options)?,
                None => Vec::new(),
            },
            groups: match (volumes.first(), dice.first()) {
                (Some(volumes), Some(dice)) => groups(volumes, dice, &options)?,
                _ => None,
            },
            of_liver: true,
            bins: bins(&scored, networks, &cases, &options)?,
            definitions: Vec::new(),
            ..AnalysisTables::default()
        };
        Ok(Some(Self {
            tables,
            lesion_dice: dice.into_iter().next(),
            burdens: Burdens::of(&scored.rows)?,
        }))
    }
}

/// Without networks that were trained on other data, which stand in tables of their own; the others by the
/// names of the tables.
fn named(mut scored: Scored, networks: &[NamedNetwork]) -> Scored {
    let own = |id: &str| networks.iter().find(|network| network.id == id);
    scored.rows.retain(|row| own(&row.algorithm).is_some());
    scored.lesions.retain(|id, _| own(id).is_some());
    scored.rename(|id| own(id).map_or(id.to_owned(), |own| own.name.clone()));
    scored
}

fn cases(rows: &[MetricRow]) -> Vec<String> {
    let cases: BTreeSet<&str> = rows
        .iter()
        .filter(|row| row.case != ALL_CASES)
        .map(|row| row.case.as_str())
        .collect();
    cases.into_iter().map(str::to_owned).collect()
}

/// The orders by lesion Dice; one case has none.
fn orders(dice: &MetricTable, options: &AnalysisOptions) -> Result<Vec<(String, Ranking)>> {
    if dice.cases.len() < 2 {
        return Ok(Vec::new());
    }
    let found = rankings(
        std::slice::from_ref(dice),
        &RANKED_BY,
        options.resamples,
        options.seed,
    )?;
    Ok(found.orders)
}

/// Large and small tumours; too few make no groups.
fn groups(
    volumes: &MetricTable,
    dice: &MetricTable,
    options: &AnalysisOptions,
) -> Result<Option<(CaseGroups, Vec<GroupValue>)>> {
    let Ok(groups) = CaseGroups::divide(volumes, Boundary::LargestGap) else {
        return Ok(None);
    };
    let metrics = by_case_groups(dice, &groups, options)?;
    Ok(Some((groups, metrics)))
}

/// Lesions by size, network by network in the order of the study.
fn bins(
    scored: &Scored,
    networks: &[NamedNetwork],
    cases: &[String],
    options: &AnalysisOptions,
) -> Result<Vec<LesionBins>> {
    let own = networks
        .iter()
        .filter_map(|network| Some((&network.name, scored.lesions.get(&network.name)?)));
    own.map(|(algorithm, lesions)| {
        Ok(LesionBins {
            algorithm: algorithm.clone(),
            bins: by_lesion_size(lesions, cases, &Bins::default(), options)?,
        })
    })
    .collect()
}
