//! What a cell's work is worth on a progress bar.

use super::stage::is_predicted;
use crate::network::NetworkKind;
use crate::recipe::Variant;
use crate::study::{Algorithm, Cell, Inputs, Study};
use crate::training::{StagePlan, stages};

/// Iterations of all stages.
pub fn iterations(plans: &[StagePlan]) -> usize {
    plans.iter().map(|plan| plan.iterations).sum()
}

/// Units of progress an iteration is worth: milliseconds of the demo's on the machine it was tuned
/// on, so that the time left is right before every kind of step has been seen.
pub fn training_units(part: NetworkKind) -> u64 {
    match part {
        NetworkKind::Encoder | NetworkKind::Coarse => 30,
        NetworkKind::Variant(Variant::DenseUNet3d) => 140,
        NetworkKind::Variant(Variant::UNet) => 140,
        NetworkKind::Variant(Variant::ResNet) => 200,
        NetworkKind::Variant(Variant::HDenseUNet) => 330,
        NetworkKind::Variant(_) => 85,
    }
}

/// Units of progress a predicted case is worth.
pub fn predicting_units(algorithm: Algorithm) -> u64 {
    match algorithm {
        Algorithm::Network(NetworkKind::Encoder) => 0,
        Algorithm::Network(NetworkKind::Coarse) => 100,
        Algorithm::Network(NetworkKind::Variant(Variant::HDenseUNet)) => 1200,
        // How long somebody else's takes is not known before it has run.
        Algorithm::Network(NetworkKind::Variant(_)) | Algorithm::External(_) => 600,
    }
}

/// Units of progress the training of somebody else's algorithm is worth, which says nothing of itself before its end: a
/// quarter of an hour.
pub const OTHERS_TRAINING: u64 = 900_000;

/// Units of progress a cell is worth.
pub fn units(study: &Study, inputs: &Inputs, cell: Cell) -> u64 {
    let training = match cell.algorithm.network() {
        Some(part) => {
            let plans = stages(part, &study.recipe, &study.scale);
            training_units(part) * iterations(&plans) as u64
        }
        None => {
            let external = study.external(cell.algorithm);
            let trains = external.is_some_and(|external| !external.train.is_empty());
            u64::from(trains) * OTHERS_TRAINING
        }
    };
    let fold = inputs.folds.iter().find(|fold| fold.index == cell.fold);
    let predicting = fold
        .filter(|fold| is_predicted(study, fold.role, cell))
        .map_or(0, |fold| {
            predicting_units(cell.algorithm) * fold.test.len() as u64
        });
    training + predicting
}
