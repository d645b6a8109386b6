//! The one place from which anything is printed.
//!
//! Standard output carries what was asked for; if it cannot be written (a full disk) that is an error, and
//! the process ends with 1. Who reads and closes the pipe early (`| head`) has seen enough: that is none.
//! A line about work that is done and lies in files ([`remark`]) is no product: it never makes a failure of
//! a run that went well, the trouble is told on standard error. Standard error carries progress, notes and
//! errors ([`tell`]); where it takes nothing, they are lost and the work goes on.
//!
//! All of it passes through [`crate::text`], so that no name from outside acts on a terminal or a CI's log;
//! only what another program reads is printed as it is.

use std::io::{BufRead as _, BufReader, ErrorKind, Write};
use std::path::Path;

use serde::Serialize;

use crate::artifact::open_file;
use crate::error::{Error, Result};
use crate::schedule::Message;
use crate::text::{calm_json, message};

/// Of a file that is printed, how much is in memory.
const BYTES_AT_ONCE: usize = 1 << 16;

/// Prints text that was asked for.
pub fn print(text: &str) -> Result<()> {
    print_as_is(message(text).as_bytes())
}

/// Prints what another program reads, or what is escaped already.
pub fn print_as_is(bytes: &[u8]) -> Result<()> {
    put(bytes).map_err(Error::write(Path::new("standard output")))
}

/// Prints a file that another program reads, whatever its size.
pub fn print_file(path: &Path) -> Result<()> {
    let file = open_file(path).map_err(Error::read(path))?;
    let mut file = BufReader::with_capacity(BYTES_AT_ONCE, file);
    loop {
        let bytes = file.fill_buf().map_err(Error::read(path))?;
        if bytes.is_empty() {
            return Ok(());
        }
        print_as_is(bytes)?;
        let read = bytes.len();
        file.consume(read);
    }
}

/// Prints a value as JSON.
pub fn print_json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Error::Internal(e.to_string()))?;
    print_as_is((calm_json(&text).into_owned() + "\n").as_bytes())
}

/// Prints a line about work that is done, whatever becomes of the line.
pub fn remark(line: &str) {
    if let Err(error) = put(format!("{}\n", message(line)).as_bytes()) {
        tell(&format!(
            "warning: standard output: cannot write: {error}\n{line}"
        ));
    }
}

/// Prints a line to standard error, as far as that takes it.
pub fn tell(line: &str) {
    // In one piece: lines of several processes stay whole.
    let _ = std::io::stderr().write_all(format!("{}\n", message(line)).as_bytes());
}

fn put(bytes: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Prints messages to standard output, for a process that another one listens to.
pub fn report_to_parent(message: &Message) -> bool {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", message.to_line())
        .and_then(|()| out.flush())
        .is_ok()
}
