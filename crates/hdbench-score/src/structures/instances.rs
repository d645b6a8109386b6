//! What the instances of a structure are, and when two of them are the same one.

use hdbench_volume::components::Connectivity;

use super::word::Word;
pub use crate::metrics::overlap::Score;

/// How a structure falls into instances, and how those of prediction and reference find each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Instances {
    /// What an instance is.
    pub by: InstancesBy,
    /// Which instances belong together.
    pub matching: Matching,
    /// What instances that belong together must agree to as well, to count as found (panoptica's
    /// `decision_metric`); their values stay matched otherwise.
    pub counts_if: Option<Agreement>,
    /// Instances of the reference whose dilations touch are one: they are the components of the dilated
    /// reference, cut back to the reference. None: each is its own.
    pub consolidation: Option<Dilation>,
    /// Which instances of the reference are large enough to count. None: all.
    pub min_volume: Option<MinVolume>,
}

impl Instances {
    /// Connected components, found where they overlap, in groups: as the LiTS challenge has it.
    pub fn grouped(connectivity: Connectivity) -> Self {
        Self {
            by: InstancesBy::Components(connectivity),
            matching: Matching::OverlapGroups,
            counts_if: None,
            consolidation: None,
            min_volume: None,
        }
    }
}

/// What an instance is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum InstancesBy {
    /// A connected component of the structure's voxels, whatever their values.
    Components(Connectivity),
    /// A connected component of voxels of equal value, as panoptica has it for a group of labels.
    ComponentsOfEachValue(Connectivity),
    /// A value, whatever its parts.
    Values,
}

/// The word of an [`InstancesBy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByWord {
    Components,
    ComponentsOfEachValue,
    Values,
}

impl Word for ByWord {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("components", Self::Components),
        ("components-of-each-value", Self::ComponentsOfEachValue),
        ("values", Self::Values),
    ];
}

/// Which instances of prediction and reference belong together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Matching {
    /// Whatever overlaps, directly or through others: the groups of appendix C of Bilic et al. (Med Image Anal
    /// 84, 2023), as the LiTS challenge counts them.
    OverlapGroups,
    /// To each instance of the reference all instances of the prediction that touch its dilation, whole and
    /// together; one of the prediction may serve several. None: that overlap it. As BraTS 2023 to 2025 and MIST
    /// have it.
    Touching(Option<Dilation>),
    /// Equal values, overlap or not: the files are matched already.
    SameValue,
    /// Pairs that agree enough, chosen by how well they do.
    Scored(Assignment, Agreement),
}

/// How pairs are chosen among those that agree enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assignment {
    /// Each instance in one pair at most, so that the sum of the scores is the largest (panoptica's
    /// `MaxBipartiteMatching`).
    OneToOne,
    /// Best pairs first, each instance in one pair at most (`NaiveThresholdMatching`).
    Greedy,
    /// Best pairs first, several predictions may share a reference (the same with `allow_many_to_one`).
    GreedyManyToOne,
    /// Best pairs first; a further prediction joins where the union agrees better (`MaximizeMergeMatching`).
    Merging,
}

impl Word for Assignment {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("one-to-one", Self::OneToOne),
        ("greedy", Self::Greedy),
        ("greedy-many-to-one", Self::GreedyManyToOne),
        ("merging", Self::Merging),
    ];
}

/// The word of a [`Matching`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MatchWord {
    OverlapGroups,
    Touching,
    SameValue,
    Scored(Assignment),
}

impl Word for MatchWord {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("overlap-groups", Self::OverlapGroups),
        ("touching", Self::Touching),
        ("same-value", Self::SameValue),
        ("one-to-one", Self::Scored(Assignment::OneToOne)),
        ("greedy", Self::Scored(Assignment::Greedy)),
        (
            "greedy-many-to-one",
            Self::Scored(Assignment::GreedyManyToOne),
        ),
        ("merging", Self::Scored(Assignment::Merging)),
    ];
}

/// How much two instances have to agree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// Of what.
    pub score: Score,
    /// How much of it, 0..=1.
    pub bound: Bound,
}

impl Word for Score {
    const WORDS: &'static [(&'static str, Self)] = &[("iou", Self::Iou), ("dice", Self::Dice)];
}

/// From where on something is enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// More than this.
    Above(f64),
    /// This or more.
    AtLeast(f64),
}

impl Bound {
    /// Whether a value is enough.
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::Above(bound) => value > bound,
            Self::AtLeast(bound) => value >= bound,
        }
    }

    /// The number.
    pub fn limit(self) -> f64 {
        match self {
            Self::Above(bound) | Self::AtLeast(bound) => bound,
        }
    }
}

/// How far a mask grows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Dilation {
    /// This often, each time by the 18 neighbours of every voxel, within the volume (BraTS 2023, MIST).
    Steps(u32),
    /// By this distance from voxel centre to voxel centre, mm.
    Mm(f64),
}

/// The most steps of a [`Dilation`]: nothing published takes more than three.
pub(super) const MOST_STEPS: u32 = 100;

/// Which instances of the reference are large enough to count. Instances of the prediction count at any size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MinVolume {
    /// In mm3: BraTS 2023 asks for more than its number, MIST for as much.
    pub mm3: Bound,
    /// Whether a predicted instance that is matched only with references that are too small counts for
    /// nothing (BraTS 2023), or as a false alarm (MIST).
    pub excuses: bool,
}

/// The number of neighbours.
pub(super) fn neighbours(connectivity: Connectivity) -> i64 {
    match connectivity {
        Connectivity::Six => 6,
        Connectivity::Eighteen => 18,
        Connectivity::TwentySix => 26,
    }
}

/// By number of neighbours.
pub(super) fn connectivity(neighbours: i64) -> Option<Connectivity> {
    match neighbours {
        6 => Some(Connectivity::Six),
        18 => Some(Connectivity::Eighteen),
        26 => Some(Connectivity::TwentySix),
        _ => None,
    }
}
