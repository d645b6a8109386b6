//! When a lesion counts as found, and the metric values of that.

use super::metric_value::MetricValue;
use super::options::Options;
use super::policy::{EmptyMask, Family};
use crate::metrics::detection::Detection;

/// Lesions count as found at an intersection over union above each of these.
pub const IOU_THRESHOLDS: [f64; 5] = [0.0, 0.1, 0.25, 0.5, 0.75];

/// The intersection over union from which a pair counts in the one-to-one matching.
const ONE_TO_ONE_IOU: f64 = 0.5;

/// When a lesion counts as found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Criterion {
    /// Matched as in appendix C with an intersection over union above this.
    IouAbove(f64),
    /// Matched one to one with an intersection over union of at least this, as panoptica does.
    OneToOne(f64),
}

impl Criterion {
    /// Those that the options ask for, in the order of the tables.
    pub fn all(options: &Options) -> Vec<Self> {
        let one_to_one = options.one_to_one.then_some(Self::OneToOne(ONE_TO_ONE_IOU));
        IOU_THRESHOLDS
            .map(Self::IouAbove)
            .into_iter()
            .chain(one_to_one)
            .collect()
    }

    /// The end of its metric values' names: `iou_gt_0.5`, `one_to_one_iou_ge_0.5`.
    pub fn name(self) -> String {
        match self {
            Self::IouAbove(iou) => format!("iou_gt_{iou}"),
            Self::OneToOne(iou) => format!("one_to_one_iou_ge_{iou}"),
        }
    }

    /// The names of its metric values in files.
    pub(super) fn names(self) -> [(String, Family); 7] {
        [
            ("precision", Family::Agreement),
            ("recall", Family::Agreement),
            ("f1", Family::Agreement),
            ("tp", Family::Plain),
            ("fn", Family::Plain),
            ("tp_pred", Family::Plain),
            ("fp", Family::Plain),
        ]
        .map(|(metric_value, family)| (format!("detection_{metric_value}_{}", self.name()), family))
    }

    /// Its metric values by name: precision, recall and F1, then the reference lesions that are found
    /// (`tp`) and missed (`fn`), the predicted lesions that are right (`tp_pred`) and false (`fp`).
    pub(super) fn metric_values(self, found: &Detection) -> [(String, MetricValue); 7] {
        let values = [
            found.precision(),
            found.recall(),
            found.f1(),
            found.reference_found as f64,
            found.reference_missed as f64,
            found.prediction_true as f64,
            found.prediction_false as f64,
        ];
        let edge = EmptyMask::between(
            found.prediction_true + found.prediction_false,
            found.reference_found + found.reference_missed,
        );
        let mut values = values.into_iter();
        self.names().map(|(name, family)| {
            let raw = values.next().unwrap_or(f64::NAN);
            (name, MetricValue::strict(family, raw, edge, raw))
        })
    }
}
