//! Submissions side by side by any structures.

use hdbench_ground::near::meant;
use hdbench_table::{Cell, Column, Table, TableRow, Unit};
use serde_json::{Map, Value, json};

use crate::analysis::{Better, better, mean_places, places};
use crate::error::{Error, Result};
use crate::evaluation::{Label, Name, Origin, ScoredCase, describe, rows as rows_of};

/// One submission.
#[derive(Clone, Debug, Default)]
pub struct StructuresEntry {
    /// How the table names it.
    pub name: String,
    /// The mean of every metric over the cases that have a value, and how many these are.
    pub means: Vec<MetricMean>,
    /// Cases that are scored.
    pub cases: usize,
    /// References without a score.
    pub missing: usize,
    /// Why, of the first.
    pub problem: Option<String>,
}

/// A metric of a structure over the cases of a submission.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricMean {
    pub label: Label,
    pub metric: String,
    /// Over the cases that have a value; NaN without one.
    pub mean: f64,
    /// Cases that have a value.
    pub n: usize,
}

impl StructuresEntry {
    /// A submission of these cases, whose metrics `wanted` names; `missing` references have no score.
    pub fn of(name: &str, cases: &[ScoredCase], wanted: &[String], missing: usize) -> Self {
        let origin = Origin {
            task: Name::default(),
            algorithm: Name::new(name),
            fold: 0,
            seed: 0,
        };
        let described = describe(rows_of(origin, cases));
        let means = described.into_iter().filter_map(|found| {
            let label = found.label?;
            let statistics = found.statistics();
            wanted
                .contains(&found.metric.to_string())
                .then(|| MetricMean {
                    label,
                    metric: found.metric.to_string(),
                    mean: statistics.mean,
                    n: statistics.count,
                })
        });
        Self {
            name: name.to_owned(),
            means: means.collect(),
            cases: cases.len(),
            missing,
            problem: None,
        }
    }

    /// Whether it competes.
    pub fn is_complete(&self) -> bool {
        self.missing == 0 && self.cases > 0
    }

    fn of_structure(&self, label: Label, metric: &str) -> Option<&MetricMean> {
        let mut means = self.means.iter();
        means.find(|one| one.label == label && one.metric == metric)
    }

    /// The mean of a metric over these structures, each with the same weight; none where one has no value: who finds no
    /// lesion at all has no distances of lesions, and a mean without them would be no worse for it.
    fn over_structures(&self, metric: &str, structures: &[Label]) -> Option<f64> {
        let value = |label: &Label| {
            let own = self.of_structure(*label, metric)?;
            (own.n > 0 && !own.mean.is_nan()).then_some(own.mean)
        };
        let values: Vec<f64> = structures.iter().map(value).collect::<Option<_>>()?;
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }
}

/// What decides the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StructuresRank {
    /// A metric's mean over the structures.
    Metric(String),
    /// A metric of one structure.
    Structure(Label, String),
    /// The mean of the places in every metric of every structure.
    MeanPlace,
}

impl StructuresRank {
    /// What ranks by the words of the command line: `dice`, `kidney:dice`, `mean-rank`; by the first metric without any.
    ///
    /// # Errors
    /// `Error::Usage` for a structure that is none of `structures`, and for a metric that has no better end.
    pub fn parse(text: Option<&str>, wanted: &[String], structures: &[&str]) -> Result<Self> {
        let rank = match text {
            None => Self::Metric(wanted.first().cloned().unwrap_or_default()),
            Some("mean-rank") => Self::MeanPlace,
            Some(text) => match text.split_once(':') {
                None | Some(("*", _)) => Self::Metric(text.trim_start_matches("*:").to_owned()),
                Some((label, _)) if !structures.contains(&label) => {
                    let problem = format!("{text:?} ranks nothing here: {label} is no structure");
                    return Err(Error::usage(problem, meant(label, structures)));
                }
                Some((label, metric)) => Self::Structure(Label::new(label), metric.to_owned()),
            },
        };
        match &rank {
            Self::Metric(metric) | Self::Structure(_, metric) if better(metric).is_none() => {
                let problem =
                    format!("{metric:?} ranks nothing here: it is no metric with a better end");
                let known: Vec<&str> = wanted.iter().map(String::as_str).collect();
                let hint = meant(metric, &[&known[..], &["mean-rank"]].concat());
                Err(Error::usage(problem, hint))
            }
            _ => Ok(rank),
        }
    }

