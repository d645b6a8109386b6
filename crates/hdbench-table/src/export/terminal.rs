//! Tables for a terminal: aligned columns, bold and underlined where it can show them.

use hdbench_ground::error::Result;
use hdbench_ground::text::{shown, width_of, wrapped};

use crate::table::{Cell, Exporter, MISSING, Table};

/// A table with its title, caption and notes as plain text.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Whether the best is bold and the second underlined by escape sequences; else they bear `*` and
    /// `+`.
    pub styled: bool,
    /// Letters in a line, wide ones counted twice. Columns of words are broken to keep to it; columns of
    /// numbers never are. Where it is too narrow all the same, columns are left out and said: minor ones first, those to
    /// the right before those to the left.
    pub width: usize,
}

/// How a cell stands out.
#[derive(Clone, Copy, PartialEq)]
enum Style {
    Plain,
    Best,
    Second,
    Head,
}

/// Heads are broken into lines no wider than this, or than what stands below.
const HEAD_LETTERS: usize = 12;

/// Words are broken into lines no wider than this, where there is room ...
const CELL_LETTERS: usize = 44;

/// ... and than this at least.
const LEAST_LETTERS: usize = 14;

impl Exporter for Terminal {
    fn extension(&self) -> &'static str {
        "txt"
    }

    fn export(&self, table: &Table) -> Result<Vec<u8>> {
        let mut out = String::new();
        let about = format!("{}. {}", table.title, table.caption);
        for line in lines_of(&about, self.width) {
            out += &line;
            out.push('\n');
        }
        out.push('\n');
        let mut shown = table.clone();
        let (heads, body, widths) = loop {
            let laid = self.narrowed(&shown);
            match last_to_do_without(&shown) {
                Some(column) if self.too_wide(&laid.2) => take_out(&mut shown, column),
                _ => break laid,
            }
        };
        let is_left_out = |own: &usize| {
            let key = &table.columns[*own].key;
            shown.columns.iter().all(|column| column.key != *key)
        };
        let left_out = (0..table.columns.len()).filter(is_left_out);
        let left_out: Vec<String> = left_out.map(|column| head(table, column)).collect();
        if !left_out.is_empty() {
            shown.notes.push(format!(
                "Left out for want of room ({} letters in a line): {}. Files of the table have them.",
                self.width,
                left_out.join("; ")
            ));
        }
        let table = &shown;
        self.line(&mut out, table, &widths, &heads, true);
        let rule: usize = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
        out += &format!("{}\n", "─".repeat(rule));
        for row in &body {
            self.line(&mut out, table, &widths, row, false);
        }
        for note in &table.notes {
            out.push('\n');
            for line in lines_of(note, self.width) {
                out += &line;
                out.push('\n');
            }
        }
        Ok(out.into_bytes())
    }
}

/// The lines of a cell, and how they stand out.
type Laid = (Vec<String>, Style);

/// Heads, rows and the columns' widths.
type LaidTable = (Vec<Laid>, Vec<Vec<Laid>>, Vec<usize>);

/// The column that is missed least: the last minor one, else the last of numbers; the first of all and words stay.
fn last_to_do_without(table: &Table) -> Option<usize> {
    let own = || {
        (1..table.columns.len())
            .rev()
            .filter(|&at| !table.columns[at].is_text)
    };
    own()
        .find(|&at| table.columns[at].minor)
        .or_else(|| own().next())
}

fn take_out(table: &mut Table, column: usize) {
    table.columns.remove(column);
    for row in &mut table.rows {
        row.cells.remove(column);
    }
}

impl Terminal {
    fn too_wide(&self, widths: &[usize]) -> bool {
        widths.iter().sum::<usize>() + 2 * widths.len() > self.width + 2
    }

