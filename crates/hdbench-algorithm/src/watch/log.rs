//! What an algorithm says, kept within bounds: a program that prints a gigabyte does not fill the disk.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{PipeReader, Read as _, Write as _};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::acts;
use hdbench_ground::workers;

/// Lines of the tail, and bytes of the output that it is looked for in.
const TAIL_LINES: usize = 20;
const TAIL_BYTES: usize = 8 * 1024;
/// Letters of a line of the tail.
const TAIL_COLUMNS: usize = 300;

/// How long a reader is waited for whose program has ended: somebody may still hold the other end.
const PATIENCE: Duration = Duration::from_secs(2);

/// What was said in one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    /// The last lines, without what acts on a terminal.
    pub tail: Vec<String>,
    /// Bytes that are not in the log.
    pub left_out: u64,
}

/// A thread that reads what a program says, to its end.
pub(crate) struct LogReader {
    done: Receiver<Result<Said>>,
}

impl LogReader {
    /// Begins to read; the first and the last `bound` bytes go to `log`, after what is there and a line with `title`.
    ///
    /// # Errors
    /// `Error::Write` where the log cannot be opened.
    pub fn start(from: PipeReader, log: &Path, title: &str, bound: usize) -> Result<Self> {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .map_err(Error::write(log))?;
        writeln!(file, "== {title}").map_err(Error::write(log))?;
        let (send, done) = channel();
        let path = log.to_path_buf();
        workers::spawn("algorithm log", move || {
            let mut kept = Kept::new(file, bound);
            kept.read(from);
            // Nobody listens where nobody waited.
            let _ = send.send(kept.end().map_err(Error::write(&path)));
        })?;
        Ok(Self { done })
    }

    /// Waits for the end and returns what was said.
    ///
    /// # Errors
    /// `Error::Write` where the log could not be written; the program was read to its end nonetheless.
    pub fn end(self) -> Result<Said> {
        match self.done.recv_timeout(PATIENCE) {
            Ok(said) => said,
            Err(RecvTimeoutError::Timeout) => Ok(Said::default()),
            Err(RecvTimeoutError::Disconnected) => Err(Error::Internal(
                "the reader of a log has panicked".to_owned(),
            )),
        }
    }
}

/// The first bytes, which are in the file, and the last, which are still to come there.
struct Kept {
    file: File,
    bound: usize,
    /// How many of the first are written.
    first: usize,
    last: VecDeque<u8>,
    left_out: u64,
    /// The last bytes of all.
    tail: VecDeque<u8>,
    error: Option<std::io::Error>,
}

impl Kept {
    fn new(file: File, bound: usize) -> Self {
        Self {
            file,
            bound,
            first: 0,
            last: VecDeque::new(),
            left_out: 0,
            tail: VecDeque::new(),
            error: None,
        }
    }

    /// To the end, whatever becomes of the file: a program whose output nobody reads stands still.
    fn read(&mut self, mut from: PipeReader) {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => return,
                Ok(read) => self.add(&buffer[..read]),
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => {
                    self.error.get_or_insert(e);
                    return;
                }
            }
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        let first = bytes.len().min(self.bound - self.first);
        self.write(&bytes[..first]);
        self.first += first;
        self.left_out += push_bounded(&mut self.last, &bytes[first..], self.bound);
        push_bounded(&mut self.tail, bytes, TAIL_BYTES);
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.error.is_none() {
            self.error = self.file.write_all(bytes).err();
        }
    }

    fn end(mut self) -> std::io::Result<Said> {
        if self.left_out > 0 {
            let line = format!("\n== {} bytes are left out here\n", self.left_out);
            self.write(line.as_bytes());
        }
        let last = std::mem::take(&mut self.last);
        let (one, other) = last.as_slices();
        self.write(one);
        self.write(other);
        if self.tail.back().is_some_and(|byte| *byte != b'\n') {
            self.write(b"\n");
        }
        match self.error {
            Some(error) => Err(error),
            None => Ok(Said {
                tail: tail_lines(self.tail.make_contiguous()),
                left_out: self.left_out,
            }),
        }
    }
}

/// Adds bytes at the end and takes as many away at the beginning; how many.
fn push_bounded(kept: &mut VecDeque<u8>, bytes: &[u8], bound: usize) -> u64 {
    let skipped = bytes.len().saturating_sub(bound);
    let bytes = &bytes[skipped..];
    let gone = (kept.len() + bytes.len()).saturating_sub(bound);
    kept.drain(..gone);
    kept.extend(bytes);
    (skipped + gone) as u64
}

/// The last lines in calm letters.
pub(crate) fn tail_lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    // What rewrites a line, as progress bars do, begins another.
    let lines = text
        .split(['\n', '\r'])
        .map(calm_line)
        .filter(|line| !line.is_empty());
    let lines: Vec<String> = lines.collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].to_vec()
}

fn calm_line(line: &str) -> String {
    let mut calm = String::new();
    let mut letters = line.trim_end().chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            // A sequence of colours: up to the letter that ends it.
            if letters.next_if_eq(&'[').is_some() {
                while letters.next().is_some_and(|c| !c.is_ascii_alphabetic()) {}
            }
        } else if letter == '\t' {
            calm.push(' ');
        } else if !acts(letter) {
            calm.push(letter);
        }
    }
    match calm.char_indices().nth(TAIL_COLUMNS) {
        Some((at, _)) => format!("{}...", &calm[..at]),
        None => calm,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_bytes_are_kept_and_the_others_counted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut kept = Kept::new(File::create(&path).unwrap(), 10);
        for piece in [
            "first", " ten.", "lost", "lo", "st", "the", " last ", "1234567", "890\n",
        ] {
            kept.add(piece.as_bytes());
        }
        let said = kept.end().unwrap();
        assert_eq!(said.left_out, 18);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            "first ten.\n== 18 bytes are left out here\n234567890\n"
        );
        assert_eq!(said.tail, ["first ten.lostlostthe last 1234567890"]);
    }

    #[test]
    fn the_tail_is_calm() {
        let said = b"one\r50 %\r100 %\n\x1b[31mred\x1b[0m\ttab \xff\x07\n\n\n";
        assert_eq!(
            tail_lines(said),
            ["one", "50 %", "100 %", "red tab \u{fffd}"]
        );
        let many: String = (0..100).map(|i| format!("line {i}\n")).collect();
        let tail = tail_lines(many.as_bytes());
        assert_eq!(
            (tail.len(), tail[0].as_str(), tail[19].as_str()),
            (20, "line 80", "line 99")
        );
    }
}
