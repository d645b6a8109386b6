use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::called::called;
use super::output::{print_as_is, remark};
use super::progress::Reporter;
use super::report::render;
use super::study_options::{EngineName, StudyOptions, pool, writable_name};
use super::table_output::terminal_tables;
use crate::artifact::sweep;
use crate::dataset::phantom;
use crate::error::{Error, Result};
use crate::harness::{
    Cell, CellState, CellStatus, Data, Inputs, Local, Phantoms, Reckoned, Role, Selection, Slots,
    SlurmOptions, Study, Submitted, cells_of, command_list, forget, reckon, run_study, status,
    submit,
};
use crate::network::Part;
use crate::progress::Progress;
use crate::report::{Cell as TableCell, Column, Content, Table, TableRow, Unit};
use crate::text::Shown as _;

/// Warnings shown before the work begins; the report has all.
const SHOWN_WARNINGS: usize = 5;

/// What a start came to.
pub enum Executed {
    /// The study ran to its end.
    Finished(Box<Finished>),
    /// Its cells run elsewhere, later or not at all; this is to be said.
    Handed(String),
}

/// A study that ran to its end.
pub struct Finished {
    pub content: Content,
    pub page: PathBuf,
    /// An error if a cell failed, or the data changed meanwhile.
    pub outcome: Result<()>,
}

/// The study that a folder holds, if it holds one; an unreadable one does not matter where it is
/// going to be replaced.
pub fn existing(run: &Path, options: &StudyOptions) -> Result<Option<Study>> {
    if !Study::path(run).exists() {
        return Ok(None);
    }
    match Study::read(run) {
        Err(_) if options.restart => Ok(None),
        read => read.map(Some),
    }
}

/// Writes a study into its folder, does what is not done yet, and writes the report.
pub fn execute(
    run: &Path,
    study: &Study,
    options: &StudyOptions,
    reporter: &Reporter,
) -> Result<Executed> {
    for slot in options.device.slots(options.shards)? {
        for place in slot.all() {
            place.open(study.threads)?;
        }
    }
    sweep(&run.join("report"))?;
    let study = study.write(run, options.restart)?;
    let inputs = Inputs::prepare(run, &study, reporter)?;
    for changed in &inputs.changed {
        reporter.note(&format!(
            "{changed} since the last start: what was made from it is made anew"
        ));
    }
    for warning in inputs.warnings.iter().take(SHOWN_WARNINGS) {
        reporter.note(&format!("warning: {warning}"));
    }
    if inputs.warnings.len() > SHOWN_WARNINGS {
        reporter.note(&format!(
            "and {} more warnings about the data; the report has them all",
            inputs.warnings.len() - SHOWN_WARNINGS
        ));
    }
    for fold in &inputs.folds {
        let what = match fold.role {
            Role::Own => "",
            Role::Transfer => "transfer: ",
            Role::Leaked => "transfer, LEAKED for comparison: ",
        };
        reporter.note(&format!(
            "{what}{} training and {} test cases: {}",
            fold.train.len(),
            fold.test.len(),
            fold.split.description
        ));
    }
    for name in &options.force {
        forget(run, Cell::parse(name)?)?;
    }
    let binary = std::env::current_exe().map_err(Error::read(Path::new("hdbench")))?;
    let states = status(run)?;
    let done: BTreeSet<&str> = states
        .iter()
        .filter(|cell| cell.state == CellState::Done)
        .map(|cell| cell.cell.as_str())
        .collect();
    let is_done = |cell: &Cell| done.contains(cell.name().as_str());
    let all = cells_of(
        &study,
        inputs.folds.iter().map(|fold| (fold.index, fold.role)),
    );
    let selection = Selection {
        only: options.only.clone(),
        limit: options.limit,
    };
    let chosen = selection.choose(&study, &all, is_done)?;
    if options.dry_run {
        let timed = match options.measure {
            true => timed(&study, &states, &chosen, reporter)?,
            false => BTreeMap::new(),
        };
        return Ok(Executed::Handed(plan(&states, &chosen, &timed)?));
    }
    let open: Vec<Cell> = chosen
        .iter()
        .copied()
        .filter(|cell| !is_done(cell))
        .collect();
    match options.engine {
        EngineName::Local => {}
        EngineName::Script => {
            return Ok(Executed::Handed(command_list(
                run,
                &study,
                &open,
                &called(binary),
            )));
        }
        EngineName::Slurm => {
            let slurm = SlurmOptions {
                binary: called(binary),
                flags: options.sbatch.clone(),
            };
            let submitted = submit(run, &study, &open, &slurm, reporter)?;
            return Ok(Executed::Handed(submission(run, &open, &submitted)));
        }
    }
    let engine = Local {
        binary,
        jobs: options.jobs(study.threads)?,
        slots: Slots::new(options.device.slots(options.shards)?),
    };
    let outcome = run_study(run, &study, &inputs, Some(&chosen), &engine, reporter)?;
    let (content, page) = match render(run, &study, &inputs, reporter) {
        // What keeps the report from being written may be what the cells failed of.
        Err(error) if !outcome.failed.is_empty() => {
            reporter.note(&format!("the report could not be written: {error}"));
            outcome.into_result()?;
            return Err(error);
        }
        rendered => rendered?,
    };
    Ok(Executed::Finished(Box::new(Finished {
        content,
        page,
        outcome: outcome
            .into_result()
            .and_then(|()| inputs.check_again(run, &study)),
    })))
}

