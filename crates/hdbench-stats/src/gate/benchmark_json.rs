use hdbench_ground::error::{Error, Result};
use serde::Serialize;

use super::line::{GateLine, Judgement, LineKind};

/// An entry of github-action-benchmark's custom formats.
#[derive(Serialize)]
struct Entry {
    name: String,
    unit: String,
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<String>,
    extra: String,
}

/// The current results for github-action-benchmark: `customBiggerIsBetter`, then
/// `customSmallerIsBetter`; its charts take one direction a file.
///
/// # Errors
/// `Error::Internal` if it does not serialise.
pub fn benchmark_json(judgement: &Judgement) -> Result<[String; 2]> {
    let of = |larger: bool| {
        let own = judgement
            .lines
            .iter()
            .filter(|l| l.larger_is_better == larger);
        let entries: Vec<Entry> = own.filter_map(entry).collect();
        serde_json::to_string_pretty(&entries)
            .map(|text| text + "\n")
            .map_err(|e| Error::Internal(e.to_string()))
    };
    Ok([of(true)?, of(false)?])
}

fn entry(line: &GateLine) -> Option<Entry> {
    let half = line.interval.map(|[low, high]| (high - low) / 2.0);
    Some(Entry {
        name: format!("{}: {}", line.algorithm, line.metric),
        unit: match (line.kind, line.unit) {
            (LineKind::Accuracy, _) => "mean over cases".into(),
            (LineKind::Cost, unit) => unit.into(),
        },
        value: line.current?,
        range: half
            .filter(|_| line.kind == LineKind::Accuracy)
            .map(|half| format!("± {half:.4}")),
        extra: format!("{}, N = {}", line.verdict.words(), line.n),
    })
}
