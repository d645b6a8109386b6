//! What a network costs: seconds and memory of a step, of a prediction, of a case.

mod case_cost;
mod machine_clock;
mod measure;
mod memory;

pub use case_cost::{CaseCost, CostStage, TimedWindows, case_cost};
pub use machine_clock::MachineClock;
pub use measure::{Measured, measure};
pub use memory::PeakMemory;
