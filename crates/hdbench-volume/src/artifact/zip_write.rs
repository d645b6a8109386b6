use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::progress::Progress;
use hdbench_ground::text::Shown as _;
use hdbench_ground::workers;

use super::atomic::write_atomic_with;
use super::deflate::{EntryWriter, Packed};
use super::zip_records::{Record, end_of_directory};

/// So many entries more than there are threads may wait, packed, for one that takes longer.
const MAY_WAIT: usize = 4;

/// Packs a zip archive: `content(i, entry)` puts the content of `names[i]` into `entry`.
///
/// It is called on at most `jobs` threads at once; entries are packed while they are put and written
/// in the order of `names`. Memory is what `content` takes on so many threads and the packed bytes
/// of as many entries and a few more, however many there are and however large. The same names and
/// contents give the same bytes, whatever the time, the machine or the number of threads.
///
/// The archive is ordinary: Deflate, sizes and checksum before each entry, zip64 only where a number
/// needs it; names that are not ASCII are marked as UTF-8. It appears under `path` whole or not at
/// all. Advances `progress` by one an entry.
///
/// # Errors
/// `Error::Usage` for a name that [`Archive`](super::Archive) would refuse to read back, before
/// anything is packed; `Error::Interrupted`; `Error::Write`; whatever `content` returns, of several
/// the first in the order of `names`.
pub fn pack_zip(
    path: &Path,
    names: &[String],
    jobs: usize,
    progress: &dyn Progress,
    content: impl Fn(usize, &mut EntryWriter) -> Result<()> + Sync,
) -> Result<()> {
    check_names(path, names)?;
    write_atomic_with(path, |out| {
        let queue = Queue::new(out, path, names, jobs.max(1) + MAY_WAIT);
        let indices: Vec<usize> = (0..names.len()).collect();
        let stopped = || queue.failed() || progress.interrupted();
        workers::each(&indices, jobs, stopped, |&index| {
            let _watch = Watch {
                queue: &queue,
                index,
            };
            if !queue.wait_for(index) {
                return;
            }
            let mut entry = EntryWriter::new();
            match content(index, &mut entry) {
                Ok(()) => queue.hand_over(index, entry.finish()),
                Err(error) => queue.fail(index, error),
            }
            progress.advance(1);
        });
        queue.finish()
    })
}

/// Names under which the entries can be found again.
fn check_names(path: &Path, names: &[String]) -> Result<()> {
    let mut seen = BTreeSet::new();
    for name in names {
        let refuse = |problem: &str, hint: &str| {
            let problem = format!("{}: the entry name {name:?} {problem}", path.shown());
            Err(Error::usage(problem, hint))
        };
        if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return refuse(
                "is no plain path inside the archive",
                "name entries like `folder/file.nii`: no empty parts, no `.` or `..`, no `/` at either end",
            );
        }
        let drive = name.as_bytes().get(1) == Some(&b':');
        if drive || name.contains(|c: char| c == '\\' || c.is_control()) {
            return refuse(
                "has a character that some system takes for something else",
                "leave out `\\`, control characters and a drive such as `C:`",
            );
        }
        if name.len() > usize::from(u16::MAX) {
            return refuse("is too long", "an archive has room for 65,535 bytes a name");
        }
        if !seen.insert(name) {
            return refuse("occurs twice", "give every entry a name of its own");
        }
    }
    Ok(())
}

/// Brings packed entries, which come in any order, into that of their names.
struct Queue<'a> {
    path: &'a Path,
    names: &'a [String],
    /// An entry is begun when fewer than this many before it are not yet written.
    ahead: usize,
    state: Mutex<State<'a>>,
    moved: Condvar,
}

struct State<'a> {
    out: &'a mut (dyn Write + Send),
    /// The entry to be written next.
    next: usize,
    /// Entries that are packed before their turn.
    ready: BTreeMap<usize, Packed>,
    /// Bytes written.
    at: u64,
    directory: Vec<u8>,
    /// The first entry in order that failed, and why.
    failed: Option<(usize, Error)>,
}

impl<'a> Queue<'a> {
    fn new(
        out: &'a mut (dyn Write + Send),
        path: &'a Path,
        names: &'a [String],
        ahead: usize,
    ) -> Self {
        Self {
            path,
            names,
            ahead,
            state: Mutex::new(State {
                out,
                next: 0,
                ready: BTreeMap::new(),
                at: 0,
                directory: Vec::new(),
                failed: None,
            }),
            moved: Condvar::new(),
        }
    }

    /// Waits until it is near an entry's turn; false if one before it has failed.
    ///
    /// Entries are begun in their order, so the one that the others wait for never waits itself.
    fn wait_for(&self, index: usize) -> bool {
        let mut state = self.lock();
        loop {
            if state
                .failed
                .as_ref()
                .is_some_and(|(first, _)| *first < index)
            {
                return false;
            }
            if index < state.next + self.ahead {
                return true;
            }
            state = self
                .moved
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Writes an entry and those that waited for it, or lets it wait.
    fn hand_over(&self, index: usize, packed: Packed) {
        let mut state = self.lock();
        state.ready.insert(index, packed);
        loop {
            let next = state.next;
            let Some(packed) = state.ready.remove(&next) else {
                break;
            };
            if let Err(error) = state.write(&self.names[next], &packed) {
                // It stays the next one, and nothing is written behind it.
                state.failed = Some((next, Error::write(self.path)(error)));
                break;
            }
            state.next += 1;
        }
        drop(state);
        self.moved.notify_all();
    }

    fn fail(&self, index: usize, error: Error) {
        let mut state = self.lock();
        if state
            .failed
            .as_ref()
            .is_none_or(|(first, _)| index < *first)
        {
            state.failed = Some((index, error));
        }
        drop(state);
        self.moved.notify_all();
    }

    fn failed(&self) -> bool {
        self.lock().failed.is_some()
    }

    /// Writes the directory, if every entry is there.
    fn finish(self) -> Result<()> {
        let state = self
            .state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((_, error)) = state.failed {
            return Err(error);
        }
        if state.next < self.names.len() {
            return Err(Error::Interrupted {
                hint: format!(
                    "{} is written when every entry is packed: start again",
                    self.path.shown()
                ),
            });
        }
        let end = end_of_directory(
            self.names.len() as u64,
            state.at,
            state.directory.len() as u64,
        );
        state
            .out
            .write_all(&state.directory)
            .and_then(|()| state.out.write_all(&end))
            .map_err(Error::write(self.path))
    }

    fn lock(&self) -> MutexGuard<'_, State<'a>> {
        // Nothing in here is left half done by a panic: the archive is thrown away then.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State<'_> {
    fn write(&mut self, name: &str, packed: &Packed) -> std::io::Result<()> {
        let record = Record::new(name, packed, self.at);
        let header = record.local_header();
        self.out.write_all(&header)?;
        self.out.write_all(&packed.bytes)?;
        self.at += (header.len() + packed.bytes.len()) as u64;
        self.directory.extend_from_slice(&record.directory_header());
        Ok(())
    }
}

/// Wakes those who wait for an entry whose thread panics; the panic itself goes on.
struct Watch<'a, 'b> {
    queue: &'a Queue<'b>,
    index: usize,
}

impl Drop for Watch<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let error = Error::Internal("packing an entry panicked".into());
            self.queue.fail(self.index, error);
        }
    }
}
