//! The pictures of a report: charts, overlays, sheets of several cases, the viewer's stacks.

mod curves;
mod loss_plot;
mod cost_plot;
mod dots;
pub mod overlay;
mod sheets;
pub(crate) mod viewer;

pub(crate) use cost_plot::CostPlot;
pub(crate) use curves::{Curve, curves};
pub(crate) use dots::dice_dots;
pub(crate) use loss_plot::{LossGrid, LossPlot};
pub(crate) use sheets::sheets;
