use std::path::Path;

use hdbench_ground::error::{Error, Result, is_absent};
use hdbench_ground::text::{cell_words, words_cell};
use hdbench_volume::artifact::open_file;
use serde::Deserialize;

use super::run::Failure;
use super::tidy::write_csv;

/// The file that an evaluation leaves where cases have no scores.
pub const FAILURES: &str = "failures.csv";

/// Writes [`FAILURES`]: the cases without scores, each with its reason in one line.
pub fn write_failures(path: &Path, failures: &[Failure]) -> Result<()> {
    let rows = failures.iter().map(|failure| {
        let reason = failure.error.to_string().replace('\n', "; ");
        [&failure.case, &reason].map(|words| words_cell(words).into_owned())
    });
    write_csv(path, &["case", "reason"], rows)
}

/// The cases without scores; none where there is no such file.
///
/// # Errors
/// `Error::Read`; `Error::Malformed` for a file that is no such table.
pub fn failed_cases(path: &Path) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Failed {
        case: String,
    }
    let file = match open_file(path) {
        Ok(file) => file,
        Err(e) if is_absent(&e) => return Ok(Vec::new()),
        Err(e) => return Err(Error::read(path)(e)),
    };
    let wrong = |e: csv::Error| {
        Error::malformed(
            path,
            e.to_string(),
            "expected the cases without scores, as `hdbench evaluate` writes them; score again",
        )
    };
    csv::Reader::from_reader(file)
        .deserialize::<Failed>()
        .map(|row| {
            let failed = row.map_err(wrong)?;
            Ok(cell_words(&failed.case).to_owned())
        })
        .collect()
}
