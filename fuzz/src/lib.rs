//! What every target does with its bytes and with the answers of a reader.

use std::fs;
use std::path::{Path, PathBuf};

use hdbench::error::{Error, ExitCode, Result};
use hdbench::evaluation::structures::{StructureSet, read};
use hdbench::evaluation::{Options, StructuresPlan};

/// A file of this process for one input, in a folder of its own in the system's temporary folder
/// (`scripts/fuzz.sh` puts that into memory).
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("hdbench-fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("the temporary folder can be written");
    let path = folder.join(name);
    fs::write(&path, bytes).expect("the temporary folder can be written");
    path
}

/// The value; or nothing, once the error has been found to be what the house promises: bad input, the file
/// by name, a remedy, and a text that somebody could read.
pub fn answer<T>(path: &Path, result: Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        // A file that is no text at all.
        Err(Error::Read { path: named, .. }) => {
            assert_eq!(named, path);
            None
        }
        Err(error) => {
            assert_eq!(error.exit_code(), ExitCode::BadInput, "{error:?}");
            let text = error.to_string();
            assert!(text.contains("\nhint: "), "{text}");
            assert!(text.contains(&*path.to_string_lossy()), "{text}");
            assert!(text.len() < 16_384, "{} bytes of an error", text.len());
            None
        }
    }
}

/// A set of structures in a file of any format: an error, or a set that is the same once written and read again.
pub fn set_of_structures(path: &Path) {
    let Some(set) = answer(path, read(path)) else {
        return;
    };
    let text = set.to_toml();
    let again = StructureSet::from_toml(&text, Path::new("again.toml"));
    assert_eq!(again.expect("what is written can be read"), set, "{text}");
    let plan = StructuresPlan::of(&set, Options::default());
    for structure in &plan.metrics.structures {
        assert!(!structure.label.name().is_empty());
        assert!(!structure.values.holds(0), "background is no structure");
    }
}
