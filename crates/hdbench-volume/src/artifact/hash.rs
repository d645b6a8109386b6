use std::io;
use std::path::Path;

use hdbench_ground::error::{Error, Result};

use super::input::open_file;

/// BLAKE3 of bytes in memory, hexadecimal.
pub fn hash_bytes(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// BLAKE3 of a file's bytes, hexadecimal, read in pieces.
pub fn hash_file(path: &Path) -> Result<String> {
    let mut file = open_file(path).map_err(Error::read(path))?;
    let mut hasher = blake3::Hasher::new();
    io::copy(&mut file, &mut hasher).map_err(Error::read(path))?;
    Ok(hasher.finalize().to_hex().to_string())
}
