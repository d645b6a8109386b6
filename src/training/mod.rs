//! Training: patches, loss, schedule, checkpoints, and the stages of the paper.

mod batch;
mod checkpoint;
mod loss;
mod plan;
mod sampler;
mod trainer;

pub use batch::Batch;
pub use checkpoint::{Checkpoint, LossRow, read_losses, write_losses};
pub use loss::{classification_loss, segmentation_loss};
pub use plan::{Frozen, StagePlan, stages};
pub use sampler::{Centres, IGNORED, Sampler, Target};
pub use trainer::{Saving, Session, Trained, prepare_network};
