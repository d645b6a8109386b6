//! Whether a runtime that is there works.

use std::io::Read as _;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use hdbench_ground::text::message;
use hdbench_ground::workers;

use crate::system::{Signal, in_own_group, signal_group};
use crate::table::runtime::Runtime;

/// How long it has to answer: a client may wait for ever for an engine that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The time between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// How long its last words are waited for.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// Bytes of them that are read.
const WORDS_BYTES: u64 = 64 * 1024;

/// Asks a runtime whether it works: an engine's client is there without its engine too.
///
/// # Errors
/// What it said instead, in a line.
pub(crate) fn probe(runtime: Runtime, program: &Path, patience: Duration) -> Result<(), String> {
    let question = match runtime {
        Runtime::Docker | Runtime::Podman => "info",
        Runtime::Apptainer | Runtime::Bubblewrap => "--version",
    };
    let mut command = Command::new(program);
    command
        .arg(question)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let child = in_own_group(&mut command).spawn();
    let mut child = child.map_err(|e| format!("cannot be started: {e}"))?;
    let words = child.stderr.take().and_then(words_of);
    match ended(&mut child, patience) {
        Some(true) => Ok(()),
        Some(false) => {
            let words = words.and_then(|words| words.recv_timeout(LAST_WORDS).ok());
            Err(reason(&words.unwrap_or_default(), question))
        }
        None => Err(format!(
            "`{question}` did not end within {} s",
            patience.as_secs_f64()
        )),
    }
}

/// Whether it ended well; none where it took too long and was ended.
fn ended(child: &mut Child, patience: Duration) -> Option<bool> {
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.success()),
            Ok(None) if begun.elapsed() < patience => std::thread::sleep(LOOK),
            Ok(None) | Err(_) => {
                signal_group(child, Signal::KILL);
                let _ = child.wait();
                return None;
            }
        }
    }
}

/// Reads what it says until it ends.
fn words_of(from: ChildStderr) -> Option<Receiver<String>> {
    let (send, words) = channel();
    workers::spawn("container words", move || {
        let mut bytes = Vec::new();
        let _ = from.take(WORDS_BYTES).read_to_end(&mut bytes);
        // Nobody listens where nobody waited.
        let _ = send.send(String::from_utf8_lossy(&bytes).into_owned());
    })
    .ok()?;
    Some(words)
}

/// The line that says why, among warnings.
fn reason(words: &str, question: &str) -> String {
    let lines = || words.lines().map(str::trim).filter(|line| !line.is_empty());
    let tells = |line: &&str| {
        let line = line.to_lowercase();
        line.contains("error") || line.contains("cannot")
    };
    match lines().find(tells).or_else(|| lines().next()) {
        Some(line) => message(line).into(),
        None => format!("`{question}` failed and said nothing"),
    }
}
