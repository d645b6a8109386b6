//! The folder that the results go to.

use std::path::Path;

use crate::analysis::write_parquet;
use crate::artifact::{Results, begins_with, json_says, read_text};
use crate::error::{Error, Result};
use crate::evaluation::{
    FAILURES, Failure, MetricRow, write_failures, write_metrics_json, write_metrics_long,
};

/// What some profile writes; what an earlier start left of it is taken away once the new results stand.
pub(super) const OUTPUTS: [&str; 8] = [
    "metrics_long.csv",
    "metrics_long.parquet",
    "cases.csv",
    "lesions.csv",
    "summary.json",
    "metrics.json",
    "scores.txt",
    FAILURES,
];

/// Whether a file begins as `cases.csv` does of any structures: its first metric is a structure's Dice.
pub(super) fn is_table_of_cases(file: &Path) -> bool {
    let Ok(text) = read_text(file) else {
        return false;
    };
    let mut head = text.lines().next().unwrap_or_default().split(',');
    head.next() == Some("case") && head.next().is_some_and(|second| second.ends_with("_dice"))
}

/// The folder that the results go to.
pub(super) const RESULTS: Results<'_> = Results {
    names: &OUTPUTS,
    first: "metrics_long.csv",
    is_ours: &|folder, name| {
        let file = folder.join(name);
        let is_scored = || begins_with(&folder.join(OUTPUTS[0]), "task,algorithm,fold,seed,");
        match name {
            "cases.csv" => begins_with(&file, "case,liver_") || is_table_of_cases(&file),
            "lesions.csv" => begins_with(&file, "case,side,lesion,voxels,"),
            FAILURES => begins_with(&file, "case,reason\n"),
            "summary.json" => json_says(&file, "/hdbench/format", "hdbench.summary/1"),
            // What has no mark of ours in it.
            _ => is_scored(),
        }
    },
};

/// What both profiles write.
pub(super) fn write_rows(out: &Path, rows: &[MetricRow], failures: &[Failure]) -> Result<()> {
    if !failures.is_empty() {
        write_failures(&out.join(FAILURES), failures)?;
    }
    write_metrics_long(&out.join("metrics_long.csv"), rows)?;
    write_parquet(&out.join("metrics_long.parquet"), rows)?;
    write_metrics_json(&out.join("metrics.json"), rows)
}

pub(super) fn json_lines(rows: &[MetricRow]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut bytes, row)
            .map_err(|e| Error::Internal(format!("a row does not serialise: {e}")))?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}
