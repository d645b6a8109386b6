//! The threads that score, and the way to stop them.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hdbench_ground::error::Result;
use hdbench_ground::progress::Stop;
use hdbench_ground::workers::{of_panic, refused};
use pyo3::prelude::*;
use rayon::ThreadPool;

use crate::failure::exception;

/// The pool with the process that it is of.
static POOL: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);

/// The threads of this process. After a fork, which takes no thread along, they are new ones: a pool of the parent
/// would never answer.
pub fn pool() -> Result<Arc<ThreadPool>> {
    let process = std::process::id();
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    match &*pool {
        Some((owner, threads)) if *owner == process => Ok(Arc::clone(threads)),
        _ => {
            let built = rayon::ThreadPoolBuilder::new().build();
            let threads = Arc::new(built.map_err(|e| refused(std::io::Error::other(e)))?);
            // The threads of a parent cannot be ended here.
            std::mem::forget(pool.replace((process, Arc::clone(&threads))));
            Ok(threads)
        }
    }
}

/// Arrays with more voxels are worth more than one thread: of fewer, handing the work over takes longer than it saves.
const SMALL_VOXELS: usize = 1 << 19;

thread_local! {
    /// The calling thread as a pool of its own; none where the system gives none.
    static ALONE: Option<ThreadPool> = {
        let one = rayon::ThreadPoolBuilder::new().num_threads(1);
        one.use_current_thread().build().ok()
    };
}

/// How often a signal is looked for while the work goes on elsewhere.
const LOOK: Duration = Duration::from_millis(50);

/// Does some work on arrays of so many voxels without the interpreter's lock, on the threads of this process. Ctrl-C
/// before it or after it is heard; during it as well, where there is so much to do that a thread more is nothing.
///
/// # Errors
/// What the work gives, as an exception; that of a signal.
pub fn step<T: Send>(
    py: Python<'_>,
    voxels: usize,
    stop: &Stop,
    work: impl FnOnce() -> Result<T> + Send,
) -> PyResult<T> {
    if voxels > SMALL_VOXELS || ALONE.with(Option::is_none) {
        return heard(py, stop, || pool()?.install(work));
    }
    py.check_signals()?;
    // The calling thread is a worker of its own pool now.
    let done = py.detach(work);
    py.check_signals()?;
    done.map_err(|error| exception(py, &error))
}

/// Does some work on a thread of its own while this one, which alone is told of signals, listens: on Ctrl-C the work is
/// asked to stop, and waited for.
///
/// # Errors
/// What the work gives, as an exception; that of a signal.
pub fn heard<T: Send>(
    py: Python<'_>,
    stop: &Stop,
    work: impl FnOnce() -> Result<T> + Send,
) -> PyResult<T> {
    py.check_signals()?;
    let mut signal = None;
    let done: Result<T> = py.detach(|| {
        std::thread::scope(|scope| {
            let (at_work, ended) = channel::<()>();
            let worker = std::thread::Builder::new().spawn_scoped(scope, || {
                let _at_work = at_work;
                work()
            });
            let worker = worker.map_err(refused)?;
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(LOOK) {
                if let Err(error) = Python::attach(|py| py.check_signals()) {
                    stop.ask();
                    signal = Some(error);
                    break;
                }
            }
            worker.join().unwrap_or_else(|panic| Err(of_panic(&*panic)))
        })
    });
    if let Some(signal) = signal {
        return Err(signal);
    }
    py.check_signals()?;
    done.map_err(|error| exception(py, &error))
}
