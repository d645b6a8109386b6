//! The cases, laid out as an algorithm takes them.
//!
//! A module uses only modules above it in this list.

pub(crate) mod convert;
pub(crate) mod staged;
pub(crate) mod originals;
pub(crate) mod training;
