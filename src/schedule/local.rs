use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::engine::{Engine, Ran, Start};
use super::execution::{Executor, run_study};
use crate::artifact::{create_dir, open_file};
use crate::cell::{CellRecord, Status};
use crate::error::{Error, ExitCode, Result};
use crate::network::DeviceSpecs;
use crate::progress::Progress;
use crate::study::{Cell, Study};
use crate::system::{asks_to_end, signal_of, was_killed};
use crate::text::Shown as _;
use crate::workers;

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
            Self::Stage(name) => format!("stage {}", one_line(name)),
            Self::Advance(units) => format!("advance {units}"),
            Self::Note(text) => format!("note {}", one_line(text)),
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

/// A message is a line.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
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
    all: Vec<DeviceSpecs>,
    /// Cells that run on each now.
    busy: Mutex<Vec<usize>>,
}

impl Slots {
    /// At least one.
    pub fn new(all: Vec<DeviceSpecs>) -> Self {
        let busy = Mutex::new(vec![0; all.len()]);
        Self { all, busy }
    }

    /// Runs something on the devices on which the fewest cells run, the first of these.
    pub fn with<T>(&self, run: impl FnOnce(&DeviceSpecs) -> T) -> T {
        let count = || self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = {
            let mut busy = count();
            let least = (0..busy.len()).min_by_key(|&slot| busy[slot]).unwrap_or(0);
            busy[least] += 1;
            least
        };
        let _free = workers::AtEnd(|| count()[slot] -= 1);
        run(&self.all[slot])
    }
}

impl Engine for Local {
    fn run(&self, start: &Start<'_>, progress: &dyn Progress) -> Result<Ran> {
        start.forget_forced()?;
        let chosen = Some(start.chosen);
        run_study(start.run, start.study, start.inputs, chosen, self, progress).map(Ran::Ended)
    }
}

impl Executor for Local {
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
        devices: &DeviceSpecs,
        run: &Path,
        cell: Cell,
        progress: &dyn Progress,
    ) -> Result<()> {
        Study::still_there(run)?;
        let folder = cell.folder(run);
        create_dir(&folder)?;
        let log = Log::open(folder.join("log.txt"))?;
        let child = Command::new(&self.binary)
            .args(["cell", "run", "--supervised", "--device"])
            .arg(devices.to_string())
            // A folder may be named like a flag.
            .arg("--")
            .arg(run)
            .arg(cell.name())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log.file.try_clone().map_err(Error::write(&log.path))?)
            .spawn()
            .map_err(Error::read(&self.binary))?;
        let mut child = Running(child);
        listen(&mut child.0, &cell.name(), progress)?;
        let status = child.0.wait().map_err(Error::read(&self.binary))?;
        verdict(status, &folder, &log, progress.interrupted())
    }
}

/// A cell's process, which does not outlive the one that waits for it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Of one that has ended, both do nothing.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `log.txt`: what a cell's processes wrote to standard error, one start after the other.
struct Log {
    path: PathBuf,
    file: File,
    /// Where this start begins.
    start: u64,
}

impl Log {
    fn open(path: PathBuf) -> Result<Self> {
        let opened = File::options().create(true).append(true).open(&path);
        let file = opened.map_err(Error::write(&path))?;
        let start = file.metadata().map_err(Error::write(&path))?.len();
        Ok(Self { path, file, start })
    }

    /// What this start wrote.
    fn text(&self) -> String {
        let mut text = Vec::new();
        // Without it less is known of why a process ended, no more.
        let _ = open_file(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.start))?;
            file.read_to_end(&mut text)
        });
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// What a cell's process reads when it is asked to stop at the next safe place. When its standard input
/// ends, nobody waits for it any more.
const STOP: u8 = b'.';

/// Asks a cell's process to stop; one that has ended does not hear it.
fn ask_to_stop(stdin: &mut Option<ChildStdin>) {
    if let Some(stdin) = stdin {
        let _ = stdin.write_all(&[STOP]).and_then(|()| stdin.flush());
    }
}

