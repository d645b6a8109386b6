//! Tables as GitHub-flavoured Markdown.

use hdbench_ground::error::Result;
use hdbench_ground::text::acts;

use crate::table::{Cell, Exporter, MISSING, Table};

/// A pipe table with its title, caption and notes.
#[derive(Clone, Copy, Debug)]
pub struct Markdown;

impl Exporter for Markdown {
    fn extension(&self) -> &'static str {
        "md"
    }

    fn export(&self, table: &Table) -> Result<Vec<u8>> {
        let mut out = format!(
            "**{}.** {}\n\n",
            escape(&table.title),
            escape(&table.caption)
        );
        line(&mut out, (0..table.columns.len()).map(|c| head(table, c)));
        line(
            &mut out,
            table
                .columns
                .iter()
                .map(|c| if c.is_text { ":---" } else { "---:" }.to_string()),
        );
        for row in 0..table.rows.len() {
            line(
                &mut out,
                (0..table.columns.len()).map(|column| cell(table, row, column)),
            );
        }
        let legend: Vec<String> = table
            .group_legend()
            .iter()
            .map(|(name, meaning)| format!("{}: {}.", escape(name), escape(meaning)))
            .collect();
        if !legend.is_empty() {
            out += &format!("\n{}\n", legend.join(" "));
        }
        for note in &table.notes {
            out += &format!("\n{}\n", escape(note));
        }
        Ok(out.into_bytes())
    }
}

fn line(out: &mut String, cells: impl Iterator<Item = String>) {
    for cell in cells {
        *out += &format!("| {cell} ");
    }
    *out += "|\n";
}

fn head(table: &Table, column: usize) -> String {
    let head = escape(&table.head(column));
    match &table.columns[column].group {
        Some(group) => {
            let name = group
                .split_once(", ")
                .map_or(group.as_str(), |(name, _)| name);
            format!("{}: {head}", escape(name))
        }
        None => head,
    }
}

fn cell(table: &Table, row: usize, column: usize) -> String {
    let cell = &table.rows[row].cells[column];
    match cell {
        Cell::Text { text, note } => match note {
            Some(note) => format!("{} ({})", escape(text), escape(note)),
            None => escape(text),
        },
        Cell::Number {
            value,
            sd,
            interval,
            ..
        } if value.is_finite() => {
            let c = &table.columns[column];
            let mut text = escape(&c.render(*value));
            if table.is_best(row, column) {
                text = format!("**{text}**");
            } else if table.is_second(row, column) {
                text = format!("<ins>{text}</ins>");
            }
            match (sd, interval) {
                (Some(sd), _) => text += &format!(" ± {}", c.render(*sd)),
                (None, Some([low, high])) => {
                    text += &format!(" ({} to {})", c.render(*low), c.render(*high));
                }
                (None, None) => {}
            }
            if let Some(n) = table.own_n(row, column) {
                text += &format!(" (n = {n})");
            }
            if let Some(mark) = cell.mark() {
                text += &format!(" ({})", escape(mark));
            }
            text
        }
        _ => MISSING.into(),
    }
}

/// Keeps text inside its cell and free of accidental markup.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '\\' | '*' | '`' | '<' | '[' => {
                out.push('\\');
                out.push(c);
            }
            '\n' | '\r' => out.push(' '),
            c if acts(c) => out.extend(c.escape_default()),
            _ => out.push(c),
        }
    }
    out
}
