//! `hdbench evaluate`.

mod told;
mod results;
mod cases;
mod command;
mod origin;
mod choices;

pub use command::Evaluate;
