//! The embedded font, so that a picture looks the same on every machine.

use std::sync::OnceLock;

use hdbench_ground::error::{Error, Result};
use plotters::style::{FontStyle, register_font};

/// Name under which plotters finds the font; in an SVG the reader's own sans-serif takes its place.
pub const FAMILY: &str = "sans-serif";

const REGULAR: &[u8] = include_bytes!("DejaVuSans-Regular-subset.ttf");
const BOLD: &[u8] = include_bytes!("DejaVuSans-Bold-subset.ttf");

/// Makes the font known to plotters; cheap after the first call.
pub fn register() -> Result<()> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let done = *REGISTERED.get_or_init(|| {
        register_font(FAMILY, FontStyle::Normal, REGULAR).is_ok()
            && register_font(FAMILY, FontStyle::Bold, BOLD).is_ok()
    });
    if done {
        Ok(())
    } else {
        Err(Error::Internal("the embedded font cannot be read".into()))
    }
}
