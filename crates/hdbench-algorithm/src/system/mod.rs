//! What one system does otherwise than another: groups of processes and their ends, who may write, and who a container
//! runs as.

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(crate) use other::*;
#[cfg(unix)]
pub(crate) use unix::*;
