//! The pictures of a report: charts, overlays, sheets of several cases, the viewer's stacks.

mod curves;
mod loss_plot;
mod burden_plot;
mod cost_plot;
mod dots;
mod rank_map;
mod size_plots;
pub mod overlay;
mod sheets;
pub(crate) mod viewer;

pub(crate) use burden_plot::BurdenPlot;
pub(crate) use cost_plot::CostPlot;
pub(crate) use curves::{Curve, curves};
pub(crate) use dots::DicePlot;
pub(crate) use loss_plot::{LossGrid, LossPlot};
pub(crate) use rank_map::RankMap;
pub(crate) use sheets::sheets;
pub(crate) use size_plots::{Detection, TumourSizes};
