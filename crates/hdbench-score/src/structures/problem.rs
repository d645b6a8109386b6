//! What is wrong with a set of structures, before it is known where it came from.

use std::path::Path;

use hdbench_ground::error::Error;

/// A problem, the line of the text it stands in, and the way out.
#[derive(Debug, PartialEq)]
pub(super) struct Problem {
    pub(super) line: Option<usize>,
    pub(super) text: String,
    pub(super) hint: String,
}

impl Problem {
    pub(super) fn new(text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            line: None,
            text: text.into(),
            hint: hint.into(),
        }
    }

    /// In this line, if no line is known yet.
    pub(super) fn in_line(mut self, line: usize) -> Self {
        self.line.get_or_insert(line);
        self
    }

    /// Of a file.
    pub(super) fn of_file(self, path: &Path) -> Error {
        let text = match self.line {
            Some(line) => format!("line {line}: {}", self.text),
            None => self.text,
        };
        Error::malformed(path, text, self.hint)
    }

    /// Of the command line.
    pub(super) fn of_argument(self, argument: &str) -> Error {
        Error::usage(format!("{argument}: {}", self.text), self.hint)
    }
}