/// Hands a child's messages on until it ends.
fn listen(child: &mut Child, cell: &str, progress: &dyn Progress) -> Result<()> {
    let missing = || Error::Internal("the cell's process has no pipes".into());
    let stdout = child.stdout.take().ok_or_else(missing)?;
    let mut stdin = child.stdin.take();
    let mut asked = false;
    let (send, receive) = mpsc::channel();
    let reader = workers::spawn("messages", move || {
        for line in BufReader::new(stdout).lines().map_while(|line| line.ok()) {
            if send.send(line).is_err() {
                break;
            }
        }
    })?;
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
        if progress.interrupted() && !asked {
            asked = true;
            ask_to_stop(&mut stdin);
        }
    }
    drop(stdin);
    reader
        .join()
        .map_err(|_| Error::Internal("the reader of a cell's messages panicked".into()))
}

fn verdict(status: ExitStatus, folder: &Path, log: &Log, stopping: bool) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    // A signal may come before the process listens to any, or a second time.
    let stopped = match signal_of(status) {
        Some(signal) => stopping || asks_to_end(signal),
        None => status.code() == Some(ExitCode::Interrupted as i32),
    };
    if stopped {
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
fn death(status: ExitStatus, log: &Log) -> String {
    let text = log.text();
    let less =
        "hint: fewer --jobs, a smaller batch (--set batch=N) or more --shards need less memory";
    // What Rust's allocator says before it gives up.
    if let Some(line) = text
        .lines()
        .find(|line| line.contains("memory allocation of"))
    {
        return format!("out of memory: {}\n{less}", line.trim());
    }
    if was_killed(status) {
        return format!("its process was killed, as the system does when memory runs out\n{less}");
    }
    match text.rfind("error: ") {
        Some(at) => text[at + "error: ".len()..].trim_end().to_owned(),
        None => format!("its process ended with {status}; see {}", log.path.shown()),
    }
}

#[cfg(test)]
mod tests {
    use signal_hook::consts::{SIGINT, SIGKILL, SIGTERM};

    use super::*;

    #[test]
    fn cells_go_to_the_device_with_the_fewest() {
        let places =
            |name: &str| DeviceSpecs::from(name.parse::<crate::network::DeviceSpec>().unwrap());
        let slots = Slots::new(vec![places("cuda:0"), places("cuda:1")]);
        let name = |places: &DeviceSpecs| places.to_string();
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
    fn a_process_that_a_signal_ended_did_not_fail() {
        use std::os::unix::process::ExitStatusExt;
        let dir = tempfile::tempdir().unwrap();
        let log = Log::open(dir.path().join("log.txt")).unwrap();
        let ended = |status, stopping| {
            verdict(ExitStatus::from_raw(status), dir.path(), &log, stopping).unwrap_err()
        };
        for (status, stopping) in [
            (SIGINT, false),
            (SIGTERM, false),
            (SIGKILL, true),
            (75 << 8, false),
        ] {
            let error = ended(status, stopping);
            assert!(
                matches!(error, Error::Interrupted { .. }),
                "{status}: {error}"
            );
        }
        assert!(ended(SIGKILL, false).to_string().contains("was killed"));
        assert!(matches!(ended(1 << 8, true), Error::Cell(_)));
    }

    #[test]
    fn a_log_keeps_earlier_starts_and_tells_the_last() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.txt");
        let say = |text: &str| {
            let mut log = Log::open(path.clone()).unwrap();
            log.file.write_all(text.as_bytes()).unwrap();
            log.text()
        };
        assert_eq!(
            say("memory allocation of 3 bytes failed\n"),
            "memory allocation of 3 bytes failed\n"
        );
        assert_eq!(say("error: other\n"), "error: other\n");
        assert!(
            std::fs::read_to_string(&path)
                .unwrap()
                .starts_with("memory")
        );
    }

    #[test]
    fn a_slot_is_free_again_after_a_panic() {
        let place: crate::network::DeviceSpec = "cuda:0".parse().unwrap();
        let slots = Slots::new(vec![DeviceSpecs::from(place)]);
        let panicking = std::panic::AssertUnwindSafe(|| slots.with(|_| panic!("as asked")));
        assert!(std::panic::catch_unwind(panicking).is_err());
        assert_eq!(*slots.busy.lock().unwrap(), [0]);
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
