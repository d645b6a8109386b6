//! Which predicted lesion stands for which reference lesion, and what that counts as.

use super::regions::Shared;

/// Lesions of both sides and the voxels they share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overlaps {
    /// Voxels of predicted lesion `id` at `id - 1`.
    pub prediction: Vec<u32>,
    /// Voxels of reference lesion `id` at `id - 1`.
    pub reference: Vec<u32>,
    /// Each pair that shares voxels, sorted by ids.
    pub shared: Vec<Shared>,
}

/// Lesions of both sides that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group<'a> {
    /// Ids of the reference lesions, ascending; more than one if a prediction merges them.
    pub reference: &'a [u32],
    /// Ids of the predicted lesions, ascending; more than one if the reference lesion is split.
    pub prediction: &'a [u32],
    /// Voxels that are in both sides of the group.
    pub intersection: u64,
    /// Voxels that are in either.
    pub union: u64,
}

impl Group<'_> {
    /// Intersection over union, 0..=1.
    pub fn iou(&self) -> f64 {
        self.intersection as f64 / self.union as f64
    }

    /// 2 |P and R| / (|P| + |R|), 0..=1.
    pub fn dice(&self) -> f64 {
        2.0 * self.intersection as f64 / (self.intersection + self.union) as f64
    }
}

/// All groups of a case, side by side: there may be one for every few voxels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    reference: Members,
    prediction: Members,
    intersection: Vec<u32>,
    union: Vec<u32>,
}

/// The lesions of one side by group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Members {
    /// The group of lesion `id` at `id - 1`, counted from 1; 0 for none.
    of: Vec<u32>,
    /// Ids, those of one group together.
    ids: Vec<u32>,
    /// Where each group's end.
    ends: Vec<u32>,
}

impl Members {
    /// `of` counts the groups from 1 to `groups`.
    fn new(of: Vec<u32>, groups: usize) -> Self {
        let mut ends = vec![0_u32; groups];
        for &group in of.iter().filter(|group| **group != 0) {
            ends[group as usize - 1] += 1;
        }
        let mut sum = 0;
        for end in &mut ends {
            sum += *end;
            *end = sum - *end;
        }
        let mut ids = vec![0; sum as usize];
        for (id, &group) in (1..).zip(&of).filter(|(_, group)| **group != 0) {
            let at = &mut ends[group as usize - 1];
            ids[*at as usize] = id;
            *at += 1;
        }
        Self { of, ids, ends }
    }

    fn group(&self, group: usize) -> &[u32] {
        let first = group.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.ids[first as usize..self.ends[group] as usize]
    }
}

/// The group of each lesion, from 1, and the voxels of each group.
struct Matched {
    reference: Vec<u32>,
    prediction: Vec<u32>,
    intersection: Vec<u32>,
    union: Vec<u32>,
}

impl From<Matched> for Groups {
    fn from(matched: Matched) -> Self {
        let groups = matched.union.len();
        Self {
            reference: Members::new(matched.reference, groups),
            prediction: Members::new(matched.prediction, groups),
            intersection: matched.intersection,
            union: matched.union,
        }
    }
}

impl Groups {
    /// How many.
    pub fn len(&self) -> usize {
        self.union.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.union.is_empty()
    }

    /// Counts the lesions of the groups that `detects` as found, all others as missed or spurious.
    pub fn count(&self, detects: impl Fn(&Group<'_>) -> bool) -> Detection {
        let mut found = Detection::default();
        for group in self.iter().filter(|group| detects(group)) {
            found.reference_found += group.reference.len() as u64;
            found.prediction_true += group.prediction.len() as u64;
        }
        Detection {
            reference_missed: self.reference.of.len() as u64 - found.reference_found,
            prediction_false: self.prediction.of.len() as u64 - found.prediction_true,
            ..found
        }
    }

    /// All, ordered by their first reference lesions.
    pub fn iter(&self) -> impl Iterator<Item = Group<'_>> {
        (0..self.len()).map(|group| self.group(group))
    }

