use std::path::Path;

use super::run::Failure;
use super::tidy::write_csv;
use crate::error::Result;
use crate::text::words_cell;

/// Writes `failures.csv`: the cases without scores, each with its reason in one line.
pub fn write_failures(path: &Path, failures: &[Failure]) -> Result<()> {
    let rows = failures.iter().map(|failure| {
        let reason = failure.error.to_string().replace('\n', "; ");
        [&failure.case, &reason].map(|words| words_cell(words).into_owned())
    });
    write_csv(path, &["case", "reason"], rows)
}
