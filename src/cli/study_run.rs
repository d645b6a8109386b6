use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use hdbench_table::{Cell as TableCell, Column, Table, TableRow, Unit};

use super::called::called;
use super::leased::leased;
use super::output::{print_as_is, remark};
use super::progress::Reporter;
use super::report::render;
use super::study_options::{EngineName, StudyOptions, pool, writable_name};
use super::table_output::terminal_tables;
use crate::artifact::sweep;
use crate::error::{Error, Result};
use crate::network::Part;
use crate::phantom;
use crate::progress::Progress;
use crate::report::Content;
use crate::schedule::{
    CellState, CellStatus, Chosen, Foreseen, Lease, Local, Reckoned, Selection, Slots,
    SlurmOptions, Submitted, command_list, foresee, forget, reckon, run_study, status, submit,
};
use crate::study::{Cell, Data, Inputs, Phantoms, Role, Sight, Study, cells_of, refuse_foreign};
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

/// Writes a study into its folder, does what is not done yet, and writes the report. A dry run writes
/// nothing and says what would be done.
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
    let forced = forced(options)?;
    if options.dry_run {
        return foreseen(run, study, options, &forced, reporter).map(Executed::Handed);
    }
    check_encoder_weights(run, study)?;
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
    if let Some(sight) = Sight::of(&inputs.folds, &study.scale) {
        reporter.note(&match sight.warning() {
            None => sight.words(),
            Some(warning) => format!("warning: {warning}"),
        });
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
    let all = cells_of(
        &study,
        inputs.folds.iter().map(|fold| (fold.index, fold.role)),
    );
    check_forced(&forced, &all)?;
    let binary = std::env::current_exe().map_err(Error::read(Path::new("hdbench")))?;
    let states = status(run)?;
    let done = done(&states, &forced);
    let is_done = |cell: &Cell| done.contains(&cell.name());
    let chosen = selection(options).choose(&study, &all, is_done)?;
    let open: Vec<Cell> = chosen
        .iter()
        .copied()
        .filter(|cell| !is_done(cell))
        .collect();
    if options.engine == EngineName::Script {
        let commands = command_list(run, &study, &open, &forced, &called(binary));
        return Ok(Executed::Handed(commands));
    }
    // Nothing stands between this and the work any more.
    for cell in forced.iter().filter(|cell| chosen.contains(cell)) {
        forget(run, *cell)?;
    }
    match options.engine {
        EngineName::Local | EngineName::Script => {}
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
    let settled = states.iter().filter(|cell| cell.settled);
    let settled: BTreeSet<&str> = settled.map(|cell| cell.cell.as_str()).collect();
    let chosen = Chosen {
        settled: chosen
            .iter()
            .copied()
            .filter(|cell| is_done(cell) && settled.contains(cell.name().as_str()))
            .collect(),
        cells: chosen,
    };
    let outcome = run_study(run, &study, &inputs, Some(&chosen), &engine, reporter)?;
    let (content, page) = match render(run, &study, &inputs, true, reporter) {
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

/// The cells of --force.
fn forced(options: &StudyOptions) -> Result<BTreeSet<Cell>> {
    options.force.iter().map(|name| Cell::parse(name)).collect()
}

/// Refuses what --force names and the study does not have, before anything is thrown away.
fn check_forced(forced: &BTreeSet<Cell>, all: &[Cell]) -> Result<()> {
    match forced.iter().find(|cell| !all.contains(cell)) {
        None => Ok(()),
        Some(unknown) => Err(Error::usage(
            format!("--force {}: the study has no such cell", unknown.name()),
            format!(
                "its cells are named like {}",
                all.last().map_or(String::new(), Cell::name)
            ),
        )),
    }
}

/// The names of the cells that are done, those aside that are to be made anew.
fn done(states: &[CellStatus], forced: &BTreeSet<Cell>) -> BTreeSet<String> {
    let forced: BTreeSet<String> = forced.iter().map(Cell::name).collect();
    let done = states
        .iter()
        .filter(|cell| cell.state == CellState::Done && !forced.contains(&cell.cell));
    done.map(|cell| cell.cell.clone()).collect()
}

fn selection(options: &StudyOptions) -> Selection {
    Selection {
        only: options.only.clone(),
        limit: options.limit,
    }
}

/// Weights that are to be loaded have to be there before work begins that ends at them.
fn check_encoder_weights(run: &Path, study: &Study) -> Result<()> {
    let Some(file) = study
        .encoder_weights
        .as_ref()
        .filter(|file| !file.is_file())
    else {
        return Ok(());
    };
    let states = match Study::path(run).exists() {
        true => status(run).unwrap_or_default(),
        false => Vec::new(),
    };
    let mut encoders = states
        .iter()
        .filter(|cell| cell.cell.starts_with(Part::Encoder.id()))
        .peekable();
    if encoders.peek().is_some() && encoders.all(|cell| cell.state == CellState::Done) {
        return Ok(());
    }
    Err(Error::malformed(
        file,
        "no such file",
        "--encoder-weights takes a DenseNet-161 of torchvision or timm (.pth, .safetensors)",
    ))
}

/// What a start would do; nothing is written.
fn foreseen(
    run: &Path,
    study: &Study,
    options: &StudyOptions,
    forced: &BTreeSet<Cell>,
    reporter: &Reporter,
) -> Result<String> {
    check_encoder_weights(run, study)?;
    let study = study.merged(run, options.restart)?;
    let Foreseen { cells, notes } = foresee(run, &study)?;
    for note in notes {
        reporter.note(&note);
    }
    let all: Vec<Cell> = cells
        .iter()
        .map(|cell| Cell::parse(&cell.cell))
        .collect::<Result<_>>()?;
    check_forced(forced, &all)?;
    let done = done(&cells, forced);
    let chosen = selection(options).choose(&study, &all, |cell| done.contains(&cell.name()))?;
    let timed = match options.measure {
        true => timed(&study, &cells, &chosen, reporter)?,
        false => BTreeMap::new(),
    };
    let jobs = match options.engine {
        EngineName::Local => options.jobs(study.threads)?,
        EngineName::Slurm | EngineName::Script => 1,
    };
    plan(&cells, &chosen, forced, &timed, jobs)
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

/// Which cells would run, and why the others would not; `timed` by the network's name, `jobs` at once.
pub fn plan(
    states: &[CellStatus],
    chosen: &[Cell],
    forced: &BTreeSet<Cell>,
    timed: &BTreeMap<String, Reckoned>,
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

/// Takes the study's folder for this start, after a look whether it may; a dry run only looks.
pub fn take(run: &Path, options: &StudyOptions, reporter: &Reporter) -> Result<Option<Lease>> {
    refuse_foreign(run)?;
    // Told before anything is made.
    forced(options)?;
    (!options.dry_run)
        .then(|| leased(run, reporter))
        .transpose()
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
