use std::collections::BTreeSet;
use std::path::Path;

use glob::Pattern;

use super::lease::Lease;
use crate::artifact::{Owned, remove_owned};
use crate::cell::WORKING;
use crate::error::{Error, Result};
use crate::study::{Cell, Study};

/// Which cells of a study a start is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Shell patterns of names (`hdenseunet/*`); none stands for all. What a chosen cell needs is
    /// chosen with it.
    pub only: Vec<String>,
    /// Largest number of cells that are not done.
    pub limit: Option<usize>,
}

impl Selection {
    /// Chooses among a study's cells, in their order. `is_done` says which count as done.
    ///
    /// # Errors
    /// `Error::Usage` for a pattern that is none, or that no cell matches.
    pub fn choose(
        &self,
        study: &Study,
        cells: &[Cell],
        is_done: impl Fn(&Cell) -> bool,
    ) -> Result<Vec<Cell>> {
        let mut chosen: BTreeSet<Cell> = BTreeSet::new();
        for text in &self.only {
            let pattern = Pattern::new(text)
                .map_err(|e| Error::usage(format!("--only {text}: {e}"), "e.g. --only 'unet/*'"))?;
            let matching: Vec<Cell> = cells
                .iter()
                .filter(|cell| pattern.matches(&cell.name()))
                .copied()
                .collect();
            if matching.is_empty() {
                let example = cells.last().map_or(String::new(), Cell::name);
                return Err(Error::usage(
                    format!("--only {text} matches no cell of this study"),
                    format!("its cells are named like {example}"),
                ));
            }
            for cell in matching {
                add_with_needs(cell, study, &mut chosen);
            }
        }
        let mut left = self.limit.unwrap_or(usize::MAX);
        let mut taken: BTreeSet<Cell> = BTreeSet::new();
        Ok(cells
            .iter()
            .filter(|cell| self.only.is_empty() || chosen.contains(cell))
            .filter(|cell| {
                let needed = cell.needs(&study.recipe);
                let ready = needed
                    .iter()
                    .all(|need| taken.contains(need) || is_done(need));
                if is_done(cell) || (left > 0 && ready) {
                    left -= usize::from(!is_done(cell));
                    taken.insert(**cell);
                    return true;
                }
                false
            })
            .copied()
            .collect())
    }
}

fn add_with_needs(cell: Cell, study: &Study, chosen: &mut BTreeSet<Cell>) {
    if chosen.insert(cell) {
        for need in cell.needs(&study.recipe) {
            add_with_needs(need, study, chosen);
        }
    }
}

/// The files of a cell's folder; what lies in these folders of it is the cell's as well.
const FILES: [&str; 12] = [
    ".lease",
    ".lease-lock",
    "log.txt",
    "cell.json",
    "state.json",
    "env.json",
    "losses.csv",
    "metrics_long.csv",
    "cases.csv",
    "lesions.csv",
    "summary.json",
    "challenge.json",
];
const FOLDERS: [&str; 3] = ["checkpoints", "model", "predictions"];

/// Throws away what a cell has made, so that it is run anew. What else lies in its folder stays.
///
/// # Errors
/// `Error::Usage` where somebody works on it; `Error::Write`.
pub fn forget(run: &Path, cell: Cell) -> Result<()> {
    let folder = cell.folder(run);
    if !folder.exists() {
        return Ok(());
    }
    let lease = Lease::take_idle(&folder)?;
    drop(lease);
    // The record first: without it nothing else counts as done, wherever a kill comes.
    let record = folder.join("state.json");
    match std::fs::remove_file(&record) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(Error::write(&record)(e)),
        _ => {}
    }
    let is_ours = |path: &Path, _| {
        let first = path.iter().next().unwrap_or_default().to_string_lossy();
        let below = FOLDERS.iter().chain(&WORKING);
        FILES.contains(&&*path.to_string_lossy()) || below.into_iter().any(|own| *own == first)
    };
    remove_owned(&folder, &Owned::by("a cell", &is_ours).keeping_others())
}

/// Throws away what cells that are no part of the study any more have made, and the folders that are empty then.
///
/// # Errors
/// As of [`forget`].
pub fn discard(run: &Path, cells: &[Cell]) -> Result<()> {
    for cell in cells {
        forget(run, *cell)?;
        let folder = cell.folder(run);
        for below in FOLDERS.iter().chain(&WORKING) {
            let _ = std::fs::remove_dir(folder.join(below));
        }
        let above = folder.ancestors().take_while(|above| *above != run);
        // What holds anything else stays.
        for folder in above {
            match std::fs::remove_dir(folder) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => break,
                _ => {}
            }
        }
    }
    Ok(())
}
