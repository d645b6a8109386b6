//! What charts are drawn with, on SVG and PNG alike; and the one chart that has no subject of its own.

mod font;
mod axis;
mod canvas;
mod axes;
mod change_plot;
mod colour;

pub use axes::Axes;
pub use axis::Axis;
pub use canvas::{Align, Canvas, Drawing, GRID, INK, MUTED, PAPER, encode_png, png, svg, words};
pub use change_plot::{ChangeLine, ChangePlot, ChangeSign};
pub use colour::colour;
