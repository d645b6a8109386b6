use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::called::called;
use super::leased::leased;
use super::output::{print_as_is, remark};
use super::progress::Reporter;
use super::report::render;
use super::study_options::{EngineName, StudyOptions, writable_name};
use super::study_plan::{plan, timed};
use crate::artifact::sweep;
use crate::error::{Error, Result};
use crate::network::NetworkKind;
use crate::phantom;
use crate::progress::Progress;
use crate::report::Content;
use crate::schedule::{
    CellState, CellStatus, Chosen, Engine, EngineOutcome, Foreseen, Handed, Lease, Local, Ran,
    Script, Selection, Slots, Slurm, Start, Submitted, foresee, status,
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
    check_devices(study, options)?;
    if options.engine == EngineName::Local
        && let Some(caution) = options.device.first().caution()
    {
        reporter.note(&format!("warning: {caution}"));
    }
    let forced = forced(options)?;
    if options.dry_run {
        return foreseen(run, study, options, &forced, reporter).map(Executed::Handed);
    }
    check_encoder_weights(run, study)?;
    sweep(&run.join("report"))?;
    let study = study.write(run, options.restart)?;
    let inputs = Inputs::prepare(run, &study, reporter)?;
    tell_of_inputs(&study, &inputs, reporter);
    let (chosen, open) = choose(run, &study, &inputs, options, &forced)?;
    let start = Start {
        run,
        study: &study,
        inputs: &inputs,
        chosen: &chosen,
        open: &open,
        forced: &forced,
    };
    match engine(&study, options)?.run(&start, reporter)? {
        Ran::Handed(Handed::Commands(commands)) => Ok(Executed::Handed(commands)),
        Ran::Handed(Handed::Submitted(submitted)) => {
            Ok(Executed::Handed(submission(run, &open, &submitted)))
        }
        Ran::Ended(outcome) => finish(&start, outcome, reporter).map(Executed::Finished),
    }
}

/// Devices that cannot be opened are told before anything begins; those of other machines are looked for there.
fn check_devices(study: &Study, options: &StudyOptions) -> Result<()> {
    options.device.slots(options.shards)?;
    for place in options.device.all() {
        match options.engine {
            EngineName::Local => drop(place.open(study.threads)?),
            EngineName::Slurm | EngineName::Script => place.check_built_in()?,
        }
    }
    Ok(())
}

/// What is odd about the data, how much of it the networks see, and how it is divided.
fn tell_of_inputs(study: &Study, inputs: &Inputs, reporter: &Reporter) {
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
}

/// The cells that this start looks at, and those among them that are not done.
fn choose(
    run: &Path,
    study: &Study,
    inputs: &Inputs,
    options: &StudyOptions,
    forced: &BTreeSet<Cell>,
) -> Result<(Chosen, Vec<Cell>)> {
    let folds = inputs.folds.iter().map(|fold| (fold.index, fold.role));
    let all = cells_of(study, folds);
    check_forced(forced, &all)?;
    let states = status(run)?;
    let done = done(&states, forced);
    let is_done = |cell: &Cell| done.contains(&cell.name());
    let cells = selection(options).choose(study, &all, is_done)?;
    let settled: BTreeSet<&str> = states
        .iter()
        .filter(|cell| cell.settled)
        .map(|cell| cell.cell.as_str())
        .collect();
    let (finished, open): (Vec<Cell>, Vec<Cell>) = cells.iter().copied().partition(is_done);
    let settled = finished
        .into_iter()
        .filter(|cell| settled.contains(cell.name().as_str()))
        .collect();
    Ok((Chosen { cells, settled }, open))
}

/// The engine that was asked for.
fn engine(study: &Study, options: &StudyOptions) -> Result<Box<dyn Engine>> {
    let binary = std::env::current_exe().map_err(Error::read(Path::new("hdbench")))?;
    Ok(match options.engine {
        EngineName::Local => Box::new(Local {
            binary,
            jobs: options.jobs(study.threads)?,
            slots: Slots::new(options.device.slots(options.shards)?),
        }),
        EngineName::Slurm => Box::new(Slurm {
            binary: called(binary),
            flags: options.sbatch.clone(),
            gpus: options.device.of_job(options.shards)?,
        }),
        EngineName::Script => Box::new(Script {
            binary: called(binary),
        }),
    })
}

/// The report of a study whose cells have ended.
fn finish(start: &Start<'_>, outcome: EngineOutcome, reporter: &Reporter) -> Result<Box<Finished>> {
    let (content, page) = match render(start.run, start.study, start.inputs, true, reporter) {
        // What keeps the report from being written may be what the cells failed of.
        Err(error) if !outcome.failed.is_empty() => {
            reporter.note(&format!("the report could not be written: {error}"));
            outcome.into_result()?;
            return Err(error);
        }
        rendered => rendered?,
    };
    let checked = |()| start.inputs.check_again(start.run, start.study);
    Ok(Box::new(Finished {
        content,
        page,
        outcome: outcome.into_result().and_then(checked),
    }))
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
        .filter(|cell| cell.cell.starts_with(NetworkKind::Encoder.id()))
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
        phantom::PhantomKind::Lits => format!("{} CT phantoms", spec.cases),
        phantom::PhantomKind::LitsWithIrcadb => format!(
            "{} CT phantoms, 20 of them the same scans in LiTS layout,",
            spec.cases
        ),
        phantom::PhantomKind::Ircadb => format!("{} CT phantoms as DICOM series", spec.cases),
    };
    reporter.note(&format!("generating {what} in {}", folder.shown()));
    reporter.stage("", "generating phantoms");
    phantom::write(spec, folder, reporter)?;
    Ok(())
}
