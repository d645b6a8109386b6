use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};

use crate::error::{Error, Result};
use crate::progress::{LARGEST_STEP, Progress};

/// Lines are printed this often where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(15);

/// Progress on stderr: a bar on a terminal, plain lines elsewhere; listens to signals.
pub struct Reporter {
    bar: ProgressBar,
    terminal: bool,
    stop: Arc<AtomicBool>,
    state: Mutex<State>,
}

struct State {
    /// What goes on now: cell and stage.
    active: BTreeMap<String, String>,
    began: Instant,
    line: Instant,
    total: u64,
    done: u64,
    /// Units that were done before this start; they say nothing about the speed.
    skipped: u64,
}

impl Reporter {
    /// Installs the signal handlers: SIGINT, SIGTERM and SIGUSR1 stop at the next safe place, a
    /// second SIGINT at once.
    pub fn new() -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let refused = |e| Error::Internal(format!("signal handlers: {e}"));
        // In this order the first signal only sets the flag and a second one ends the process.
        signal_hook::flag::register_conditional_shutdown(SIGINT, 75, Arc::clone(&stop))
            .map_err(refused)?;
        for signal in [SIGINT, SIGTERM, SIGUSR1] {
            signal_hook::flag::register(signal, Arc::clone(&stop)).map_err(refused)?;
        }
        let terminal = std::io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template(
            "{spinner} [{elapsed_precise}] {wide_bar} {percent:>3} %, {prefix}\n  {msg}",
        )
        .map_err(|e| Error::Internal(e.to_string()))?;
        bar.set_style(style);
        if terminal {
            bar.enable_steady_tick(Duration::from_millis(250));
        }
        let now = Instant::now();
        Ok(Self {
            bar,
            terminal,
            stop,
            state: Mutex::new(State {
                active: BTreeMap::new(),
                began: now,
                line: now,
                total: 0,
                done: 0,
                skipped: 0,
            }),
        })
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        // A poisoned lock only means that another thread panicked while counting.
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        change(&mut state)
    }
}

impl State {
    fn left(&self) -> Option<Duration> {
        let worked = self.done - self.skipped;
        if worked == 0 || self.total == 0 {
            return None;
        }
        let rest = self.total.saturating_sub(self.done) as f64;
        let seconds = self.began.elapsed().as_secs_f64() * rest / worked as f64;
        Some(Duration::from_secs_f64(seconds))
    }

    fn left_text(&self) -> String {
        self.left().map_or("time left unknown".into(), |left| {
            format!("{} left", HumanDuration(left))
        })
    }

    fn activity(&self) -> String {
        let activity = self.active.iter().filter(|(cell, _)| !cell.is_empty());
        let texts: Vec<String> = activity
            .map(|(cell, stage)| {
                let part = cell.split('/').next().unwrap_or(cell);
                format!("{part}: {stage}")
            })
            .collect();
        match (texts.is_empty(), self.active.get("")) {
            (true, Some(stage)) => stage.clone(),
            _ => texts.join(" | "),
        }
    }

    fn percent(&self) -> u64 {
        (100 * self.done).checked_div(self.total).unwrap_or(0)
    }
}

impl Progress for Reporter {
    fn plan(&self, units: u64) {
        self.bar.set_length(units);
        self.bar.set_position(0);
        self.with(|state| {
            state.total = units;
            state.done = 0;
            state.skipped = 0;
            state.began = Instant::now();
        });
    }

    fn stage(&self, cell: &str, name: &str) {
        let line = self.with(|state| {
            state.active.insert(cell.to_owned(), name.to_owned());
            state.line = Instant::now();
            self.bar.set_message(state.activity());
            let place = [cell, name].into_iter().filter(|part| !part.is_empty());
            let place = place.collect::<Vec<_>>().join(": ");
            if state.total == 0 {
                return place;
            }
            format!("[{:>3} %] {place}", state.percent())
        });
        if !self.terminal {
            eprintln!("{line}");
        }
    }

    fn ended(&self, cell: &str) {
        self.with(|state| {
            state.active.remove(cell);
            self.bar.set_message(state.activity());
        });
    }

    fn advance(&self, units: u64) {
        let line = self.with(|state| {
            // Nothing takes a step of so many units: it is work of an earlier start.
            if units > LARGEST_STEP {
                state.skipped += units;
            }
            state.done += units;
            self.bar.set_position(state.done);
            self.bar.set_prefix(state.left_text());
            let due = !self.terminal && state.line.elapsed() > LINE_EVERY;
            due.then(|| {
                state.line = Instant::now();
                let (percent, left) = (state.percent(), state.left_text());
                format!("[{percent:>3} %] {}, {left}", state.activity())
            })
        });
        if let Some(line) = line {
            eprintln!("{line}");
        }
    }

    fn note(&self, line: &str) {
        if self.terminal {
            self.bar.println(line);
        } else {
            eprintln!("{line}");
        }
    }

    fn interrupted(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
