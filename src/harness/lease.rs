use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::artifact::create_dir;
use crate::error::{Error, Result};
use crate::progress::{LARGEST_STEP, Progress};

/// The file in a leased folder.
const NAME: &str = ".lease";
/// A holder writes so often that it lives.
const BEAT: Duration = Duration::from_secs(5);
/// A holder on another machine counts as dead when it has not written for so long.
const DEAD: Duration = Duration::from_secs(60);
/// Another process may look at the lock for a moment: taking it is tried again for so long.
const PATIENCE: Duration = Duration::from_millis(300);

/// Who works in a folder, and how far it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Holder {
    pub host: String,
    pub pid: u32,
    /// The Slurm job, `ARRAY_TASK` for an element of an array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// What goes on now; empty before the first stage.
    #[serde(default)]
    pub stage: String,
    /// Units of progress done and in all; 0 in all where that is not known.
    #[serde(default)]
    pub done: u64,
    #[serde(default)]
    pub total: u64,
    /// Units that were done when this holder began.
    #[serde(default)]
    pub skipped: u64,
    /// Since this holder began, s.
    #[serde(default)]
    pub seconds: f64,
}

impl Holder {
    /// This process.
    fn here() -> Self {
        Self {
            host: host(),
            pid: std::process::id(),
            job: slurm_job(),
            ..Self::default()
        }
    }

    /// Time left at the speed so far, s.
    pub fn seconds_left(&self) -> Option<f64> {
        let worked = self.done.saturating_sub(self.skipped);
        let known = worked > 0 && self.total >= self.done;
        known.then(|| self.seconds * (self.total - self.done) as f64 / worked as f64)
    }

    /// `pid 17 on node3, Slurm job 41_2`.
    pub fn words(&self) -> String {
        let job = self.job.as_ref();
        format!(
            "pid {} on {}{}",
            self.pid,
            self.host,
            job.map_or(String::new(), |job| format!(", Slurm job {job}"))
        )
    }
}

/// The name of this machine.
fn host() -> String {
    let read = std::fs::read_to_string("/proc/sys/kernel/hostname");
    let name = read.map(|text| text.trim().to_owned()).unwrap_or_default();
    if name.is_empty() {
        std::env::var("HOSTNAME").unwrap_or_else(|_| "unknown".into())
    } else {
        name
    }
}

fn slurm_job() -> Option<String> {
    let get = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
    match (get("SLURM_ARRAY_JOB_ID"), get("SLURM_ARRAY_TASK_ID")) {
        (Some(array), Some(task)) => Some(format!("{array}_{task}")),
        _ => get("SLURM_JOB_ID"),
    }
}

/// The right to write a folder: a second process is refused. The operating system gives it back when
/// its holder ends, however it ends; where a file system does not carry locks from machine to machine,
/// a holder on another one is known by its heartbeat.
pub struct Lease {
    shared: Arc<Shared>,
    beat: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    file: File,
    holder: Holder,
    began: Instant,
    ended: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Who panicked while counting left numbers behind, no more.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Writes who holds the lease. A disk that is full costs the heartbeat, not the work.
    fn write(&mut self) {
        self.holder.seconds = self.began.elapsed().as_secs_f64();
        let Ok(mut text) = serde_json::to_vec(&self.holder) else {
            return;
        };
        text.push(b'\n');
        let _ = self.file.seek(SeekFrom::Start(0));
        let _ = self.file.write_all(&text);
        let _ = self.file.set_len(text.len() as u64);
    }
}

impl Lease {
    /// Takes the folder's lease. Where the last holder was on another machine and may still live, that
    /// is waited for, up to a minute.
    ///
    /// # Errors
    /// `Error::Usage` where another process holds it; `Error::Write`.
    pub fn take(folder: &Path) -> Result<Self> {
        create_dir(folder)?;
        let path = folder.join(NAME);
        let file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(Error::write(&path))?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if began.elapsed() < PATIENCE => {
                    std::thread::sleep(PATIENCE / 10);
                }
                Err(TryLockError::WouldBlock) => return Err(refused(folder, read(&path).as_ref())),
                Err(TryLockError::Error(e)) => return Err(Error::write(&path)(e)),
            }
        }
        let mut holder = Holder::here();
        if let Some(other) = read(&path).filter(|other| other.host != holder.host) {
            wait_for_death(folder, &path, &other)?;
        }
        holder.stage = String::new();
        let mut state = State {
            file,
            holder,
            began: Instant::now(),
            ended: false,
        };
        state.write();
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let beating = Arc::clone(&shared);
        let beat = std::thread::spawn(move || {
            let mut state = beating.lock();
            while !state.ended {
                let waited = beating.changed.wait_timeout(state, BEAT);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
                if !state.ended {
                    state.write();
                }
            }
        });
        Ok(Self {
            shared,
            beat: Some(beat),
        })
    }

    /// Progress that the lease's file shows to others, handed on to `inner`.
    pub fn watched<'a>(&'a self, inner: &'a dyn Progress) -> Watched<'a> {
        Watched { lease: self, inner }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        {
            let mut state = self.shared.lock();
            state.ended = true;
            // An empty file says that nobody is here, to machines that do not see the lock as well.
            let _ = state.file.set_len(0);
        }
        self.shared.changed.notify_all();
        if let Some(beat) = self.beat.take() {
            let _ = beat.join();
        }
    }
}

fn refused(folder: &Path, holder: Option<&Holder>) -> Error {
    let who = holder.map_or(String::new(), |holder| format!(" ({})", holder.words()));
    Error::usage(
        format!("{}: another hdbench is working here{who}", folder.display()),
        "wait for it to end, or give another --out",
    )
}

