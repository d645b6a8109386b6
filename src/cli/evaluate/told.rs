//! What is said of the files and their pairing.

use crate::cli::progress::Reporter;
use crate::evaluation::Apart;
use crate::progress::Progress;

/// Number of names in one message; failures.csv has all.
pub(super) const NAMES_SHOWN: usize = 10;

/// What was odd about files; a line that many have is shown once.
pub(super) fn tell_of_files<'a>(notes: impl Iterator<Item = &'a String>, reporter: &Reporter) {
    let notes: Vec<&String> = notes.collect();
    for note in notes.iter().take(NAMES_SHOWN) {
        reporter.note(&format!("note: {note}"));
    }
    if notes.len() > NAMES_SHOWN {
        reporter.note(&format!(
            "note: {} more of that kind; hdbench datasets check lists those of a data set",
            notes.len() - NAMES_SHOWN
        ));
    }
}

pub(super) fn tell_of_displaced(
    apart: impl Iterator<Item = Apart>,
    why: &str,
    reporter: &Reporter,
) {
    let apart: Vec<Apart> = apart.collect();
    if apart.is_empty() {
        return;
    }
    let most_mm = apart.iter().map(|case| case.mm).fold(0.0, f64::max);
    reporter.note(&format!(
        "warning: in {} cases prediction and reference place the same voxel up to {most_mm:.2} mm apart; \
         compared by index, {why}",
        apart.len(),
    ));
    let turned: Vec<_> = apart.iter().filter_map(|case| case.turned).collect();
    if let Some([ours, theirs]) = turned.first() {
        reporter.note(&format!(
            "warning: in {} of them the axes run in other directions ({ours} and {theirs}): unless the header alone \
             is wrong, different places of the body were compared, and the scores mean nothing",
            turned.len()
        ));
    }
}

pub(super) fn shortened(names: &[String]) -> String {
    let mut text = names[..names.len().min(NAMES_SHOWN)].join(", ");
    if names.len() > NAMES_SHOWN {
        text += &format!(" and {} more", names.len() - NAMES_SHOWN);
    }
    text
}
