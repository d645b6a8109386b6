//! One table model with its exporters, and the canvas, axes and colours that all charts share.
//!
//! A module uses only modules above it in this list.

pub mod table;
pub mod export;
pub mod chart;

pub use export::{Csv, Html, Latex, Markdown, Terminal};
pub use table::{Cell, Column, Direction, Exporter, Table, TableRow, Unit};
