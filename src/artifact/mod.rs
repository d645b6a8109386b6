//! Files as artefacts: atomic writes, content hashes, bounded readers, packed archives.

mod atomic;
mod deflate;
mod gzip;
mod hash;
mod tree;
mod xml;
mod zip;
mod zip_records;
mod zip_write;

pub use atomic::{create_dir, replace_dir, replace_file, sweep, write_atomic, write_atomic_with};
pub use deflate::EntryWriter;
pub use gzip::{MaybeGzip, gzip_writer};
pub use hash::{hash_bytes, hash_file};
pub use tree::{Tree, TreeFile};
pub use xml::xml_text;
pub use zip::{Archive, Entry, Refusal, Refused, is_zip};
pub use zip_write::pack_zip;
