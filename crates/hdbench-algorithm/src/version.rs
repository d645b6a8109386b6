//! What an algorithm says its version is.
use std::path::Path;

use hdbench_ground::error::Result;

use crate::algorithm::Algorithm;
use crate::container::Container;

/// The first lines that the `version` command says; none without one. `scratch` is a folder that may be used for it.
///
/// # Errors
/// `Error::Usage` where it cannot be started or ends with another code than 0.
pub fn version_of(
    id: &str,
    algorithm: &Algorithm,
    container: Option<&Container>,
    scratch: &Path,
) -> Result<Option<String>> {
    let _ = (id, algorithm, container, scratch);
    Ok(None)
}
