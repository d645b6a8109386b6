//! What a start would do, as a table.

use std::collections::{BTreeMap, BTreeSet};

use hdbench_table::{Cell as TableCell, Column, Table, TableRow, Unit};

use super::progress::Reporter;
use super::study_options::pool;
use super::table_output::terminal_tables;
use crate::error::Result;
use crate::network::NetworkKind;
use crate::schedule::{CellState, CellStatus, EstimatedCost, estimate_cost};
use crate::study::{Cell, Study};

/// What the cells that would run may cost where the study has not yet measured their network.
pub fn timed(
    study: &Study,
    states: &[CellStatus],
    chosen: &[Cell],
    reporter: &Reporter,
) -> Result<BTreeMap<String, EstimatedCost>> {
    let done: BTreeSet<&str> = states
        .iter()
        .filter(|cell| cell.state == CellState::Done)
        .filter_map(|cell| cell.cell.split('/').next())
        .collect();
    let parts: BTreeSet<NetworkKind> = chosen
        .iter()
        .filter_map(|cell| cell.algorithm.network())
        .collect();
    let open = parts.into_iter().filter(|part| !done.contains(part.id()));
    let estimated = pool(study.threads)?.install(|| estimate_cost(study, open, reporter))?;
    let named = estimated.into_iter();
    Ok(named
        .map(|(part, cost)| (part.id().to_owned(), cost))
        .collect())
}

/// Which cells would run, and why the others would not; `timed` by the network's name, `jobs` at once.
pub fn plan(
    states: &[CellStatus],
    chosen: &[Cell],
    forced: &BTreeSet<Cell>,
    timed: &BTreeMap<String, EstimatedCost>,
    jobs: usize,
) -> Result<String> {
    let chosen: BTreeSet<String> = chosen.iter().map(Cell::name).collect();
    let forced: BTreeSet<String> = forced.iter().map(Cell::name).collect();
    let part = |cell: &str| cell.split('/').next().unwrap_or(cell).to_owned();
    // What others of the same network took.
    let mut measured: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for cell in states.iter().filter(|cell| cell.state == CellState::Done) {
        measured
            .entry(part(&cell.cell))
            .or_default()
            .push(cell.seconds);
    }
    let hours = |cell: &str| {
        let part = part(cell);
        match measured.get(&part) {
            Some(own) => Some(own.iter().sum::<f64>() / own.len() as f64 / 3600.0),
            None => timed.get(&part).map(|cost| cost.seconds / 3600.0),
        }
    };
    let mut total = 0.0;
    let mut unknown = 0;
    let mut runs = 0;
    let rows: Vec<TableRow> = states
        .iter()
        .map(|cell| {
            let is_forced = forced.contains(&cell.cell);
            let is_done = cell.state == CellState::Done && !is_forced;
            let will = chosen.contains(&cell.cell) && !is_done;
            let why = match &cell.state {
                CellState::Done if is_done => "done".to_owned(),
                _ if !chosen.contains(&cell.cell) => "not chosen by --only or --limit".into(),
                CellState::Done => "thrown away and made anew, as --force asks".into(),
                CellState::Queued { waits_for } if waits_for.is_empty() => "not begun".into(),
                CellState::Queued { waits_for } => format!("after {}", waits_for.join(", ")),
                CellState::Running { holder } => format!("runs now: {}", holder.words()),
                CellState::Killed | CellState::Interrupted => "goes on from its checkpoint".into(),
                CellState::Failed { reason } => format!("failed before: {reason}"),
                CellState::Stale { .. } => cell.state.open().unwrap_or_default(),
                CellState::Blocked { by } => format!("again, after {by}"),
            };
            if will {
                runs += 1;
                match hours(&cell.cell) {
                    Some(hours) => total += hours,
                    None => unknown += 1,
                }
            }
            TableRow {
                cells: vec![
                    TableCell::text(&cell.cell),
                    TableCell::text(if will { "runs" } else { "-" }),
                    TableCell::text(why),
                    TableCell::number(hours(&cell.cell).filter(|_| will)),
                    TableCell::number(
                        timed
                            .get(&part(&cell.cell))
                            .and_then(|cost| cost.peak_memory_mb)
                            .filter(|_| will),
                    ),
                ],
                ..TableRow::default()
            }
        })
        .collect();
    let table = Table {
        id: "plan".into(),
        title: format!("{runs} of {} cells would run", states.len()),
        caption: duration(runs, unknown, total, jobs, timed.is_empty()),
        columns: vec![
            Column::words("cell", "Cell"),
            Column::words("runs", "Runs"),
            Column::words("why", "Why"),
            Column::numbers("hours", "About", Unit::Hours, 3),
            Column::numbers("memory", "Memory", Unit::Megabytes, 0),
        ],
        rows,
        ..Table::default()
    };
    terminal_tables(&[table])
}

/// How long the cells that run may take together, `jobs` at once.
fn duration(runs: usize, unknown: usize, hours: f64, jobs: usize, is_untimed: bool) -> String {
    let measure = "--measure times a training step of each network";
    let about = match jobs.min(runs) {
        0 | 1 => format!("About {hours:.2} hours"),
        side_by_side => format!(
            "About {hours:.2} hours of work, at least {:.2} with {side_by_side} cells side by side",
            hours / side_by_side as f64
        ),
    };
    match (runs, unknown, is_untimed) {
        (0, ..) => "Nothing is left to do.".into(),
        (_, 0, true) => {
            format!("{about}: what the same networks took in this study before.")
        }
        (_, 0, false) => format!(
            "{about}: of networks that this study has finished before, what they took; of the others, their \
             training by a step that was timed now, predictions not counted."
        ),
        (runs, unknown, _) if runs == unknown => {
            format!("How long that takes is unknown: {measure}.")
        }
        (_, unknown, _) => format!(
            "{about} for those whose network this study has finished before; how long the other {unknown} take \
             is unknown: {measure}."
        ),
    }
}