    /// The same once there are scores.
    ///
    /// # Errors
    /// `Error::Usage` for a metric that the submissions do not have.
    pub fn check(&self, entries: &[StructuresEntry], wanted: &[String]) -> Result<()> {
        let all = || entries.iter().flat_map(|entry| &entry.means);
        if let Some(missing) = wanted
            .iter()
            .find(|metric| !all().any(|one| one.metric == **metric))
        {
            return Err(Error::usage(
                format!("--metric {missing}: the structures are not scored by it"),
                "a set of structures may name its own metrics: `hdbench structures show NAME` prints them, and the printed \
                 file takes others",
            ));
        }
        let is_known = match self {
            Self::MeanPlace => true,
            Self::Metric(metric) => all().any(|one| one.metric == *metric),
            Self::Structure(label, metric) => {
                all().any(|one| one.label == *label && one.metric == *metric)
            }
        };
        if is_known {
            return Ok(());
        }
        let mut names: Vec<String> = wanted.to_vec();
        names.extend(all().map(|one| format!("{}:{}", one.label, one.metric)));
        let mut seen = std::collections::BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        const SHOWN: usize = 8;
        let more = if names.len() > SHOWN { ", ..." } else { "" };
        names.truncate(SHOWN);
        Err(Error::usage(
            format!("{} ranks nothing here", self.name()),
            format!(
                "give one of mean-rank, {}{more}; --metric chooses others",
                names.join(", ")
            ),
        ))
    }

    fn name(&self) -> String {
        match self {
            Self::Metric(metric) => format!("the mean of {metric} over the structures"),
            Self::Structure(label, metric) => format!("{metric} of {label}"),
            Self::MeanPlace => "the mean of the places in every metric of every structure".into(),
        }
    }
}

/// Metrics that have no better end cannot rank.
///
/// # Errors
/// `Error::Usage`.
pub fn refuse_undirected(metrics: &[String]) -> Result<()> {
    match metrics.iter().find(|metric| better(metric).is_none()) {
        None => Ok(()),
        Some(metric) => Err(Error::usage(
            format!(
                "--metric {metric}: which way it is better is not known, so nothing is ranked by it"
            ),
            "give metrics such as dice, hd95, nsd_2mm, detection_f1, panoptic_quality; `hdbench explain metrics` lists \
             them",
        )),
    }
}

/// The structures that some complete submission has a value of this metric for, in the order of the tables.
fn structures_with(entries: &[StructuresEntry], metric: &str) -> Vec<Label> {
    let mut labels = Vec::new();
    let complete = entries.iter().filter(|entry| entry.is_complete());
    for one in complete.flat_map(|entry| &entry.means) {
        if one.metric == metric && one.n > 0 && !labels.contains(&one.label) {
            labels.push(one.label);
        }
    }
    labels
}

/// The standings: places and means of every submission, those that lack a case without a place.
struct Standings {
    /// Places in the order given.
    places: Vec<Option<usize>>,
    mean_places: Vec<Option<f64>>,
    /// Indices of the submissions, the best first.
    order: Vec<usize>,
    /// Every structure and metric, in the order of the first submission that has them.
    columns: Vec<(Label, String)>,
}

