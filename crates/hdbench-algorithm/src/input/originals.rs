//! Whether a command wrote to the user's files that it was given links to.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hdbench_ground::error::{Error, Result, is_absent};
use hdbench_ground::text::Shown as _;
use hdbench_volume::artifact::number_of;

/// Other files that a message names beside the first.
const NAMED: usize = 3;

/// The files that links below a folder lead to, as they were before a command was started.
///
/// A copy of every CT of a study would fill a disk, so that a command for all cases is given links, and what it does
/// through them can be seen afterwards alone. Who sets a file's time back after writing as many bytes is not seen.
#[derive(Debug)]
pub(crate) struct Originals(BTreeMap<PathBuf, State>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    bytes: u64,
    modified: Option<SystemTime>,
    /// What tells it from another in its place.
    number: [u64; 2],
}

impl Originals {
    /// Notes what the symbolic links below a folder lead to.
    ///
    /// # Errors
    /// `Error::Read`.
    pub fn below(folder: &Path) -> Result<Self> {
        let mut originals = Self(BTreeMap::new());
        originals.note(folder)?;
        Ok(originals)
    }

    fn note(&mut self, folder: &Path) -> Result<()> {
        for entry in fs::read_dir(folder).map_err(Error::read(folder))? {
            let path = entry.map_err(Error::read(folder))?.path();
            let kind = fs::symlink_metadata(&path).map_err(Error::read(&path))?;
            if kind.is_dir() {
                self.note(&path)?;
            } else if kind.is_symlink() {
                let real = path.canonicalize().map_err(Error::read(&path))?;
                let state = state_of(&real).map_err(Error::read(&real))?;
                self.0.insert(real, state);
            }
        }
        Ok(())
    }

    /// Refuses to go on where a file is not what it was. `hint` says how the algorithm can be run without links.
    ///
    /// # Errors
    /// `Error::Malformed` naming the file, what happened to it and what to do.
    pub fn refuse_changes(&self, id: &str, hint: &str) -> Result<()> {
        let changed: Vec<(&Path, String)> = self
            .0
            .iter()
            .filter_map(|(path, before)| Some((path.as_path(), change(path, before)?)))
            .collect();
        let Some(((path, change), others)) = changed.split_first() else {
            return Ok(());
        };
        Err(Error::malformed(
            path,
            format!(
                "[algorithm.{id}] wrote to it through its link, while it ran: {change}{}",
                named(others)
            ),
            format!("bring the file back from where it came; {hint}"),
        ))
    }
}

fn state_of(path: &Path) -> std::io::Result<State> {
    let found = fs::metadata(path)?;
    Ok(State {
        bytes: found.len(),
        modified: found.modified().ok(),
        number: number_of(&found),
    })
}

/// What has happened to a file; none where nothing has.
fn change(path: &Path, before: &State) -> Option<String> {
    let now = match state_of(path) {
        Ok(now) => now,
        Err(e) if is_absent(&e) => return Some("it is gone".to_owned()),
        Err(e) => return Some(format!("it cannot be looked at any more ({e})")),
    };
    if now.bytes != before.bytes {
        return Some(format!(
            "it had {} bytes and has {}",
            before.bytes, now.bytes
        ));
    }
    if now.number != before.number {
        return Some("another file is in its place".to_owned());
    }
    (now.modified != before.modified).then(|| "it has another time of change".to_owned())
}

/// `; and to 2 others: A, B`.
fn named(others: &[(&Path, String)]) -> String {
    if others.is_empty() {
        return String::new();
    }
    let mut names: Vec<String> = others
        .iter()
        .take(NAMED)
        .map(|(path, _)| path.shown().into_owned())
        .collect();
    if others.len() > NAMED {
        names.push("...".to_owned());
    }
    format!("; and to {} more: {}", others.len(), names.join(", "))
}
