use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::engine::{Engine, Handed, Ran, Start};
use crate::error::Result;
use crate::progress::Progress;
use crate::study::{Cell, Study};

/// Nowhere yet: one command a cell, for a scheduler that hdbench does not know.
pub struct Script {
    /// The `hdbench` binary, as the commands call it.
    pub binary: PathBuf,
}

impl Engine for Script {
    fn run(&self, start: &Start<'_>, _: &dyn Progress) -> Result<Ran> {
        let commands = command_list(
            start.run,
            start.study,
            start.open,
            start.forced,
            &self.binary,
        );
        Ok(Ran::Handed(Handed::Commands(commands)))
    }
}

/// A word for the shell.
pub(super) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// One command a cell with what it needs in a comment, for other schedulers.
fn command_list(
    run: &Path,
    study: &Study,
    cells: &[Cell],
    forced: &BTreeSet<Cell>,
    binary: &Path,
) -> String {
    let binary = quoted(&binary.display().to_string());
    // A folder may be named like a flag.
    let folder = match run.as_os_str().as_encoded_bytes().starts_with(b"-") {
        true => Path::new(".").join(run),
        false => run.to_path_buf(),
    };
    let folder = quoted(&folder.display().to_string());
    let open: BTreeSet<&Cell> = cells.iter().collect();
    let mut text = String::from(
        "# One command a cell, in an order that works; a comment names those that must have ended well before.\n\
         # A command that ends with 75 was interrupted: run it again.\n",
    );
    for cell in cells {
        let needs = cell.needs(&study.recipe);
        let names: Vec<String> = needs
            .iter()
            .filter(|need| open.contains(need))
            .map(Cell::name)
            .collect();
        let after = match names.len() {
            0 => String::new(),
            _ => format!("  # after {}", names.join(", ")),
        };
        let again = match forced.contains(cell) {
            true => "--force ",
            false => "",
        };
        let _ = writeln!(
            text,
            "{binary} cell run {again}{folder} {}{after}",
            cell.name()
        );
    }
    let _ = writeln!(
        text,
        "{binary} report {folder}  # after all, whatever became of them"
    );
    text
}
