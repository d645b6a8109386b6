use std::fs::{File, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::artifact::{create_dir, open_file, read_file};
use crate::error::{Error, Result};
use crate::progress::{LARGEST_STEP, Progress, Silent};
use crate::system::{LOCK_BESIDE, without_waiting};
use crate::text::Shown as _;
use crate::workers;

/// The file in a leased folder.
const NAME: &str = ".lease";
/// A holder writes so often that it lives.
const BEAT: Duration = Duration::from_secs(5);
/// A holder on another machine counts as dead when it has not written for so long.
const DEAD: Duration = Duration::from_secs(60);
/// Another process may look at the lock for a moment: taking it is tried again for so long.
const PATIENCE: Duration = Duration::from_millis(300);
/// A report is written in so long at most; who wants the folder meanwhile waits for it.
const REPORT: Duration = Duration::from_secs(600);
/// A report waits so long for others: a start that only submits jobs ends in that time.
const REPORT_PATIENCE: Duration = Duration::from_secs(60);
/// Waiting, one looks so often whether a signal came.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The stage of a holder that writes a report.
const REPORTING: &str = "report";

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
        let left = self.seconds * self.total.saturating_sub(self.done) as f64 / worked as f64;
        (known && left.is_finite() && left >= 0.0).then_some(left)
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
        let of_shell = ["HOSTNAME", "COMPUTERNAME"].map(std::env::var);
        let named = of_shell.into_iter().find_map(Result::ok);
        named.unwrap_or_else(|| "unknown".into())
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
    /// What is locked in its place.
    _beside: Option<File>,
    path: PathBuf,
    holder: Holder,
    began: Instant,
    ended: bool,
    /// Another process has the folder now.
    lost: bool,
    /// What is done then.
    when_lost: Option<Lost>,
}

/// Is given who has the folder now.
type Lost = Box<dyn FnOnce(&Holder) + Send>;

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Who panicked while counting left numbers behind, no more.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Who else has written the lease since: this process stood still for so long that another machine
    /// took it for dead.
    fn taken_over(&self) -> Option<Holder> {
        let written = read(&self.path)?;
        let same = (written.pid, &written.host) == (self.holder.pid, &self.holder.host);
        (!same).then_some(written)
    }

    /// Writes that the holder lives, unless it has lost the lease; then it says so, once.
    fn beat(&mut self) {
        if self.lost {
            return;
        }
        if let Some(other) = self.taken_over() {
            self.lost = true;
            if let Some(when_lost) = self.when_lost.take() {
                when_lost(&other);
            }
            return;
        }
        self.write();
    }

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
    /// is waited for, up to a minute; a report that is being written is waited for as well.
    ///
    /// # Errors
    /// `Error::Usage` where another process holds it; `Error::Interrupted`; `Error::Write`.
    pub fn take(folder: &Path, progress: &dyn Progress) -> Result<Self> {
        Self::take_as("", folder, progress)
    }

    /// The lease of a study's folder while its report is written: who comes meanwhile waits.
    ///
    /// # Errors
    /// As [`Lease::take`], where the other does not end within a minute.
    pub fn take_for_report(run: &Path, progress: &dyn Progress) -> Result<Self> {
        Self::take_as(REPORTING, run, progress)
    }

    /// The lease of a folder that nobody works in, without waiting for anybody.
    ///
    /// # Errors
    /// `Error::Usage` where another process may hold it; `Error::Write`.
    pub fn take_idle(folder: &Path) -> Result<Self> {
        if let Some(holder) = holder(folder) {
            return Err(refused(folder, Some(&holder), ""));
        }
        Self::take(folder, &Silent)
    }

    fn take_as(stage: &str, folder: &Path, progress: &dyn Progress) -> Result<Self> {
        create_dir(folder)?;
        let path = folder.join(NAME);
        let file = open(&path)?;
        let beside = LOCK_BESIDE.map(|name| open(&folder.join(name)));
        let beside = beside.transpose()?;
        let locked = beside.as_ref().unwrap_or(&file);
        lock(locked, folder, &path, stage, progress)?;
        let holder = Holder {
            stage: stage.into(),
            ..Holder::here()
        };
        if let Some(other) = read(&path).filter(|other| other.host != holder.host) {
            wait_for_death(folder, &path, &other, stage, progress)?;
        }
        let mut state = State {
            file,
            _beside: beside,
            path,
            holder,
            began: Instant::now(),
            ended: false,
            lost: false,
            when_lost: None,
        };
        state.write();
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let beating = Arc::clone(&shared);
        let beat = workers::spawn("lease", move || {
            let mut state = beating.lock();
            while !state.ended {
                let waited = beating.changed.wait_timeout(state, BEAT);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
                if !state.ended {
                    state.beat();
                }
            }
        })?;
        Ok(Self {
            shared,
            beat: Some(beat),
        })
    }

    /// What is done when another process has taken the folder over, because this one stood still for over
    /// a minute: it must not write there any more.
    pub fn when_lost(&self, done: impl FnOnce(&Holder) + Send + 'static) {
        self.shared.lock().when_lost = Some(Box::new(done));
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
            // An empty file says that nobody is here, to machines that do not see the lock as well. Of another
            // process's it would be a lie.
            if !state.lost && state.taken_over().is_none() {
                let _ = state.file.set_len(0);
            }
        }
        self.shared.changed.notify_all();
        if let Some(beat) = self.beat.take() {
            let _ = beat.join();
        }
    }
}

