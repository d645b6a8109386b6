//! The error type of the library and the exit codes of the binary.

use std::io;
use std::path::{Path, PathBuf};

use crate::text::{Shown as _, shown_path};

/// What every fallible function of the library returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong, each with the exit code it leads to.
///
/// Messages are lower case, name the file or key, say what was expected and found, and end with a
/// `hint:` line where there is a way out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused to read a file.
    #[error("{}: cannot read: {source}", shown_path(path))]
    Read { path: PathBuf, source: io::Error },

    /// The operating system refused to write a file (a full disk, a folder without permission).
    #[error("{}: cannot write: {source}{}", shown_path(path), way_out(source))]
    Write { path: PathBuf, source: io::Error },

    /// A file is there but its content is not what it should be.
    #[error("{}: {problem}\nhint: {hint}", shown_path(path))]
    Malformed {
        path: PathBuf,
        problem: String,
        hint: String,
    },

    /// What a file asks for is more than the memory that is left.
    #[error(
        "{}: needs about {} of memory, {} are free\nhint: use a machine with more memory, fewer cases \
         at a time, or a smaller part of the volume",
        path.shown(), size(*needed_bytes), size(*free_bytes)
    )]
    Memory {
        path: PathBuf,
        needed_bytes: u64,
        free_bytes: u64,
    },

    /// The command line or a setting asks for something that cannot be done.
    #[error("{problem}\nhint: {hint}")]
    Usage { problem: String, hint: String },

    /// The loss or a weight stopped being a number.
    #[error("{what}: {problem} at iteration {iteration} on device {device}\nhint: {hint}")]
    Diverged {
        what: String,
        iteration: usize,
        device: String,
        problem: String,
        hint: String,
    },

    /// A signal asked the run to stop; what was earned is saved.
    #[error("interrupted; what was finished is saved\nhint: {hint}")]
    Interrupted { hint: String },

    /// A cell's process did not finish it.
    #[error("{0}")]
    Cell(String),

    /// Some cells or cases failed; the others are finished.
    #[error("{failed} of {total} {what} failed: {names}")]
    Partial {
        what: &'static str,
        failed: usize,
        total: usize,
        names: String,
    },

    /// An archive that breaks a rule of its challenge.
    #[error("{}: refused: {problem}\nhint: {hint}", shown_path(archive))]
    Refused {
        archive: PathBuf,
        problem: String,
        hint: String,
    },

    /// What was to be confirmed turned out otherwise: a lock that does not hold, a leak.
    #[error("{problem}\nhint: {hint}")]
    Refuted { problem: String, hint: String },

    /// Results are worse than their baseline.
    #[error(
        "regressed: {lines}\nhint: mend it, or, if the change is meant, save a new baseline with \
         `hdbench baseline save PATH --name NAME --replace`"
    )]
    Regressed { lines: String },

    /// Results cannot be held against their baseline.
    #[error(
        "not comparable: {problem}\nhint: score the same cases with the same metrics, or save a new \
         baseline"
    )]
    NotComparable { problem: String },

    /// A promise of the code was broken.
    #[error("internal error: {0}")]
    Internal(String),
}

/// Whether there is no such file: also where something else lies in place of its folder.
pub fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Bytes in words: `1.5 GB`, `300 MB`.
fn size(bytes: u64) -> String {
    match bytes as f64 {
        gigabytes if gigabytes >= 1e9 => format!("{:.1} GB", gigabytes / 1e9),
        megabytes => format!("{:.0} MB", megabytes / 1e6),
    }
}

/// What helps where a file cannot be written.
fn way_out(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "\nhint: make room and start again; what was finished is kept"
        }
        io::ErrorKind::FileTooLarge => {
            "\nhint: raise the limit on the size of files (`ulimit -f unlimited`), or use a file system \
             that takes larger ones, and start again"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "\nhint: make the folder writable, or give another"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "\nhint: something else lies where a folder belongs; move it away"
        }
        _ => "",
    }
}

