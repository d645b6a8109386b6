//! Files as artefacts: atomic writes, content hashes, bounded readers.

mod atomic;
mod gzip;
mod hash;
mod tree;
mod zip;

pub use atomic::{create_dir, replace_dir, replace_file, write_atomic, write_atomic_with};
pub use gzip::{MaybeGzip, gzip_writer};
pub use hash::{hash_bytes, hash_file};
pub use tree::{Tree, TreeFile};
pub use zip::{Archive, Entry, is_zip};
