//! A study and its cells: what has to be done, what is done already, and doing the rest.

mod cell;
mod environment;
mod inputs;
mod lease;
mod memory;
mod predict;
mod record;
mod run;
mod score;
mod study;
mod train;

pub use cell::{Cell, cells_of};
pub use environment::{Environment, hardware_line};
pub use inputs::{Inputs, TestCase};
pub use lease::Lease;
pub use memory::PeakMemory;
pub use predict::{load_model, model_folder, predict_file};
pub use record::{CellRecord, StageRecord, Status};
pub use run::{Outcome, run_cell, run_study};
pub use study::{Data, Phantoms, Study};
