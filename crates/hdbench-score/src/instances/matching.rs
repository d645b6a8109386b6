//! Which instances belong together.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use hdbench_volume::Geometry;

use super::sides::Sides;
use super::touching::touching;
use crate::metrics::assignment::least_cost;
use crate::metrics::detection::Overlaps;
use crate::metrics::regions::Shared;
use crate::structures::{Agreement, Assignment, Instances, Matching, Score};

/// Instances that belong together, by their numbers, ascending.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// Of the reference.
    pub reference: Vec<u32>,
    /// Of the prediction.
    pub prediction: Vec<u32>,
}

/// All matches, by their first instance of the reference.
pub fn matches(
    sides: &Sides,
    instances: &Instances,
    is_planar: bool,
    geometry: &Geometry,
) -> Vec<Match> {
    match instances.matching {
        Matching::OverlapGroups => groups(sides),
        Matching::Touching(dilation) => {
            let touched = touching(sides, dilation, is_planar, geometry);
            let found = (1..).zip(touched).filter(|(_, own)| !own.is_empty());
            found.map(|(id, own)| one(id, own)).collect()
        }
        Matching::SameValue => same_values(sides),
        Matching::Scored(assignment, agreement) => {
            let candidates = Candidates::of(sides, agreement);
            match assignment {
                Assignment::OneToOne => candidates.one_to_one(),
                Assignment::Greedy => candidates.greedy(false),
                Assignment::GreedyManyToOne => candidates.greedy(true),
                Assignment::Merging => candidates.merging(),
            }
        }
    }
}

fn one(reference: u32, prediction: Vec<u32>) -> Match {
    Match {
        reference: vec![reference],
        prediction,
    }
}

fn groups(sides: &Sides) -> Vec<Match> {
    let overlaps = Overlaps {
        prediction: sides.prediction.sizes().to_vec(),
        reference: sides.reference.sizes().to_vec(),
        shared: sides.shared.clone(),
    };
    let merged = overlaps.merged();
    merged
        .iter()
        .map(|group| Match {
            reference: group.reference.to_vec(),
            prediction: group.prediction.to_vec(),
        })
        .collect()
}

/// Instances of equal value; none where values do not tell instances apart.
fn same_values(sides: &Sides) -> Vec<Match> {
    let Some([prediction, reference]) = &sides.values else {
        return Vec::new();
    };
    let mut of_value: BTreeMap<u16, Vec<u32>> = BTreeMap::new();
    for (id, value) in (1..).zip(prediction) {
        of_value.entry(*value).or_default().push(id);
    }
    let found = (1..)
        .zip(reference)
        .filter_map(|(id, value)| Some(one(id, of_value.remove(value)?)));
    found.collect()
}

/// Pairs that share voxels, with how well they agree.
struct Candidates<'a> {
    sides: &'a Sides,
    agreement: Agreement,
    /// Best first; of equal ones the lower prediction, then the lower reference.
    pairs: Vec<(f64, Shared)>,
}

/// The score of two sets of so many voxels that share some.
fn score(kind: Score, shared: u64, prediction: u64, reference: u64) -> f64 {
    match kind {
        Score::Iou => shared as f64 / (prediction + reference - shared) as f64,
        Score::Dice => 2.0 * shared as f64 / (prediction + reference) as f64,
    }
}

/// Up to this many places a table of costs is filled as a whole, so that of equal pairs those of the peers are
/// taken; above it, instances that have no neighbour in common are paired apart from each other.
const MOST_PLACES: usize = 4_000_000;

/// What panoptica adds to a score, so that a pair that scores nothing is still better than none.
const MORE_THAN_NONE: f64 = 1e-6;

impl<'a> Candidates<'a> {
    fn of(sides: &'a Sides, agreement: Agreement) -> Self {
        let size = |sizes: &[u32], id: u32| u64::from(sizes[id as usize - 1]);
        let scored = |pair: &Shared| {
            let prediction = size(sides.prediction.sizes(), pair.prediction);
            let reference = size(sides.reference.sizes(), pair.reference);
            let shared = u64::from(pair.voxels);
            (score(agreement.score, shared, prediction, reference), *pair)
        };
        let mut pairs: Vec<(f64, Shared)> = sides.shared.iter().map(scored).collect();
        pairs.sort_by(|(a, p), (b, q)| {
            let ids = |pair: &Shared| (pair.prediction, pair.reference);
            b.total_cmp(a).then_with(|| ids(p).cmp(&ids(q)))
        });
        Self {
            sides,
            agreement,
            pairs,
        }
    }

    fn enough(&self) -> impl Iterator<Item = (f64, Shared)> {
        let near = |(score, _): &&(f64, Shared)| self.agreement.bound.holds(*score);
        self.pairs.iter().filter(near).copied()
    }

