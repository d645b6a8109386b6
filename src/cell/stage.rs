//! The stages of a cell: which it has, in what order, and what each is worth on a progress bar.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::network::NetworkKind;
use crate::study::{Algorithm, Cell, Role, Study};

/// A stage of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Needs the prepared training cases and, for some networks, another cell's weights; makes `model/` and
    /// `losses.csv`.
    Train,
    /// Needs the weights, the prepared test cases and the coarse net's predictions; makes `predictions/`.
    Predict,
    /// Needs the predictions and the test cases' labels; makes the tables.
    Score,
}

impl Stage {
    /// Every stage, each after what it needs.
    pub const ALL: [Self; 3] = [Self::Train, Self::Predict, Self::Score];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Predict => "predict",
            Self::Score => "score",
        }
    }

    /// The stages that a finished cell has on record.
    pub fn of(study: &Study, role: Role, cell: Cell) -> &'static [Self] {
        match cell.algorithm {
            Algorithm::External(_) if !trains(study, cell) => &Self::ALL[1..],
            Algorithm::External(_) => &Self::ALL,
            _ if !is_predicted(study, role, cell) => &Self::ALL[..1],
            Algorithm::Network(NetworkKind::Coarse) => &Self::ALL[..2],
            Algorithm::Network(_) => &Self::ALL,
        }
    }
}

/// Whether an algorithm of the study's file has a training of its own.
fn trains(study: &Study, cell: Cell) -> bool {
    let external = study.external(cell.algorithm);
    external.is_some_and(|external| !external.train.is_empty())
}

/// By name: records list their stages so.
impl Ord for Stage {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name().cmp(other.name())
    }
}

impl PartialOrd for Stage {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether a cell's network is used on the test cases, and not only as the start of another.
pub fn is_predicted(study: &Study, role: Role, cell: Cell) -> bool {
    match cell.algorithm {
        Algorithm::Network(NetworkKind::Encoder) => false,
        Algorithm::Network(NetworkKind::Coarse) => true,
        algorithm => study.algorithms_of(role).contains(&algorithm),
    }
}
