//! The name that no case may have.

use std::path::Path;

use hdbench_ground::error::{Error, Result};

/// What tables call all cases together.
pub const ALL_CASES: &str = "_all";

/// Refuses a case that is called as all of them are: every table would take it for a sum and leave it out.
pub fn refuse_name_of_all<'a>(root: &Path, mut names: impl Iterator<Item = &'a str>) -> Result<()> {
    if names.any(|name| name == ALL_CASES) {
        return Err(Error::malformed(
            root,
            format!("a case is called {ALL_CASES}, which is how tables name all cases together"),
            "give its files another name",
        ));
    }
    Ok(())
}
