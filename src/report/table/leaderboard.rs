//! Submissions side by side, as the paper's Table III has them.

use std::str::FromStr;

use hdbench_table::{Cell, Column, Direction, Table, TableRow, Unit};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::cells::score_column;
use crate::analysis::published::{self, PublishedRow, PublishedTable};
use crate::analysis::{Better, mean_places, places};
use crate::error::{Error, Result};
use crate::evaluation::lits::LitsTotals;
use crate::report::content::Score;

/// The columns of the challenge's leaderboard, and the official scorer's names of them.
const COLUMNS: [(Score, &str); 5] = [
    (Score::LesionDicePerCase, "lesion_dice_per_case"),
    (Score::LesionDiceGlobal, "lesion_dice_global"),
    (Score::LiverDicePerCase, "liver_dice_per_case"),
    (Score::LiverDiceGlobal, "liver_dice_global"),
    (Score::TumourBurdenRmse, "RMSE_Tumorburden"),
];

/// One submission.
#[derive(Clone, Debug)]
pub struct Entry {
    /// How the table names it.
    pub name: String,
    /// The official scorer's metrics over the cases that could be scored.
    pub totals: Option<LitsTotals>,
    /// References without a score: the challenge would have given none at all.
    pub missing: usize,
    /// Why, of the first.
    pub problem: Option<String>,
}

impl Entry {
    /// Whether it competes.
    pub fn is_complete(&self) -> bool {
        self.missing == 0 && self.totals.is_some()
    }

    fn metric(&self, name: &str) -> Option<f64> {
        let mut metrics = self.totals.as_ref()?.metric_values();
        metrics
            .find(|(own, _)| *own == name)
            .map(|(_, value)| value)
    }
}

/// What decides the order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RankBy {
    /// The lesions' Dice per case, as in the challenge.
    #[default]
    LesionDicePerCase,
    /// The lesions' Dice over all voxels.
    LesionDiceGlobal,
    /// The liver's Dice per case.
    LiverDicePerCase,
    /// The liver's Dice over all voxels.
    LiverDiceGlobal,
    /// The root mean square error of the tumour burden.
    TumourBurdenRmse,
    /// The mean of the places in all five columns.
    MeanRank,
}

impl RankBy {
    /// All, by the names that [`RankBy::from_str`] takes.
    pub const ALL: [(&'static str, Self); 6] = [
        ("lesion-dice-per-case", Self::LesionDicePerCase),
        ("lesion-dice-global", Self::LesionDiceGlobal),
        ("liver-dice-per-case", Self::LiverDicePerCase),
        ("liver-dice-global", Self::LiverDiceGlobal),
        ("tumour-burden-rmse", Self::TumourBurdenRmse),
        ("mean-rank", Self::MeanRank),
    ];

    fn column(self) -> Option<usize> {
        Self::ALL
            .iter()
            .position(|(_, by)| *by == self)
            .filter(|&place| place < COLUMNS.len())
    }

    fn name(self) -> &'static str {
        let named = Self::ALL.iter().find(|(_, by)| *by == self);
        named.map_or("", |(name, _)| name)
    }
}

impl FromStr for RankBy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|(name, _)| *name == text);
        found.map(|&(_, by)| by).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|(name, _)| *name).collect();
            Error::usage(
                format!("{text:?} ranks nothing"),
                format!("give one of {}", names.join(", ")),
            )
        })
    }
}