    /// Laid out with the widest words giving way until the line fits, as far as they can.
    fn narrowed(&self, table: &Table) -> LaidTable {
        let mut caps = vec![CELL_LETTERS; table.columns.len()];
        loop {
            let laid = self.laid_out(table, &caps);
            let widths = &laid.2;
            let widest = (0..widths.len())
                .filter(|&column| table.columns[column].is_text && widths[column] > LEAST_LETTERS)
                .filter(|&column| caps[column] > LEAST_LETTERS)
                .max_by_key(|&column| widths[column]);
            match widest {
                Some(widest) if self.too_wide(widths) => {
                    caps[widest] = (widths[widest].min(caps[widest]) - 1).max(LEAST_LETTERS);
                }
                _ => return laid,
            }
        }
    }

    /// Heads and rows with words broken to a number of letters a column, and the columns' widths.
    fn laid_out(&self, table: &Table, caps: &[usize]) -> LaidTable {
        let columns = table.columns.len();
        let body: Vec<Vec<Laid>> = (0..table.rows.len())
            .map(|row| {
                let cell = |column| self.cell(table, row, column, caps[column]);
                (0..columns).map(cell).collect()
            })
            .collect();
        let mut widths: Vec<usize> = vec![0; columns];
        let widest = |lines: &[String]| lines.iter().map(|l| width_of(l)).max().unwrap_or(0);
        for row in &body {
            for (width, (lines, _)) in widths.iter_mut().zip(row) {
                *width = widest(lines).max(*width);
            }
        }
        let heads: Vec<Laid> = (0..columns)
            .map(|column| {
                let room = widths[column].max(HEAD_LETTERS.min(caps[column]));
                (lines_of(&head(table, column), room), Style::Head)
            })
            .collect();
        for (width, (lines, _)) in widths.iter_mut().zip(&heads) {
            *width = widest(lines).max(*width);
        }
        (heads, body, widths)
    }

    fn cell(&self, table: &Table, row: usize, column: usize, cap: usize) -> Laid {
        match &table.rows[row].cells[column] {
            Cell::Text { text, note } => {
                let whole = match note {
                    Some(note) => format!("{text} ({note})"),
                    None => text.clone(),
                };
                (lines_of(&whole, cap), Style::Plain)
            }
            cell @ Cell::Number {
                value,
                sd,
                interval,
                ..
            } if value.is_finite() => {
                let c = &table.columns[column];
                let style = if table.is_best(row, column) {
                    Style::Best
                } else if table.is_second(row, column) {
                    Style::Second
                } else {
                    Style::Plain
                };
                let mut text = c.render(*value);
                match (style, self.styled) {
                    (Style::Best, false) => text.insert(0, '*'),
                    (Style::Second, false) => text.insert(0, '+'),
                    _ => {}
                }
                match (sd, interval) {
                    (Some(sd), _) => text += &format!(" ± {}", c.render(*sd)),
                    (None, Some([low, high])) => {
                        text += &format!(" ({} to {})", c.render(*low), c.render(*high));
                    }
                    (None, None) => {}
                }
                if let Some(n) = table.own_n(row, column) {
                    text += &format!(" n={n}");
                }
                if let Some(mark) = cell.mark() {
                    text += &format!(" ({})", shown(mark));
                }
                (vec![text], style)
            }
            _ => (vec![MISSING.into()], Style::Plain),
        }
    }

    /// A row of the table, as many lines as its highest cell.
    fn line(
        &self,
        out: &mut String,
        table: &Table,
        widths: &[usize],
        cells: &[Laid],
        from_below: bool,
    ) {
        let height = cells
            .iter()
            .map(|(lines, _)| lines.len())
            .max()
            .unwrap_or(0);
        for place in 0..height {
            let mut text = String::new();
            for (column, (lines, style)) in cells.iter().enumerate() {
                let shift = if from_below { height - lines.len() } else { 0 };
                let part = place.checked_sub(shift).and_then(|i| lines.get(i));
                let part = part.map_or("", String::as_str);
                let gap = " ".repeat(widths[column] - width_of(part));
                let styled = match (self.styled && !part.is_empty(), style) {
                    (true, Style::Best | Style::Head) => format!("\u{1b}[1m{part}\u{1b}[0m"),
                    (true, Style::Second) => format!("\u{1b}[4m{part}\u{1b}[0m"),
                    _ => part.to_owned(),
                };
                text += &match table.columns[column].is_text {
                    true => format!("{styled}{gap}  "),
                    false => format!("{gap}{styled}  "),
                };
            }
            *out += text.trim_end();
            out.push('\n');
        }
    }
}

