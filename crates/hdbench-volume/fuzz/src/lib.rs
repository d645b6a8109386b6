//! What the targets share: bytes as files, and what is asked of every answer.

pub mod input;
pub mod image;
pub mod series;
