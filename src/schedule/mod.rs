//! Which cells run and why: engines, leases, the queue of a cluster, what stands and what is open.

mod engine;
mod execution;
mod failure;
mod foresee;
mod lease;
mod queue;
mod reckon;
mod scored;
mod select;
mod slurm;
mod status;
mod verify;

pub use engine::{Engine, Local, Message, Slots, report as report_to_parent};
pub use execution::{Chosen, Outcome, run_study};
pub use failure::{CELL_RESERVE_BYTES, Reserve, record_failure};
pub use foresee::{Foreseen, foresee};
pub use lease::{Holder, Lease};
pub use queue::{QueuedJob, add_jobs, cancel};
pub use reckon::{Reckoned, reckon};
pub use scored::{StudyFolders, scored_of_study};
pub use select::{Selection, forget};
pub use slurm::{Job, Jobs, SlurmOptions, Submitted, command_list, submit};
pub use status::{CellState, CellStatus, model_problem, status};
pub use verify::{
    Checked, CheckedState, Mismatch, Reproduced, Verified, compare_runs, prepare_again, verify,
};
