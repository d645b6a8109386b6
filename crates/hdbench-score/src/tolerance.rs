//! Distances that metrics have in their names.

use std::cmp::Ordering;

/// A distance that a metric has in its name, mm.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    mm: f64,
}

/// A tolerance of more than this many mm is taken for a mistake.
const MOST_MM: f64 = 4000.0;

impl Tolerance {
    /// A tolerance in mm; `None` unless it is above 0 and below 4 m.
    pub fn from_mm(mm: f64) -> Option<Self> {
        (mm > 0.0 && mm < MOST_MM).then_some(Self { mm })
    }

    /// In mm.
    pub fn mm(self) -> f64 {
        self.mm
    }

    /// As a name ends with it: `1.5mm`.
    pub(super) fn named(text: &str) -> Option<Self> {
        Self::from_mm(number(text.strip_suffix("mm")?)?)
    }
}

/// A number as a name has it, without a sign.
fn number(text: &str) -> Option<f64> {
    let text = text
        .starts_with(|c: char| c.is_ascii_digit())
        .then_some(text)?;
    text.parse().ok()
}

impl PartialEq for Tolerance {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Tolerance {}

impl PartialOrd for Tolerance {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Tolerance {
    fn cmp(&self, other: &Self) -> Ordering {
        self.mm.total_cmp(&other.mm)
    }
}

/// The same in voxels: how a tool counts that is told no spacing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VoxelTolerance(Tolerance);

impl VoxelTolerance {
    /// One voxel.
    pub const ONE: Self = Self(Tolerance { mm: 1.0 });

    /// In voxels; `None` unless it is above 0 and below 4000.
    pub fn from_voxels(voxels: f64) -> Option<Self> {
        Tolerance::from_mm(voxels).map(Self)
    }

    /// In voxels.
    pub fn voxels(self) -> f64 {
        self.0.mm
    }

    /// As a name ends with it: `1.5voxels`.
    pub(super) fn named(text: &str) -> Option<Self> {
        Self::from_voxels(number(text.strip_suffix("voxels")?)?)
    }
}