    /// The group of a reference lesion.
    pub fn of_reference(&self, id: u32) -> Option<Group<'_>> {
        self.of(&self.reference, id)
    }

    /// The group of a predicted lesion.
    pub fn of_prediction(&self, id: u32) -> Option<Group<'_>> {
        self.of(&self.prediction, id)
    }

    fn of(&self, side: &Members, id: u32) -> Option<Group<'_>> {
        let group = *side.of.get(id as usize - 1)?;
        Some(self.group((group as usize).checked_sub(1)?))
    }

    fn group(&self, group: usize) -> Group<'_> {
        Group {
            reference: self.reference.group(group),
            prediction: self.prediction.group(group),
            intersection: self.intersection[group].into(),
            union: self.union[group].into(),
        }
    }
}

impl Overlaps {
    /// The groups of Bilic et al. (Med Image Anal 84, 2023), appendix C: every reference lesion
    /// belongs to the predicted one that shares most voxels with it, and those that belong to one
    /// prediction are merged; then every prediction goes to the merged reference with which it
    /// shares most, and those of one reference are merged. Of several that share as much, the first
    /// by id is taken. Ordered by the first reference id; a lesion in no group is missed or
    /// spurious.
    pub fn merged(&self) -> Groups {
        self.matched().into()
    }

    /// The same where the pairs are needed no more; gives back the sizes of the predicted and of the
    /// reference lesions as well.
    pub fn into_merged(mut self) -> (Groups, [Vec<u32>; 2]) {
        let matched = self.matched();
        drop(std::mem::take(&mut self.shared));
        (matched.into(), [self.prediction, self.reference])
    }

    fn matched(&self) -> Matched {
        let merged = self.merged_references();
        let chosen = self.chosen(&merged);
        self.grouped(merged, chosen)
    }

    /// The first id of the merged reference that each reference lesion is part of; 0 for one that
    /// shares nothing.
    fn merged_references(&self) -> Vec<u32> {
        let mut first_owned = vec![0; self.prediction.len() + 1];
        let mut merged = self.owners();
        for (id, owner) in (1..).zip(&mut merged).filter(|(_, owner)| **owner != 0) {
            let first: &mut u32 = &mut first_owned[*owner as usize];
            if *first == 0 {
                *first = id;
            }
            *owner = *first;
        }
        merged
    }

    /// The prediction that each reference lesion belongs to; 0 for none.
    fn owners(&self) -> Vec<u32> {
        let mut best = vec![(0, 0); self.reference.len()];
        for pair in &self.shared {
            let best = &mut best[pair.reference as usize - 1];
            // Pairs come by the prediction's id, so the first of equals stays.
            if pair.voxels > best.0 {
                *best = (pair.voxels, pair.prediction);
            }
        }
        best.into_iter().map(|(_, prediction)| prediction).collect()
    }

    /// The merged reference that each prediction goes to; 0 for none.
    fn chosen(&self, merged: &[u32]) -> Vec<u32> {
        let pairs = self.shared.chunk_by(|a, b| a.prediction == b.prediction);
        let mut chosen = vec![0; self.prediction.len()];
        for pairs in pairs {
            let mut shares = std::collections::BTreeMap::new();
            for pair in pairs {
                let share = shares.entry(merged[pair.reference as usize - 1]);
                *share.or_insert(0) += u64::from(pair.voxels);
            }
            let most = shares.values().copied().max();
            let first = shares.into_iter().find(|&(_, voxels)| Some(voxels) == most);
            chosen[pairs[0].prediction as usize - 1] = first.map_or(0, |(id, _)| id);
        }
        chosen
    }

