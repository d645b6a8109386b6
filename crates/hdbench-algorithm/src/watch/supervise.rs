//! One program, from its start to the end of the last process that it left behind.

use std::ffi::OsString;
use std::io::{ErrorKind, PipeWriter, pipe};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::workers;

use super::gpu_meter::GpuMeter;
use super::lifeline::Lifeline;
use super::log::{LogReader, Said};
use super::orphans::Adopting;
use super::process_tree::{MARK, ProcessTree};
use super::samples::{Sample, Samples};
use crate::container::image::Container;
use crate::system::{End, Signal, in_own_group, signal_group, signal_of, wait_for_end};

/// How long a program has to end by itself once it is asked to.
const GRACE: Duration = Duration::from_secs(5);

/// How long processes that outlive their program have.
const GRACE_OF_ORPHANS: Duration = Duration::from_millis(500);

/// The time between two looks: short at first, for programs that are.
const FIRST_LOOK: Duration = Duration::from_millis(10);
const LOOK: Duration = Duration::from_millis(100);

/// Looking takes at most one part in so many of one core.
const LOOK_SHARE: u32 = 100;

/// How long a look waits at most, however long it takes.
const LONGEST_LOOK: Duration = Duration::from_secs(2);

/// What is started and within which bounds.
pub(crate) struct Program<'a> {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// Set beside what this process has in its environment.
    pub env: Vec<(OsString, OsString)>,
    /// Which of this process's variables it is not to see.
    pub is_unset: fn(&str) -> bool,
    /// Where it is started.
    pub folder: &'a Path,
    pub timeout: Option<Duration>,
    pub log: &'a Path,
    /// What stands above its part of the log.
    pub title: String,
    /// Bytes of its first and of its last output that are kept.
    pub log_bound: usize,
    /// What marks its processes.
    pub mark: &'a str,
    /// The GPUs whose memory is looked at; none looks at none.
    pub gpus: &'a [String],
    /// The container that it runs in, and that container's name.
    pub container: Option<(&'a Container, &'a str)>,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ending {
    NotStarted(std::io::ErrorKind, String),
    Code(i32),
    Signal(i32),
    TimedOut,
    Interrupted,
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub ending: Ending,
    pub said: Said,
    pub samples: Samples,
    /// From its start to its end.
    pub wall_seconds: f64,
    /// When it was asked to end, in seconds since its start; none of one that ended by itself.
    pub asked_at: Option<f64>,
    /// Names of the processes that it left behind and that were ended.
    pub left_behind: Vec<String>,
}

/// Starts a program and waits for its end. `tick` is called at every look with what was measured until then; an error
/// of it ends the program.
///
/// # Errors
/// `Error::Write` for a log that cannot be written; what `tick` gives.
pub(crate) fn supervise(
    program: &Program<'_>,
    interrupted: &dyn Fn() -> bool,
    tick: &mut dyn FnMut(f64) -> Result<()>,
) -> Result<Ended> {
    let _adopting = Adopting::begin();
    let (reader, writer) = pipe().map_err(|e| Error::Internal(format!("no pipe: {e}")))?;
    let log = LogReader::start(reader, program.log, &program.title, program.log_bound)?;
    let begun = Instant::now();
    let child = match spawn(program, writer) {
        Ok(child) => child,
        Err(e) => {
            let ending = Ending::NotStarted(e.kind(), e.to_string());
            log.end()?;
            return Ok(Ended {
                ending,
                said: Said::default(),
                samples: Samples::default(),
                wall_seconds: 0.0,
                asked_at: None,
                left_behind: Vec::new(),
            });
        }
    };
    let removal = program.container.and_then(|(container, name)| {
        Some((
            container.program.as_path(),
            container.remove_arguments(name)?,
        ))
    });
    let lifeline = Lifeline::tie(child.id(), removal);
    let gpus = (!program.gpus.is_empty())
        .then(|| GpuMeter::start(program.gpus, begun))
        .flatten();
    let mut run = Run {
        tree: ProcessTree::of(
            child.id() as i32,
            program.mark,
            program
                .container
                .is_some_and(|(container, _)| container.has_engine()),
        ),
        ended: End::of(&child)?,
        child,
        begun,
        samples: Samples::default(),
        first_process: program
            .container
            .and_then(|(container, name)| first_process(container, name)),
    };
    let stopped = run.watch(program.timeout, interrupted, tick);
    let by_itself = stopped.as_ref().is_ok_and(Option::is_none);
    let asked_at = (!by_itself).then(|| run.begun.elapsed().as_secs_f64());
    let (status, wall_seconds) = run.end(program, by_itself)?;
    let left_behind = run.end_survivors();
    if let Some(lifeline) = lifeline {
        lifeline.release();
    }
    let said = log.end()?;
    let mut samples = run.samples;
    samples.gpus = gpus.map(|meter| meter.seen()).unwrap_or_default();
    let ending = match (stopped?, status.code(), signal_of(status)) {
        (Some(ending), _, _) => ending,
        (None, Some(code), _) => Ending::Code(code),
        (None, None, signal) => Ending::Signal(signal.unwrap_or_default()),
    };
    Ok(Ended {
        ending,
        said,
        samples,
        wall_seconds,
        asked_at,
        left_behind,
    })
}

