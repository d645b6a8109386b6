//! What every target does with its bytes and with the answers of a reader.

use std::fs;
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, ExitCode, Result};
use hdbench_ground::text::shown_path;

/// A file of this process for one input, in the system's temporary folder (`scripts/fuzz.sh` puts
/// that into memory).
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("hdbench-fuzz-{}-{name}", std::process::id()));
    fs::write(&path, bytes).expect("the temporary folder can be written");
    path
}

/// The file beside every other in the temporary folder, which headers may name as that of their voxels.
pub const VOXELS: &str = "v.raw";

/// The value; or nothing, once the error has been found to be what the house promises: bad input,
/// the file by name, a remedy.
pub fn answer<T>(path: &Path, result: Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
            assert_eq!(error.exit_code(), ExitCode::BadInput);
            let text = error.to_string();
            assert!(text.contains("\nhint: "), "{text}");
            let beside = path.with_file_name(VOXELS);
            let is_named = [path, &beside].iter().any(|path| text.contains(&*shown_path(path)));
            assert!(is_named, "{text}");
            None
        }
    }
}
