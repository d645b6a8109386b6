//! Files as artefacts: atomic writes, content hashes, bounded readers, packed archives.

mod atomic;
mod folder;
mod hash;
mod recorded;
mod results;
mod system;
mod target;
mod input;
mod number_text;
mod packed_stream;
mod gzip;
mod reopened;
mod shared_file;
mod tree;
mod zip_agreement;
mod zip;
mod zip_write;

pub use atomic::{create_dir, replace_file, write_atomic, write_atomic_with};
pub use folder::{Owned, remove_owned, replace_dir, sweep};
pub(crate) use gzip::Packing;
pub use gzip::{MaybeGzip, gzip_writer};
pub use hash::{hash_bytes, hash_file};
pub use input::{json_if_there, open_file, read_file, read_if_there, read_text};
pub use recorded::{FileRecord, FileRecords, FileState, Look, record_files, settle, unlike};
pub use reopened::{ReopenedFile, Same};
pub use results::{Results, begins_with, json_says};
pub use system::{is_same_file, number_of, symlink};
pub use target::{
    is_standard_output, is_stream, refuse_input, refuse_input_inside, refuse_output_inside,
};
pub use tree::{Tree, TreeFile};
pub use zip::{Archive, Entry, Refusal, Refused, is_zip};
pub use zip_write::pack_zip;
