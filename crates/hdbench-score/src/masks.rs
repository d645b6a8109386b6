use std::borrow::Cow;
use std::collections::BTreeMap;

use hdbench_ground::error::Result;
use hdbench_ground::progress::Stop;
use hdbench_volume::{Bounds, LabelValue};
use ndarray::{ArrayView2, ArrayView3, Axis};
use rayon::prelude::*;

use super::scored_structure::{LabelSet, ScoredStructure};
use crate::metrics::BitMask;
use crate::metrics::overlap::Counts;
use crate::metrics::regions::Regions;

/// The masks of one structure in the smallest box that holds both.
pub(super) struct Masks {
    pub(super) prediction: BitMask,
    pub(super) reference: BitMask,
    /// The instances of prediction and reference where the values of the maps tell them apart.
    pub(super) by_value: Option<[ByValue; 2]>,
}

/// Instances with their values.
pub(super) struct ByValue {
    pub(super) regions: Regions,
    /// That of instance `id` at `id - 1`.
    pub(super) values: Vec<u16>,
}

/// A label value of either width; its loops are of its own type, so that as many voxels as can be are looked at
/// at once.
pub(super) trait Value: LabelValue + Ord + Send + Sync {
    /// Whether any voxel of a row is no background.
    fn is_labelled(row: &[Self]) -> bool;

    /// Adds the bits of a row to those of others: what is 0 then is background in all.
    fn gather(all: &mut [Self], row: &[Self]);

    /// The same value in this width, where it fits.
    fn of(value: u16) -> Option<Self>;
}

impl Value for u8 {
    fn is_labelled(row: &[Self]) -> bool {
        // Most rows hold nothing; this form of the test runs many voxels at once.
        row.iter().fold(0, |all, value| all | value) != 0
    }

    fn gather(all: &mut [Self], row: &[Self]) {
        all.iter_mut().zip(row).for_each(|(all, own)| *all |= own);
    }

    fn of(value: u16) -> Option<Self> {
        value.try_into().ok()
    }
}

impl Value for u16 {
    fn is_labelled(row: &[Self]) -> bool {
        row.iter().fold(0, |all, value| all | value) != 0
    }

    fn gather(all: &mut [Self], row: &[Self]) {
        all.iter_mut().zip(row).for_each(|(all, own)| *all |= own);
    }

    fn of(value: u16) -> Option<Self> {
        Some(value)
    }
}

impl Masks {
    /// The masks of some structures in two label maps of one shape, in their order; `None` where neither map
    /// has the structure. Pictures of two axes are planar.
    ///
    /// # Errors
    /// `Error::Interrupted` once it is asked to stop.
    pub(super) fn of_structures<T: Value>(
        prediction: ArrayView3<'_, T>,
        reference: ArrayView3<'_, T>,
        are_planar: bool,
        structures: &[ScoredStructure],
        stop: &Stop,
    ) -> Result<Vec<Option<Self>>> {
        let boxes = boxes(prediction, reference, structures);
        let both = structures.par_iter().zip(boxes);
        both.map(|(structure, bounds)| {
            stop.check()?;
            let of =
                |bounds| Self::of_structure([prediction, reference], bounds, are_planar, structure);
            Ok(bounds.and_then(of))
        })
        .collect()
    }

    /// Those of one structure, whose voxels are within `bounds`.
    fn of_structure<T: Value>(
        maps: [ArrayView3<'_, T>; 2],
        bounds: Bounds,
        are_planar: bool,
        structure: &ScoredStructure,
    ) -> Option<Self> {
        let mask = |map| {
            let mask = mask_of(map, bounds, &structure.values);
            if are_planar { mask.planar() } else { mask }
        };
        let (prediction, reference) = rayon::join(|| mask(maps[0]), || mask(maps[1]));
        let tight = Bounds::union(prediction.tight_bounds(), reference.tight_bounds())?;
        let by_value = structure.by_value().map(|connectivity| {
            maps.map(|map| {
                let holds = |value| structure.values.holds(value);
                let (regions, values) = Regions::of_values(map, tight, holds, connectivity);
                ByValue { regions, values }
            })
        });
        Some(Self {
            prediction: prediction.crop(tight),
            reference: reference.crop(tight),
            by_value,
        })
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            intersection: self.prediction.count_shared(&self.reference),
            prediction: self.prediction.count(),
            reference: self.reference.count(),
        }
    }
}

/// Up to this number of structures all masks are taken from the box of all that is labelled; above it, boxes by
/// value are worth their pass.
const FEW: usize = 2;

/// A box for each structure that holds all its voxels in both maps; `None` where it has none.
fn boxes<T: Value>(
    prediction: ArrayView3<'_, T>,
    reference: ArrayView3<'_, T>,
    structures: &[ScoredStructure],
) -> Vec<Option<Bounds>> {
    if structures.len() <= FEW {
        return vec![labelled(prediction, reference); structures.len()];
    }
    let by_value = rayon::join(|| boxes_by_value(prediction), || boxes_by_value(reference));
    let found = |(values, own): (&LabelSet, &BTreeMap<u16, Bounds>)| {
        let boxes = own.iter().filter(|(value, _)| values.holds(**value));
        boxes.fold(None, |all, (_, bounds)| Bounds::union(all, Some(*bounds)))
    };
    let of = |structure: &ScoredStructure| {
        Bounds::union(
            found((&structure.values, &by_value.0)),
            found((&structure.values, &by_value.1)),
        )
    };
    structures.iter().map(of).collect()
}

