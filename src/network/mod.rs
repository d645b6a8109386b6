//! The networks as Burn modules: each is built from widths, so that one definition serves the demo
//! and the paper's sizes.

mod build;
mod bundle;
mod dense;
mod dense_unet;
mod hybrid;
mod initial;
mod norm;
mod parameters;
mod pass;
mod residual;
mod spatial;
mod summary;
mod trace;
mod unet;

pub use build::{Answers, Input, Mode, Network, Part};
pub use bundle::{Bundle, LoadReport, load_encoder};
pub use dense::{DenseEncoder, Encoded, SliceClassifier};
pub use dense_unet::{Answer, DenseUNet, DenseUNetConfig};
pub use hybrid::{HDenseUNet, group_slices, ungroup_slices};
pub use initial::{identify, initialise};
pub use parameters::{ParameterCount, Values, count_parameters, values};
pub use pass::Pass;
pub use residual::ResidualNet;
pub use spatial::{ConvSpec, Convolution, Spatial};
pub use summary::{LayerSummary, NetworkSummary, summarise};
pub use unet::UNet;
