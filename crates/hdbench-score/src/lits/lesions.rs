use std::collections::BTreeMap;

use hdbench_volume::Bounds;
use hdbench_volume::components::Connectivity;
use ndarray::{Array3, ArrayView3, Zip, s};
use rayon::prelude::*;

use super::object::ObjectScores;
use crate::metrics::overlap::Counts;
use crate::metrics::regions::Regions;
use crate::metrics::{BitMask, Voxel};

/// The lesions of both maps, numbered as the official scorer numbers them: from 1 by their first
/// voxels in the order of an `(x, y, z)` array, z running fastest.
pub(super) struct Lesions {
    pub prediction: Side,
    pub reference: Side,
    /// Voxels that a predicted and a reference lesion share, by their numbers.
    pub shared: BTreeMap<(u32, u32), u64>,
}

/// The lesions of one map.
#[derive(Default)]
pub(super) struct Side {
    /// Voxels of lesion `number` at `number - 1`.
    pub sizes: Vec<u64>,
    /// The box of each, within the crop.
    boxes: Vec<Bounds>,
    /// Ids in the order of `[z, y, x]`, 0 for background.
    labels: Array3<u32>,
    /// From such an id to the official number; 0 to 0.
    numbers: Vec<u32>,
}

/// A lesion as found.
struct MatchedLesion {
    id: u32,
    /// First voxel in the official order, `(x, y, z)`.
    first: Voxel,
    bounds: Bounds,
    voxels: u64,
}

/// More lesions than the official scorer can number.
pub(super) struct TooMany {
    pub map: &'static str,
    pub lesions: usize,
}

impl Lesions {
    /// Finds the lesions in a box that holds all of both maps.
    ///
    /// # Errors
    /// `TooMany` where a map has more than `most`, the prediction first: of a noise of voxels nothing
    /// is kept but their number.
    pub fn of(
        prediction: ArrayView3<'_, i8>,
        reference: ArrayView3<'_, i8>,
        bounds: &Bounds,
        most: usize,
    ) -> Result<Self, TooMany> {
        let (prediction, reference) = rayon::join(
            || Side::of(prediction, bounds, most),
            || Side::of(reference, bounds, most),
        );
        let (prediction, reference) = (
            prediction.map_err(|lesions| TooMany {
                map: "prediction",
                lesions,
            })?,
            reference.map_err(|lesions| TooMany {
                map: "reference",
                lesions,
            })?,
        );
        let shared = shared_voxels(&prediction, &reference);
        Ok(Self {
            prediction,
            reference,
            shared,
        })
    }

    /// Scores the object of each value: the predicted and the reference lesions that carry it.
    /// `values` hold the value of lesion `number` at `number - 1`, 0 for none.
    pub fn score(
        &self,
        objects: &[u32],
        prediction_values: &[u32],
        reference_values: &[u32],
        spacing_mm: [f64; 3],
    ) -> Vec<ObjectScores> {
        let prediction = self.prediction.valued(prediction_values);
        let reference = self.reference.valued(reference_values);
        objects
            .par_iter()
            .map(|&value| {
                let bounds = Bounds::union(prediction.bounds(value), reference.bounds(value));
                let Some(bounds) = bounds else {
                    return ObjectScores::WORST;
                };
                let (p, r) = (
                    prediction.mask(value, &bounds),
                    reference.mask(value, &bounds),
                );
                let counts = Counts::of(p.view(), r.view());
                ObjectScores::of(p.view(), r.view(), &counts, spacing_mm)
            })
            .collect()
    }
}

