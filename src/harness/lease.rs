use std::fs::{File, TryLockError};
use std::path::Path;

use crate::artifact::create_dir;
use crate::error::{Error, Result};

/// The right to write a folder: a second process is refused. The operating system gives it back
/// when its holder ends, however it ends.
pub struct Lease {
    _file: File,
}

impl Lease {
    /// Takes the folder's lease.
    pub fn take(folder: &Path) -> Result<Self> {
        create_dir(folder)?;
        let path = folder.join(".lease");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(Error::write(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::usage(
                format!("{}: another hdbench is working here", folder.display()),
                "wait for it to end, or give another --out",
            )),
            Err(TryLockError::Error(e)) => Err(Error::write(&path)(e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lease_is_refused_until_the_first_is_given_back() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lease::take(dir.path()).unwrap();
        assert!(Lease::take(dir.path()).is_err());
        drop(first);
        assert!(Lease::take(dir.path()).is_ok());
    }
}
