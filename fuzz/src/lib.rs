//! The modules under attack, included from the package by path (the manifest says why). They stand
//! at the root of this crate, so that their `crate::` paths mean the same as at home.

#[path = "../../src/text.rs"]
pub mod text;

#[path = "../../src/error.rs"]
pub mod error;

#[path = "../../src/progress.rs"]
pub mod progress;

#[path = "../../src/workers.rs"]
pub mod workers;

#[path = "../../src/memory.rs"]
pub mod memory;

#[path = "../../src/artifact/mod.rs"]
pub mod artifact;

#[path = "../../src/volume/mod.rs"]
pub mod volume;

pub mod input;
pub mod series;