    /// The groups, given the first reference id of the group of every lesion; 0 for none. A reference
    /// that no prediction goes to makes none.
    fn grouped(&self, mut merged: Vec<u32>, mut chosen: Vec<u32>) -> Matched {
        let mut numbers = vec![0_u32; merged.len() + 1];
        for &first in chosen.iter().filter(|first| **first != 0) {
            numbers[first as usize] = 1;
        }
        let mut count = 0;
        for number in numbers.iter_mut().filter(|number| **number != 0) {
            count += 1;
            *number = count;
        }
        for first in merged.iter_mut().chain(&mut chosen) {
            *first = numbers[*first as usize];
        }
        drop(numbers);
        self.sized(merged, chosen, count as usize)
    }

    /// The groups, given the number of that of every lesion, from 1; 0 for none.
    fn sized(&self, reference: Vec<u32>, prediction: Vec<u32>, groups: usize) -> Matched {
        let (mut intersection, mut union) = (vec![0_u32; groups], vec![0_u32; groups]);
        let sides = [
            (&reference, &self.reference),
            (&prediction, &self.prediction),
        ];
        for (of, sizes) in sides {
            for (&group, &size) in of.iter().zip(sizes).filter(|(group, _)| **group != 0) {
                // The sum of both may leave 32 bits before what is in both is taken away again.
                let union = &mut union[group as usize - 1];
                *union = union.wrapping_add(size);
            }
        }
        for pair in &self.shared {
            let group = reference[pair.reference as usize - 1];
            if group != 0 && group == prediction[pair.prediction as usize - 1] {
                intersection[group as usize - 1] += pair.voxels;
                let union = &mut union[group as usize - 1];
                *union = union.wrapping_sub(pair.voxels);
            }
        }
        Matched {
            reference,
            prediction,
            intersection,
            union,
        }
    }

    /// Pairs of one lesion each as panoptica 2.1 takes them: those with an IoU of at least
    /// `min_iou`, the highest first, each lesion once. Ordered by the reference id.
    pub fn one_to_one(&self, min_iou: f64) -> Groups {
        let iou = |shared: &Shared| {
            let size = |sizes: &[u32], id: u32| u64::from(sizes[id as usize - 1]);
            let union = size(&self.reference, shared.reference)
                + size(&self.prediction, shared.prediction)
                - u64::from(shared.voxels);
            f64::from(shared.voxels) / union as f64
        };
        let near = |&pair: &u32| iou(&self.shared[pair as usize]) >= min_iou;
        let mut pairs: Vec<u32> = (0..self.shared.len() as u32).filter(near).collect();
        pairs.sort_unstable_by(|&a, &b| {
            let [a, b] = [a, b].map(|pair| &self.shared[pair as usize]);
            let ids = |pair: &Shared| (pair.reference, pair.prediction);
            iou(b).total_cmp(&iou(a)).then_with(|| ids(a).cmp(&ids(b)))
        });
        let mut of_reference = vec![0; self.reference.len()];
        let mut of_prediction = vec![0; self.prediction.len()];
        for pair in pairs {
            let pair = &self.shared[pair as usize];
            let (r, p) = (pair.reference as usize - 1, pair.prediction as usize - 1);
            if of_reference[r] == 0 && of_prediction[p] == 0 {
                (of_reference[r], of_prediction[p]) = (pair.reference, pair.reference);
            }
        }
        self.grouped(of_reference, of_prediction).into()
    }
}

/// How many lesions were found; of one case, or summed over many.
///
/// A group counts with every lesion it has on each side (Bilic et al. 2023: what is found of
/// merged lesions is attributed to each of them), so recall is a share of the reference lesions
/// and precision one of the predicted ones, and neither can leave 0..=1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detection {
    /// Reference lesions that are found: true positives.
    pub reference_found: u64,
    /// Reference lesions that are not: false negatives.
    pub reference_missed: u64,
    /// Predicted lesions that stand for a reference lesion.
    pub prediction_true: u64,
    /// Predicted lesions that do not: false positives.
    pub prediction_false: u64,
}

