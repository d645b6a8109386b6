//! The threads that score, and the way to stop them.

use std::sync::{Arc, Mutex, PoisonError};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::workers::refused;
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

/// Does one step of some work on arrays of so many voxels without the interpreter's lock, on the threads of this
/// process; Ctrl-C before it or during it is heard once it is done.
///
/// # Errors
/// What the step gives, as an exception; that of a signal.
pub fn step<T: Send>(
    py: Python<'_>,
    voxels: usize,
    work: impl FnOnce() -> Result<T> + Send,
) -> PyResult<T> {
    py.check_signals()?;
    let done: Result<T, Error> = py.detach(|| {
        let is_alone = voxels <= SMALL_VOXELS && ALONE.with(Option::is_some);
        match is_alone {
            // The calling thread is a worker of its own pool now.
            true => work(),
            false => pool()?.install(work),
        }
    });
    py.check_signals()?;
    done.map_err(|error| exception(py, &error))
}
