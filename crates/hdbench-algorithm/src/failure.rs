//! Why a case has no prediction.

use std::fmt;
use std::time::Duration;

use hdbench_ground::text::shown;

use crate::table::quantity::in_words;

/// What went wrong with an algorithm's run, and the last that it said.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// What went wrong.
    pub cause: FailureCause,
    /// The last lines of its output, without what acts on a terminal.
    pub tail: Vec<String>,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum FailureCause {
    /// The program could not be started.
    NotStarted {
        /// Its name as the study's file has it.
        program: String,
        /// What the system said.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// It ended by itself, with another code than 0.
    ExitCode(i32),
    /// It was ended by a signal that did not come from here.
    Signal(i32),
    /// It took longer than it may and was ended.
    Timeout {
        /// What it had: a case's time, or that of all cases of its run.
        limit: Duration,
        /// How many cases it was for.
        cases: usize,
    },
    /// It ended well and left no file for the case.
    NoOutput {
        /// What lies in its output folder instead, a few names.
        found: Vec<String>,
        /// The name that was looked for.
        expected: String,
    },
}

impl fmt::Display for FailureCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted {
                program,
                reason,
                hint,
            } => {
                write!(f, "cannot start {}: {reason}\nhint: {hint}", shown(program))
            }
            Self::ExitCode(code) => write!(f, "ended with exit code {code}"),
            Self::Signal(number) => {
                write!(f, "was ended by signal {number}{}", signal_name(*number))
            }
            Self::Timeout { limit, cases: 1 } => {
                write!(f, "did not end within {}", in_words(*limit))
            }
            Self::Timeout { limit, cases } => {
                write!(f, "did not end within {} ({cases} cases)", in_words(*limit))
            }
            Self::NoOutput { found, expected } if found.is_empty() => {
                write!(
                    f,
                    "wrote no {}: its output folder is empty",
                    shown(expected)
                )
            }
            Self::NoOutput { found, expected } => {
                let found: Vec<_> = found.iter().map(|name| shown(name)).collect();
                write!(
                    f,
                    "wrote no {}: its output folder has {}",
                    shown(expected),
                    found.join(", ")
                )
            }
        }
    }
}

/// The cause, and below it the tail.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)?;
        if !self.tail.is_empty() {
            f.write_str("\nit said last:")?;
        }
        self.tail
            .iter()
            .try_for_each(|line| write!(f, "\n    {line}"))
    }
}

/// Of the signals that programs die of; the numbers of Linux.
fn signal_name(number: i32) -> &'static str {
    match number {
        1 => " (SIGHUP)",
        2 => " (SIGINT)",
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        7 => " (SIGBUS)",
        8 => " (SIGFPE)",
        9 => " (SIGKILL; mostly the system, out of memory)",
        11 => " (SIGSEGV)",
        13 => " (SIGPIPE)",
        15 => " (SIGTERM)",
        24 => " (SIGXCPU)",
        25 => " (SIGXFSZ)",
        _ => "",
    }
}