/// The box of every value above 0 that a map holds.
fn boxes_by_value<T: Value>(map: ArrayView3<'_, T>) -> BTreeMap<u16, Bounds> {
    let plane = |z: usize| {
        let mut found: BTreeMap<u16, Bounds> = BTreeMap::new();
        for (y, row) in map.index_axis_move(Axis(0), z).outer_iter().enumerate() {
            let row = row
                .to_slice()
                .map_or_else(|| Cow::Owned(row.to_vec()), Cow::Borrowed);
            if !T::is_labelled(&row) {
                continue;
            }
            let mut x = 0;
            while x < row.len() {
                let end = x + run_length(&row[x..]);
                let value: u16 = row[x].into();
                if value > 0 {
                    let bounds = Bounds {
                        start: [z, y, x],
                        end: [z + 1, y + 1, end],
                    };
                    widen(&mut found, value, bounds);
                }
                x = end;
            }
        }
        found
    };
    let planes = (0..map.len_of(Axis(0))).into_par_iter().map(plane);
    planes.reduce(BTreeMap::new, |mut all, more| {
        for (value, bounds) in more {
            widen(&mut all, value, bounds);
        }
        all
    })
}

/// Labels that are compared at a step.
const CHUNK: usize = 32;

/// How many of a row's labels are equal to the first, one after the other.
fn run_length<T: Value>(row: &[T]) -> usize {
    let Some(first) = row.first() else {
        return 0;
    };
    // No branch inside, so that it looks at many labels at once.
    let is_same = |chunk: &&[T]| {
        !chunk
            .iter()
            .fold(false, |any, value| any | (value != first))
    };
    let whole = row.chunks(CHUNK).take_while(is_same).count() * CHUNK;
    let start = whole.min(row.len());
    let rest = row[start..].iter().take_while(|value| *value == first);
    start + rest.count()
}

fn widen(boxes: &mut BTreeMap<u16, Bounds>, value: u16, bounds: Bounds) {
    let widened = Bounds::union(boxes.get(&value).copied(), Some(bounds));
    boxes.extend(widened.map(|bounds| (value, bounds)));
}

/// The voxels of a set of values.
fn mask_of<T: Value>(map: ArrayView3<'_, T>, bounds: Bounds, values: &LabelSet) -> BitMask {
    // A loop over one comparison runs many voxels at once; a look into a list does not.
    match values {
        LabelSet::AtLeast(least) => match T::of(*least) {
            Some(least) => BitMask::of(map, bounds, |value| value >= least),
            None => BitMask::empty(bounds),
        },
        LabelSet::One(one) => match T::of(*one) {
            Some(one) => BitMask::of(map, bounds, |value| value == one),
            None => BitMask::empty(bounds),
        },
        LabelSet::Several(values) => {
            let holds = table(values);
            BitMask::of(map, bounds, |value: T| {
                let value: u16 = value.into();
                holds.get(usize::from(value)).copied().unwrap_or(false)
            })
        }
    }
}

/// Whether each value up to the largest is one of some.
fn table(values: &[u16]) -> Vec<bool> {
    let mut table = vec![false; values.last().map_or(0, |last| usize::from(*last) + 1)];
    values
        .iter()
        .for_each(|value| table[usize::from(*value)] = true);
    table
}

/// The box of all voxels that either map labels.
fn labelled<T: Value>(
    prediction: ArrayView3<'_, T>,
    reference: ArrayView3<'_, T>,
) -> Option<Bounds> {
    let planes = prediction.len_of(Axis(0));
    let plane = |z| {
        let of = |map: ArrayView3<'_, T>| labelled_plane(map.index_axis_move(Axis(0), z), z);
        Bounds::union(of(prediction), of(reference))
    };
    (0..planes)
        .into_par_iter()
        .map(plane)
        .reduce(|| None, Bounds::union)
}

fn labelled_plane<T: Value>(rows: ArrayView2<'_, T>, z: usize) -> Option<Bounds> {
    // A plane in one piece is looked at faster than its rows.
    if rows.to_slice().is_some_and(|plane| !T::is_labelled(plane)) {
        return None;
    }
    let mut all = vec![T::default(); rows.len_of(Axis(1))];
    let mut ys = None;
    for (y, row) in rows.outer_iter().enumerate() {
        let row = row
            .to_slice()
            .map_or_else(|| Cow::Owned(row.to_vec()), Cow::Borrowed);
        if T::is_labelled(&row) {
            T::gather(&mut all, &row);
            ys = Some(ys.map_or([y, y], |[first, _]: [usize; 2]| [first, y]));
        }
    }
    let [first, last] = ys?;
    let is_labelled = |value: &T| *value != T::default();
    Some(Bounds {
        start: [z, first, all.iter().position(is_labelled)?],
        end: [z + 1, last + 1, all.iter().rposition(is_labelled)? + 1],
    })
}
