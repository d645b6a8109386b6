//! `hdbench evaluate`.

mod told;
mod results;
mod cases;
mod command;
mod choices;

pub use command::Evaluate;
