use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use signal_hook::consts::SIGINT;

use super::output::tell;
use super::pace::Pace;
use crate::error::{Error, Result};
use crate::progress::{LARGEST_STEP, Progress};
use crate::system::STOP_SIGNALS;
use crate::text::message;
use crate::workers;

/// Lines are printed this often where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(15);

/// So often is looked whether a signal came, or a line is due.
const TICK: Duration = Duration::from_millis(250);

/// Progress on stderr: a bar on a terminal, plain lines elsewhere; listens to signals.
pub struct Reporter {
    shared: Arc<Shared>,
    ticker: Mutex<Option<JoinHandle<()>>>,
}

/// What the ticking thread sees as well: work that is deep in a long step neither tells how far it is nor
/// asks whether it should stop.
struct Shared {
    bar: ProgressBar,
    terminal: bool,
    stop: Arc<AtomicBool>,
    state: Mutex<State>,
    finished: Condvar,
}

struct State {
    /// What goes on now: cell and stage.
    active: BTreeMap<String, String>,
    /// When the latest stage began.
    stage_began: Instant,
    began: Instant,
    line: Instant,
    total: u64,
    done: u64,
    /// Units that were done before this start; they say nothing about the speed.
    skipped: u64,
    pace: Pace,
    /// Whether it was told that a signal is heeded.
    stop_told: bool,
    finished: bool,
}

impl Reporter {
    /// Installs the signal handlers: SIGINT, SIGTERM and SIGUSR1 stop at the next safe place, a
    /// second SIGINT at once: everything is written so that this harms nothing.
    pub fn new() -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let refused = |e| Error::Internal(format!("signal handlers: {e}"));
        // In this order the first signal only sets the flag and a second one ends the process.
        signal_hook::flag::register_conditional_shutdown(SIGINT, 75, Arc::clone(&stop))
            .map_err(refused)?;
        for signal in STOP_SIGNALS {
            signal_hook::flag::register(signal, Arc::clone(&stop)).map_err(refused)?;
        }
        let terminal = std::io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template(
            "{spinner} [{elapsed_precise}] {wide_bar} {percent:>3} %, {prefix}\n  {msg}",
        )
        .map_err(|e| Error::Internal(e.to_string()))?;
        bar.set_style(style);
        let now = Instant::now();
        let shared = Arc::new(Shared {
            bar,
            terminal,
            stop,
            state: Mutex::new(State {
                active: BTreeMap::new(),
                stage_began: now,
                began: now,
                line: now,
                total: 0,
                done: 0,
                skipped: 0,
                pace: Pace::default(),
                stop_told: false,
                finished: false,
            }),
            finished: Condvar::new(),
        });
        let ticking = Arc::clone(&shared);
        // Where the system gives no further thread, less is told, no more.
        let ticker = workers::spawn("progress", move || ticking.tick()).ok();
        Ok(Self {
            shared,
            ticker: Mutex::new(ticker),
        })
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.shared.lock().finished = true;
        self.shared.finished.notify_all();
        let ticker = self.ticker.lock();
        let ticker = ticker.unwrap_or_else(PoisonError::into_inner).take();
        if let Some(ticker) = ticker {
            // A panic in there has been told.
            let _ = ticker.join();
        }
        self.shared.bar.finish_and_clear();
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A poisoned lock only means that another thread panicked while counting.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says now and then that the work goes on, and what a signal waits for.
    fn tick(&self) {
        let mut state = self.lock();
        while !state.finished {
            let waited = self.finished.wait_timeout(state, TICK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if state.finished {
                break;
            }
            if let Some(line) = state.due(self.terminal, self.stop.load(Ordering::Relaxed)) {
                drop(state);
                self.note(&line);
                state = self.lock();
            } else if self.terminal {
                self.bar.tick();
            }
        }
    }

    fn show_activity(&self, state: &State) {
        self.bar
            .set_message(message(&state.activity()).into_owned());
    }

    fn note(&self, line: &str) {
        if self.terminal {
            self.bar.println(message(line));
        } else {
            tell(line);
        }
    }
}

impl State {
    /// What is to be said without anything having happened.
    fn due(&mut self, terminal: bool, stop: bool) -> Option<String> {
        let late = self.line.elapsed() > LINE_EVERY;
        let waits = match self.activity() {
            none if none.is_empty() => String::new(),
            activity => format!(" of: {activity}"),
        };
        let line = if stop && !self.stop_told {
            self.stop_told = true;
            format!(
                "stopping: waiting for the step that goes on{waits}; Ctrl-C again stops at once, what was \
                 finished or saved before is kept"
            )
        } else if stop && late {
            format!("still waiting for the step that goes on{waits}")
        } else if late && !terminal && !self.active.is_empty() {
            self.line()
        } else {
            return None;
        };
        self.line = Instant::now();
        Some(line)
    }

