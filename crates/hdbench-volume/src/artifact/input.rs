use std::fmt;
use std::fs::{File, FileType};
use std::io::{self, Read};
use std::path::Path;

use hdbench_ground::error::{Error, Result, is_absent};
use serde::de::DeserializeOwned;

use super::system;

/// Opens a file for reading that somebody named, and looks first what it is: opening a pipe that nobody
/// writes to waits for ever, and a device like `/dev/zero` never ends. A folder opens, as the system has it,
/// and refuses to be read.
///
/// # Errors
/// The system's; `ErrorKind::InvalidInput` for a pipe, a socket or a device, with a hint.
pub fn open_file(path: &Path) -> io::Result<File> {
    refuse(std::fs::metadata(path)?.file_type())?;
    // What lies there may be another one by now: opening never waits, and it is looked at again.
    let file = system::open_at_once(path)?;
    refuse(file.metadata()?.file_type())?;
    Ok(file)
}

/// [`std::fs::read`] by [`open_file`].
///
/// # Errors
/// As [`open_file`].
pub fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = open_file(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// [`std::fs::read_to_string`] by [`open_file`].
///
/// # Errors
/// As [`open_file`]; `ErrorKind::InvalidData` for what is no UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    let mut file = open_file(path)?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// A file that may not have been written yet: none where nothing lies.
///
/// # Errors
/// `Error::Read`.
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    match read_file(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if is_absent(&e) => Ok(None),
        Err(e) => Err(Error::read(path)(e)),
    }
}

/// A JSON file of ours that may not have been written yet: none where nothing lies. `expected` and `hint` say
/// what it is and what to do where it is not that.
///
/// # Errors
/// `Error::Read`; `Error::Malformed`.
pub fn json_if_there<T: DeserializeOwned>(
    path: &Path,
    expected: &str,
    hint: &str,
) -> Result<Option<T>> {
    let Some(bytes) = read_if_there(path)? else {
        return Ok(None);
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|e| Error::malformed(path, format!("expected {expected}: {e}"), hint))
}

fn refuse(found: FileType) -> io::Result<()> {
    match system::no_file(found) {
        Some(what) => Err(io::Error::new(io::ErrorKind::InvalidInput, NoFile(what))),
        None => Ok(()),
    }
}

/// What lies in place of a file.
#[derive(Debug)]
struct NoFile(&'static str);

impl fmt::Display for NoFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "expected a file, found {}\nhint: inputs are read more than once: save it to a file first \
             (COMMAND > FILE) and name that",
            self.0
        )
    }
}

impl std::error::Error for NoFile {}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn only_what_ends_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("file"), "content").unwrap();
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        assert_eq!(read_text(&at("link")).unwrap(), "content");
        let made = std::process::Command::new("mkfifo")
            .arg(at("pipe"))
            .status();
        assert!(made.unwrap().success());
        let _socket = UnixListener::bind(at("socket")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", at("zeros")).unwrap();
        for (name, what) in [
            ("pipe", "found a pipe"),
            ("socket", "found a socket"),
            ("zeros", "found a device"),
        ] {
            let told = open_file(&at(name)).unwrap_err().to_string();
            assert!(
                told.contains(what) && told.contains("COMMAND > FILE"),
                "{told}"
            );
            assert!(read_file(&at(name)).is_err());
        }
        assert_eq!(
            open_file(&at("none")).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }
}
