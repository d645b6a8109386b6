//! `hdbench evaluate`.

mod told;
mod results;
mod cases;
mod command;
mod choices;
mod origin;

pub use command::Evaluate;
