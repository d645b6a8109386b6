use std::io::IsTerminal;

use crate::error::Result;
use crate::report::{Exporter, Table, Terminal};

/// Whether standard output is looked at by a person.
pub fn for_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Tables as a terminal shows them, one after the other; bold and underlined unless NO_COLOR is set.
pub fn terminal_tables(tables: &[Table]) -> Result<String> {
    let styled = for_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let width = terminal_width();
    let mut text = String::new();
    for table in tables {
        text += &String::from_utf8_lossy(&Terminal { styled, width }.export(table)?);
        text.push('\n');
    }
    Ok(text)
}

/// Columns of the terminal.
fn terminal_width() -> usize {
    terminal_size::terminal_size().map_or(120, |(width, _)| usize::from(width.0).max(60))
}
