use std::collections::BTreeMap;

use crate::cell::iterations;
use crate::cost::measure;
use crate::error::{Error, Result};
use crate::network::NetworkKind;
use crate::progress::Progress;
use crate::study::Study;
use crate::training::{Patch, stages};

/// What training a cell will cost, from a step that was timed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EstimatedCost {
    /// All iterations of all stages, s; each taken for a step of the last stage.
    pub seconds: f64,
    /// Of the process that timed it, MB (10^6 bytes).
    pub peak_memory_mb: Option<f64>,
}

/// Times a training step of each part on noise, on the study's device, in the pool of threads that this is
/// called in.
///
/// # Errors
/// `Error::Usage` where the device is not to be had; `Error::Interrupted`.
pub fn estimate_cost(
    study: &Study,
    parts: impl IntoIterator<Item = NetworkKind>,
    progress: &dyn Progress,
) -> Result<BTreeMap<NetworkKind, EstimatedCost>> {
    let device = study.devices()?.swap_remove(0);
    let mut estimated = BTreeMap::new();
    for part in parts {
        if progress.interrupted() {
            return Err(Error::Interrupted {
                hint: "nothing was changed; run it again".into(),
            });
        }
        progress.stage("", &format!("timing a step of {part}"));
        let patch = Patch {
            shards: study.shards,
            ..Patch::of(part, &study.recipe, &study.scale)
        };
        let measured = measure(part, &study.recipe, &study.scale, patch, &device, 1, 0)?;
        let steps = iterations(&stages(part, &study.recipe, &study.scale));
        let one = EstimatedCost {
            seconds: measured.step_seconds[0] * steps as f64,
            peak_memory_mb: measured.step_memory_mb,
        };
        estimated.insert(part, one);
    }
    Ok(estimated)
}
