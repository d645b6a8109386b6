//! The networks as Burn modules: each is built from widths, so that one definition serves the demo
//! and the paper's sizes.

mod adapters;
mod build;
mod bundle;
mod check;
mod dense;
mod dense_unet;
mod device;
mod hybrid;
mod initial;
mod kernels;
mod norm;
mod parameters;
mod pass;
mod device_specs;
mod residual;
mod spatial;
mod summary;
mod trace;
mod unet;
mod weights;

pub use adapters::{Adapter, AdapterKind, nvidia_cards, wgpu_adapters};
pub use build::{Input, Mode, Network, NetworkKind, Outputs};
pub use bundle::Bundle;
pub use check::{AGREEMENT_BOUND, agreement};
pub use dense::{DenseEncoder, Encoded, ORGANS, SliceClassifier};
pub use dense_unet::{Answer, DenseUNet, DenseUNetConfig};
pub use device::{Availability, DeviceSpec, survey};
pub use device_specs::DeviceSpecs;
pub use hybrid::{HDenseUNet, SliceAnswer, group_slices, ungroup_slices};
pub use initial::{identify, initialise};
pub use kernels::keep_kernels_in;
pub use parameters::{
    ParameterCount, Values, count_parameters, read, torch_gradients, torch_values, values,
};
pub use pass::{BatchStatistics, Pass, update_running};
pub use residual::ResidualNet;
pub use spatial::{ConvSpec, Convolution, Spatial};
pub use summary::{LayerSummary, NetworkSummary, summarise};
pub use unet::UNet;
pub(crate) use weights::finite;
pub use weights::{LoadReport, export_weights, import_weights, is_torchvision, load_encoder};
