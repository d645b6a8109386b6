//! Tables as CSV: full precision, fractions as fractions, one column for each metric of a cell.

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::{shown, words_cell};

use crate::table::{Cell, Exporter, Table};

/// RFC 4180 with a header of keys; a missing metric is an empty field.
///
/// A column `x` of numbers is followed by `x_sd`, `x_n`, `x_low`, `x_high` and `x_mark` where any
/// row has such a metric; a column of words by `x_note`. A table about variants begins with a column
/// `variant` of their ids. Words that a spreadsheet would take for a formula have an apostrophe before them.
#[derive(Clone, Copy, Debug)]
pub struct Csv;

/// A metric of a cell: the ending of its column's name and how to get it.
type Part = (&'static str, fn(&Cell) -> Option<String>);

const PARTS: [Part; 7] = [
    ("", |cell| match cell {
        Cell::Text { text, .. } => Some(words(text)),
        _ => cell.value().map(number),
    }),
    ("_note", |cell| cell.note().map(words)),
    ("_sd", |cell| match cell {
        Cell::Number { sd, .. } => sd.filter(|v| v.is_finite()).map(number),
        _ => None,
    }),
    ("_n", |cell| cell.n().map(|n| n.to_string())),
    ("_low", |cell| bound(cell, 0)),
    ("_high", |cell| bound(cell, 1)),
    ("_mark", |cell| cell.mark().map(words)),
];

impl Exporter for Csv {
    fn extension(&self) -> &'static str {
        "csv"
    }

    fn export(&self, table: &Table) -> Result<Vec<u8>> {
        let fields: Vec<(usize, &Part)> = (0..table.columns.len())
            .flat_map(|column| PARTS.iter().map(move |part| (column, part)))
            .filter(|(column, (ending, get))| {
                ending.is_empty() || table.rows.iter().any(|r| get(&r.cells[*column]).is_some())
            })
            .collect();
        let mut writer = csv::Writer::from_writer(Vec::new());
        let failed = |e: csv::Error| Error::Internal(format!("table {}: {e}", table.id));
        let with_variant = table.rows.iter().any(|row| row.variant.is_some());
        let heads = fields
            .iter()
            .map(|(column, (ending, _))| format!("{}{ending}", table.columns[*column].key));
        let first = with_variant.then(|| "variant".to_string());
        writer
            .write_record(first.into_iter().chain(heads))
            .map_err(failed)?;
        for row in &table.rows {
            let first = with_variant.then(|| words(row.variant.as_deref().unwrap_or_default()));
            let cells = fields
                .iter()
                .map(|(column, (_, get))| get(&row.cells[*column]).unwrap_or_default());
            writer
                .write_record(first.into_iter().chain(cells))
                .map_err(failed)?;
        }
        writer
            .into_inner()
            .map_err(|e| Error::Internal(format!("table {}: {e}", table.id)))
    }
}

/// Words that do nothing where they are shown, or opened by a spreadsheet.
fn words(text: &str) -> String {
    words_cell(&shown(text)).into_owned()
}

/// The shortest text that reads back as the same number.
fn number(value: f64) -> String {
    value.to_string()
}

fn bound(cell: &Cell, which: usize) -> Option<String> {
    match cell {
        Cell::Number { interval, .. } => interval
            .map(|i| i[which])
            .filter(|v| v.is_finite())
            .map(number),
        _ => None,
    }
}
