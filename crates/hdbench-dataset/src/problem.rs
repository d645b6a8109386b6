use std::fmt;
use std::path::{Path, PathBuf};

use hdbench_ground::error::Error;
use hdbench_ground::text::Shown as _;
use serde::Serialize;

use super::Case;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The case cannot be used as it is.
    Error,
    /// It can be used, and may mean something else than it seems to.
    Warning,
    /// How something unusual was taken.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// One thing that is wrong or odd about a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// A name for programs, which does not change: `spacing-1mm`.
    pub code: &'static str,
    /// The case; empty for what concerns the whole data set.
    pub case: String,
    /// The file it is about.
    #[serde(serialize_with = "hdbench_ground::text::path_as_text")]
    pub file: PathBuf,
    /// What was found and how it was taken.
    pub message: String,
    /// The way out; empty where nothing needs to be done.
    pub hint: String,
}

impl Problem {
    pub(super) fn new(
        severity: Severity,
        code: &'static str,
        case: &Case,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            code,
            case: case.name.clone(),
            file: case.image.clone(),
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// What an error says, as a problem of a case's file.
    pub(super) fn of_error(code: &'static str, case: &Case, file: &Path, error: Error) -> Self {
        let (file, message, hint) = match error {
            Error::Malformed {
                path,
                problem,
                hint,
            } => (path, problem, hint),
            Error::Read { path, source } => (path, format!("cannot read: {source}"), String::new()),
            Error::Memory { .. } => {
                let text = error.to_string();
                let (message, hint) = text.split_once("\nhint: ").unwrap_or((&text, ""));
                let message = message.strip_prefix(&format!("{}: ", file.shown()));
                (
                    file.to_path_buf(),
                    message.unwrap_or(&text).to_owned(),
                    hint.to_owned(),
                )
            }
            Error::Usage { problem, hint } => (file.to_path_buf(), problem, hint),
            other => (file.to_path_buf(), other.to_string(), String::new()),
        };
        Self {
            severity: Severity::Error,
            code,
            case: case.name.clone(),
            file,
            message,
            hint,
        }
    }

    /// The line that a user of the case gets to see.
    pub(super) fn line(&self) -> String {
        format!("{}: {}", self.case, self.message)
    }
}