impl Side {
    /// Or how many there are, if that is more than `most`.
    fn of(map: ArrayView3<'_, i8>, bounds: &Bounds, most: usize) -> Result<Self, usize> {
        let mask = BitMask::of(map, *bounds, |label| label == 2);
        let regions = Regions::of(&mask, Connectivity::Six);
        if regions.sizes().len() > most {
            return Err(regions.sizes().len());
        }
        let mut labels = Array3::zeros(bounds.shape());
        let [z0, y0, x0] = bounds.start;
        for (id, run) in regions.runs() {
            let xs = run.x.start - x0..run.x.end - x0;
            labels.slice_mut(s![run.z - z0, run.y - y0, xs]).fill(id);
        }
        drop(regions);
        let mut lesions = trace(labels.view());
        lesions.sort_unstable_by_key(|lesion| lesion.first);
        let mut numbers = vec![0; lesions.len() + 1];
        for (number, lesion) in (1..).zip(&lesions) {
            numbers[lesion.id as usize] = number;
        }
        Ok(Self {
            sizes: lesions.iter().map(|lesion| lesion.voxels).collect(),
            boxes: lesions.iter().map(|lesion| lesion.bounds).collect(),
            labels,
            numbers,
        })
    }

    fn valued<'a>(&'a self, values: &'a [u32]) -> Valued<'a> {
        let of_number = |&number: &u32| match number {
            0 => 0,
            number => values[number as usize - 1],
        };
        Valued {
            side: self,
            values,
            of_id: self.numbers.iter().map(of_number).collect(),
        }
    }
}

/// Lesions of one map with the values they carry.
struct Valued<'a> {
    side: &'a Side,
    /// By number.
    values: &'a [u32],
    /// By id in `side.labels`.
    of_id: Vec<u32>,
}

impl Valued<'_> {
    fn bounds(&self, value: u32) -> Option<Bounds> {
        self.values
            .iter()
            .zip(&self.side.boxes)
            .filter(|&(&v, _)| v == value)
            .fold(None, |all, (_, &bounds)| Bounds::union(all, Some(bounds)))
    }

    fn mask(&self, value: u32, bounds: &Bounds) -> Array3<bool> {
        bounds
            .crop(self.side.labels.view())
            .mapv(|id| id != 0 && self.of_id[id as usize] == value)
    }
}

/// Walks along x over the runs of equal labels.
fn trace(labels: ArrayView3<'_, u32>) -> Vec<MatchedLesion> {
    let mut found: Vec<MatchedLesion> = Vec::new();
    for (z, plane) in labels.outer_iter().enumerate() {
        for (y, row) in plane.outer_iter().enumerate() {
            let Some(row) = row.to_slice() else { continue };
            let mut x = 0;
            for run in row.chunk_by(|a, b| a == b) {
                let (id, start) = (run[0], x);
                x += run.len();
                if id == 0 {
                    continue;
                }
                let bounds = Bounds {
                    start: [z, y, start],
                    end: [z + 1, y + 1, x],
                };
                let (first, voxels) = ([start, y, z], run.len() as u64);
                // Ids are given in the order of this walk, so a new one is the next.
                match found.get_mut(id as usize - 1) {
                    Some(lesion) => {
                        lesion.first = lesion.first.min(first);
                        lesion.voxels += voxels;
                        for axis in 0..3 {
                            lesion.bounds.start[axis] =
                                lesion.bounds.start[axis].min(bounds.start[axis]);
                            lesion.bounds.end[axis] = lesion.bounds.end[axis].max(bounds.end[axis]);
                        }
                    }
                    None => found.push(MatchedLesion {
                        id,
                        first,
                        bounds,
                        voxels,
                    }),
                }
            }
        }
    }
    found
}

fn shared_voxels(prediction: &Side, reference: &Side) -> BTreeMap<(u32, u32), u64> {
    let mut shared = BTreeMap::new();
    let rows = Zip::from(prediction.labels.rows()).and(reference.labels.rows());
    rows.for_each(|p, r| {
        // Neighbours mostly belong to the same pair: the map is asked once for all of them.
        let (mut last, mut voxels) = ((0, 0), 0);
        let mut add = |pair: (u32, u32), voxels: u64| {
            if pair.0 != 0 && pair.1 != 0 {
                let pair = (
                    prediction.numbers[pair.0 as usize],
                    reference.numbers[pair.1 as usize],
                );
                *shared.entry(pair).or_insert(0) += voxels;
            }
        };
        for pair in p.iter().copied().zip(r.iter().copied()) {
            if pair != last {
                add(last, voxels);
                (last, voxels) = (pair, 0);
            }
            voxels += 1;
        }
        add(last, voxels);
    });
    shared
}
