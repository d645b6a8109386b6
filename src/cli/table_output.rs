use std::io::IsTerminal;

use hdbench_table::{Exporter, Table, Terminal};

use super::output::print_as_is;
use crate::error::Result;
use crate::text::message;

/// Whether standard output is looked at by a person.
pub fn for_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Tables as a terminal shows them, one after the other, names in them escaped; bold and underlined unless NO_COLOR is set.
pub fn terminal_tables(tables: &[Table]) -> Result<String> {
    let styled = for_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let width = terminal_width();
    let mut text = String::new();
    for table in tables {
        text += &String::from_utf8_lossy(&Terminal { styled, width }.export(table)?);
        text.push('\n');
    }
    // Of what a terminal acts on, only our own styles are left by the exporter, and those are for
    // terminals: elsewhere no line may be a command.
    Ok(match styled {
        true => text,
        false => message(&text).into_owned(),
    })
}

/// Prints tables as [`terminal_tables`] has them.
pub fn print_tables(tables: &[Table]) -> Result<()> {
    print_as_is(terminal_tables(tables)?.as_bytes())
}

/// Columns of the terminal.
fn terminal_width() -> usize {
    terminal_size::terminal_size().map_or(120, |(width, _)| usize::from(width.0).max(60))
}
