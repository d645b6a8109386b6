//! Sets of structures: what other programs' files become, and what is said of those that are wrong.

mod data;
mod built_in;
mod taken_over;
mod refused;
mod reread;