/// Ranks submissions and sets the published leaderboard below them. Those that lack a case are
/// scored over the others and have no place.
///
/// # Errors
/// Only if the embedded published table does not parse.
pub fn leaderboard(entries: &[Entry], by: RankBy, references: usize) -> Result<Table> {
    let metrics: Vec<Vec<Option<f64>>> = COLUMNS
        .iter()
        .map(|(_, name)| {
            let own = |entry: &Entry| entry.metric(name).filter(|_| entry.is_complete());
            entries.iter().map(own).collect()
        })
        .collect();
    let ranked: Vec<Vec<Option<usize>>> = COLUMNS
        .iter()
        .zip(&metrics)
        .map(|((score, _), values)| places(values, better(*score)))
        .collect();
    let means = mean_places(&ranked);
    let place = match by.column() {
        Some(column) => ranked[column].clone(),
        None => places(&means, Better::Smaller),
    };
    let mut order: Vec<usize> = (0..entries.len()).collect();
    // Stable: equal places, and those without one, stay in the order given.
    order.sort_by_key(|&i| place[i].unwrap_or(usize::MAX));
    let published = published::table(3)?;
    let mut rows: Vec<TableRow> = order
        .into_iter()
        .map(|i| row(&entries[i], place[i], means[i]))
        .collect();
    rows.extend(published.rows.iter().map(reference));
    Ok(Table {
        id: "leaderboard".into(),
        title: "Leaderboard".into(),
        caption: format!(
            "Metrics of the official LiTS scorer (profile lits) over {references} reference label \
             maps, Dice in percent, ranked by {}; equal values share a place.",
            by.name()
        ),
        fingerprint: format!("hdbench {}", env!("CARGO_PKG_VERSION")),
        columns: columns(),
        rows,
        notes: notes(entries, &published),
    })
}

/// The leaderboard for programs: a record for each submission in the order of the table, Dice as fractions,
/// and one for each published row, which is marked as such.
pub fn leaderboard_json(entries: &[Entry], table: &Table, by: RankBy, references: usize) -> Value {
    let record = |row: &TableRow| {
        let mut record: Map<String, Value> = table
            .columns
            .iter()
            .zip(&row.cells)
            .map(|(column, cell)| {
                let value = match cell {
                    Cell::Text { text, .. } => json!(text),
                    Cell::Number { value, .. } if column.decimals == 0 => json!(*value as u64),
                    Cell::Number { value, .. } => json!(value),
                    Cell::Missing => Value::Null,
                };
                (column.key.clone(), value)
            })
            .collect();
        let named = |entry: &&Entry| record.get("submission") == Some(&json!(entry.name));
        let entry = entries.iter().find(named).filter(|_| !row.reference);
        if let Some(entry) = entry {
            let (missing, problem) = (entry.missing, entry.problem.clone());
            record.insert("missing".into(), json!(missing));
            record.insert("problem".into(), json!(problem));
        }
        Value::Object(record)
    };
    let of = |published: bool| -> Vec<Value> {
        let rows = table.rows.iter().filter(|row| row.reference == published);
        rows.map(record).collect()
    };
    json!({
        "format": "hdbench.leaderboard/1",
        "ranked_by": by.name(),
        "references": references,
        "submissions": of(false),
        "published": of(true),
    })
}

fn better(score: Score) -> Better {
    match score.direction() {
        Direction::Up => Better::Larger,
        Direction::Down | Direction::TowardsZero => Better::Smaller,
    }
}

fn columns() -> Vec<Column> {
    let mut columns = vec![
        Column::numbers("rank", "Place", Unit::None, 0),
        Column::words("submission", "Submission"),
    ];
    columns.extend(COLUMNS.iter().map(|(score, _)| match score {
        Score::TumourBurdenRmse => Column {
            decimals: 3,
            ..score_column(*score)
        },
        _ => score_column(*score),
    }));
    columns.push(Column::numbers("mean_rank", "Mean place", Unit::None, 1));
    columns
}

fn row(entry: &Entry, place: Option<usize>, mean: Option<f64>) -> TableRow {
    let note = (!entry.is_complete()).then(|| format!("incomplete, {} missing", entry.missing));
    let n = entry.totals.as_ref().map(|totals| totals.cases);
    let mut cells = vec![
        Cell::number(place.map(|place| place as f64)),
        Cell::Text {
            text: entry.name.clone(),
            note,
        },
    ];
    cells.extend(COLUMNS.iter().map(|(_, name)| {
        entry
            .metric(name)
            .map_or(Cell::Missing, |value| Cell::Number {
                value,
                sd: None,
                n,
                interval: None,
                mark: None,
            })
    }));
    cells.push(Cell::number(mean));
    TableRow {
        cells,
        ..TableRow::default()
    }
}

