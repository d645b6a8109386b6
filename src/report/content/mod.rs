//! What a report is made from: plain data, without a date or a machine path.

mod score;
mod stages;
mod row;
mod views;
mod study;

pub(crate) use row::fold_name;
pub use row::{
    CaseScore, Cost, Estimate, ExternalCost, NetworkRow, RowStatus, StageCost, Training,
};
pub use score::Score;
pub(crate) use stages::{JOINT_RATIO, LEARNED_RATIO};
pub use stages::{LossPoint, StageCheck, stage_checks};
pub use study::{Content, FoldFacts, LeakFacts, StudyKind};
pub use views::{CaseOverlay, Predicted, Stack, StackPrediction};
