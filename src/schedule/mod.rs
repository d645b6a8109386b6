//! Which cells run and why: engines, leases, the queue of a cluster, what stands and what is open.

mod engine;
mod execution;
mod failure;
mod foresee;
mod jobs;
mod lease;
mod local;
mod queue;
mod estimate_cost;
mod reproduce;
mod scored;
mod script;
mod select;
mod slurm;
mod status;
mod verify;

pub use engine::{Engine, Handed, Ran, Start, Submitted};
pub use estimate_cost::{EstimatedCost, estimate_cost};
pub use execution::{Chosen, EngineOutcome, Executor, run_study};
pub use failure::{CELL_RESERVE_BYTES, Reserve, record_failure};
pub use foresee::{Foreseen, foresee};
pub use jobs::{Job, Jobs};
pub use lease::{Holder, Lease};
pub use local::{Local, Message, Slots};
pub use queue::{QueuedJob, cancel};
pub use reproduce::{Apart, Reproduced, compare_runs, prepare_again};
pub use scored::{StudyFolders, scored_of_study};
pub use script::Script;
pub use select::{Selection, discard, forget};
pub use slurm::Slurm;
pub use status::{CellState, CellStatus, add_jobs, model_problem, status};
pub use verify::{Checked, CheckedState, Mismatch, Verified, verify};
