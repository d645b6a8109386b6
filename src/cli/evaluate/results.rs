//! The rows of an evaluation as they leave the command.

use std::path::Path;

use crate::analysis::write_parquet;
use crate::error::{Error, Result};
use crate::evaluation::{self, Failure, MetricRow, TidyRows};

/// What both profiles write.
pub(super) fn write_rows(out: &Path, rows: impl TidyRows, failures: &[Failure]) -> Result<()> {
    evaluation::write_rows(out, rows, failures)?;
    write_parquet(&out.join("metrics_long.parquet"), rows)
}

/// Adds a row as a line of JSON.
pub(super) fn add_json_line(bytes: &mut Vec<u8>, row: &MetricRow) -> Result<()> {
    serde_json::to_writer(&mut *bytes, row)
        .map_err(|e| Error::Internal(format!("a row does not serialise: {e}")))?;
    bytes.push(b'\n');
    Ok(())
}
