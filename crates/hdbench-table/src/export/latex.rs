//! Tables as LaTeX fragments for `\input`: the package `booktabs` is enough.

use hdbench_ground::error::Result;
use hdbench_ground::text::{acts, shown, wrapped};

use crate::table::{Cell, Exporter, Table, Unit};

/// A table with more columns is set smaller, with its first column wrapped.
const WIDE_COLUMNS: usize = 5;
/// Alignment of a wrapped first column.
const WRAPPED: &str = "p{33mm}";
/// Letters of a line that heads are broken to, about.
const HEAD_LETTERS: usize = 14;

/// A `table` environment with booktabs rules and no vertical lines.
#[derive(Clone, Copy, Debug)]
pub struct Latex;

impl Exporter for Latex {
    fn extension(&self) -> &'static str {
        "tex"
    }

    fn export(&self, table: &Table) -> Result<Vec<u8>> {
        let mut remarks = Remarks::default();
        let body: String = (0..table.rows.len())
            .map(|row| {
                let begins = table.rows[row].reference && row > 0 && !table.rows[row - 1].reference;
                let rule = if begins { "\\midrule\n" } else { "" };
                format!("{rule}{}", row_line(table, row, &mut remarks))
            })
            .collect();
        let is_wide = table.columns.len() > WIDE_COLUMNS;
        let align: String = table
            .columns
            .iter()
            .enumerate()
            .map(|(i, c)| match (c.is_text, is_wide && i == 0) {
                (true, true) => WRAPPED,
                (true, false) => "l",
                (false, _) => "r",
            })
            .collect();
        let mut out = format!("% {}\n", shown(&table.fingerprint));
        out += if is_wide {
            "\\begin{table}\n\\centering\\footnotesize\\setlength{\\tabcolsep}{3pt}\n"
        } else {
            "\\begin{table}\n\\centering\\small\\setlength{\\tabcolsep}{4pt}\n"
        };
        out += &format!(
            "\\caption{{{}. {}}}\n",
            escape(&table.title),
            escape(&table.caption)
        );
        out += &format!("\\label{{tab:{}}}\n", table.id);
        out += &format!("\\begin{{tabular}}{{@{{}}{align}@{{}}}}\n\\toprule\n");
        out += &heads(table);
        out += &format!("\\midrule\n{body}\\bottomrule\n\\end{{tabular}}\n");
        for note in remarks
            .lines()
            .into_iter()
            .chain(table.notes.iter().map(|n| escape(n)))
        {
            out += &format!("\\par\\smallskip{{\\footnotesize {note}}}\n");
        }
        out += "\\end{table}\n";
        Ok(out.into_bytes())
    }
}

fn heads(table: &Table) -> String {
    let mut out = String::new();
    if table.has_groups() {
        let groups = table.groups();
        let cells: Vec<String> = groups
            .iter()
            .map(|(group, _, count)| {
                format!(
                    "\\multicolumn{{{count}}}{{c}}{{{}}}",
                    broken(group.unwrap_or(""), 'c', HEAD_LETTERS * count)
                )
            })
            .collect();
        out += &format!("{} \\\\\n", cells.join(" & "));
        for (_, first, count) in groups.iter().filter(|(group, ..)| group.is_some()) {
            out += &format!("\\cmidrule(lr){{{}-{}}}", first + 1, first + count);
        }
        out += "\n";
    }
    let titles: Vec<String> = table
        .columns
        .iter()
        .map(|c| broken(&c.title, if c.is_text { 'l' } else { 'r' }, HEAD_LETTERS))
        .collect();
    out += &format!("{} \\\\\n", titles.join(" & "));
    let details: Vec<String> = (0..table.columns.len()).map(|c| detail(table, c)).collect();
    if details.iter().any(|d| !d.is_empty()) {
        out += &format!("{} \\\\\n", details.join(" & "));
    }
    out
}

/// A long head on several lines, so that many columns fit on a page.
fn broken(head: &str, align: char, letters: usize) -> String {
    let lines: Vec<String> = wrapped(head, letters)
        .iter()
        .map(|line| escape(line))
        .collect();
    match lines.len() {
        0 | 1 => lines.concat(),
        _ => format!("\\shortstack[{align}]{{{}}}", lines.join("\\\\")),
    }
}