fn reference(row: &PublishedRow) -> TableRow {
    let mut cells = vec![
        Cell::Missing,
        Cell::Text {
            text: row.label.clone(),
            note: Some("published".into()),
        },
    ];
    let columns = COLUMNS.iter();
    cells.extend(columns.map(|(score, _)| row.cell(score.key())));
    cells.push(Cell::Missing);
    TableRow {
        cells,
        reference: true,
        ..TableRow::default()
    }
}

fn notes(entries: &[Entry], published: &PublishedTable) -> Vec<String> {
    let mut notes = vec![format!(
        "Published rows: {}, over the {}: not these cases, a reference only.",
        published.source, published.test_set
    )];
    notes.extend(
        entries
            .iter()
            .filter(|entry| !entry.is_complete())
            .map(|entry| {
                format!(
                    "{}: {} of {} references have no score ({}); the challenge would have given \
                     none at all, and it has no place here.",
                    entry.name,
                    entry.missing,
                    entry.missing + entry.totals.as_ref().map_or(0, |totals| totals.cases),
                    entry.problem.as_deref().unwrap_or("no prediction")
                )
            }),
    );
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::lits::METRIC_NAMES;

    fn entry(name: &str, lesion: f64, burden: f64, missing: usize) -> Entry {
        let value = |metric: &str| match metric {
            "lesion_dice_per_case" => lesion,
            "RMSE_Tumorburden" => burden,
            _ => 0.5,
        };
        Entry {
            name: name.into(),
            totals: Some(LitsTotals {
                values: METRIC_NAMES.map(value),
                cases: 70 - missing,
                detection_greater_zero: Default::default(),
                detection: Default::default(),
            }),
            missing,
            problem: None,
        }
    }

    fn names(entries: &[Entry], by: RankBy) -> Vec<(Option<f64>, String)> {
        let table = leaderboard(entries, by, 70).unwrap();
        let own = table.rows.iter().filter(|row| !row.reference);
        own.map(|row| match &row.cells[1] {
            Cell::Text { text, .. } => (row.cells[0].value(), text.clone()),
            other => panic!("{other:?}"),
        })
        .collect()
    }

    #[test]
    fn the_incomplete_come_last_without_a_place() {
        let entries = [
            entry("partial", 0.99, 0.0, 1),
            entry("worse", 0.6, 0.01, 0),
            entry("better", 0.7, 0.02, 0),
        ];
        let order = names(&entries, RankBy::LesionDicePerCase);
        let expected = [
            (Some(1.0), "better"),
            (Some(2.0), "worse"),
            (None, "partial"),
        ];
        assert_eq!(
            order,
            expected.map(|(place, name)| (place, name.to_owned()))
        );
        let by_burden = names(&entries, RankBy::TumourBurdenRmse);
        assert_eq!(by_burden[0], (Some(1.0), "worse".into()));
        // One first and one second place each.
        let by_mean = names(&entries, RankBy::MeanRank);
        assert_eq!(by_mean[0].0, Some(1.0));
        assert_eq!(by_mean[1].0, Some(1.0));
        let table = leaderboard(&entries, RankBy::default(), 70).unwrap();
        assert!(table.notes[1].starts_with("partial: 1 of 70 references"));
        assert!(table.rows.last().unwrap().reference);
    }

    #[test]
    fn every_way_to_rank_has_its_name() {
        for (name, by) in RankBy::ALL {
            assert_eq!(name.parse::<RankBy>().unwrap(), by);
        }
        assert_eq!(RankBy::MeanRank.column(), None);
        assert!("dice".parse::<RankBy>().is_err());
    }
}
