//! What long work reports and how it learns that it should stop; nothing is printed here.

/// A listener for long work, implemented by the command line.
///
/// Work is measured in units of a planned total, so that one bar covers training, prediction and
/// reports, and knows the time left.
pub trait Progress: Sync {
    /// The units of all the work to come.
    fn plan(&self, units: u64);
    /// A named piece of work begins (`"fine-tuning"`), of a cell (`"unet/fold_0/seed_0"`) or of the
    /// whole (`""`).
    fn stage(&self, cell: &str, name: &str);
    /// A cell has ended, well or not.
    fn ended(&self, _cell: &str) {}
    /// So many further units are done.
    fn advance(&self, units: u64);
    /// One line worth keeping (`"volume-3: 2 lesions"`).
    fn note(&self, line: &str);
    /// Whether a signal asked the work to stop at the next safe place.
    fn interrupted(&self) -> bool;
}

/// A listener that hears nothing and never interrupts.
pub struct Silent;

impl Progress for Silent {
    fn plan(&self, _units: u64) {}
    fn stage(&self, _cell: &str, _name: &str) {}
    fn advance(&self, _units: u64) {}
    fn note(&self, _line: &str) {}
    fn interrupted(&self) -> bool {
        false
    }
}
