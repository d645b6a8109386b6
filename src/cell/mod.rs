//! A cell: its record, and the stages that fill it: training, predicting, scoring.

mod challenge;
mod external;
mod made;
mod predict;
mod record;
mod run;
mod score;
mod stage;
mod train;
mod units;

pub use challenge::ChallengeAnswer;
pub use external::{ExternalModel, Keep};
pub(crate) use external::{WORKING, changed_external};
pub(crate) use made::{BEGUN, begun_predictions, tested_on};
pub use made::{Taken, measured, prediction_seconds, taken};
pub(crate) use predict::key_of as prediction_key;
pub use predict::{Model, PredictedVolumes, Segmented, load_model, model_folder, predict_file};
pub use record::{CellRecord, PREDICTIONS, StageRecord, Status, prediction_path};
pub(crate) use record::{files_below, words};
pub use run::run_cell;
pub(crate) use score::score_key;
pub use stage::{Stage, is_predicted};
pub(crate) use train::made_from;
pub(crate) use units::iterations;
pub use units::units;
