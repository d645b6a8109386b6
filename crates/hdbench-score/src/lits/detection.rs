use std::collections::BTreeMap;

use super::lesions::Lesions;

/// Which predicted lesions belong to which reference lesions, as the official scorer decides it
/// (the correspondence of Bilic et al. 2023, appendix C): reference lesions that overlap the same
/// prediction most are merged, predictions that overlap the same merged reference most are merged.
/// Lesions go by their official numbers, merged ones by the lowest.
pub(super) struct Matching {
    /// The merged reference of reference lesion `number`, at `number - 1`.
    group_of: Vec<u32>,
    /// The merged reference predicted lesion `number` belongs to, at `number - 1`; 0 for none.
    assigned: Vec<u32>,
    /// Voxels of predicted lesion `number`, at `number - 1`.
    predicted_sizes: Vec<u64>,
    groups: BTreeMap<u32, Group>,
    /// Voxels that a predicted lesion shares with a merged reference.
    shared: BTreeMap<(u32, u32), u64>,
    /// By the lowest number of the merged prediction.
    pairs: BTreeMap<u32, Pair>,
}

/// A merged reference.
#[derive(Clone, Copy, Default)]
struct Group {
    lesions: i64,
    voxels: u64,
}

/// A merged prediction and the merged reference it belongs to.
struct Pair {
    group: u32,
    shared: u64,
}

/// What is left of a matching at one threshold.
pub(super) struct Detection {
    /// As the official scorer counts: 1 for a detected merged reference, minus the number of its
    /// lesions (plus that 1) for one that is not.
    pub detected: i64,
    /// The value of predicted lesion `number` in the scorer's `detected_mask`, at `number - 1`.
    pub prediction_values: Vec<u32>,
}

impl Matching {
    pub fn of(lesions: &Lesions) -> Self {
        let group_of = merged_references(lesions);
        let mut groups: BTreeMap<u32, Group> = BTreeMap::new();
        for (&group, &voxels) in group_of.iter().zip(&lesions.reference.sizes) {
            let group = groups.entry(group).or_default();
            group.lesions += 1;
            group.voxels += voxels;
        }
        let mut shared: BTreeMap<(u32, u32), u64> = BTreeMap::new();
        for (&(prediction, reference), &voxels) in &lesions.shared {
            let group = group_of[reference as usize - 1];
            *shared.entry((prediction, group)).or_insert(0) += voxels;
        }
        let assigned = assigned_predictions(&shared, lesions.prediction.sizes.len());
        let mut lowest: BTreeMap<u32, (u32, u64)> = BTreeMap::new();
        for (prediction, &group) in (1..).zip(&assigned).filter(|&(_, &group)| group != 0) {
            let (_, voxels) = lowest.entry(group).or_insert((prediction, 0));
            *voxels += shared[&(prediction, group)];
        }
        let pairs = lowest
            .into_iter()
            .map(|(group, (prediction, shared))| (prediction, Pair { group, shared }))
            .collect();
        Self {
            group_of,
            assigned,
            predicted_sizes: lesions.prediction.sizes.clone(),
            groups,
            shared,
            pairs,
        }
    }

    /// The value of reference lesion `number` in the scorer's `mod_reference_mask`, at
    /// `number - 1`.
    pub fn reference_values(&self) -> &[u32] {
        &self.group_of
    }

    /// Drops the pairs that do not overlap by more than `min_overlap`, with the official scorer's
    /// two slips: its mask of detected predictions has bytes, so that numbers wrap at 256 and
    /// lesions fuse or vanish; and the union of a pair is taken over the voxels whose value in that
    /// mask (a reference's number) equals the prediction's number.
    pub fn trim(&self, min_overlap: f64) -> Detection {
        let mut mask: Vec<u8> = self.assigned.iter().map(|&group| group as u8).collect();
        let mut with_value: Vec<Vec<u32>> = vec![Vec::new(); 256];
        for (prediction, &value) in (1..).zip(&mask) {
            with_value[usize::from(value)].push(prediction);
        }
        let mut detected = self.pairs.len() as i64;
        for (&prediction, pair) in &self.pairs {
            // No byte equals a number above 255.
            let compared = u8::try_from(prediction).map_or(&[][..], |v| &with_value[v as usize]);
            if pair.shared as f64 / self.union(compared, pair.group) as f64 > min_overlap {
                continue;
            }
            detected -= self.group(pair.group).lesions;
            if let Ok(value) = u8::try_from(pair.group) {
                for erased in with_value[usize::from(value)].drain(..) {
                    mask[erased as usize - 1] = 0;
                }
            }
        }
        Detection {
            detected,
            prediction_values: mask.into_iter().map(u32::from).collect(),
        }
    }

    /// Voxels of some predicted lesions or of a merged reference.
    fn union(&self, predictions: &[u32], group: u32) -> u64 {
        let alone = predictions.iter().map(|&prediction| {
            let shared = self.shared.get(&(prediction, group)).copied();
            self.predicted_sizes[prediction as usize - 1] - shared.unwrap_or(0)
        });
        self.group(group).voxels + alone.sum::<u64>()
    }

    fn group(&self, group: u32) -> Group {
        self.groups.get(&group).copied().unwrap_or_default()
    }
}

/// The merged reference of each reference lesion: the lowest number among those that overlap the
/// same prediction most (the lowest of several predictions).
///
/// The official scorer merges while it goes from prediction to prediction, which changes nothing
/// for the later ones: the sum of overlaps whose largest lies at one prediction has its largest
/// there too.
fn merged_references(lesions: &Lesions) -> Vec<u32> {
    let mut owner: Vec<Option<(u32, u64)>> = vec![None; lesions.reference.sizes.len()];
    for (&(prediction, reference), &voxels) in &lesions.shared {
        let owner = &mut owner[reference as usize - 1];
        if owner.is_none_or(|(_, most)| voxels > most) {
            *owner = Some((prediction, voxels));
        }
    }
    let mut lowest = BTreeMap::new();
    (1..)
        .zip(owner)
        .map(|(reference, owner)| match owner {
            Some((prediction, _)) => *lowest.entry(prediction).or_insert(reference),
            None => reference,
        })
        .collect()
}

/// The merged reference each prediction overlaps most (the lowest of several); 0 for none.
fn assigned_predictions(shared: &BTreeMap<(u32, u32), u64>, predictions: usize) -> Vec<u32> {
    let mut assigned = vec![(0, 0); predictions];
    for (&(prediction, group), &voxels) in shared {
        let assigned = &mut assigned[prediction as usize - 1];
        if voxels > assigned.1 {
            *assigned = (group, voxels);
        }
    }
    assigned.into_iter().map(|(group, _)| group).collect()
}
