//! Panics told as this program tells its errors, and never waited on.

use std::backtrace::Backtrace;
use std::panic::{self, PanicHookInfo};

use super::output::tell as print;

/// More than a backtrace takes to find its names.
const BACKTRACE_BYTES: usize = 64 << 20;

/// From here on a panic is an internal error in one line; with `RUST_BACKTRACE` set, where it was too.
pub fn tell_panics() {
    panic::set_hook(Box::new(tell));
}

/// Nothing here panics: a panic within a panic ends the process.
fn tell(panic: &PanicHookInfo<'_>) {
    let words = panic.payload_as_str().unwrap_or("it failed without a word");
    let place = panic.location().map_or_else(String::new, |place| {
        format!(" at {}:{}", place.file(), place.line())
    });
    print(&format!("error: internal: {words}{place}"));
    if std::env::var_os("RUST_BACKTRACE").is_none_or(|wish| wish == "0") {
        print("hint: please report this with the command; RUST_BACKTRACE=1 shows more");
        return;
    }
    // The standard library holds a lock while it makes a backtrace, and waits for the same lock when an
    // allocation fails: a process that panics because memory is short would hang there for ever.
    if Vec::<u8>::new().try_reserve_exact(BACKTRACE_BYTES).is_ok() {
        print(&Backtrace::force_capture().to_string());
    } else {
        print("hint: memory is too short for a backtrace");
    }
}
