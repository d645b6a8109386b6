//! The same networks under several settings.

use hdbench_table::{Cell, Column, Table, TableRow, Unit};

use super::cells::{estimate, score_column};
use crate::report::content::{Content, NetworkRow, RowStatus, Score};

const SCORES: [Score; 4] = [
    Score::LesionDicePerCase,
    Score::LesionDiceGlobal,
    Score::LiverDicePerCase,
    Score::LiverDiceGlobal,
];

/// Every network under every arm, network by network.
pub(crate) fn sweep(arms: &[(String, Content)]) -> Table {
    let mut columns = vec![
        Column::words("network", "Network"),
        Column::words("arm", "Settings"),
    ];
    columns.extend(SCORES.map(score_column));
    columns.extend([
        Column::numbers("parameters", "Parameters", Unit::Millions, 2),
        Column::numbers("hours_to_end", "Training to the end", Unit::Hours, 2),
    ]);
    // Network by network, so that settings stand below each other.
    let mut variants: Vec<&str> = Vec::new();
    for row in arms.iter().flat_map(|(_, content)| &content.rows) {
        if !variants.contains(&row.variant.as_str()) {
            variants.push(&row.variant);
        }
    }
    let rows = variants.iter().flat_map(|variant| {
        arms.iter().flat_map(move |(arm, content)| {
            let found = content
                .rows
                .iter()
                .filter(move |row| row.variant == **variant);
            found.map(move |row| table_row(arm, row))
        })
    });
    let first = arms.first().map(|(_, content)| content);
    Table {
        id: "sweep".into(),
        title: "Settings compared".into(),
        caption: first.map_or(String::new(), |content| {
            format!(
                "Mean ± sd over {}; trained on {} cases, scale {}, seed {}. One training each: \
                 differences within the spread between seeds mean nothing.",
                content.test_set, content.n_train, content.scale, content.master_seed
            )
        }),
        fingerprint: first.map_or(String::new(), |content| {
            let names: Vec<&str> = arms.iter().map(|(name, _)| name.as_str()).collect();
            format!(
                "sweep of {}, seed {}, hdbench {}",
                names.join(", "),
                content.master_seed,
                content.hdbench
            )
        }),
        columns,
        rows: rows.collect(),
        notes: Vec::new(),
    }
}

fn table_row(arm: &str, row: &NetworkRow) -> TableRow {
    let note = match &row.status {
        RowStatus::Missing { reason, .. } => Some(reason.clone()),
        RowStatus::Done => None,
    };
    let mut cells = vec![
        Cell::Text {
            text: row.title.clone(),
            note,
        },
        Cell::Text {
            text: arm.to_owned(),
            note: None,
        },
    ];
    cells.extend(SCORES.map(|score| estimate(row, score)));
    cells.extend([
        Cell::number(row.cost.parameters.map(|count| count as f64)),
        Cell::number(row.cost.hours_to_end),
    ]);
    TableRow {
        variant: Some(row.variant.clone()),
        cells,
        reference: false,
    }
}
