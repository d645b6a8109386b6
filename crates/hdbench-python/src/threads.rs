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

/// Does one step of some work without the interpreter's lock, on the threads of this process; Ctrl-C before it or
/// during it is heard once it is done.
///
/// # Errors
/// What the step gives, as an exception; that of a signal.
pub fn step<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    py.check_signals()?;
    let done: Result<T, Error> = py.detach(|| pool()?.install(work));
    py.check_signals()?;
    done.map_err(|error| exception(py, &error))
}