/// Head of a column with its group before it.
fn head(table: &Table, column: usize) -> String {
    let head = table.head(column);
    match &table.columns[column].group {
        Some(group) => {
            let name = group
                .split_once(", ")
                .map_or(group.as_str(), |(name, _)| name);
            format!("{name}: {head}")
        }
        None => head,
    }
}

/// What is shown of a text, in lines of at most `width` columns.
fn lines_of(text: &str, width: usize) -> Vec<String> {
    let words: Vec<_> = text.split_whitespace().map(shown).collect();
    wrapped(&words.join(" "), width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Column, Direction, TableRow, Unit};

    #[test]
    fn columns_are_aligned_and_the_best_is_marked() {
        let row = |name: &str, value: f64| TableRow {
            cells: vec![Cell::text(name), Cell::number(Some(value))],
            ..TableRow::default()
        };
        let table = Table {
            title: "T".into(),
            caption: "Some words.".into(),
            columns: vec![
                Column::words("name", "Name"),
                Column::numbers("dice", "Dice", Unit::Percent, 1).better(Direction::Up),
            ],
            rows: vec![row("one", 0.5), row("another", 0.75), row("none", f64::NAN)],
            ..Table::default()
        };
        let show = |styled| {
            let bytes = Terminal { styled, width: 80 }.export(&table).unwrap();
            String::from_utf8(bytes).unwrap()
        };
        let plain: Vec<String> = show(false).lines().map(str::to_owned).collect();
        assert_eq!(plain[0], "T. Some words.");
        assert_eq!(plain[2], "Name     Dice, % ↑");
        assert_eq!(plain[4], "one          +50.0");
        assert_eq!(plain[5], "another      *75.0");
        assert_eq!(plain[6], "none             —");
        assert!(show(true).contains("\u{1b}[1m75.0\u{1b}[0m"));
    }

    #[test]
    fn a_narrow_terminal_leaves_out_columns_and_says_which() {
        let number = |key: &str| Column::numbers(key, key, Unit::None, 4);
        let table = Table {
            title: "T".into(),
            columns: vec![
                Column::words("name", "Name"),
                number("mean"),
                number("sd").minor(),
                number("low"),
                number("high"),
                Column::words("finding", "Finding"),
            ],
            rows: vec![TableRow {
                cells: [Cell::text("one")]
                    .into_iter()
                    .chain([0.5; 4].map(|value| Cell::number(Some(value))))
                    .chain([Cell::text("better")])
                    .collect(),
                ..TableRow::default()
            }],
            ..Table::default()
        };
        let show = |width| {
            let styled = false;
            String::from_utf8(Terminal { styled, width }.export(&table).unwrap()).unwrap()
        };
        let head = |width| {
            show(width)
                .lines()
                .nth(2)
                .unwrap()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        let in_words = |width| show(width).replace('\n', " ");
        assert_eq!(head(60), "Name mean sd low high Finding");
        assert!(!show(60).contains("Left out"));
        assert_eq!(head(40), "Name mean low high Finding");
        assert!(in_words(40).contains("in a line): sd."), "{}", show(40));
        assert_eq!(head(28), "Name mean Finding");
        assert!(
            in_words(28).contains("line): sd; low; high."),
            "{}",
            show(28)
        );
        for width in [28, 40, 60] {
            let widest = show(width).lines().map(width_of).max().unwrap();
            assert!(widest <= width, "{}", show(width));
        }
    }
}