fn refused(folder: &Path, holder: Option<&Holder>, stage: &str) -> Error {
    let who = holder.map_or(String::new(), |holder| format!(" ({})", holder.words()));
    let hint = match stage {
        REPORTING => format!(
            "a study writes its report itself when it ends; `hdbench status {}` shows how far it is",
            folder.shown()
        ),
        _ => "wait for it to end, or give another --out".into(),
    };
    Error::usage(
        format!("{}: another hdbench is working here{who}", folder.shown()),
        hint,
    )
}

/// Who is written in the lease's file; nothing in an empty one, or one that is being written.
fn read(path: &Path) -> Option<Holder> {
    serde_json::from_slice(&read_file(path).ok()?).ok()
}

fn open(path: &Path) -> Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).read(true).write(true);
    without_waiting(&mut options)
        .open(path)
        .map_err(Error::write(path))
}

/// Locks the lease's file, or the one that stands for it.
fn lock(
    file: &File,
    folder: &Path,
    path: &Path,
    stage: &str,
    progress: &dyn Progress,
) -> Result<()> {
    let began = Instant::now();
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(e)) => return Err(Error::write(path)(e)),
        }
        let other = read(path);
        let writes_report = other.as_ref().is_some_and(|other| other.stage == REPORTING);
        let patience = match (writes_report, stage) {
            (true, _) => REPORT,
            (false, REPORTING) => REPORT_PATIENCE,
            (false, _) => PATIENCE,
        };
        if began.elapsed() > patience {
            return Err(refused(folder, other.as_ref(), stage));
        }
        if began.elapsed() > PATIENCE && !told {
            told = true;
            tell_of_wait(folder, other.as_ref(), progress);
        }
        pause(PATIENCE / 10, progress)?;
    }
}

fn tell_of_wait(folder: &Path, other: Option<&Holder>, progress: &dyn Progress) {
    let who = other.map_or("another hdbench".into(), Holder::words);
    progress.note(&format!("{}: waiting for {who}", folder.shown()));
}

/// Waits a moment.
///
/// # Errors
/// `Error::Interrupted`.
fn pause(moment: Duration, progress: &dyn Progress) -> Result<()> {
    if progress.interrupted() {
        return Err(Error::Interrupted {
            hint: "run the same command again".into(),
        });
    }
    std::thread::sleep(moment);
    Ok(())
}

/// Waits until a holder on another machine has not written for a minute. Its clock, or the file system's,
/// may be wrong: that it lives is seen by what it writes, not by when.
fn wait_for_death(
    folder: &Path,
    path: &Path,
    other: &Holder,
    stage: &str,
    progress: &dyn Progress,
) -> Result<()> {
    let look = || {
        (
            read_file(path).ok(),
            std::fs::metadata(path).and_then(|m| m.modified()).ok(),
        )
    };
    let first = look();
    // A time that has not come yet says nothing.
    let left = DEAD.saturating_sub(age(folder, path).unwrap_or_default());
    let began = Instant::now();
    if left > LOOK_EVERY {
        tell_of_wait(folder, Some(other), progress);
    }
    while began.elapsed() < left {
        pause(LOOK_EVERY, progress)?;
        if look() != first {
            return Err(refused(folder, Some(other), stage));
        }
    }
    Ok(())
}

/// How long ago the lease was written, by the clock of the file system; nothing for a time that has not
/// come yet.
fn age(folder: &Path, path: &Path) -> Option<Duration> {
    let probe: PathBuf = folder.join(format!(".lease-probe-{}", std::process::id()));
    let made = File::create(&probe).and_then(|file| file.metadata()?.modified());
    let _ = std::fs::remove_file(&probe);
    // Where nothing can be written, this machine's clock has to do.
    let now = made.unwrap_or_else(|_| std::time::SystemTime::now());
    since_written(path, now)
}

fn since_written(path: &Path, now: std::time::SystemTime) -> Option<Duration> {
    let written = std::fs::metadata(path).ok()?.modified().ok()?;
    now.duration_since(written).ok()
}