/// What was submitted, for people.
fn submission(run: &Path, open: &[Cell], submitted: &Submitted) -> String {
    if open.is_empty() {
        return format!(
            "every cell is done; hdbench report {} renders them\n",
            run.shown()
        );
    }
    let mut text = format!(
        "{} cells submitted, {} still in the queue from before\n",
        submitted.jobs.len(),
        submitted.waiting.len()
    );
    for job in &submitted.jobs {
        text += &format!("  {:<12} {}\n", job.id, job.cell);
    }
    if let Some(report) = &submitted.report {
        text += &format!("  {report:<12} report, when all have ended\n");
    }
    text + &format!(
        "hdbench status {0} follows them; hdbench cancel {0} stops them\n",
        run.shown()
    )
}

/// What the cells that would run may cost where the study has not yet measured their network.
pub fn timed(
    study: &Study,
    states: &[CellStatus],
    chosen: &[Cell],
    reporter: &Reporter,
) -> Result<BTreeMap<String, Reckoned>> {
    let done: BTreeSet<&str> = states
        .iter()
        .filter(|cell| cell.state == CellState::Done)
        .filter_map(|cell| cell.cell.split('/').next())
        .collect();
    let parts: BTreeSet<Part> = chosen.iter().map(|cell| cell.part).collect();
    let open = parts.into_iter().filter(|part| !done.contains(part.id()));
    let reckoned = pool(study.threads)?.install(|| reckon(study, open, reporter))?;
    let named = reckoned.into_iter();
    Ok(named
        .map(|(part, cost)| (part.id().to_owned(), cost))
        .collect())
}

/// Which cells would run, and why the others would not; `timed` by the network's name.
pub fn plan(
    states: &[CellStatus],
    chosen: &[Cell],
    timed: &BTreeMap<String, Reckoned>,
) -> Result<String> {
    let chosen: BTreeSet<String> = chosen.iter().map(Cell::name).collect();
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
            let is_done = cell.state == CellState::Done;
            let will = chosen.contains(&cell.cell) && !is_done;
            let why = match &cell.state {
                CellState::Done => "done".to_owned(),
                _ if !chosen.contains(&cell.cell) => "not chosen by --only or --limit".into(),
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
        caption: format!(
            "{total:.2} hours: of networks that this study has finished before, what they took; {}.",
            match (timed.len(), unknown) {
                (0, 0) => "all are such".to_owned(),
                (0, unknown) => format!("{unknown} are not known (--measure times a step of each)"),
                _ => "of the others, their training by a step that was timed now, predictions not counted"
                    .into(),
            }
        ),
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

/// Says what a start came to.
pub fn told(executed: Executed) -> Result<()> {
    match executed {
        Executed::Finished(finished) => {
            remark(&format!("report: {}", finished.page.shown()));
            finished.outcome
        }
        Executed::Handed(text) => print_as_is(text.as_bytes()),
    }
}

/// Hands an interruption on with the way to go on.
pub fn interrupted_in(run: &Path, result: Result<()>) -> Result<()> {
    match result {
        Err(Error::Interrupted { .. }) => Err(Error::Interrupted {
            hint: format!(
                "the same command goes on from here; the study is in {}",
                run.shown()
            ),
        }),
        other => other,
    }
}

/// A folder of the user's, as a study keeps it.
pub fn given(folder: &Path, expected: &str) -> Result<Data> {
    if !folder.exists() {
        return Err(Error::malformed(folder, "no such folder", expected));
    }
    let absolute = std::path::absolute(folder).map_err(Error::read(folder))?;
    writable_name(&absolute)?;
    Ok(Data {
        folder: absolute,
        phantoms: None,
    })
}

/// Phantoms of a study's own, to be generated in this folder.
pub fn own_phantoms(folder: &Path, phantoms: Phantoms) -> Result<Data> {
    Ok(Data {
        folder: std::path::absolute(folder).map_err(Error::read(folder))?,
        phantoms: Some(phantoms),
    })
}

/// Generates a set of phantoms, unless it is there.
pub fn generate(folder: &Path, spec: &phantom::Spec, reporter: &Reporter) -> Result<()> {
    if phantom::is_complete(folder, spec)? {
        return Ok(());
    }
    let what = match spec.kind {
        phantom::Kind::Lits => format!("{} CT phantoms", spec.cases),
        phantom::Kind::LitsWithIrcadb => format!(
            "{} CT phantoms, 20 of them the same scans in LiTS layout,",
            spec.cases
        ),
        phantom::Kind::Ircadb => format!("{} CT phantoms as DICOM series", spec.cases),
    };
    reporter.note(&format!("generating {what} in {}", folder.shown()));
    reporter.stage("", "generating phantoms");
    phantom::write(spec, folder, reporter)?;
    Ok(())
}
