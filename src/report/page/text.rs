//! How text gets into a page.

use std::fmt;

use askama::filters::Escaper;
use hdbench_table::export::escape;

/// Makes text safe for HTML, as the tables' own exporter does: characters that act (control, direction) are
/// shown by their numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageText;

impl Escaper for PageText {
    fn write_escaped_str<W: fmt::Write>(&self, mut to: W, text: &str) -> fmt::Result {
        to.write_str(&escape(text))
    }
}
