//! `detection_by_volume.csv`: how many instances are found, by their volume.

use std::path::Path;

use hdbench_ground::error::Result;

use super::case::ScoredCase;
use super::instance_table::instance_rows;
use super::instances::{InstanceRow, InstanceStatus};
use super::label::Label;
use super::lesion::LesionSide;
use super::metric::Metric;
use super::quantile::quantile_of_sorted;
use super::tidy::write_csv;

/// Where the bins of volume lie.
#[derive(Clone, Debug, PartialEq)]
pub enum VolumeBins {
    /// So many of equal share: between quantiles of the volumes of the reference's instances over all cases.
    Quantiles(u32),
    /// Between these volumes in mL, ascending; below the first and above the last as well.
    Limits(Vec<f64>),
}

/// The instances of one bin of one structure over all cases.
#[derive(Clone, Debug, PartialEq)]
pub struct VolumeBin {
    /// The structure.
    pub structure: Label,
    /// From this volume on, mL.
    pub from_ml: f64,
    /// Below this volume, mL; infinite for the last.
    pub below_ml: f64,
    /// Instances of the reference.
    pub reference: usize,
    /// Those that are found.
    pub found: usize,
    /// Mean Dice over the found ones; NaN of none, or where it was not measured.
    pub mean_dice: f64,
    /// Predicted instances of that volume that stand for none of the reference.
    pub false_alarms: usize,
}

impl VolumeBin {
    /// Share of the reference's instances that are found; NaN of none.
    pub fn recall(&self) -> f64 {
        self.found as f64 / self.reference as f64
    }
}

/// The bins of every structure that has instances, those of a structure by volume.
pub fn detection_by_volume(cases: &[ScoredCase], bins: &VolumeBins) -> Vec<VolumeBin> {
    let Some(first) = cases.first() else {
        return Vec::new();
    };
    let labels = first.scores.structures.iter();
    let with_instances =
        labels.filter(|own| own.instances.is_some() || own.own_instances.is_some());
    let mut all = Vec::new();
    for label in with_instances.map(|scores| scores.label) {
        let scores = cases.iter().filter_map(|case| case.scores.structure(label));
        let rows: Vec<InstanceRow> = scores.flat_map(instance_rows).collect();
        let limits = limits(&rows, bins);
        let ends = limits.iter().copied().chain([f64::INFINITY]);
        let starts = std::iter::once(0.0).chain(limits.iter().copied());
        all.extend(
            starts
                .zip(ends)
                .map(|(from, below)| bin(label, &rows, from, below)),
        );
    }
    all
}

fn is_of_reference(row: &InstanceRow) -> bool {
    row.side == LesionSide::Reference && row.status != InstanceStatus::LeftOut
}

fn limits(rows: &[InstanceRow], bins: &VolumeBins) -> Vec<f64> {
    let shares = match bins {
        VolumeBins::Limits(limits) => return limits.clone(),
        VolumeBins::Quantiles(count) => 1..*count,
    };
    let volumes = rows.iter().filter(|row| is_of_reference(row));
    let mut volumes: Vec<f64> = volumes.map(|row| row.volume_ml).collect();
    if volumes.is_empty() {
        return Vec::new();
    }
    volumes.sort_by(f64::total_cmp);
    let count = f64::from(shares.end);
    let mut limits: Vec<f64> = shares
        .map(|share| quantile_of_sorted(&volumes, f64::from(share) / count))
        .collect();
    // Many instances of one volume would make bins of nothing.
    limits.dedup();
    limits
}

fn bin(structure: Label, rows: &[InstanceRow], from_ml: f64, below_ml: f64) -> VolumeBin {
    let own = || {
        rows.iter()
            .filter(|row| row.volume_ml >= from_ml && row.volume_ml < below_ml)
    };
    let reference = || own().filter(|row| is_of_reference(row));
    let found = || reference().filter(|row| row.status == InstanceStatus::Found);
    let dices = found().filter_map(|row| {
        let dice = row
            .metrics
            .iter()
            .find(|(metric, _)| *metric == Metric::Dice);
        dice.map(|(_, value)| *value)
    });
    let dices: Vec<f64> = dices.collect();
    let false_alarms = own().filter(|row| row.status == InstanceStatus::FalseAlarm);
    VolumeBin {
        structure,
        from_ml,
        below_ml,
        reference: reference().count(),
        found: found().count(),
        mean_dice: dices.iter().sum::<f64>() / dices.len() as f64,
        false_alarms: false_alarms.count(),
    }
}

/// Writes `detection_by_volume.csv`.
pub fn write_by_volume(path: &Path, bins: &[VolumeBin]) -> Result<()> {
    let columns = [
        "structure",
        "from_ml",
        "below_ml",
        "reference",
        "found",
        "recall",
        "mean_dice",
        "false_alarms",
    ];
    let rows = bins.iter().map(|bin| {
        (
            bin.structure.name(),
            bin.from_ml,
            bin.below_ml,
            bin.reference,
            bin.found,
            bin.recall(),
            bin.mean_dice,
            bin.false_alarms,
        )
    });
    write_csv(path, &columns, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(
        side: LesionSide,
        volume_ml: f64,
        status: InstanceStatus,
        dice: Option<f64>,
    ) -> InstanceRow {
        InstanceRow {
            side,
            instance: 1,
            value: None,
            voxels: 1,
            volume_ml,
            status,
            matched: Vec::new(),
            metrics: dice.map(|dice| (Metric::Dice, dice)).into_iter().collect(),
        }
    }

    #[test]
    fn each_instance_is_in_the_bin_of_its_volume() {
        let (reference, prediction) = (LesionSide::Reference, LesionSide::Prediction);
        let rows = [
            row(reference, 0.5, InstanceStatus::Missed, None),
            row(reference, 1.0, InstanceStatus::Found, Some(0.5)),
            row(reference, 9.0, InstanceStatus::Found, Some(0.9)),
            row(reference, 0.1, InstanceStatus::LeftOut, None),
            row(prediction, 0.2, InstanceStatus::FalseAlarm, None),
        ];
        let label = Label::new("et");
        let small = bin(label, &rows, 0.0, 1.0);
        assert_eq!(
            (small.reference, small.found, small.false_alarms),
            (1, 0, 1)
        );
        assert!(small.recall() == 0.0 && small.mean_dice.is_nan());
        let large = bin(label, &rows, 1.0, f64::INFINITY);
        assert_eq!((large.reference, large.found, large.recall()), (2, 2, 1.0));
        assert!((large.mean_dice - 0.7).abs() < 1e-15);
        let half = limits(&rows, &VolumeBins::Quantiles(2));
        assert_eq!(half, [1.0], "the median of those that count");
        assert!(limits(&rows[4..], &VolumeBins::Quantiles(4)).is_empty());
    }
}
