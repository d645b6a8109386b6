use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use hdbench_ground::error::Result;
use hdbench_ground::workers;
pub(crate) use rustix::process::Signal;
use rustix::process::{
    Pid, WaitId, WaitIdOptions, WaitOptions, getgid, getuid, kill_process, kill_process_group,
    waitid, waitpid,
};

/// Variables that name the folder for temporary files.
pub(crate) const TEMPORARY: [&str; 1] = ["TMPDIR"];

/// The shell that can end a group of processes by `kill`.
pub(crate) const SHELL: Option<&str> = Some("/bin/sh");

/// Has a program lead a process group of its own, which a signal to the harness's does not reach.
pub(crate) fn in_own_group(command: &mut Command) -> &mut Command {
    command.process_group(0)
}

/// Sends a signal to the group that a child leads, whose end nobody has taken note of.
#[expect(
    clippy::needless_pass_by_ref_mut,
    reason = "elsewhere it ends the child itself"
)]
pub(crate) fn signal_group(leader: &mut Child, signal: Signal) {
    let _ = kill_process_group(Pid::from_child(leader), signal);
}

/// Sends a signal to a process.
pub(crate) fn signal_process(pid: i32, signal: Signal) {
    let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, signal));
}

/// Takes note of a child's end, if it has ended.
pub(crate) fn reap(pid: i32) {
    let _ = Pid::from_raw(pid).map(|pid| waitpid(Some(pid), WaitOptions::NOHANG));
}

/// Units of a process's time in a second.
pub(crate) fn ticks_per_second() -> u64 {
    rustix::param::clock_ticks_per_second()
}

/// Tells when a child has ended, without taking note of it: its times can still be read then.
pub(crate) struct End(Receiver<()>);

impl End {
    /// Of a child.
    ///
    /// # Errors
    /// `Error::Internal` where the system gives no further thread.
    pub fn of(child: &Child) -> Result<Self> {
        let (send, ended) = channel();
        let pid = Pid::from_child(child);
        workers::spawn("algorithm end", move || {
            wait_for(pid);
            let _ = send.send(());
        })?;
        Ok(Self(ended))
    }

    /// Whether it ends within a time.
    pub fn within(&self, _: &mut Child, patience: Duration) -> bool {
        self.0.recv_timeout(patience) != Err(RecvTimeoutError::Timeout)
    }
}

/// Waits until a child has ended, and leaves the note of that to another.
#[expect(
    clippy::needless_pass_by_ref_mut,
    reason = "elsewhere it takes note of the end"
)]
pub(crate) fn wait_for_end(child: &mut Child) {
    wait_for(Pid::from_child(child));
}

fn wait_for(pid: Pid) {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while waitid(WaitId::Pid(pid), options).is_err_and(|e| e == rustix::io::Errno::INTR) {}
}

/// The signal that ended a process.
pub(crate) fn signal_of(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// Whether orphans among the descendants of this process become its children. Without that, they are still found by
/// their group and their mark.
#[cfg(target_os = "linux")]
pub(crate) fn adopt(orphans: bool) {
    let _ = rustix::process::set_child_subreaper(orphans.then(rustix::process::getpid));
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn adopt(_orphans: bool) {}

/// Whether a file may be executed.
pub(crate) fn is_executable(found: &Metadata) -> bool {
    found.permissions().mode() & 0o111 != 0
}

/// Lets nobody write to a file.
pub(crate) fn forbid_writing_to(file: &Path) -> io::Result<()> {
    fs::set_permissions(file, Permissions::from_mode(0o444))
}

/// Lets nobody write into a folder.
pub(crate) fn forbid_writing_into(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o555))
}

/// Lets the owner of a folder remove what is in it.
pub(crate) fn allow_emptying(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o755))
}

/// Lets a file be removed: its folder decides that.
pub(crate) fn allow_removing(_file: &Path) -> io::Result<()> {
    Ok(())
}

/// Numbers of the caller's user and group, as which a container runs.
///
/// # Errors
/// None here.
pub(crate) fn user() -> Result<[u32; 2]> {
    Ok([getuid().as_raw(), getgid().as_raw()])
}