    /// How far the work is.
    fn line(&self) -> String {
        let activity = self.activity();
        if self.total == 0 {
            let seconds = self.stage_began.elapsed().as_secs();
            return format!("{activity}, {seconds} s so far");
        }
        format!("[{:>3} %] {activity}, {}", self.percent(), self.left_text())
    }

    fn left(&self) -> Option<Duration> {
        let rest = self.total.saturating_sub(self.done);
        let left = || self.pace.left(self.began.elapsed(), rest);
        (self.total > 0).then(left).flatten()
    }

    fn left_text(&self) -> String {
        match self.left() {
            Some(left) => format!("{} left", HumanDuration(left)),
            None => format!("{} s so far", self.stage_began.elapsed().as_secs()),
        }
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
        self.shared.bar.set_length(units);
        self.shared.bar.set_position(0);
        let mut state = self.shared.lock();
        state.total = units;
        state.done = 0;
        state.skipped = 0;
        state.pace = Pace::default();
        state.began = Instant::now();
    }

    fn stage(&self, cell: &str, name: &str) {
        let line = {
            let mut state = self.shared.lock();
            state.active.insert(cell.to_owned(), name.to_owned());
            state.line = Instant::now();
            state.stage_began = state.line;
            self.shared.show_activity(&state);
            let place = [cell, name].into_iter().filter(|part| !part.is_empty());
            let place = place.collect::<Vec<_>>().join(": ");
            match state.total {
                0 => place,
                _ => format!("[{:>3} %] {place}", state.percent()),
            }
        };
        if !self.shared.terminal {
            tell(&line);
        }
    }

    fn ended(&self, cell: &str) {
        let mut state = self.shared.lock();
        state.active.remove(cell);
        self.shared.show_activity(&state);
    }

    fn advance(&self, units: u64) {
        let line = {
            let mut state = self.shared.lock();
            // No step is that long: it is work of an earlier start.
            if units > LARGEST_STEP {
                state.skipped = state.skipped.saturating_add(units);
            }
            state.done = state.done.saturating_add(units);
            let worked = state.done - state.skipped;
            if worked > 0 {
                let after = state.began.elapsed();
                state.pace.note(after, worked);
            }
            self.shared.bar.set_position(state.done);
            self.shared.bar.set_prefix(state.left_text());
            let due = !self.shared.terminal && state.line.elapsed() > LINE_EVERY;
            due.then(|| {
                state.line = Instant::now();
                state.line()
            })
        };
        if let Some(line) = line {
            tell(&line);
        }
    }

    fn note(&self, line: &str) {
        self.shared.note(line);
    }

    fn interrupted(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(line_before: Duration) -> State {
        let now = Instant::now();
        State {
            active: BTreeMap::new(),
            stage_began: now,
            began: now,
            line: now.checked_sub(line_before).unwrap(),
            total: 0,
            done: 0,
            skipped: 0,
            pace: Pace::default(),
            stop_told: false,
            finished: false,
        }
    }

    #[test]
    fn a_signal_is_answered_with_what_it_waits_for() {
        let mut state = state(Duration::ZERO);
        state
            .active
            .insert("unet/fold_0/seed_0".into(), "fine-tuning".into());
        assert_eq!(state.due(true, false), None);
        let told = state.due(true, true).unwrap();
        assert!(
            told.contains("unet: fine-tuning") && told.contains("Ctrl-C again"),
            "{told}"
        );
        assert_eq!(state.due(true, true), None, "once");
    }

    #[test]
    fn long_steps_are_heard_of_where_there_is_no_terminal() {
        let mut state = state(2 * LINE_EVERY);
        assert_eq!(state.due(false, false), None, "nothing goes on");
        state
            .active
            .insert(String::new(), "writing the report".into());
        assert_eq!(state.due(true, false), None, "the bar shows it");
        let told = state.due(false, false).unwrap();
        assert_eq!(told, "writing the report, 0 s so far");
        assert_eq!(state.due(false, false), None, "not twice");
    }
}
