use std::fs::{self, Metadata};
use std::io;
use std::os::windows::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use hdbench_ground::error::{Error, Result};

/// Variables that name the folder for temporary files.
pub(crate) const TEMPORARY: [&str; 3] = ["TMPDIR", "TMP", "TEMP"];

/// The shell that can end a group of processes: there is none.
pub(crate) const SHELL: Option<&str> = None;

/// `CREATE_NEW_PROCESS_GROUP`.
const NEW_GROUP: u32 = 0x200;

/// The time between two looks at a process.
const LOOK: Duration = Duration::from_millis(10);

/// What ends a process. A program without a window cannot be asked to: both end it at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signal;

impl Signal {
    pub const TERM: Self = Self;
    pub const KILL: Self = Self;
}

/// Has a program lead a process group of its own, which a Ctrl-C for the harness does not reach.
pub(crate) fn in_own_group(command: &mut Command) -> &mut Command {
    command.creation_flags(NEW_GROUP)
}

/// Ends a child and what descends from it, but for those whose parents have ended before.
pub(crate) fn signal_group(leader: &mut Child, _: Signal) {
    end_tree(leader.id());
    // Also where that program is missing. One that has ended is not hurt.
    let _ = leader.kill();
}

/// Ends a process.
pub(crate) fn signal_process(pid: i32, _: Signal) {
    end_tree(pid.unsigned_abs());
}

fn end_tree(pid: u32) {
    let _ = Command::new("taskkill")
        .args(["/F", "/T", "/PID", &pid.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

/// Takes note of a child's end: the system keeps nothing of it that waits for that.
pub(crate) fn reap(_pid: i32) {}

/// Units of a process's time in a second: of 100 ns.
pub(crate) fn ticks_per_second() -> u64 {
    10_000_000
}

/// Tells when a child has ended.
pub(crate) struct End;

impl End {
    /// Of a child.
    ///
    /// # Errors
    /// None here.
    pub fn of(_: &Child) -> Result<Self> {
        Ok(Self)
    }

    /// Whether it ends within a time.
    pub fn within(&self, child: &mut Child, patience: Duration) -> bool {
        let begun = Instant::now();
        loop {
            // Who waits for one that cannot be looked at is told why.
            if !matches!(child.try_wait(), Ok(None)) {
                return true;
            }
            let left = patience.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return false;
            }
            std::thread::sleep(left.min(LOOK));
        }
    }
}

/// Waits until a child has ended.
pub(crate) fn wait_for_end(child: &mut Child) {
    // What went wrong is told to who asks for its status.
    let _ = child.wait();
}

/// The signal that ended a process: there are none, its code says how it ended.
pub(crate) fn signal_of(_: ExitStatus) -> Option<i32> {
    None
}

/// Whether orphans become children of this process: no process gets another parent here.
pub(crate) fn adopt(_orphans: bool) {}

/// Whether a file may be executed: its name says that.
pub(crate) fn is_executable(_: &Metadata) -> bool {
    true
}

/// Lets nobody write to a file.
pub(crate) fn forbid_writing_to(file: &Path) -> io::Result<()> {
    set_read_only(file, true)
}

/// Lets nobody write into a folder: its files say each for themselves whether they may be written.
pub(crate) fn forbid_writing_into(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// Lets the owner of a folder remove what is in it: its files decide that.
pub(crate) fn allow_emptying(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// Lets a file be removed.
pub(crate) fn allow_removing(file: &Path) -> io::Result<()> {
    set_read_only(file, false)
}

fn set_read_only(file: &Path, is_read_only: bool) -> io::Result<()> {
    let mut permissions = fs::metadata(file)?.permissions();
    permissions.set_readonly(is_read_only);
    fs::set_permissions(file, permissions)
}

/// Numbers of the caller's user and group, as which a container runs.
///
/// # Errors
/// `Error::Usage`: there are none.
pub(crate) fn user() -> Result<[u32; 2]> {
    Err(Error::usage(
        "an image is to be run, and a container runs as the caller's user and group, which this system does not number",
        "start the study under Linux, such as in WSL, or give the algorithm a run without an image",
    ))
}
