use std::path::Path;

use super::output::{report_to_parent, tell};
use crate::error::{ExitCode, Result};
use crate::progress::Progress;
use crate::schedule::{Lease, Message};
use crate::text::shown_path;

/// Takes a folder's lease. If another process takes it over, because this one stood still for over a
/// minute, this one ends at once and leaves everything as it is: it is the other's now.
pub fn leased(folder: &Path, progress: &dyn Progress) -> Result<Lease> {
    let lease = Lease::take(folder, progress)?;
    end_when_lost(&lease, folder, false);
    Ok(lease)
}

/// Ends this process when it loses a lease; `supervised` says so to the process that listens, too.
pub fn end_when_lost(lease: &Lease, folder: &Path, supervised: bool) {
    let folder = shown_path(folder).into_owned();
    lease.when_lost(move |other| {
        let line = format!(
            "{folder}: {} works here now: this process stood still for over a minute and was taken for dead",
            other.words()
        );
        tell(&format!("error: {line}\nhint: what is done stays; the other goes on"));
        if supervised {
            report_to_parent(&Message::Note(line));
        }
        // At once: whatever runs on may write where nothing is ours.
        signal_hook::low_level::exit(ExitCode::Interrupted as i32);
    });
}
