//! A command that is to be run in a container, and what is started for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;

/// A folder of this machine and its name in the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    pub from: PathBuf,
    pub to: &'static str,
    pub writable: bool,
}

/// A command that is to be run in a container.
#[derive(Clone, Debug)]
pub(crate) struct Contained<'a> {
    pub command: &'a [String],
    pub mounts: &'a [Mount],
    /// Variables of its environment.
    pub env: &'a BTreeMap<String, String>,
    pub gpus: &'a [String],
    pub memory_bytes: Option<u64>,
    pub processes: Option<u32>,
    /// The container's name, by which it can be ended.
    pub name: &'a str,
    /// Numbers of the caller's user and group.
    pub user: [u32; 2],
}

/// What is started on this machine.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// Variables of the runtime's own environment.
    pub env: BTreeMap<String, String>,
    /// Which of the caller's variables the runtime is not to see.
    pub is_unset: fn(&str) -> bool,
}

/// Words of a command line.
pub(crate) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// # Errors
/// `Error::Usage` for a name that is no text.
pub(crate) fn text_of(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| {
        Error::usage(
            format!(
                "{}: its name is no text, which no container can be given",
                path.shown()
            ),
            "move it to a folder whose name is UTF-8",
        )
    })
}
