//! What a run cost.

use serde::{Deserialize, Serialize};

/// What the prediction of a case, or a whole run, cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// From start to end by the clock.
    pub wall_seconds: f64,
    /// Of all its processes, in user and kernel mode; none where it cannot be seen (a container of an engine on
    /// another machine, a system without `/proc`).
    pub cpu_seconds: Option<f64>,
    /// Largest resident memory of all its processes together, MB of 10^6 bytes; what they share counts once, where the
    /// kernel tells it.
    pub peak_memory_mb: Option<f64>,
    /// Largest used memory of its GPUs, MB of 2^20 bytes as `nvidia-smi` gives it: of the whole card, whoever uses it,
    /// as FLARE measures.
    pub gpu_peak_mb: Option<f64>,
    /// The same integrated over the time, MB x s.
    pub gpu_area_mb_s: Option<f64>,
    /// Whether these are a run's values divided by its cases: when each case ended could not be seen. Peaks are never
    /// divided.
    pub divided: bool,
    /// Whether it is the first case of a run, which also loads the model.
    pub warm_up: bool,
}
