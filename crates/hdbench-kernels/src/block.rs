use std::any::Any;
use std::sync::{Arc, OnceLock};

/// The maps of a dense block for the backward passes of its layers. Every layer's input is the first
/// channels of the block's output, so that alone is kept, once the block is finished, and no layer keeps
/// its own.
#[derive(Clone, Debug, Default)]
pub struct Block(Arc<OnceLock<Box<dyn Any + Send + Sync>>>);

impl Block {
    /// Keeps the output of the whole block.
    pub(super) fn keep<T: Any + Send + Sync>(&self, output: T) {
        // A second output would be another block's.
        let first = self.0.set(Box::new(output)).is_ok();
        debug_assert!(first, "a block has one output");
    }

    /// The block's output.
    pub(super) fn output<T: Any + Clone>(&self) -> T {
        let kept = self.0.get().and_then(|kept| kept.downcast_ref::<T>());
        kept.cloned()
            .expect("a block is finished before gradients are asked for")
    }
}
