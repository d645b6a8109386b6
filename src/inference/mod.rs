//! Prediction of a CT: the coarse liver, windows over its box, post-processing.

mod predict;
pub mod postprocess;
mod windows;

pub use predict::{Coarse, Predictor, SliceFeatureCache};
pub use windows::{Accumulator, Region, Windows, starts};
