//! A study: what its file says, its cases found, hashed, prepared and divided into folds, and the cells that follow
//! from it.

mod algorithm;
mod bounded;
mod cell;
mod environment;
mod fold;
mod folds;
mod held_out;
mod inputs;
mod kernels;
mod leakage;
mod lock;
mod own_folder;
pub(crate) mod pretraining;
mod ready;
mod rules;
mod sight;
mod definition;
mod threshold;

pub use algorithm::{Algorithm, AlgorithmId};
pub use cell::{Cell, NetworkCell, cells_of, check_belongs, row_cells};
pub(crate) use definition::is_undivided;
pub use definition::{Data, Phantoms, Study, Transfer, own_cache};
pub use environment::{Build, Environment, ExternalFacts, Machine, hardware_line};
pub use fold::{Fold, Leak, Role, TestCase};
pub use held_out::{Seen, seen, study_of};
pub use inputs::Inputs;
pub use kernels::KERNELS;
pub use lock::{LockedScan, fold_roles, lock_is_empty, test_case_hashes};
pub(crate) use lock::{
    PreparedFold, StudyLock, differences, locked_cases, locked_folds, locked_split, read_lock,
};
pub(crate) use own_folder::UNRECORDED;
pub use own_folder::refuse_foreign;
pub(crate) use pretraining::pretraining_problems;
pub(crate) use rules::fault_of_algorithms;
pub use sight::Sight;
pub use threshold::threshold_liver;