/// Who is written in the lease's file; nothing in an empty one, or one that is being written.
fn read(path: &Path) -> Option<Holder> {
    let mut text = Vec::new();
    File::open(path).ok()?.read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Waits until a holder on another machine has not written for a minute.
fn wait_for_death(folder: &Path, path: &Path, other: &Holder) -> Result<()> {
    let first = age(folder, path);
    let mut seen = first;
    while seen.is_some_and(|age| age < DEAD) {
        std::thread::sleep(Duration::from_secs(1));
        let now = age(folder, path);
        // It has written again: it lives.
        if now < seen {
            return Err(refused(folder, Some(other)));
        }
        seen = now;
    }
    Ok(())
}

/// How long ago the lease was written, by the clock of the file system.
fn age(folder: &Path, path: &Path) -> Option<Duration> {
    let written = std::fs::metadata(path).ok()?.modified().ok()?;
    let probe: PathBuf = folder.join(format!(".lease-probe-{}", std::process::id()));
    let now = File::create(&probe).and_then(|file| file.metadata()?.modified());
    let _ = std::fs::remove_file(&probe);
    now.ok()?
        .duration_since(written)
        .ok()
        .or(Some(Duration::ZERO))
}

/// Who works in a folder now, if anybody does.
pub fn holder(folder: &Path) -> Option<Holder> {
    let path = folder.join(NAME);
    let held = {
        let file = File::open(&path).ok()?;
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    };
    let holder = read(&path);
    if held {
        return Some(holder.unwrap_or_default());
    }
    let elsewhere = holder.filter(|holder| holder.host != host())?;
    age(folder, &path)
        .filter(|age| *age < DEAD)
        .map(|_| elsewhere)
}

/// Progress that others can read in the lease's file.
pub struct Watched<'a> {
    lease: &'a Lease,
    inner: &'a dyn Progress,
}

impl Watched<'_> {
    fn with(&self, change: impl FnOnce(&mut Holder)) {
        change(&mut self.lease.shared.lock().holder);
    }
}

impl Progress for Watched<'_> {
    fn plan(&self, units: u64) {
        self.with(|holder| holder.total = units);
        self.inner.plan(units);
    }

    fn stage(&self, cell: &str, name: &str) {
        self.with(|holder| name.clone_into(&mut holder.stage));
        self.inner.stage(cell, name);
    }

    fn ended(&self, cell: &str) {
        self.inner.ended(cell);
    }

    fn advance(&self, units: u64) {
        self.with(|holder| {
            holder.done += units;
            // What an earlier start did is counted in one go and says nothing about the speed.
            if units > LARGEST_STEP {
                holder.skipped += units;
            }
        });
        self.inner.advance(units);
    }

    fn part(&self, first: f64, end: f64) {
        self.inner.part(first, end);
    }

    fn within(&self, share: f64) {
        self.inner.within(share);
    }

    fn note(&self, line: &str) {
        self.inner.note(line);
    }

    fn interrupted(&self) -> bool {
        self.inner.interrupted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;

    #[test]
    fn a_second_lease_is_refused_until_the_first_is_given_back() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lease::take(dir.path()).unwrap();
        let refused = Lease::take(dir.path()).err().unwrap().to_string();
        assert!(
            refused.contains(&format!("pid {}", std::process::id())),
            "{refused}"
        );
        drop(first);
        assert!(Lease::take(dir.path()).is_ok());
    }

    #[test]
    fn others_see_who_works_and_how_far_it_is() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(holder(dir.path()), None);
        let lease = Lease::take(dir.path()).unwrap();
        let watched = lease.watched(&Silent);
        watched.plan(100);
        watched.stage("", "fine-tuning");
        watched.advance(40);
        lease.shared.lock().write();
        let seen = holder(dir.path()).unwrap();
        assert_eq!(
            (seen.pid, seen.stage.as_str()),
            (std::process::id(), "fine-tuning")
        );
        assert_eq!((seen.done, seen.total), (40, 100));
        drop(lease);
        assert_eq!(holder(dir.path()), None);
    }

    #[test]
    fn a_holder_elsewhere_counts_while_it_writes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NAME);
        let other = Holder {
            host: "another-machine".into(),
            pid: 1,
            ..Holder::default()
        };
        std::fs::write(&path, serde_json::to_vec(&other).unwrap()).unwrap();
        assert_eq!(holder(dir.path()), Some(other.clone()));
        // It writes again while it is waited for.
        let writes = path.clone();
        let text = serde_json::to_vec(&other).unwrap();
        let living = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(1500));
            std::fs::write(&writes, text).unwrap();
        });
        let refused = Lease::take(dir.path()).err().unwrap().to_string();
        assert!(refused.contains("pid 1 on another-machine"), "{refused}");
        living.join().unwrap();
        // A minute without a word: it is dead.
        let old = std::time::SystemTime::now() - 2 * DEAD;
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(old)
            .unwrap();
        assert_eq!(holder(dir.path()), None);
        assert!(Lease::take(dir.path()).is_ok());
    }

    #[test]
    fn time_left_goes_by_what_this_start_has_done() {
        let holder = Holder {
            done: 60,
            skipped: 40,
            total: 100,
            seconds: 10.0,
            ..Holder::default()
        };
        assert_eq!(holder.seconds_left(), Some(20.0));
        assert_eq!(Holder::default().seconds_left(), None);
    }
}
