//! The two documents of a report with the same content: one HTML page and one Markdown text.

mod text;
mod verdict;
mod parts;
mod html;
mod markdown;

pub(crate) use html::{html, sweep_html};
pub(crate) use markdown::markdown;
pub(crate) use parts::{Parts, Picture, Plot, Plots, SheetPicture};
pub(crate) use text::PageText;
