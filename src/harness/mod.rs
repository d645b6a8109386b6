//! A study and its cells: what has to be done, what is done already, and doing the rest.

mod bounded;
mod case_cost;
mod cell;
mod challenge;
mod engine;
mod environment;
mod failure;
mod fold;
mod foresee;
mod held_out;
mod inputs;
mod leakage;
mod lease;
mod measure;
mod memory;
mod own_folder;
mod predict;
mod pretraining;
mod queue;
mod reckon;
mod record;
mod run;
mod schedule;
mod score;
mod scored;
mod select;
mod sight;
mod slurm;
mod status;
mod study;
mod study_rules;
mod threshold;
mod train;
mod verify;

pub use case_cost::{CaseCost, CostStage, TimedWindows, case_cost};
pub use cell::{Cell, cells_of, check_belongs};
pub use challenge::ChallengeAnswer;
pub use engine::{Engine, Local, Message, Slots, report as report_to_parent};
pub use environment::{Build, Environment, Machine, hardware_line};
pub use failure::{CELL_RESERVE_BYTES, Reserve, record_failure};
pub use fold::{Fold, Leak, Role, TestCase};
pub use foresee::{Foreseen, foresee};
pub use held_out::{Seen, seen, study_of};
pub use inputs::{Inputs, LockedCase, fold_roles, lock_is_empty, test_case_hashes};
pub use lease::{Holder, Lease};
pub use measure::{Measured, Patch, measure};
pub use memory::PeakMemory;
pub use own_folder::refuse_foreign;
pub use predict::{
    Found, Model, Segmented, load_model, model_folder, predict_file, prediction_path,
    prediction_seconds,
};
pub use queue::{QueuedJob, add_jobs, cancel};
pub use reckon::{Reckoned, reckon};
pub use record::{CellRecord, StageRecord, Status};
pub use run::run_cell;
pub use schedule::{Chosen, Outcome, run_study};
pub use scored::{StudyFolders, scored_of_study};
pub use select::{Selection, forget};
pub use sight::Sight;
pub use slurm::{Job, Jobs, SlurmOptions, Submitted, command_list, submit};
pub use status::{CellState, CellStatus, model_problem, status};
pub use study::{Data, Phantoms, Study, Transfer, own_cache};
pub use threshold::threshold_liver;
pub use verify::{
    Checked, CheckedState, Mismatch, Reproduced, Verified, compare_runs, prepare_again, verify,
};
