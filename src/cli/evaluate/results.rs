//! The folder that the results go to.

use std::path::Path;

use crate::analysis::write_parquet;
use crate::artifact::{Results, begins_with, json_says, read_text};
use crate::error::{Error, Result};
use crate::evaluation::{
    FAILURES, Failure, InstanceMetric, Metric, MetricRow, ScoredCase, TidyRows, VolumeBins,
    detection_by_volume, write_by_volume, write_failures, write_instances, write_metrics_json,
    write_metrics_long,
};

/// A row for each instance of the structures that have any.
const INSTANCES: &str = "instances.csv";

/// Codabench's leaderboard reads it.
pub(super) const SCORES_JSON: &str = "scores.json";

/// How many of them are found, by their volume.
const BY_VOLUME: &str = "detection_by_volume.csv";

/// What some profile writes; what an earlier start left of it is taken away once the new results stand.
pub(super) const OUTPUTS: [&str; 11] = [
    "metrics_long.csv",
    "metrics_long.parquet",
    "cases.csv",
    "lesions.csv",
    INSTANCES,
    BY_VOLUME,
    "summary.json",
    "metrics.json",
    SCORES_JSON,
    "scores.txt",
    FAILURES,
];

/// Whether a file begins as `cases.csv` does of any structures: its first metric is one of a structure.
pub(super) fn is_table_of_cases(file: &Path) -> bool {
    let Ok(text) = read_text(file) else {
        return false;
    };
    let mut head = text.lines().next().unwrap_or_default().split(',');
    let is_of_structure = |column: &str| {
        // A name may hold the sign that parts it from the metric.
        let mut parted = column.match_indices('_');
        parted.any(|(at, _)| {
            Metric::named(&column[at + 1..]).is_some()
                || InstanceMetric::named(&column[at + 1..]).is_some()
        })
    };
    head.next() == Some("case") && head.next().is_some_and(is_of_structure)
}

/// The tables of instances, where structures that have any were asked for, or the limits of bins of their volumes in mL.
pub(super) fn write_tables_of_instances(
    out: &Path,
    cases: &[ScoredCase],
    has_set: bool,
    volume_bins: &[f64],
) -> Result<()> {
    let scores = cases.iter().flat_map(|case| &case.scores.structures);
    let mut with_instances =
        scores.filter(|own| own.instances.is_some() || own.own_instances.is_some());
    let is_asked = has_set || !volume_bins.is_empty();
    if !is_asked || with_instances.next().is_none() {
        return Ok(());
    }
    write_instances(&out.join(INSTANCES), cases)?;
    let bins = match volume_bins.is_empty() {
        true => VolumeBins::Quantiles(QUARTILES),
        false => VolumeBins::Limits(sorted(volume_bins)),
    };
    write_by_volume(&out.join(BY_VOLUME), &detection_by_volume(cases, &bins))
}

/// Bins of volume, unless the user names their limits.
const QUARTILES: u32 = 4;

fn sorted(limits: &[f64]) -> Vec<f64> {
    let mut limits = limits.to_vec();
    limits.sort_by(f64::total_cmp);
    limits.dedup();
    limits
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
            INSTANCES => begins_with(&file, "case,structure,side,instance,"),
            BY_VOLUME => begins_with(&file, "structure,from_ml,below_ml,"),
            FAILURES => begins_with(&file, "case,reason\n"),
            "summary.json" => json_says(&file, "/hdbench/format", "hdbench.summary/1"),
            // What has no mark of ours in it.
            _ => is_scored(),
        }
    },
};

/// What both profiles write.
pub(super) fn write_rows(out: &Path, rows: impl TidyRows, failures: &[Failure]) -> Result<()> {
    if !failures.is_empty() {
        write_failures(&out.join(FAILURES), failures)?;
    }
    write_metrics_long(&out.join("metrics_long.csv"), rows)?;
    write_parquet(&out.join("metrics_long.parquet"), rows)?;
    write_metrics_json(&out.join("metrics.json"), rows)
}

/// Adds a row as a line of JSON.
pub(super) fn add_json_line(bytes: &mut Vec<u8>, row: &MetricRow) -> Result<()> {
    serde_json::to_writer(&mut *bytes, row)
        .map_err(|e| Error::Internal(format!("a row does not serialise: {e}")))?;
    bytes.push(b'\n');
    Ok(())
}
