use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::{Args, Subcommand};
use signal_hook::consts::SIGINT;

use super::leased::end_when_lost;
use super::output::{report_to_parent, tell};
use super::progress::Reporter;
use super::study_options::pool;
use crate::artifact::sweep;
use crate::cell::run_cell;
use crate::error::{Error, ExitCode, Result};
use crate::network::{DeviceSpecs, keep_kernels_in};
use crate::progress::Progress;
use crate::schedule::{CELL_RESERVE_BYTES, Lease, Message, Reserve, forget, record_failure};
use crate::study::{Cell, Inputs, KERNELS, Study, check_belongs};
use crate::system::STOP_SIGNALS;
use crate::workers;

/// Work on single cells of a study.
#[derive(Subcommand, Debug)]
pub enum CellVerb {
    Run(Run),
}

/// Train, predict and score one cell; what it needs has to be finished.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  hdbench cell run runs/ablation-demo unet/fold_0/seed_0")]
pub struct Run {
    /// The study's folder
    run: PathBuf,
    /// The cell, e.g. hdenseunet/fold_0/seed_0 or _coarse/fold_0/seed_0
    cell: String,
    /// Throw away what the cell has made before
    #[arg(long)]
    force: bool,
    /// Compute on these devices, of the study's kind, e.g. cuda:1
    #[arg(long)]
    device: Option<DeviceSpecs>,
    /// Report to the process that started this one, and stop when it is gone
    #[arg(long, hide = true)]
    supervised: bool,
}

impl CellVerb {
    pub fn exec(self) -> anyhow::Result<()> {
        let Self::Run(verb) = self;
        if verb.supervised {
            verb.run(&Supervised::new()?)?;
        } else {
            let reporter = Reporter::new()?;
            let result = verb.run(&reporter);
            reporter.finish();
            result?;
        }
        Ok(())
    }
}

impl Run {
    fn run(&self, progress: &dyn Progress) -> Result<()> {
        let mut study = Study::read(&self.run)?;
        if let Some(places) = &self.device {
            if places.first().kind() != study.kind() {
                return Err(Error::usage(
                    format!("the study runs on {}, not on {places}", study.kind()),
                    "results depend on the kind of device; give another of the same",
                ));
            }
            study.places = Some(places.clone());
        }
        let cell = Cell::parse(&self.cell)?;
        check_belongs(&self.run, &study, cell)?;
        let folder = cell.folder(&self.run);
        if self.force {
            forget(&self.run, cell)?;
        }
        let lease = Lease::take(&folder, progress)?;
        end_when_lost(&lease, &folder, self.supervised);
        let result = self.work(&study, cell, &folder, &lease.watched(progress));
        if let Err(error) = &result
            && !matches!(error, Error::Interrupted { .. })
        {
            // Where the folder takes nothing more, who started this process records it elsewhere.
            let _ = record_failure(&folder, &error.to_string());
        }
        result
    }

    fn work(
        &self,
        study: &Study,
        cell: Cell,
        folder: &Path,
        progress: &dyn Progress,
    ) -> Result<()> {
        sweep(folder)?;
        // Dropped, and its space free, before a failure is recorded.
        let _reserve = Reserve::set_aside(folder, CELL_RESERVE_BYTES)?;
        keep_kernels_in(Some(&self.run.join(KERNELS)));
        // Inside the pool from the start: a parallel loop begun outside hands its work over to
        // another thread and waits, thousands of times an iteration.
        pool(study.threads)?.install(|| {
            let inputs = Inputs::reopen(&self.run, study, progress)?;
            run_cell(&self.run, study, &inputs, cell, progress)
        })
    }
}

/// Who started this process is gone, and so should this one be: it is given so long to come to a safe place
/// and save. Everything is written so that ending anywhere harms nothing.
const GRACE: Duration = Duration::from_secs(10);

/// Progress of a cell that another process runs: messages on standard output; stops at a signal
/// and when it is asked to on standard input, or that ends.
struct Supervised {
    stop: Arc<AtomicBool>,
}

impl Supervised {
    fn new() -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let refused = |e| Error::Internal(format!("signal handlers: {e}"));
        // A second Ctrl-C ends this process as it ends the one that started it. Being asked by that one
        // does not count as the first.
        let impatient = Arc::new(AtomicBool::new(false));
        let code = ExitCode::Interrupted as i32;
        signal_hook::flag::register_conditional_shutdown(SIGINT, code, Arc::clone(&impatient))
            .map_err(refused)?;
        signal_hook::flag::register(SIGINT, impatient).map_err(refused)?;
        for signal in STOP_SIGNALS {
            signal_hook::flag::register(signal, Arc::clone(&stop)).map_err(refused)?;
        }
        let asked = Arc::clone(&stop);
        workers::spawn("parent", move || {
            let mut byte = [0];
            loop {
                match std::io::stdin().lock().read(&mut byte) {
                    Ok(1) => asked.store(true, Ordering::Relaxed),
                    Err(e) if e.kind() == ErrorKind::Interrupted => {}
                    Ok(_) | Err(_) => break,
                }
            }
            asked.store(true, Ordering::Relaxed);
            std::thread::sleep(GRACE);
            signal_hook::low_level::exit(code);
        })?;
        Ok(Self { stop })
    }

    fn send(&self, message: &Message) {
        if !report_to_parent(message) {
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

impl Progress for Supervised {
    fn plan(&self, _units: u64) {}

    fn stage(&self, _cell: &str, name: &str) {
        // Standard error is the cell's log.
        tell(name);
        self.send(&Message::Stage(name.into()));
    }

    fn advance(&self, units: u64) {
        self.send(&Message::Advance(units));
    }

    fn note(&self, line: &str) {
        tell(line);
        self.send(&Message::Note(line.into()));
    }

    fn interrupted(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
