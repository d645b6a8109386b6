//! What a study's file says about an algorithm, and what of it is refused.
//!
//! A module uses only modules above it in this list.

pub(crate) mod quantity;
pub(crate) mod placeholder;
pub(crate) mod labels;
pub(crate) mod runtime;
pub(crate) mod algorithm;
pub(crate) mod check;