fn spawn(program: &Program<'_>, writer: PipeWriter) -> std::io::Result<Child> {
    let mut command = Command::new(&program.program);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(program.is_unset) {
            command.env_remove(name);
        }
    }
    command
        .args(&program.arguments)
        .envs(program.env.iter().map(|(name, value)| (name, value)))
        .env(MARK, program.mark)
        .current_dir(program.folder)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    in_own_group(&mut command).spawn()
}

/// Asks an engine which process is its container's first, a few times until it knows.
fn first_process(container: &Container, name: &str) -> Option<Receiver<i32>> {
    let arguments = container.process_arguments(name)?;
    let program = container.program.clone();
    let (send, first) = channel();
    workers::spawn("container", move || {
        for wait in [200, 500, 1000, 2000, 5000, 10_000] {
            std::thread::sleep(Duration::from_millis(wait));
            let answer = Command::new(&program)
                .args(&arguments)
                .stdin(Stdio::null())
                .output();
            let said = answer.map(|answer| String::from_utf8_lossy(&answer.stdout).into_owned());
            let pid = said.ok().and_then(|said| said.trim().parse::<i32>().ok());
            if let Some(pid) = pid.filter(|pid| *pid > 0) {
                let _ = send.send(pid);
                return;
            }
        }
    })
    .ok()?;
    Some(first)
}

struct Run {
    child: Child,
    tree: ProcessTree,
    ended: End,
    begun: Instant,
    samples: Samples,
    first_process: Option<Receiver<i32>>,
}

impl Run {
    /// Looks until the program has ended or has to be; why it has to.
    fn watch(
        &mut self,
        timeout: Option<Duration>,
        interrupted: &dyn Fn() -> bool,
        tick: &mut dyn FnMut(f64) -> Result<()>,
    ) -> Result<Option<Ending>> {
        let mut wait = FIRST_LOOK;
        loop {
            let left = timeout.map(|limit| limit.saturating_sub(self.begun.elapsed()));
            let patience = wait.min(left.unwrap_or(wait));
            if self.ended.within(&mut self.child, patience) {
                return Ok(None);
            }
            let looking = Instant::now();
            self.look();
            let at_least = looking.elapsed() * LOOK_SHARE;
            tick(self.begun.elapsed().as_secs_f64())?;
            if interrupted() {
                return Ok(Some(Ending::Interrupted));
            }
            if timeout.is_some_and(|limit| self.begun.elapsed() >= limit) {
                return Ok(Some(Ending::TimedOut));
            }
            wait = (wait * 2).min(LOOK).max(at_least).min(LONGEST_LOOK);
        }
    }

    fn look(&mut self) {
        if let Some(process) = self
            .first_process
            .as_ref()
            .and_then(|first| first.try_recv().ok())
        {
            self.tree.add_root(process);
        }
        let at = self.begun.elapsed().as_secs_f64();
        if let Some(seen) = self.tree.look() {
            self.samples.processes.push(Sample {
                at,
                cpu_seconds: seen.cpu_seconds,
                resident_bytes: seen.resident_bytes,
            });
        }
    }

    /// Ends a program that has not done so by itself, and takes note of its end; how it ended, and after how long.
    fn end(&mut self, program: &Program<'_>, by_itself: bool) -> Result<(ExitStatus, f64)> {
        if !by_itself {
            self.signal(Signal::TERM);
            let grace = Instant::now();
            while grace.elapsed() < GRACE && !self.ended.within(&mut self.child, LOOK) {
                self.look();
            }
            if let Some((container, name)) = program.container {
                remove_container(container, name);
            }
            self.look();
            self.signal(Signal::KILL);
        }
        // The program has ended and nobody has taken note of it: its own time and its children's are final.
        wait_for_end(&mut self.child);
        let wall_seconds = self.begun.elapsed().as_secs_f64();
        self.look();
        if let Some(last) = self.samples.processes.last_mut() {
            last.at = wall_seconds;
        }
        let status = self.child.wait();
        let status =
            status.map_err(|e| Error::Internal(format!("cannot wait for a program: {e}")))?;
        self.tree.root_is_gone();
        Ok((status, wall_seconds))
    }

    /// Sends a signal to the program's group and to what has left it.
    fn signal(&mut self, signal: Signal) {
        signal_group(&mut self.child, signal);
        self.tree.signal(signal);
    }

    /// Ends what the program left behind: first asks, then does not.
    fn end_survivors(&mut self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let begun = Instant::now();
        let mut signal = Signal::TERM;
        while begun.elapsed() < GRACE_OF_ORPHANS * 4 {
            let survivors = self.tree.survivors();
            if survivors.is_empty() {
                break;
            }
            for (pid, name) in survivors {
                let name = format!("{name} ({pid})");
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            self.tree.signal(signal);
            std::thread::sleep(FIRST_LOOK);
            if begun.elapsed() >= GRACE_OF_ORPHANS {
                signal = Signal::KILL;
            }
            self.tree.look();
        }
        // Those that have ended now are taken note of.
        self.tree.look();
        names
    }
}

/// Removes a container, whatever state it is in.
pub(crate) fn remove_container(container: &Container, name: &str) {
    if let Some(arguments) = container.remove_arguments(name) {
        let _ = Command::new(&container.program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

/// What the system says about a program that it does not start, and what to do.
pub(crate) fn not_started(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => {
            "install it, activate its environment before the study is started, or write its whole path in run"
        }
        ErrorKind::PermissionDenied => {
            "make it executable (chmod +x), or start it by its interpreter"
        }
        ErrorKind::ArgumentListTooLong => "give fewer arguments",
        _ => "start it by hand to see why",
    }
}
