use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;

use rustix::time::{ClockId, clock_gettime};
use signal_hook::consts::{SIGHUP, SIGINT, SIGKILL, SIGTERM, SIGUSR1, SIGXFSZ};

/// Signals that ask work to stop at the next safe place.
pub(crate) const STOP_SIGNALS: [i32; 3] = [SIGINT, SIGTERM, SIGUSR1];

/// The file whose lock says that another is in use, beside that one; none where it can be locked itself.
pub(crate) const LOCK_BESIDE: Option<&str> = None;

/// The signal that ended a process.
pub(crate) fn signal_of(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// Whether a signal asks a process to end, rather than tells that it went wrong.
pub(crate) fn asks_to_end(signal: i32) -> bool {
    STOP_SIGNALS.contains(&signal) || signal == SIGHUP
}

/// Whether a process was ended without being asked, as the system does when memory runs out.
pub(crate) fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(SIGKILL)
}

/// Has a write beyond a limit on the size of files (`ulimit -f`) fail like any other: its signal kills in silence unless
/// it is taken. Where that is not allowed, it stays as it was.
pub(crate) fn fail_beyond_size_limit() {
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
}

/// Opens whatever lies there without waiting for the other end of a pipe.
pub(crate) fn without_waiting(options: &mut OpenOptions) -> &mut OpenOptions {
    options.custom_flags(libc::O_NONBLOCK)
}

/// What this thread has computed so far, s.
pub(crate) fn thread_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
