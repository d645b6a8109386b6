//! Tables as HTML fragments.

use hdbench_ground::error::Result;
use hdbench_ground::text::acts;

use crate::table::{Cell, Exporter, MISSING, Table, Unit};

/// A `<table>` with caption and notes in a `<figure>`.
#[derive(Clone, Copy, Debug)]
pub enum Html {
    /// With heads that the page's script sorts by; it needs the page's style.
    OfPage,
    /// To stand anywhere, as in a notebook.
    Alone,
}

impl Exporter for Html {
    fn extension(&self) -> &'static str {
        "html"
    }

    fn export(&self, table: &Table) -> Result<Vec<u8>> {
        let mut out = format!(
            "<figure class=\"table\" id=\"table-{}\">\n",
            escape(&table.id)
        );
        // A wide table scrolls by itself, by keyboard too.
        out += &format!(
            "<figcaption><b>{0}.</b> {1}</figcaption>\n<div class=\"scroll\" tabindex=\"0\" \
             role=\"region\" aria-label=\"{0}\"><table>\n<thead>\n",
            escape(&table.title),
            escape(&table.caption)
        );
        out += &group_heads(table);
        out += "<tr class=\"sort\">";
        for column in 0..table.columns.len() {
            out += &head(table, column, *self);
        }
        out += "</tr>\n</thead>\n<tbody>\n";
        for row in 0..table.rows.len() {
            out += if table.rows[row].reference {
                "<tr class=\"reference\">"
            } else {
                "<tr>"
            };
            for column in 0..table.columns.len() {
                out += &cell(table, row, column);
            }
            out += "</tr>\n";
        }
        out += "</tbody>\n</table></div>\n";
        for note in &table.notes {
            out += &format!("<p class=\"note\">{}</p>\n", escape(note));
        }
        out += "</figure>\n";
        if matches!(self, Self::Alone) {
            // The page's style puts details below; in a line they stand apart.
            out = out.replace("<small>", " <small>");
        }
        Ok(out.into_bytes())
    }
}

fn group_heads(table: &Table) -> String {
    if !table.has_groups() {
        return String::new();
    }
    let cells: String = table
        .groups()
        .iter()
        .map(|(group, _, count)| match group {
            Some(group) => format!(
                "<th colspan=\"{count}\" scope=\"colgroup\"><span>{}</span></th>",
                escape(group)
            ),
            None => format!("<td colspan=\"{count}\"></td>"),
        })
        .collect();
    format!("<tr class=\"groups\">{cells}</tr>\n")
}

fn head(table: &Table, column: usize, html: Html) -> String {
    let c = &table.columns[column];
    let mut details = Vec::new();
    if c.unit != Unit::None {
        details.push(c.unit.sign().to_string());
    }
    if let Some(direction) = c.direction {
        details.push(direction.arrow().into());
    }
    if let Some(n) = table.column_n(column) {
        details.push(format!("N = {n}"));
    }
    let details = match details.len() {
        0 => String::new(),
        _ => format!("<small>{}</small>", details.join(" · ")),
    };
    let words = format!("{}{details}", escape(&c.title));
    let words = match html {
        Html::OfPage => format!("<button type=\"button\">{words}</button>"),
        Html::Alone => words,
    };
    format!("<th scope=\"col\"{}>{words}</th>", class(table, column))
}

fn class(table: &Table, column: usize) -> String {
    let c = &table.columns[column];
    let first_of_group = c.group.is_some()
        && table
            .groups()
            .iter()
            .any(|(group, first, _)| group.is_some() && *first == column);
    match (
        c.is_text,
        c.direction.is_none() && c.group.is_some(),
        first_of_group,
    ) {
        (true, ..) => String::new(),
        (false, false, false) => " class=\"num\"".into(),
        (false, true, false) => " class=\"num ref\"".into(),
        (false, false, true) => " class=\"num first\"".into(),
        (false, true, true) => " class=\"num ref first\"".into(),
    }
}

fn cell(table: &Table, row: usize, column: usize) -> String {
    let cell = &table.rows[row].cells[column];
    let class = class(table, column);
    match cell {
        Cell::Text { text, note } => {
            let note = note
                .as_ref()
                .map(|n| format!("<small>{}</small>", escape(n)))
                .unwrap_or_default();
            let tag = if column == 0 {
                "th scope=\"row\""
            } else {
                "td"
            };
            let end = if column == 0 { "th" } else { "td" };
            format!("<{tag}{class}>{}{note}</{end}>", escape(text))
        }
        Cell::Number {
            value,
            sd,
            interval,
            ..
        } if value.is_finite() => {
            let c = &table.columns[column];
            let mut text = minus(&escape(&c.render(*value)));
            if table.is_best(row, column) {
                text = format!("<b>{text}</b>");
            } else if table.is_second(row, column) {
                text = format!("<u>{text}</u>");
            }
            let mut small = Vec::new();
            match (sd, interval) {
                (Some(sd), _) => small.push(format!("± {}", c.render(*sd))),
                (None, Some([low, high])) => {
                    let ends = [low, high].map(|end| minus(&c.render(*end)));
                    small.push(format!("{} to {}", ends[0], ends[1]));
                }
                (None, None) => {}
            }
            if let Some(n) = table.own_n(row, column) {
                small.push(format!("n = {n}"));
            }
            if let Some(mark) = cell.mark() {
                small.push(escape(mark));
            }
            if !small.is_empty() {
                text += &format!("<small>{}</small>", small.join(", "));
            }
            format!("<td{class} data-v=\"{value}\">{text}</td>")
        }
        _ => format!("<td{class}>{MISSING}</td>"),
    }
}

/// Sets a true minus sign, which is as wide as the digits.
fn minus(number: &str) -> String {
    number.replace('-', "−")
}

/// Makes plain text safe for HTML text and attributes.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c if acts(c) && !matches!(c, '\n' | '\t') => out.extend(c.escape_default()),
            _ => out.push(c),
        }
    }
    out
}