fn standings(entries: &[StructuresEntry], by: &StructuresRank) -> Standings {
    let mut columns: Vec<(Label, String)> = Vec::new();
    for one in entries.iter().flat_map(|entry| &entry.means) {
        let column = (one.label, one.metric.clone());
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    let ranked = |metric: &str, of: &dyn Fn(&StructuresEntry) -> Option<f64>| {
        let own = |entry: &StructuresEntry| of(entry).filter(|_| entry.is_complete());
        let values: Vec<Option<f64>> = entries.iter().map(own).collect();
        places(&values, better(metric).unwrap_or(Better::Larger))
    };
    let of_column = |(label, metric): &(Label, String)| {
        ranked(metric, &|entry| {
            let own = entry.of_structure(*label, metric)?;
            (own.n > 0).then_some(own.mean)
        })
    };
    let all: Vec<Vec<Option<usize>>> = columns.iter().map(of_column).collect();
    let mean_places = mean_places(&all);
    let own_places = match by {
        StructuresRank::MeanPlace => places(&mean_places, Better::Smaller),
        StructuresRank::Metric(metric) => {
            let structures = structures_with(entries, metric);
            ranked(metric, &|entry| entry.over_structures(metric, &structures))
        }
        StructuresRank::Structure(label, metric) => of_column(&(*label, metric.clone())),
    };
    let mut order: Vec<usize> = (0..entries.len()).collect();
    // Stable: equal places, and those without one, stay in the order given.
    order.sort_by_key(|&index| own_places[index].unwrap_or(usize::MAX));
    Standings {
        places: own_places,
        mean_places,
        order,
        columns,
    }
}

/// Ranks submissions: a table of the submissions, and one of the structures with a column for each of them.
pub fn structures_leaderboard(
    entries: &[StructuresEntry],
    by: &StructuresRank,
    metrics: &[String],
    references: usize,
) -> [Table; 2] {
    let standings = standings(entries, by);
    [
        of_submissions(entries, &standings, by, metrics, references),
        of_structures(entries, &standings),
    ]
}

fn of_submissions(
    entries: &[StructuresEntry],
    standings: &Standings,
    by: &StructuresRank,
    metrics: &[String],
    references: usize,
) -> Table {
    let mut columns = vec![
        Column::numbers("rank", "Place", Unit::None, 0),
        Column::words("submission", "Submission"),
    ];
    columns.extend(metrics.iter().map(|metric| {
        let (unit, decimals) = unit(metric);
        Column::numbers(
            &format!("mean_{metric}"),
            &format!("Mean {metric}"),
            unit,
            decimals,
        )
    }));
    columns.push(Column::numbers("mean_rank", "Mean place", Unit::None, 2));
    let row = |&index: &usize| {
        let entry = &entries[index];
        let note = (!entry.is_complete()).then(|| format!("incomplete, {} missing", entry.missing));
        let mut cells = vec![
            Cell::number(standings.places[index].map(|place| place as f64)),
            Cell::Text {
                text: entry.name.clone(),
                note,
            },
        ];
        cells.extend(metrics.iter().map(|metric| {
            Cell::number(entry.over_structures(metric, &structures_with(entries, metric)))
        }));
        cells.push(Cell::number(standings.mean_places[index]));
        TableRow {
            cells,
            ..TableRow::default()
        }
    };
    let structures = standings.columns.iter().map(|(label, _)| *label);
    let structures: std::collections::BTreeSet<Label> = structures.collect();
    Table {
        id: "leaderboard".into(),
        title: "Leaderboard".into(),
        caption: format!(
            "Means over the cases that have a value, then over {} structures, of {references} reference label maps; \
             ranked by {}; equal values share a place.",
            structures.len(),
            by.name()
        ),
        fingerprint: format!("hdbench {}", env!("CARGO_PKG_VERSION")),
        columns,
        rows: standings.order.iter().map(row).collect(),
        notes: notes(entries, metrics),
    }
}

fn of_structures(entries: &[StructuresEntry], standings: &Standings) -> Table {
    let mut columns = vec![
        Column::words("structure", "Structure"),
        Column::words("metric", "Metric"),
    ];
    columns.extend(standings.order.iter().map(|&index| {
        let name = &entries[index].name;
        Column::numbers(name, name, Unit::None, 4)
    }));
    let row = |(label, metric): &(Label, String)| {
        let mut cells = vec![Cell::text(label.name()), Cell::text(metric)];
        cells.extend(standings.order.iter().map(|&index| {
            let own = entries[index].of_structure(*label, metric);
            own.filter(|own| own.n > 0)
                .map_or(Cell::Missing, |own| Cell::Number {
                    value: own.mean,
                    sd: None,
                    n: Some(own.n),
                    interval: None,
                    mark: None,
                })
        }));
        TableRow {
            cells,
            ..TableRow::default()
        }
    };
    Table {
        id: "leaderboard_structures".into(),
        title: "By structure".into(),
        caption:
            "Means over the cases that have a value: fractions, mm or mL, as in metrics_long.csv."
                .into(),
        fingerprint: format!("hdbench {}", env!("CARGO_PKG_VERSION")),
        columns,
        rows: standings.columns.iter().map(row).collect(),
        ..Table::default()
    }
}

/// How a metric's mean is shown.
fn unit(metric: &str) -> (Unit, usize) {
    let is_distance = ["hd", "assd", "masd", "rmsd", "msd", "asd_", "ahd_"];
    let base = metric
        .trim_start_matches("instance_")
        .trim_start_matches("lesionwise_");
    match is_distance.iter().any(|start| base.starts_with(start)) {
        true => (Unit::Millimetres, 2),
        false => (Unit::None, 4),
    }
}

fn notes(entries: &[StructuresEntry], metrics: &[String]) -> Vec<String> {
    let (complete, incomplete): (Vec<_>, Vec<_>) =
        entries.iter().partition(|entry| entry.is_complete());
    let without = complete.into_iter().flat_map(|entry| {
        metrics.iter().filter_map(move |metric| {
            let has = |label: &Label| entry.of_structure(*label, metric).is_some_and(|of| of.n > 0);
            let labels = structures_with(entries, metric);
            let lacking: Vec<&str> = labels.iter().filter(|label| !has(label)).map(|label| label.name()).collect();
            (!lacking.is_empty()).then(|| {
                format!(
                    "{}: no case has a value of {metric} for {}, and so it has no mean of it and no place by it.",
                    entry.name,
                    lacking.join(", ")
                )
            })
        })
    });
    let incomplete = incomplete.into_iter();
    let incomplete = incomplete.map(|entry| {
        format!(
            "{}: {} of {} references have no score ({}), and it has no place.",
            entry.name,
            entry.missing,
            entry.missing + entry.cases,
            entry.problem.as_deref().unwrap_or("no prediction")
        )
    });
    incomplete.chain(without).collect()
}

/// The same for programs, in the order of the table.
pub fn structures_leaderboard_json(
    entries: &[StructuresEntry],
    by: &StructuresRank,
    metrics: &[String],
    references: usize,
) -> Value {
    let standings = standings(entries, by);
    let submissions = standings.order.iter().map(|&index| {
        let entry = &entries[index];
        let mut structures: Map<String, Value> = Map::new();
        for one in &entry.means {
            let own = structures
                .entry(one.label.name())
                .or_insert_with(|| json!({}));
            own[one.metric.as_str()] = json!({ "mean": one.mean, "n": one.n });
        }
        let means: Map<String, Value> = metrics
            .iter()
            .map(|metric| {
                let structures = structures_with(entries, metric);
                (
                    metric.clone(),
                    json!(entry.over_structures(metric, &structures)),
                )
            })
            .collect();
        json!({
            "rank": standings.places[index],
            "submission": entry.name,
            "mean": means,
            "structures": structures,
            "mean_rank": standings.mean_places[index],
            "missing": entry.missing,
            "problem": entry.problem,
        })
    });
    json!({
        "format": "hdbench.structures-leaderboard/1",
        "ranked_by": by.name(),
        "references": references,
        "submissions": submissions.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, dice: [f64; 2], hd95: [f64; 2], missing: usize) -> StructuresEntry {
        let labels = [Label::new("kidney"), Label::new("cyst")];
        let means = [("dice", dice), ("hd95", hd95)]
            .into_iter()
            .flat_map(|(metric, values)| {
                let one = move |(label, mean): (Label, f64)| MetricMean {
                    label,
                    metric: metric.into(),
                    mean,
                    n: usize::from(!mean.is_nan()) * 3,
                };
                labels.into_iter().zip(values).map(one)
            });
        StructuresEntry {
            name: name.into(),
            means: means.collect(),
            cases: 3,
            missing,
            problem: None,
        }
    }

    const STRUCTURES: [&str; 2] = ["kidney", "cyst"];

    fn order(entries: &[StructuresEntry], by: Option<&str>) -> Vec<(Option<f64>, String)> {
        let metrics = ["dice".to_owned(), "hd95".to_owned()];
        let by = StructuresRank::parse(by, &metrics, &STRUCTURES).unwrap();
        by.check(entries, &metrics).unwrap();
        let [table, _] = structures_leaderboard(entries, &by, &metrics, 3);
        let name = |row: &TableRow| match &row.cells[1] {
            Cell::Text { text, .. } => (row.cells[0].value(), text.clone()),
            other => panic!("{other:?}"),
        };
        table.rows.iter().map(name).collect()
    }

    #[test]
    fn every_way_to_rank_orders_as_its_metric_says() {
        let entries = [
            entry("a", [0.9, 0.5], [2.0, 9.0], 0),
            entry("b", [0.8, 0.7], [3.0, f64::NAN], 0),
            entry("c", [0.99, 0.99], [0.1, 0.1], 1),
        ];
        let named =
            |all: [(Option<f64>, &str); 3]| all.map(|(place, name)| (place, name.to_owned()));
        let b_first = named([(Some(1.0), "b"), (Some(2.0), "a"), (None, "c")]);
        let a_first = named([(Some(1.0), "a"), (Some(2.0), "b"), (None, "c")]);
        assert_eq!(order(&entries, None), b_first);
        assert_eq!(order(&entries, Some("kidney:dice")), a_first);
        assert_eq!(order(&entries, Some("*:dice")), b_first);
        assert_eq!(order(&entries, Some("kidney:hd95")), a_first);
        // Who has no distance of a structure has no mean of the distances, however small the others are.
        let best_without = [
            entry("a", [0.9, 0.5], [2.0, 9.0], 0),
            entry("b", [0.8, 0.7], [1.0, f64::NAN], 0),
            entry("c", [0.7, 0.7], [3.0, 9.0], 0),
        ];
        let expected = named([(Some(1.0), "a"), (Some(2.0), "c"), (None, "b")]);
        assert_eq!(order(&best_without, Some("hd95")), expected);
        let metrics = ["dice".to_owned(), "hd95".to_owned()];
        let by = StructuresRank::parse(Some("hd95"), &metrics, &STRUCTURES).unwrap();
        let [table, _] = structures_leaderboard(&best_without, &by, &metrics, 3);
        assert!(table.notes[0].starts_with("b: no case has a value of hd95 for cyst"));
        // Nor one of the places.
        assert_eq!(
            order(&entries, Some("mean-rank"))[0],
            (Some(1.0), "a".into())
        );
    }

    #[test]
    fn what_ranks_nothing_is_refused_with_what_does() {
        let entries = [entry("a", [0.9, 0.5], [2.0, 9.0], 0)];
        let metrics = ["dice".to_owned()];
        let parse = |by: &str| StructuresRank::parse(Some(by), &metrics, &STRUCTURES);
        let refused = parse("liver:dice").unwrap_err().to_string();
        assert!(refused.contains("one of kidney, cyst"), "{refused}");
        let refused = parse("kidney:dise").unwrap_err().to_string();
        assert!(refused.contains("did you mean dice?"), "{refused}");
        let unscored = parse("kidney:assd").unwrap().check(&entries, &metrics);
        assert!(unscored.unwrap_err().to_string().contains("kidney:dice"));
        assert!(refuse_undirected(&["volume_ml_ref".to_owned()]).is_err());
        assert!(refuse_undirected(&["hd95".to_owned()]).is_ok());
    }
}