impl Detection {
    /// Share of the predicted lesions that stand for one; NaN without any.
    pub fn precision(&self) -> f64 {
        self.prediction_true as f64 / (self.prediction_true + self.prediction_false) as f64
    }

    /// Share of the reference lesions that are found; NaN without any.
    pub fn recall(&self) -> f64 {
        self.reference_found as f64 / (self.reference_found + self.reference_missed) as f64
    }

    /// Harmonic mean of precision and recall: 0 if only one side has lesions, NaN if none has.
    pub fn f1(&self) -> f64 {
        let sides = [
            self.prediction_true + self.prediction_false,
            self.reference_found + self.reference_missed,
        ];
        if sides == [0, 0] {
            return f64::NAN;
        }
        if self.reference_found == 0 || self.prediction_true == 0 {
            return 0.0;
        }
        2.0 / (1.0 / self.precision() + 1.0 / self.recall())
    }
}

impl std::ops::Add for Detection {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            reference_found: self.reference_found + other.reference_found,
            reference_missed: self.reference_missed + other.reference_missed,
            prediction_true: self.prediction_true + other.prediction_true,
            prediction_false: self.prediction_false + other.prediction_false,
        }
    }
}

impl std::iter::Sum for Detection {
    fn sum<I: Iterator<Item = Self>>(detections: I) -> Self {
        detections.fold(Self::default(), std::ops::Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlaps(prediction: &[u32], reference: &[u32], shared: &[[u32; 3]]) -> Overlaps {
        let pair = |&[prediction, reference, voxels]: &[u32; 3]| Shared {
            prediction,
            reference,
            voxels,
        };
        Overlaps {
            prediction: prediction.to_vec(),
            reference: reference.to_vec(),
            shared: shared.iter().map(pair).collect(),
        }
    }

    #[test]
    fn a_reference_whose_prediction_belongs_elsewhere_is_missed() {
        // Prediction 1 has most of reference 1, but shares more with reference 2, which belongs to
        // prediction 2: both predictions go there, and reference 1 is left with none.
        let overlaps = overlaps(&[30, 40], &[50, 60], &[[1, 1, 10], [1, 2, 20], [2, 2, 30]]);
        let groups = overlaps.merged();
        assert_eq!(groups.len(), 1);
        let group = groups.iter().next().unwrap();
        assert_eq!((group.reference, group.prediction), (&[2][..], &[1, 2][..]));
        assert_eq!((group.intersection, group.union), (50, 80));
        let found = groups.count(|group| group.iou() > 0.5);
        assert_eq!((found.reference_found, found.reference_missed), (1, 1));
        assert_eq!((found.prediction_true, found.prediction_false), (2, 0));
        assert_eq!((found.precision(), found.recall()), (1.0, 0.5));
        assert!((found.f1() - 2.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn one_to_one_takes_the_better_pair_and_half_is_enough() {
        let overlaps = overlaps(&[5, 5], &[10], &[[1, 1, 5], [2, 1, 5]]);
        let pairs = overlaps.one_to_one(0.5);
        assert_eq!(pairs.len(), 1);
        let pair = pairs.iter().next().unwrap();
        assert_eq!((pair.prediction[0], pair.iou()), (1, 0.5));
        assert!(overlaps.one_to_one(0.51).is_empty());
        assert_eq!(overlaps.merged().iter().next().unwrap().iou(), 1.0);
    }

    #[test]
    fn no_lesion_at_all_has_no_share() {
        let nothing = Detection::default();
        assert!(nothing.precision().is_nan() && nothing.recall().is_nan() && nothing.f1().is_nan());
        let alarm = Detection {
            prediction_false: 1,
            ..nothing
        };
        assert!((alarm + nothing).recall().is_nan());
        assert_eq!((alarm.precision(), alarm.f1()), (0.0, 0.0));
    }
}
