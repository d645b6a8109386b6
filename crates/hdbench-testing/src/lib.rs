//! What the tests of several crates share.

pub mod golden;

use std::io::Write;
use std::path::PathBuf;

/// The folder of real scans that `HDBENCH_TEST_DATA` names; where it does not, the running test is said to be skipped.
///
/// The line goes past what a test harness captures, so that it is seen although the test passes; `.ci/run` fails where
/// the data are at hand and a test says so.
pub fn test_data() -> Option<PathBuf> {
    let found = std::env::var_os("HDBENCH_TEST_DATA").map(PathBuf::from);
    if found.is_none() {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("a test");
        let _ = writeln!(std::io::stderr(), "{name}: skipped: no HDBENCH_TEST_DATA");
    }
    found
}