    fn greedy(&self, many_to_one: bool) -> Vec<Match> {
        let mut found: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let mut used = BTreeSet::new();
        for (_, pair) in self.enough() {
            let is_free = many_to_one || !found.contains_key(&pair.reference);
            if is_free && used.insert(pair.prediction) {
                found
                    .entry(pair.reference)
                    .or_default()
                    .push(pair.prediction);
            }
        }
        in_order(found)
    }

    /// Best first; a further prediction joins where the reference agrees strictly better with all of its predictions.
    fn merging(&self) -> Vec<Match> {
        struct Taken {
            predictions: Vec<u32>,
            score: f64,
            voxels: u64,
            shared: u64,
        }
        let mut found: BTreeMap<u32, Taken> = BTreeMap::new();
        let mut used = BTreeSet::new();
        for (own, pair) in &self.pairs {
            if used.contains(&pair.prediction) {
                continue;
            }
            let voxels = u64::from(self.sides.prediction.sizes()[pair.prediction as usize - 1]);
            let shared = u64::from(pair.voxels);
            match found.get_mut(&pair.reference) {
                None if self.agreement.bound.holds(*own) => {
                    let taken = Taken {
                        predictions: vec![pair.prediction],
                        score: *own,
                        voxels,
                        shared,
                    };
                    found.insert(pair.reference, taken);
                    used.insert(pair.prediction);
                }
                None => {}
                Some(taken) => {
                    let reference = self.sides.reference.sizes()[pair.reference as usize - 1];
                    let [shared, voxels] = [taken.shared + shared, taken.voxels + voxels];
                    let joint = score(self.agreement.score, shared, voxels, reference.into());
                    if joint > taken.score {
                        taken.predictions.push(pair.prediction);
                        (taken.score, taken.voxels, taken.shared) = (joint, voxels, shared);
                        used.insert(pair.prediction);
                    }
                }
            }
        }
        let found = found.into_iter().map(|(id, taken)| (id, taken.predictions));
        in_order(found.collect())
    }

    /// The largest sum of scores.
    fn one_to_one(&self) -> Vec<Match> {
        let enough: Vec<(f64, Shared)> = self.enough().collect();
        let rows = self.sides.reference.sizes().len();
        let columns = self.sides.prediction.sizes().len();
        let mut found = BTreeMap::new();
        let parts = match rows.saturating_mul(columns) <= MOST_PLACES {
            true => vec![((1..=rows as u32).collect(), (1..=columns as u32).collect())],
            false => parted(&enough),
        };
        let score_of: HashMap<(u32, u32), f64> = enough
            .iter()
            .map(|(score, pair)| ((pair.reference, pair.prediction), *score))
            .collect();
        for (references, predictions) in parts {
            let (references, predictions): (Vec<u32>, Vec<u32>) = (references, predictions);
            let scored = |row: usize, column: usize| {
                score_of
                    .get(&(references[row], predictions[column]))
                    .copied()
            };
            let cost = |row: usize, column: usize| match scored(row, column) {
                Some(score) => 1.0 - score,
                None => 1.0 + MORE_THAN_NONE,
            };
            let taken = least_cost(references.len(), predictions.len(), cost);
            for (row, column) in taken.into_iter().enumerate() {
                if let Some(column) = column.filter(|column| scored(row, *column).is_some()) {
                    found.insert(references[row], vec![predictions[column]]);
                }
            }
        }
        in_order(found)
    }
}

fn in_order(found: BTreeMap<u32, Vec<u32>>) -> Vec<Match> {
    let matches = found.into_iter().map(|(reference, mut own)| {
        own.sort_unstable();
        one(reference, own)
    });
    matches.collect()
}

/// Instances that hang together by pairs, each part apart: references and predictions, ascending.
fn parted(pairs: &[(f64, Shared)]) -> Vec<(Vec<u32>, Vec<u32>)> {
    let mut neighbours: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut back: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (_, pair) in pairs {
        neighbours
            .entry(pair.reference)
            .or_default()
            .push(pair.prediction);
        back.entry(pair.prediction)
            .or_default()
            .push(pair.reference);
    }
    let mut parts = Vec::new();
    while let Some((&first, _)) = neighbours.iter().next() {
        let (mut references, mut predictions) = (BTreeSet::new(), BTreeSet::new());
        let mut open = vec![first];
        while let Some(reference) = open.pop() {
            references.insert(reference);
            for prediction in neighbours.remove(&reference).unwrap_or_default() {
                if predictions.insert(prediction) {
                    open.extend(back.remove(&prediction).unwrap_or_default());
                }
            }
        }
        parts.push((
            references.into_iter().collect(),
            predictions.into_iter().collect(),
        ));
    }
    parts
}
