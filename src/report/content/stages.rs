//! The check that every stage of every training learned something.

use serde::{Deserialize, Serialize};

use crate::training::JOINT_STAGE;

/// The loss of one iteration.
#[derive(Clone, Debug, PartialEq)]
pub struct LossPoint {
    /// Iteration, counted over the whole training or from 0 in every stage; the order decides.
    pub iteration: usize,
    /// Name of the stage.
    pub stage: String,
    /// Loss of the batch.
    pub loss: f64,
}

/// A stage counts as having learned when the mean loss of its last tenth is at most this part of
/// the mean loss of its first tenth ...
pub(crate) const LEARNED_RATIO: f64 = 0.8;
/// ... or this part, where all its parts have learned before.
pub(crate) const JOINT_RATIO: f64 = 1.0;

/// Mean losses at the two ends of one training stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageCheck {
    /// Name of the stage.
    pub stage: String,
    /// Number of iterations.
    pub iterations: usize,
    /// Mean loss of the first tenth (at least one iteration).
    pub first_tenth: f64,
    /// Mean loss of the last tenth (at least one iteration).
    pub last_tenth: f64,
}

impl StageCheck {
    /// Last tenth over first tenth.
    pub fn ratio(&self) -> f64 {
        self.last_tenth / self.first_tenth
    }

    /// Up to what ratio the stage counts as having learned.
    pub fn limit(&self) -> f64 {
        match self.stage.as_str() {
            JOINT_STAGE => JOINT_RATIO,
            _ => LEARNED_RATIO,
        }
    }

    /// Whether the loss fell as far as it has to.
    pub fn learned(&self) -> bool {
        self.ratio() <= self.limit()
    }
}

/// Splits a training into its stages (runs of points with one stage name) and compares the ends of
/// each. A loss that is not a number makes the mean it belongs to NaN, and the check fails.
pub fn stage_checks(losses: &[LossPoint]) -> Vec<StageCheck> {
    losses
        .chunk_by(|a, b| a.stage == b.stage)
        .map(|stage| {
            let tenth = stage.len().div_ceil(10);
            StageCheck {
                stage: stage[0].stage.clone(),
                iterations: stage.len(),
                first_tenth: mean(&stage[..tenth]),
                last_tenth: mean(&stage[stage.len() - tenth..]),
            }
        })
        .collect()
}

fn mean(points: &[LossPoint]) -> f64 {
    points.iter().map(|p| p.loss).sum::<f64>() / points.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(stage: &str, losses: &[f64]) -> Vec<LossPoint> {
        losses
            .iter()
            .enumerate()
            .map(|(iteration, &loss)| LossPoint {
                iteration,
                stage: stage.into(),
                loss,
            })
            .collect()
    }

    #[test]
    fn tenths_are_taken_of_each_stage_alone() {
        let mut losses = points(
            "warm-up",
            &(0..20).map(|i| 20.0 - i as f64).collect::<Vec<_>>(),
        );
        losses.extend(points("fine-tune", &[4.0, 9.0, 3.9]));
        let checks = stage_checks(&losses);
        assert_eq!(checks.len(), 2);
        assert_eq!((checks[0].first_tenth, checks[0].last_tenth), (19.5, 1.5));
        assert!(checks[0].learned());
        assert_eq!((checks[1].first_tenth, checks[1].last_tenth), (4.0, 3.9));
        assert!(!checks[1].learned());
        // What goes on from networks that have learned has less to gain.
        for (last, learned) in [(3.9, true), (4.1, false)] {
            let joint = stage_checks(&points("joint", &[4.0, 9.0, last]));
            assert_eq!(joint[0].learned(), learned);
        }
    }

    #[test]
    fn a_loss_that_is_not_a_number_never_passes() {
        assert!(!stage_checks(&points("a", &[2.0, 1.0, f64::NAN]))[0].learned());
        assert!(stage_checks(&[]).is_empty());
    }
}
