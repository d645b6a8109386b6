//! Training: patches, loss, schedule, checkpoints, and the stages of the paper.

mod batch;
mod checkpoint;
mod in_turn;
mod loss;
mod noise;
mod parity;
mod plan;
mod probe;
mod probe_file;
mod sampler;
mod sgd;
mod steps;
mod trainer;

pub use batch::{Batch, IGNORED};
pub use checkpoint::{Checkpoint, LossRow, read_losses, write_losses};
pub use loss::{presence_loss, segmentation_loss};
pub use noise::{Patch, noise};
pub use parity::{Agreement, Deviation, parity};
pub use plan::{Frozen, JOINT_STAGE, StagePlan, stages};
pub use probe::{Probe, Statistics, probe};
pub use probe_file::{read_batch, write_probe};
pub use sampler::{Centres, Sampler, Target};
pub use sgd::sgd;
pub use steps::Steps;
pub use trainer::{
    CheckpointPolicy, Losses, Session, StageLoss, Step, Trained, UnreadLosses, prepare_network,
    stage_loss,
};
