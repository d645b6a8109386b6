use std::path::PathBuf;

use clap::Args;
use hdbench_table::{Cell, Column, Table, TableRow, Unit};
use indicatif::HumanDuration;
use serde_json::json;

use super::output::{print, print_as_is, print_json};
use super::table_output::{for_terminal, terminal_tables};
use crate::error::Result;
use crate::schedule::{CellState, CellStatus, add_jobs, status};
use crate::text::{name_of, shown};

/// How a study stands: every cell, who works on it, how long it will take, why it failed.
///
/// Read from the study's folder alone, on any machine that sees it, also while the study runs. Of cells that
/// were submitted to Slurm it says as well how their jobs stand, where Slurm answers.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hdbench status runs/lits
  hdbench status runs/lits --json | jq '.cells[] | select(.state == \"failed\")'

States: queued (and for which cells it waits), running (host, process, stage, time left), killed (goes on
with the next start), interrupted, done, failed (with the reason), stale (done, but from inputs that have
changed since), blocked (a cell that it needs failed).")]
pub struct StatusVerb {
    /// The study's folder
    run: PathBuf,
    /// JSON instead of a table (also when standard output is no terminal)
    #[arg(long)]
    json: bool,
}

impl StatusVerb {
    pub fn exec(self) -> Result<()> {
        let mut cells = status(&self.run)?;
        let unanswered = add_jobs(&self.run, &mut cells).err();
        if self.json || !for_terminal() {
            return print_json(
                &json!({ "format": "hdbench.status/1", "run": name_of(self.run.as_os_str()),
                                       "counts": counts(&cells), "cells": cells }),
            );
        }
        if cells.is_empty() {
            return print("the study has not looked at its data yet: nothing is planned\n");
        }
        let mut text = terminal_tables(&[table(&cells)])?;
        if let Some(error) = unanswered {
            let first = error.to_string();
            let first = first.lines().next().unwrap_or_default();
            let first = shown(first);
            text += &format!("Slurm was not asked ({first}): this is what the folders say.\n");
        }
        print_as_is(text.as_bytes())
    }
}

const NAMES: [&str; 8] = [
    "queued",
    "running",
    "killed",
    "interrupted",
    "done",
    "failed",
    "stale",
    "blocked",
];

fn counts(cells: &[CellStatus]) -> serde_json::Map<String, serde_json::Value> {
    let count = |name: &str| {
        cells
            .iter()
            .filter(|cell| cell.state.name() == name)
            .count()
    };
    NAMES
        .iter()
        .map(|name| ((*name).to_owned(), count(name).into()))
        .collect()
}

fn table(cells: &[CellStatus]) -> Table {
    let rows = cells.iter().map(|cell| TableRow {
        cells: vec![
            Cell::text(&cell.cell),
            Cell::text(cell.state.name()),
            Cell::text(detail(cell)),
            Cell::number((cell.seconds > 0.0).then_some(cell.seconds / 3600.0)),
        ],
        ..TableRow::default()
    });
    let said: Vec<String> = NAMES
        .iter()
        .map(|name| {
            (
                name,
                cells
                    .iter()
                    .filter(|cell| cell.state.name() == *name)
                    .count(),
            )
        })
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    Table {
        id: "status".into(),
        title: format!("{} cells", cells.len()),
        caption: format!("{}.", said.join(", ")),
        columns: vec![
            Column::words("cell", "Cell"),
            Column::words("state", "State"),
            Column::words("detail", "Detail"),
            Column::numbers("hours", "Worked", Unit::Hours, 3),
        ],
        rows: rows.collect(),
        ..Table::default()
    }
}

fn detail(cell: &CellStatus) -> String {
    let folder = by_folder(&cell.state);
    match &cell.job {
        // A running cell says so itself; what is done needs no worker.
        Some(job) if !matches!(cell.state, CellState::Running { .. } | CellState::Done) => {
            format!("{folder}; {}", job.words())
        }
        _ => folder,
    }
}

fn by_folder(state: &CellState) -> String {
    match state {
        CellState::Queued { waits_for } if waits_for.is_empty() => "ready".into(),
        CellState::Queued { waits_for } => format!("waits for {}", waits_for.join(", ")),
        CellState::Running { holder } => {
            let mut text = holder.words();
            if !holder.stage.is_empty() {
                text += &format!("; {}", holder.stage);
            }
            let done = holder.done.min(holder.total).saturating_mul(100);
            if let Some(percent) = done.checked_div(holder.total) {
                text += &format!(", {percent} %");
            }
            let left = holder.seconds_left();
            let left = left.and_then(|left| std::time::Duration::try_from_secs_f64(left).ok());
            if let Some(left) = left {
                text += &format!(", {} left", HumanDuration(left));
            }
            text
        }
        CellState::Killed => "its process is gone; the next start goes on".into(),
        CellState::Interrupted => "the next start goes on".into(),
        CellState::Done => String::new(),
        CellState::Failed { reason } => reason.clone(),
        CellState::Stale { .. } => state.open().unwrap_or_default(),
        CellState::Blocked { by } => format!("{by} failed"),
    }
}
