use std::fs::OpenOptions;
use std::process::ExitStatus;
use std::sync::OnceLock;
use std::time::Instant;

use signal_hook::consts::{SIGINT, SIGTERM};

/// Signals that ask work to stop at the next safe place.
pub(crate) const STOP_SIGNALS: [i32; 2] = [SIGINT, SIGTERM];

/// The file whose lock says that another is in use, beside that one: nobody else can read what is locked here.
pub(crate) const LOCK_BESIDE: Option<&str> = Some(".lease-lock");

/// The code of a process that Ctrl-C ended, `STATUS_CONTROL_C_EXIT`.
const ENDED_BY_CTRL_C: u32 = 0xC000_013A;

/// The signal that ended a process: there is one alone that its code tells of.
pub(crate) fn signal_of(status: ExitStatus) -> Option<i32> {
    (status.code()?.cast_unsigned() == ENDED_BY_CTRL_C).then_some(SIGINT)
}

/// Whether a signal asks a process to end, rather than tells that it went wrong.
pub(crate) fn asks_to_end(signal: i32) -> bool {
    STOP_SIGNALS.contains(&signal)
}

/// Whether a process was ended without being asked: its code does not tell that.
pub(crate) fn was_killed(_: ExitStatus) -> bool {
    false
}

/// Has a write beyond a limit on the size of files fail like any other: there is no such limit.
pub(crate) fn fail_beyond_size_limit() {}

/// Opens whatever lies there: no pipe lies among files.
pub(crate) fn without_waiting(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Where nobody tells a thread's own time: since the first call, s.
pub(crate) fn thread_seconds() -> f64 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    BEGAN.get_or_init(Instant::now).elapsed().as_secs_f64()
}
