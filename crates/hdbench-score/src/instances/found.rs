//! What was found of the instances of a case.

use crate::instance_metric::InstanceMetric;
use crate::lesion::LesionSide;
use crate::metric::Metric;
use crate::metric_value::MetricValue;
use crate::metrics::detection::Detection;

/// The instances of one structure of one case, matched by the structure's own rule.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnInstances {
    /// How many were found.
    pub detection: Detection,
    /// What was asked, in its order.
    pub values: Vec<(InstanceMetric, MetricValue)>,
    /// Every instance of the reference, then every predicted one.
    pub rows: Vec<InstanceRow>,
}

/// One instance.
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceRow {
    /// Whose it is.
    pub side: LesionSide,
    /// Its number among those of its side, from 1.
    pub instance: u32,
    /// Its label value, where values tell instances apart.
    pub value: Option<u16>,
    /// Number of voxels.
    pub voxels: u64,
    /// mL.
    pub volume_ml: f64,
    /// What it counts as.
    pub status: InstanceStatus,
    /// Numbers of the instances of the other side that it is matched with.
    pub matched: Vec<u32>,
    /// Of an instance of the reference that is found: the metrics of what is matched with it.
    pub metrics: Vec<(Metric, f64)>,
}

/// What an instance counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceStatus {
    /// It is matched, and the match counts.
    Found,
    /// Of the reference: nothing is matched with it, or not well enough.
    Missed,
    /// Of the prediction: it stands for no instance of the reference.
    FalseAlarm,
    /// It is too small to count, or matched with nothing but such.
    LeftOut,
}

impl InstanceStatus {
    /// Its word in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Missed => "missed",
            Self::FalseAlarm => "false_alarm",
            Self::LeftOut => "left_out",
        }
    }
}
