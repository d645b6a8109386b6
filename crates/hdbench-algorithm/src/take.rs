//! A prediction in, on its CT's grid and in this program's labels.

use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_volume::Volume;

use crate::algorithm::Algorithm;

/// A prediction that can be scored.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// 0 background, 1 liver, 2 lesion, on the grid of the CT, `[z, y, x]`.
    pub labels: Volume<u8>,
    /// What was done to it or is odd about it, one line each.
    pub notes: Vec<String>,
}

/// Reads what an algorithm wrote for a case; `image` is the case's CT.
///
/// # Errors
/// `Error::Malformed` naming the file.
pub fn take(path: &Path, image: &Path, algorithm: &Algorithm) -> Result<Taken> {
    let _ = (path, image, algorithm);
    Err(Error::Internal("not there yet".into()))
}
