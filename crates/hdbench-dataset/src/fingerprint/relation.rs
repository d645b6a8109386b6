//! How one scan's grid lies in another's: a permutation of the axes, flips and a shift.

use std::collections::BTreeMap;
use std::fmt;

use super::marks::Mark;

const AXES: [&str; 3] = ["z", "y", "x"];

/// Number of pairs that decide on permutation and flips; all are counted afterwards.
const DECIDING_PAIRS: usize = 512;

/// Where a voxel of the first scan lies in the second: along axis `a` of the second, at the first's
/// coordinate of axis `source[a]`, counted backwards where `flipped[a]`, plus `shift[a]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// For each axis `[z, y, x]` of the second scan, the axis of the first.
    pub source: [usize; 3],
    /// For each axis of the second scan, whether it runs the other way.
    pub flipped: [bool; 3],
    /// For each axis of the second scan, in voxels.
    pub shift: [i64; 3],
    /// Median difference of the second scan's values to the first's, HU.
    pub offset_hu: i32,
    /// Voxels of the first scan, `[z, y, x]`.
    pub first: [usize; 3],
    /// Voxels of the second scan, `[z, y, x]`.
    pub second: [usize; 3],
}

impl Relation {
    /// Whether every voxel has the same index in both.
    pub fn is_identical_grid(&self) -> bool {
        self.source == [0, 1, 2]
            && self.flipped == [false; 3]
            && self.shift == [0; 3]
            && self.first == self.second
    }

    /// The part of the second scan that the first covers, `[z, y, x]`, first and end.
    pub fn box_in_second(&self) -> [[usize; 2]; 3] {
        [0, 1, 2].map(|axis| {
            let length = self.first[self.source[axis]] as i64;
            let low = match self.flipped[axis] {
                true => self.shift[axis] - (length - 1),
                false => self.shift[axis],
            };
            clip(low, length, self.second[axis])
        })
    }

    /// The part of the first scan that the second covers, `[z, y, x]`, first and end.
    pub fn box_in_first(&self) -> [[usize; 2]; 3] {
        let mut inside = [[0; 2]; 3];
        for axis in 0..3 {
            let length = self.second[axis] as i64;
            let low = match self.flipped[axis] {
                true => self.shift[axis] - (length - 1),
                false => -self.shift[axis],
            };
            let source = self.source[axis];
            inside[source] = clip(low, length, self.first[source]);
        }
        inside
    }
}

fn clip(low: i64, length: i64, size: usize) -> [usize; 2] {
    let size = size as i64;
    [
        low.clamp(0, size) as usize,
        (low + length).clamp(0, size) as usize,
    ]
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.source != [0, 1, 2] {
            let order: Vec<&str> = (0..3).rev().map(|axis| AXES[self.source[axis]]).collect();
            parts.push(format!("axes x y z from {}", order.join(" ")));
        }
        let flipped: Vec<&str> = (0..3)
            .rev()
            .filter(|&axis| self.flipped[axis])
            .map(|axis| AXES[axis])
            .collect();
        if !flipped.is_empty() {
            parts.push(format!("flipped along {}", flipped.join(" and ")));
        }
        let whole = |box_: [[usize; 2]; 3], shape: [usize; 3]| {
            (0..3).all(|axis| box_[axis] == [0, shape[axis]])
        };
        let (in_first, in_second) = (self.box_in_first(), self.box_in_second());
        match (whole(in_first, self.first), whole(in_second, self.second)) {
            (true, true) if parts.is_empty() => parts.push("identical grid".into()),
            (true, true) => parts.insert(0, "same extent".into()),
            (true, false) => parts.push(format!("the first is {} of the second", text(in_second))),
            (false, true) => parts.push(format!("the second is {} of the first", text(in_first))),
            (false, false) => parts.push(format!(
                "{} of the first is {} of the second",
                text(in_first),
                text(in_second)
            )),
        }
        if self.offset_hu != 0 {
            parts.push(format!("values {:+} HU", self.offset_hu));
        }
        f.write_str(&parts.join(", "))
    }
}

fn text(box_: [[usize; 2]; 3]) -> String {
    let sides: Vec<String> = (0..3)
        .rev()
        .map(|axis| format!("{} {}..{}", AXES[axis], box_[axis][0], box_[axis][1]))
        .collect();
    format!("the box {}", sides.join(", "))
}

/// A way to lay one grid over another, but for the shift.
#[derive(Clone, Copy)]
struct Turn {
    source: [usize; 3],
    flipped: [bool; 3],
}

impl Turn {
    /// All 48 symmetries of the cube; the one that changes nothing comes first.
    fn all() -> impl Iterator<Item = Self> {
        const ORDERS: [[usize; 3]; 6] = [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ];
        ORDERS.into_iter().flat_map(|source| {
            (0..8).map(move |bits| Self {
                source,
                flipped: [0, 1, 2].map(|axis| bits >> axis & 1 == 1),
            })
        })
    }

    /// What has to be added to the turned place of the first mark to get the second's.
    fn shift(&self, (first, second): &(Mark, Mark)) -> [i64; 3] {
        [0, 1, 2].map(|axis| {
            let from = i64::from(first.at[self.source[axis]]);
            let to = i64::from(second.at[axis]);
            if self.flipped[axis] {
                to + from
            } else {
                to - from
            }
        })
    }

    /// The shift that most of the pairs agree on, and how many do.
    fn vote(&self, pairs: &[(Mark, Mark)]) -> Option<([i64; 3], usize)> {
        let mut votes = BTreeMap::<[i64; 3], usize>::new();
        for pair in pairs {
            *votes.entry(self.shift(pair)).or_default() += 1;
        }
        // Of equals the first, whatever the order of the pairs.
        votes.into_iter().rev().max_by_key(|&(_, count)| count)
    }
}

/// The relation that brings most pairs of marks together, and how many; pairs come in the order of
/// their hashes, which is as good as drawn at random.
pub(super) fn fit(
    pairs: &[(Mark, Mark)],
    first: [usize; 3],
    second: [usize; 3],
) -> Option<(Relation, usize)> {
    let deciding = &pairs[..pairs.len().min(DECIDING_PAIRS)];
    let mut best: Option<(Turn, usize)> = None;
    for turn in Turn::all() {
        let (_, count) = turn.vote(deciding)?;
        if best.is_none_or(|(_, most)| count > most) {
            best = Some((turn, count));
        }
    }
    let (turn, _) = best?;
    let (shift, shared) = turn.vote(pairs)?;
    let mut offsets: Vec<i32> = pairs
        .iter()
        .filter(|pair| turn.shift(pair) == shift)
        .map(|(a, b)| i32::from(b.hu) - i32::from(a.hu))
        .collect();
    offsets.sort_unstable();
    Some((
        Relation {
            source: turn.source,
            flipped: turn.flipped,
            shift,
            offset_hu: offsets.get(offsets.len() / 2).copied().unwrap_or(0),
            first,
            second,
        },
        shared,
    ))
}
