//! The charts of an analysis: how sure its order is, tumours by their size, agreement of the tumour burden, scores by
//! case.

mod rank_map;
mod size_plots;
mod burden_plot;
mod choice_map;
mod critical_plot;
mod dot_plot;
mod case_dots;

pub use burden_plot::BurdenPlot;
pub use case_dots::{case_dots, percent_ends};
pub use choice_map::ChoiceMap;
pub use critical_plot::CriticalPlot;
pub use dot_plot::{DotPanel, DotPlot};
pub use rank_map::RankMap;
pub use size_plots::{Detection, TumourSizes};
