//! `instances.csv`: a row for each instance of the structures that have any.

use std::borrow::Cow;
use std::path::Path;

use hdbench_ground::error::Result;
use hdbench_ground::text::words_cell;

use super::case::{ScoredCase, StructureScores};
use super::instances::{InstanceRow, InstanceStatus};
use super::lesion::{Lesion, LesionSide};
use super::metric::Metric;
use super::tidy::write_csv;

/// The columns before those of the metrics.
const COLUMNS: [&str; 9] = [
    "case",
    "structure",
    "side",
    "instance",
    "value",
    "voxels",
    "volume_ml",
    "status",
    "matched",
];

/// The instances of a structure of one case, as its own rule matches them, else in the groups of LiTS; those of the
/// reference first.
pub fn instance_rows(scores: &StructureScores) -> Vec<InstanceRow> {
    if let Some(own) = &scores.own_instances {
        return own.rows.clone();
    }
    let lesions = scores.instances.iter().flat_map(|own| own.list.iter());
    lesions.map(of_group).collect()
}

fn of_group(lesion: Lesion) -> InstanceRow {
    let status = match (lesion.detected, lesion.side) {
        (true, _) => InstanceStatus::Found,
        (false, LesionSide::Reference) => InstanceStatus::Missed,
        (false, LesionSide::Prediction) => InstanceStatus::FalseAlarm,
    };
    let metrics = match (status, lesion.side) {
        (InstanceStatus::Found, LesionSide::Reference) => {
            vec![(Metric::Dice, lesion.dice), (Metric::Jaccard, lesion.iou)]
        }
        _ => Vec::new(),
    };
    InstanceRow {
        side: lesion.side,
        instance: lesion.lesion,
        value: None,
        voxels: lesion.voxels,
        volume_ml: lesion.volume_ml,
        status,
        matched: lesion.matched,
        metrics,
    }
}

/// Writes `instances.csv`: every instance of the cases. `value` is its label where values tell instances apart,
/// `status` is `found`, `missed`, `false_alarm` or `left_out`, `matched` holds the numbers of the other side's
/// instances with `;` between them; then the metrics of what is matched with an instance of the reference that is
/// found, each in a column, empty where there is none.
pub fn write_instances(path: &Path, cases: &[ScoredCase]) -> Result<()> {
    let mut metrics: Vec<Metric> = Vec::new();
    let mut rows: Vec<(Cow<'_, str>, &str, InstanceRow)> = Vec::new();
    for case in cases {
        for structure in &case.scores.structures {
            for row in instance_rows(structure) {
                for (metric, _) in &row.metrics {
                    if !metrics.contains(metric) {
                        metrics.push(*metric);
                    }
                }
                rows.push((words_cell(&case.case), structure.label.name(), row));
            }
        }
    }
    let names: Vec<Cow<'_, str>> = metrics.iter().map(|metric| metric.name()).collect();
    let mut columns = COLUMNS.to_vec();
    columns.extend(names.iter().map(AsRef::as_ref));
    let cells = rows.into_iter().map(|(case, structure, row)| {
        let of = |metric: &Metric| {
            let found = row.metrics.iter().find(|(other, _)| other == metric);
            found.map(|(_, value)| *value)
        };
        let values: Vec<Option<f64>> = metrics.iter().map(of).collect();
        let matched: Vec<String> = row.matched.iter().map(u32::to_string).collect();
        let own = (
            case,
            structure,
            row.side,
            row.instance,
            row.value,
            row.voxels,
            row.volume_ml,
            row.status.word(),
            matched.join(";"),
        );
        (own, values)
    });
    write_csv(path, &columns, cells)
}