/// Second line of a head: unit, direction and number of cases.
fn detail(table: &Table, column: usize) -> String {
    let c = &table.columns[column];
    let mut parts = Vec::new();
    if c.unit != Unit::None {
        parts.push(escape(c.unit.sign()));
    }
    if let Some(direction) = c.direction {
        parts.push(escape(direction.arrow()));
    }
    if let Some(n) = table.column_n(column) {
        parts.push(format!("$N={n}$"));
    }
    parts.join(", ")
}

fn row_line(table: &Table, row: usize, remarks: &mut Remarks) -> String {
    let cells: Vec<String> = (0..table.columns.len())
        .map(|column| cell_text(table, row, column, remarks))
        .collect();
    let ragged = match (table.columns.len() > WIDE_COLUMNS, table.columns.first()) {
        (true, Some(column)) if column.is_text => "\\raggedright ",
        _ => "",
    };
    format!("{ragged}{} \\\\\n", cells.join(" & "))
}

fn cell_text(table: &Table, row: usize, column: usize, remarks: &mut Remarks) -> String {
    let cell = &table.rows[row].cells[column];
    match cell {
        Cell::Text { text, note } => {
            let note = note
                .as_ref()
                .map(|n| remarks.sign_of(n))
                .unwrap_or_default();
            format!("{}{note}", escape(text))
        }
        Cell::Number {
            value,
            sd,
            interval,
            ..
        } if value.is_finite() => {
            let c = &table.columns[column];
            // A hyphen would be set too short for a minus sign outside of math.
            let set = |value: f64| c.render(value).replace('-', "$-$").replace('<', "$<$");
            let mut text = set(*value);
            if table.is_best(row, column) {
                text = format!("\\textbf{{{text}}}");
            } else if table.is_second(row, column) {
                text = format!("\\underline{{{text}}}");
            }
            match (sd, interval) {
                (Some(sd), _) => text += &format!(" $\\pm$ {}", set(*sd)),
                (None, Some([low, high])) => {
                    text += &format!(" ({} to {})", set(*low), set(*high));
                }
                (None, None) => {}
            }
            if let Some(n) = table.own_n(row, column) {
                text += &format!(" ($n={n}$)");
            }
            text + &cell.mark().map(|m| remarks.sign_of(m)).unwrap_or_default()
        }
        _ => "---".into(),
    }
}

/// Remarks that stand below the table, each once, with a letter where it belongs.
#[derive(Default)]
struct Remarks(Vec<String>);

impl Remarks {
    fn sign_of(&mut self, remark: &str) -> String {
        let place = self.0.iter().position(|r| r == remark).unwrap_or_else(|| {
            self.0.push(remark.into());
            self.0.len() - 1
        });
        format!("\\textsuperscript{{{}}}", letter(place))
    }

    fn lines(&self) -> Vec<String> {
        self.0
            .iter()
            .enumerate()
            .map(|(i, remark)| format!("\\textsuperscript{{{}}} {}", letter(i), escape(remark)))
            .collect()
    }
}

fn letter(place: usize) -> String {
    match u8::try_from(place) {
        Ok(place) if place < 26 => char::from(b'a' + place).to_string(),
        _ => (place + 1).to_string(),
    }
}

/// Makes plain text safe for LaTeX.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out += "\\textbackslash{}",
            '~' => out += "\\textasciitilde{}",
            '^' => out += "\\textasciicircum{}",
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                out.push('\\');
                out.push(c);
            }
            '\n' | '\r' => out.push(' '),
            // TeX refuses them; as they would be written, they would be commands.
            c if acts(c) => out += &escape(&c.escape_default().to_string()),
            '—' => out += "---",
            '–' => out += "--",
            '±' => out += "$\\pm$",
            '×' => out += "$\\times$",
            '·' => out += "$\\cdot$",
            '≤' => out += "$\\le$",
            '≥' => out += "$\\ge$",
            '≈' => out += "$\\approx$",
            '−' => out += "$-$",
            '↑' => out += "$\\uparrow$",
            '↓' => out += "$\\downarrow$",
            '→' => out += "$\\rightarrow$",
            '<' => out += "$<$",
            '>' => out += "$>$",
            _ => out.push(c),
        }
    }
    out
}
