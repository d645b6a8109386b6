//! What a table is written as, a format a file.

mod csv_table;
mod html;
mod latex;
pub mod markdown;
mod terminal;

pub use csv_table::Csv;
pub use html::{Html, escape};
pub use latex::Latex;
pub use markdown::Markdown;
pub use terminal::Terminal;
