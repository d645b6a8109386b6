//! Which predicted lesion stands for which reference lesion, and what that counts as.

use super::regions::Shared;

/// Lesions of both sides and the voxels they share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overlaps {
    /// Voxels of predicted lesion `id` at `id - 1`.
    pub prediction: Vec<u64>,
    /// Voxels of reference lesion `id` at `id - 1`.
    pub reference: Vec<u64>,
    /// Each pair that shares voxels, by ids.
    pub shared: Vec<Shared>,
}

/// Lesions of both sides that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Ids of the reference lesions, ascending; more than one if a prediction merges them.
    pub reference: Vec<u32>,
    /// Ids of the predicted lesions, ascending; more than one if the reference lesion is split.
    pub prediction: Vec<u32>,
    /// Voxels that are in both sides of the group.
    pub intersection: u64,
    /// Voxels that are in either.
    pub union: u64,
}

impl Group {
    /// Intersection over union, 0..=1.
    pub fn iou(&self) -> f64 {
        self.intersection as f64 / self.union as f64
    }

    /// 2 |P and R| / (|P| + |R|), 0..=1.
    pub fn dice(&self) -> f64 {
        2.0 * self.intersection as f64 / (self.intersection + self.union) as f64
    }
}

impl Overlaps {
    /// The groups of Bilic et al. (Med Image Anal 84, 2023), appendix C: every reference lesion
    /// belongs to the predicted one that shares most voxels with it, and those that belong to one
    /// prediction are merged; then every prediction goes to the merged reference with which it
    /// shares most, and those of one reference are merged. Of several that share as much, the first
    /// by id is taken. Ordered by the first reference id; a lesion in no group is missed or
    /// spurious.
    pub fn merged(&self) -> Vec<Group> {
        let owners = self.owners();
        // The merged reference goes by its first id.
        let mut first_owned = vec![0; self.prediction.len() + 1];
        let mut merged = vec![0; self.reference.len() + 1];
        for (i, &owner) in owners.iter().enumerate() {
            if owner != 0 {
                let id = i as u32 + 1;
                let first: &mut u32 = &mut first_owned[owner as usize];
                if *first == 0 {
                    *first = id;
                }
                merged[id as usize] = *first;
            }
        }
        let chosen = self.chosen(&merged);
        self.grouped(&merged, &chosen)
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
        let mut chosen = vec![0; self.prediction.len() + 1];
        for pairs in pairs {
            let mut shares = std::collections::BTreeMap::new();
            for pair in pairs {
                *shares.entry(merged[pair.reference as usize]).or_insert(0) += pair.voxels;
            }
            let most = shares.values().copied().max();
            let first = shares.into_iter().find(|&(_, voxels)| Some(voxels) == most);
            chosen[pairs[0].prediction as usize] = first.map_or(0, |(id, _)| id);
        }
        chosen
    }

    /// The groups by their first reference id, given the group of every lesion at its id; 0 for
    /// none. A reference that no prediction goes to makes none.
    fn grouped(&self, merged: &[u32], chosen: &[u32]) -> Vec<Group> {
        let none = Group {
            reference: Vec::new(),
            prediction: Vec::new(),
            intersection: 0,
            union: 0,
        };
        let mut groups = vec![none; merged.len()];
        for (id, &group) in (0..).zip(merged).filter(|(_, group)| **group != 0) {
            let group = &mut groups[group as usize];
            group.reference.push(id);
            group.union += self.reference[id as usize - 1];
        }
        for (id, &group) in (0..).zip(chosen).filter(|(_, group)| **group != 0) {
            let group = &mut groups[group as usize];
            group.prediction.push(id);
            group.union += self.prediction[id as usize - 1];
        }
        for pair in &self.shared {
            let group = merged[pair.reference as usize];
            if group == chosen[pair.prediction as usize] {
                let group = &mut groups[group as usize];
                group.intersection += pair.voxels;
                group.union -= pair.voxels;
            }
        }
        groups.retain(|group| !group.prediction.is_empty());
        groups
    }

    /// Pairs of one lesion each as panoptica 2.1 takes them: those with an IoU of at least
    /// `min_iou`, the highest first, each lesion once. Ordered by the reference id.
    pub fn one_to_one(&self, min_iou: f64) -> Vec<Group> {
        let pair = |shared: &Shared| Group {
            reference: vec![shared.reference],
            prediction: vec![shared.prediction],
            intersection: shared.voxels,
            union: self.reference[shared.reference as usize - 1]
                + self.prediction[shared.prediction as usize - 1]
                - shared.voxels,
        };
        let mut pairs: Vec<Group> = self.shared.iter().map(pair).collect();
        pairs.retain(|pair| pair.iou() >= min_iou);
        pairs.sort_by(|a, b| {
            let ids = |group: &Group| (group.reference[0], group.prediction[0]);
            b.iou()
                .total_cmp(&a.iou())
                .then_with(|| ids(a).cmp(&ids(b)))
        });
        let mut taken = [
            vec![false; self.reference.len()],
            vec![false; self.prediction.len()],
        ];
        pairs.retain(|pair| {
            let (r, p) = (
                pair.reference[0] as usize - 1,
                pair.prediction[0] as usize - 1,
            );
            let free = !taken[0][r] && !taken[1][p];
            if free {
                (taken[0][r], taken[1][p]) = (true, true);
            }
            free
        });
        pairs.sort_by_key(|pair| pair.reference[0]);
        pairs
    }

    /// Counts the lesions of the groups that `detects` as found, all others as missed or spurious.
    pub fn count(&self, groups: &[Group], detects: impl Fn(&Group) -> bool) -> Detection {
        let mut found = Detection::default();
        for group in groups.iter().filter(|group| detects(group)) {
            found.reference_found += group.reference.len() as u64;
            found.prediction_true += group.prediction.len() as u64;
        }
        Detection {
            reference_missed: self.reference.len() as u64 - found.reference_found,
            prediction_false: self.prediction.len() as u64 - found.prediction_true,
            ..found
        }
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

    fn overlaps(prediction: &[u64], reference: &[u64], shared: &[[u64; 3]]) -> Overlaps {
        let pair = |&[prediction, reference, voxels]: &[u64; 3]| Shared {
            prediction: prediction as u32,
            reference: reference as u32,
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
        let group = &groups[0];
        assert_eq!(
            (&group.reference[..], &group.prediction[..]),
            (&[2][..], &[1, 2][..])
        );
        assert_eq!((group.intersection, group.union), (50, 80));
        let found = overlaps.count(&groups, |group| group.iou() > 0.5);
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
        assert_eq!((pairs[0].prediction[0], pairs[0].iou()), (1, 0.5));
        assert!(overlaps.one_to_one(0.51).is_empty());
        assert_eq!(overlaps.merged()[0].iou(), 1.0);
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
