//! Data sets on disk.

mod dataset;
