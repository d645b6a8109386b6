//! Errors as exceptions of the package, one class a kind.

use hdbench_ground::error::{Error, is_absent};
use pyo3::prelude::*;

/// Between an error's message and its way out.
const HINT: &str = "\nhint: ";

/// The class in `hdbench.errors` of an error.
fn class(error: &Error) -> &'static str {
    match error {
        Error::Read { source, .. } if is_absent(source) => "MissingFileError",
        Error::Read { .. } => "ReadError",
        Error::Write { .. } => "WriteError",
        Error::Malformed { .. } => "InputError",
        Error::Memory { .. } => "OutOfMemoryError",
        Error::Usage { .. } => "UsageError",
        Error::NotComparable { .. } => "NotComparableError",
        _ => "HdbenchError",
    }
}

/// The exception of an error, with its message and its hint.
pub fn exception(py: Python<'_>, error: &Error) -> PyErr {
    let text = error.to_string();
    let (message, hint) = match text.split_once(HINT) {
        Some((message, hint)) => (message, Some(hint)),
        None => (text.as_str(), None),
    };
    raised(py, class(error), message, hint)
}

/// An exception of a class of the package.
pub fn raised(py: Python<'_>, class: &str, message: &str, hint: Option<&str>) -> PyErr {
    let made = py
        .import("hdbench.errors")
        .and_then(|errors| errors.getattr(class))
        .and_then(|class| class.call1((message, hint)));
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}