/// Who works in a folder now, if anybody does.
pub fn holder(folder: &Path) -> Option<Holder> {
    let path = folder.join(NAME);
    let held = {
        let file = open_file(&folder.join(LOCK_BESIDE.unwrap_or(NAME))).ok()?;
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    };
    let holder = read(&path);
    if held {
        return Some(holder.unwrap_or_default());
    }
    let elsewhere = holder.filter(|holder| holder.host != host())?;
    // Who lives writes every few seconds, and never in the future of the same clock. A look writes
    // nothing, so this machine's clock has to do.
    since_written(&path, std::time::SystemTime::now())
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
            holder.done = holder.done.saturating_add(units);
            // What an earlier start did is counted in one go and says nothing about the speed.
            if units > LARGEST_STEP {
                holder.skipped = holder.skipped.saturating_add(units);
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

    #[test]
    fn a_second_lease_is_refused_until_the_first_is_given_back() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lease::take(dir.path(), &Silent).unwrap();
        let refused = Lease::take(dir.path(), &Silent).err().unwrap().to_string();
        assert!(
            refused.contains(&format!("pid {}", std::process::id())),
            "{refused}"
        );
        drop(first);
        assert!(Lease::take(dir.path(), &Silent).is_ok());
    }

    #[test]
    fn others_see_who_works_and_how_far_it_is() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(holder(dir.path()), None);
        let lease = Lease::take(dir.path(), &Silent).unwrap();
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
        let other = other();
        std::fs::write(&path, serde_json::to_vec(&other).unwrap()).unwrap();
        assert_eq!(holder(dir.path()), Some(other.clone()));
        // It writes again while it is waited for.
        let writes = path.clone();
        let text = serde_json::to_vec(&other).unwrap();
        let living = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(1500));
            std::fs::write(&writes, text).unwrap();
        });
        let refused = Lease::take(dir.path(), &Silent).err().unwrap().to_string();
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
        assert!(Lease::take(dir.path(), &Silent).is_ok());
    }

    /// Stops at the first question.
    struct Stopped;

    impl Progress for Stopped {
        fn plan(&self, _units: u64) {}
        fn stage(&self, _cell: &str, _name: &str) {}
        fn advance(&self, _units: u64) {}
        fn note(&self, _line: &str) {}
        fn interrupted(&self) -> bool {
            true
        }
    }

    fn other() -> Holder {
        Holder {
            host: "another-machine".into(),
            pid: 1,
            ..Holder::default()
        }
    }

    fn put(dir: &Path, holder: &Holder, modified: std::time::SystemTime) {
        let path = dir.join(NAME);
        std::fs::write(&path, serde_json::to_vec(holder).unwrap()).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(modified).unwrap();
    }

    #[test]
    fn a_lease_from_the_future_is_nobodys_and_waiting_for_it_can_be_ended() {
        let dir = tempfile::tempdir().unwrap();
        let next_year = std::time::SystemTime::now() + Duration::from_secs(365 * 86_400);
        put(dir.path(), &other(), next_year);
        assert_eq!(holder(dir.path()), None);
        let stopped = Lease::take(dir.path(), &Stopped);
        assert!(matches!(stopped, Err(Error::Interrupted { .. })));
        // It writes: whatever the times are, it lives.
        let path = dir.path().to_path_buf();
        let living = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(500));
            let holder = Holder {
                seconds: 5.0,
                ..other()
            };
            put(&path, &holder, next_year);
        });
        let refused = Lease::take(dir.path(), &Silent).err().unwrap().to_string();
        assert!(refused.contains("pid 1 on another-machine"), "{refused}");
        living.join().unwrap();
    }

    #[test]
    fn a_holder_that_was_taken_for_dead_learns_it_and_writes_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let lease = Lease::take(dir.path(), &Silent).unwrap();
        let (send, told) = std::sync::mpsc::channel();
        lease.when_lost(move |holder| send.send(holder.clone()).unwrap());
        lease.shared.lock().beat();
        assert!(told.try_recv().is_err(), "it is our own");
        put(dir.path(), &other(), std::time::SystemTime::now());
        lease.shared.lock().beat();
        assert_eq!(told.try_recv().unwrap(), other());
        lease.shared.lock().beat();
        drop(lease);
        assert_eq!(read(&dir.path().join(NAME)), Some(other()));
    }

    #[test]
    fn a_start_waits_for_a_report_that_is_being_written() {
        let dir = tempfile::tempdir().unwrap();
        let report = Lease::take_for_report(dir.path(), &Silent).unwrap();
        let stopped = Lease::take(dir.path(), &Stopped);
        assert!(matches!(stopped, Err(Error::Interrupted { .. })), "waits");
        let path = dir.path().to_path_buf();
        let start = std::thread::spawn(move || Lease::take(&path, &Silent).is_ok());
        std::thread::sleep(2 * PATIENCE);
        drop(report);
        assert!(start.join().unwrap());
    }

    #[test]
    fn times_that_a_file_claims_are_no_panic() {
        for seconds in [f64::MAX, -1.0] {
            let holder = Holder {
                done: 2,
                total: u64::MAX,
                seconds,
                ..Holder::default()
            };
            assert_eq!(holder.seconds_left(), None);
        }
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
