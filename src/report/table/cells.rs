//! Rows, columns and cells that several tables have.

use hdbench_table::{Cell, Column, Table, TableRow};

use crate::report::content::{Estimate, NetworkRow, RowStatus, Score};

pub(super) fn table(id: &str, title: &str, caption: &str) -> Table {
    Table {
        id: id.into(),
        title: title.into(),
        caption: caption.into(),
        ..Table::default()
    }
}

pub(super) fn score_column(score: Score) -> Column {
    Column::numbers(score.key(), score.title(), score.unit(), score.decimals())
        .better(score.direction())
}

pub(super) fn row_of(row: &NetworkRow, cells: Vec<Cell>) -> TableRow {
    TableRow {
        variant: Some(row.variant.clone()),
        cells,
        reference: false,
    }
}

pub(super) fn name(row: &NetworkRow) -> Cell {
    Cell::Text {
        text: row.title.clone(),
        note: row.note.clone(),
    }
}

/// The cell of a score; a row that is missing, or a mean that is undefined, is a missing cell.
pub(super) fn estimate(row: &NetworkRow, score: Score) -> Cell {
    match row.scores.get(&score) {
        Some(Estimate {
            mean,
            sd,
            n,
            interval,
        }) if row.status == RowStatus::Done => Cell::Number {
            value: *mean,
            sd: sd.filter(|v| v.is_finite()),
            n: Some(*n),
            interval: *interval,
            mark: None,
        },
        _ => Cell::Missing,
    }
}