impl Error {
    /// For `map_err` on a reading call.
    pub fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Read { path, source }
    }

    /// For `map_err` on a writing call.
    pub fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Write { path, source }
    }

    /// For `map_err` on a library's writing call, whose errors keep what the system said only as text.
    pub fn saving<E: std::fmt::Display>(path: &Path) -> impl FnOnce(E) -> Self {
        let path = path.to_path_buf();
        move |error| {
            let text = error.to_string();
            let code = text.split("(os error ").nth(1);
            let code = code.and_then(|rest| rest.split(')').next()?.parse().ok());
            let source = code.map_or_else(|| io::Error::other(text), io::Error::from_raw_os_error);
            Self::Write { path, source }
        }
    }

    /// A file whose content is wrong, with the way out.
    pub fn malformed(path: &Path, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Malformed {
            path: path.to_path_buf(),
            problem: problem.into(),
            hint: hint.into(),
        }
    }

    /// A request that cannot be met, with the way out.
    pub fn usage(problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage {
            problem: problem.into(),
            hint: hint.into(),
        }
    }

    /// The exit code this error leads to.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Read { .. } | Self::Malformed { .. } | Self::Memory { .. } => ExitCode::BadInput,
            Self::Usage { .. } => ExitCode::Usage,
            Self::Partial { .. } | Self::Diverged { .. } | Self::Cell(_) | Self::Refuted { .. } => {
                ExitCode::Partial
            }
            Self::Refused { .. } => ExitCode::Refused,
            Self::Regressed { .. } => ExitCode::Regressed,
            Self::NotComparable { .. } => ExitCode::NotComparable,
            Self::Interrupted { .. } => ExitCode::Interrupted,
            Self::Write { .. } | Self::Internal(_) => ExitCode::Internal,
        }
    }
}

/// The exit codes of `hdbench`; the table in the README says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Everything asked for is done.
    Done = 0,
    /// A bug, or a disk that cannot be written.
    Internal = 1,
    /// The command line or a setting is wrong.
    Usage = 2,
    /// A file is missing, unreadable or malformed.
    BadInput = 3,
    /// Finished, but some cells or cases failed.
    Partial = 4,
    /// A submission breaks a rule of its challenge.
    Refused = 5,
    /// Results are worse than their baseline.
    Regressed = 6,
    /// Results cannot be held against their baseline.
    NotComparable = 7,
    /// Stopped by a signal; the same command goes on.
    Interrupted = 75,
}

impl ExitCode {
    /// All, in ascending order.
    pub const ALL: [Self; 9] = [
        Self::Done,
        Self::Internal,
        Self::Usage,
        Self::BadInput,
        Self::Partial,
        Self::Refused,
        Self::Regressed,
        Self::NotComparable,
        Self::Interrupted,
    ];

    /// What it says, in a few words.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Internal => "internal error, or a disk that cannot be written",
            Self::Usage => "wrong command line or setting",
            Self::BadInput => "a file is missing, unreadable or malformed",
            Self::Partial => "finished, but some cells or cases failed",
            Self::Refused => "archive refused",
            Self::Regressed => "regressed",
            Self::NotComparable => "not comparable",
            Self::Interrupted => "interrupted; the same command goes on",
        }
    }

    /// What to do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Done => "nothing",
            Self::Internal => "free space or mend permissions; anything else is a bug to report",
            Self::Usage => "read the hint, or the help of the verb",
            Self::BadInput => "the message names the file and what was expected of it",
            Self::Partial => {
                "what succeeded is written; the message names what failed, and why stands above it"
            }
            Self::Refused => {
                "the rules that failed stand above with their entries; `hdbench submit-lits check --fix` mends \
                 what can be mended"
            }
            Self::Regressed => {
                "the lines that are worse than the baseline stand above with their worst cases; if the \
                 change is meant, save a new baseline"
            }
            Self::NotComparable => {
                "the reasons stand above (missing cases, other data, another metric version, values that \
                 cannot be, cases that are there twice, too few cases); nothing was found worse, but nothing may be called a pass either"
            }
            Self::Interrupted => "run the same command again",
        }
    }
}
