//! What a forward pass convolves: written down while it runs, for a summary of the network.

use std::cell::RefCell;

use burn::module::ParamId;

/// A convolution that ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Of its kernels.
    pub kernels: ParamId,
    /// `[n, channels, (z,) y, x]`.
    pub output: Vec<usize>,
    /// How often every kernel value is multiplied.
    pub places: u64,
}

thread_local! {
    static STEPS: RefCell<Option<Vec<Step>>> = const { RefCell::new(None) };
}

/// Writes a convolution down, if somebody on this thread wants to know.
pub(super) fn convolved(kernels: ParamId, output: &[usize], places: u64) {
    STEPS.with_borrow_mut(|steps| {
        if let Some(steps) = steps {
            steps.push(Step {
                kernels,
                output: output.to_vec(),
                places,
            });
        }
    });
}

/// Runs a forward pass and returns its convolutions in order.
pub(super) fn traced(forward: impl FnOnce()) -> Vec<Step> {
    STEPS.set(Some(Vec::new()));
    forward();
    STEPS.take().unwrap_or_default()
}
