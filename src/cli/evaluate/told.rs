//! What is said of the files and their pairing.

use std::path::Path;

use crate::cli::progress::Reporter;
use crate::evaluation::Apart;
use crate::progress::Progress;
use crate::text;

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

/// A path's last part without its extensions: `submission` of `runs/submission.zip`.
pub(super) fn name_of(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let name = absolute.file_name().unwrap_or(absolute.as_os_str());
    let name = text::name_of(name).into_owned();
    let extensions = [".nii.gz", ".nii", ".zip"];
    let stem = extensions.iter().find_map(|end| name.strip_suffix(end));
    stem.map_or(name.clone(), str::to_owned)
}

pub(super) fn shortened(names: &[String]) -> String {
    let mut text = names[..names.len().min(NAMES_SHOWN)].join(", ");
    if names.len() > NAMES_SHOWN {
        text += &format!(" and {} more", names.len() - NAMES_SHOWN);
    }
    text
}
