//! The files of an evaluation, but for Parquet's, and the folder that they go to.

use std::path::Path;

use hdbench_ground::error::Result;
use hdbench_volume::artifact::{Results, begins_with, json_says, read_text};

use super::by_volume::{VolumeBins, detection_by_volume, write_by_volume};
use super::case::ScoredCase;
use super::case_table::write_cases;
use super::failures::{FAILURES, write_failures};
use super::instance_metric::InstanceMetric;
use super::instance_table::write_instances;
use super::lesion_table::write_lesions;
use super::lits::{LitsScored, write_scores_txt};
use super::metric::Metric;
use super::metrics_json::write_metrics_json;
use super::run::Failure;
use super::summary::write_summary;
use super::tidy::{MetricRow, TidyRows, write_metrics_long};
use super::wide_table::write_wide;

/// A row for each instance of the structures that have any.
const INSTANCES: &str = "instances.csv";

/// Codabench's leaderboard reads it.
pub const SCORES_JSON: &str = "scores.json";

/// How many of them are found, by their volume.
const BY_VOLUME: &str = "detection_by_volume.csv";

/// What some profile writes; what an earlier start left of it is taken away once the new results stand.
const OUTPUTS: [&str; 11] = [
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

/// The folder that the results of an evaluation go to.
pub const RESULTS: Results<'static> = Results {
    names: &OUTPUTS,
    wrote: &|_| Vec::new(),
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

/// Whether a file begins as `cases.csv` does of any structures: its first metric is one of a structure.
fn is_table_of_cases(file: &Path) -> bool {
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

/// Writes what profile `strict` has beside its rows. Tables of instances are written where structures that have any
/// were asked for (`has_set`), or the limits of bins of their volumes in mL.
pub fn write_strict(
    out: &Path,
    cases: &[ScoredCase],
    has_set: bool,
    volume_bins: &[f64],
) -> Result<()> {
    write_cases(&out.join("cases.csv"), cases)?;
    write_lesions(&out.join("lesions.csv"), cases)?;
    if has_set || !volume_bins.is_empty() {
        write_tables_of_instances(out, cases, volume_bins)?;
    }
    write_summary(&out.join("summary.json"), cases)
}

fn write_tables_of_instances(out: &Path, cases: &[ScoredCase], volume_bins: &[f64]) -> Result<()> {
    let scores = cases.iter().flat_map(|case| &case.scores.structures);
    let mut with_instances =
        scores.filter(|own| own.instances.is_some() || own.own_instances.is_some());
    if with_instances.next().is_none() {
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

/// Writes what profile `lits` has beside its rows.
pub fn write_lits(out: &Path, found: &[LitsScored], rows: &[MetricRow]) -> Result<()> {
    if let Some(totals) = LitsScored::totals(found) {
        write_scores_txt(&out.join("scores.txt"), &totals)?;
    }
    write_wide(&out.join("cases.csv"), rows)
}

/// Writes what both profiles have: the rows, what they come to, and the cases that have none.
pub fn write_rows(out: &Path, rows: impl TidyRows, failures: &[Failure]) -> Result<()> {
    if !failures.is_empty() {
        write_failures(&out.join(FAILURES), failures)?;
    }
    write_metrics_long(&out.join("metrics_long.csv"), rows)?;
    write_metrics_json(&out.join("metrics.json"), rows)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use hdbench_ground::error::Error;

    use super::*;

    fn failures() -> Vec<Failure> {
        vec![Failure {
            case: "a".into(),
            error: Error::malformed(Path::new("a.nii"), "is empty", "give another"),
        }]
    }

    #[test]
    fn new_results_take_the_place_of_the_old_and_of_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path();
        let names = || {
            let entries = fs::read_dir(out).unwrap();
            let mut names: Vec<_> = entries
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        let write = |failures: &[Failure]| RESULTS.replace(out, |to| write_rows(to, &[], failures));
        write(&failures()).unwrap();
        assert_eq!(names(), [FAILURES, "metrics.json", "metrics_long.csv"]);
        // The command writes it beside them.
        fs::write(out.join("metrics_long.parquet"), "PAR1").unwrap();
        fs::write(out.join("notes.txt"), "mine").unwrap();
        write(&[]).unwrap();
        assert_eq!(names(), ["metrics.json", "metrics_long.csv", "notes.txt"]);
        fs::write(out.join("cases.csv"), "case,comment\n").unwrap();
        let error = write(&[]).unwrap_err().to_string();
        assert!(
            error.contains("holds a cases.csv that hdbench did not write"),
            "{error}"
        );
        for ours in [
            "case,liver_dice",
            "case,wt_hd95_6n",
            "case,a_detection_f1\n1,2",
        ] {
            fs::write(out.join("cases.csv"), ours).unwrap();
            assert!((RESULTS.is_ours)(out, "cases.csv"), "{ours}");
        }
    }
}
