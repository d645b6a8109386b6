//! Our own format: read with the line of whatever is wrong, and written.

mod table;
mod instances;
mod read;
mod write;

pub(super) use read::read;
