use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::cell::Cell;
use super::record::{CellRecord, Status};
use crate::artifact::create_dir;
use crate::error::{Error, ExitCode, Result};
use crate::network::Places;
use crate::progress::Progress;

/// What a cell's own process reports to the one that started it, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    Stage(String),
    Advance(u64),
    Note(String),
}

impl Message {
    /// The line without its end.
    pub fn to_line(&self) -> String {
        match self {
            Self::Stage(name) => format!("stage {name}"),
            Self::Advance(units) => format!("advance {units}"),
            Self::Note(text) => format!("note {}", text.replace('\n', " ")),
        }
    }

    /// The message of a line; nothing for a line that is none.
    pub fn from_line(line: &str) -> Option<Self> {
        let (kind, rest) = line.split_once(' ')?;
        match kind {
            "stage" => Some(Self::Stage(rest.into())),
            "advance" => rest.parse().ok().map(Self::Advance),
            "note" => Some(Self::Note(rest.into())),
            _ => None,
        }
    }
}

/// Where cells run: anything that can execute `hdbench cell run RUN CELL`.
pub trait Engine: Sync {
    /// How many cells may run side by side.
    fn jobs(&self) -> usize;
    /// Runs a cell to its end; an error if it did not get there.
    fn execute(&self, run: &Path, cell: Cell, progress: &dyn Progress) -> Result<()>;
}

/// This machine: a process a cell, so that a crash or its memory stays its own.
pub struct Local {
    /// The `hdbench` binary.
    pub binary: PathBuf,
    pub jobs: usize,
    pub slots: Slots,
}

/// Groups of devices that cells are spread over.
pub struct Slots {
    all: Vec<Places>,
    /// Cells that run on each now.
    busy: Mutex<Vec<usize>>,
}

impl Slots {
    /// At least one.
    pub fn new(all: Vec<Places>) -> Self {
        let busy = Mutex::new(vec![0; all.len()]);
        Self { all, busy }
    }

    /// Runs something on the devices on which the fewest cells run, the first of these.
    pub fn with<T>(&self, run: impl FnOnce(&Places) -> T) -> T {
        let count = || self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = {
            let mut busy = count();
            let least = (0..busy.len()).min_by_key(|&slot| busy[slot]).unwrap_or(0);
            busy[least] += 1;
            least
        };
        let result = run(&self.all[slot]);
        count()[slot] -= 1;
        result
    }
}

impl Engine for Local {
    fn jobs(&self) -> usize {
        self.jobs
    }

    fn execute(&self, run: &Path, cell: Cell, progress: &dyn Progress) -> Result<()> {
        self.slots
            .with(|devices| self.execute_on(devices, run, cell, progress))
    }
}

impl Local {
    fn execute_on(
        &self,
        devices: &Places,
        run: &Path,
        cell: Cell,
        progress: &dyn Progress,
    ) -> Result<()> {
        let folder = cell.folder(run);
        create_dir(&folder)?;
        let log = folder.join("log.txt");
        let stderr = File::create(&log).map_err(Error::write(&log))?;
        let mut child = Command::new(&self.binary)
            .args(["cell", "run", "--supervised", "--device"])
            .arg(devices.to_string())
            .arg(run)
            .arg(cell.name())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .map_err(Error::read(&self.binary))?;
        listen(&mut child, &cell.name(), progress)?;
        let status = child.wait().map_err(Error::read(&self.binary))?;
        verdict(status, &folder, &log)
    }
}

/// Hands a child's messages on until it ends. The child stops at the next safe place when its
/// standard input ends: because this process was told to stop, or was killed.
fn listen(child: &mut Child, cell: &str, progress: &dyn Progress) -> Result<()> {
    let missing = || Error::Internal("the cell's process has no pipes".into());
    let stdout = child.stdout.take().ok_or_else(missing)?;
    let mut stdin = child.stdin.take();
    let (send, receive) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(|line| line.ok()) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    loop {
        match receive.recv_timeout(Duration::from_millis(200)) {
            Ok(line) => match Message::from_line(&line) {
                Some(Message::Stage(stage)) => progress.stage(cell, &stage),
                Some(Message::Advance(units)) => progress.advance(units),
                Some(Message::Note(text)) => progress.note(&text),
                None => progress.note(&line),
            },
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if progress.interrupted() {
            stdin = None;
        }
    }
    drop(stdin);
    reader
        .join()
        .map_err(|_| Error::Internal("the reader of a cell's messages panicked".into()))
}

fn verdict(status: ExitStatus, folder: &Path, log: &Path) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    if status.code() == Some(ExitCode::Interrupted as i32) {
        return Err(Error::Interrupted {
            hint: "run the same command again to go on".into(),
        });
    }
    // A process that ends by itself has recorded why, if its folder took it.
    let recorded = CellRecord::read(folder).ok().map(|record| record.status);
    let reason = match recorded {
        Some(Status::Failed(reason)) => reason,
        _ => death(status, log),
    };
    Err(Error::Cell(reason))
}

/// Why a process ended that could not say it itself, as far as its end and its log tell.
fn death(status: ExitStatus, log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let less =
        "hint: fewer --jobs, a smaller batch (--set batch=N) or more --shards need less memory";
    // What Rust's allocator says before it gives up.
    if let Some(line) = text
        .lines()
        .find(|line| line.contains("memory allocation of"))
    {
        return format!("out of memory: {}\n{less}", line.trim());
    }
    if killed(status) {
        return format!("its process was killed, as the system does when memory runs out\n{less}");
    }
    match text.rfind("error: ") {
        Some(at) => text[at + "error: ".len()..].trim_end().to_owned(),
        None => format!("its process ended with {status}; see {}", log.display()),
    }
}

#[cfg(unix)]
fn killed(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;
    status.signal() == Some(signal_hook::consts::SIGKILL)
}

#[cfg(not(unix))]
fn killed(_status: ExitStatus) -> bool {
    false
}

/// Prints messages to standard output, for a process that another one listens to.
pub fn report(message: &Message) -> bool {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", message.to_line())
        .and_then(|()| out.flush())
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_go_to_the_device_with_the_fewest() {
        let places = |name: &str| Places::from(name.parse::<crate::network::Place>().unwrap());
        let slots = Slots::new(vec![places("cuda:0"), places("cuda:1")]);
        let name = |places: &Places| places.to_string();
        slots.with(|first| {
            assert_eq!(name(first), "cuda:0");
            slots.with(|second| {
                assert_eq!(name(second), "cuda:1");
                slots.with(|third| assert_eq!(name(third), "cuda:0"));
            });
            slots.with(|second| assert_eq!(name(second), "cuda:1"));
        });
    }

    #[test]
    fn messages_survive_the_way_through_a_pipe() {
        for message in [
            Message::Stage("fine-tuning".into()),
            Message::Advance(42),
            Message::Note("two words".into()),
        ] {
            assert_eq!(Message::from_line(&message.to_line()), Some(message));
        }
        assert_eq!(Message::from_line("something else"), None);
        assert_eq!(Message::from_line("advance much"), None);
    }
}
