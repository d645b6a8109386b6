use hdbench_volume::Bounds;
use ndarray::{ArrayView3, Axis};
use rayon::prelude::*;

use super::metric::Label;
use crate::metrics::BitMask;
use crate::metrics::overlap::Counts;

/// The masks of one label in the smallest box that holds both.
pub(super) struct Masks {
    pub(super) prediction: BitMask,
    pub(super) reference: BitMask,
}

impl Masks {
    /// The masks of every label of two label maps of one shape, in the order of [`Label::ALL`];
    /// `None` where neither map has the label. The maps are read once to find the box of all that
    /// is labelled, and once more inside it. Pictures of two axes are planar.
    pub(super) fn of_labels(
        prediction: ArrayView3<'_, u8>,
        reference: ArrayView3<'_, u8>,
        are_planar: bool,
    ) -> [Option<Self>; 2] {
        let Some(bounds) = labelled(prediction, reference) else {
            return [None, None];
        };
        Label::ALL.map(|label| {
            let mask = |map| {
                let mask = BitMask::of(map, bounds, |value| label.holds(value));
                if are_planar { mask.planar() } else { mask }
            };
            let (prediction, reference) = rayon::join(|| mask(prediction), || mask(reference));
            let tight = Bounds::union(prediction.tight_bounds(), reference.tight_bounds())?;
            Some(Self {
                prediction: prediction.crop(tight),
                reference: reference.crop(tight),
            })
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

/// The box of all voxels that either map labels.
fn labelled(prediction: ArrayView3<'_, u8>, reference: ArrayView3<'_, u8>) -> Option<Bounds> {
    let planes = prediction.len_of(Axis(0));
    let plane = |z| {
        let of = |map: ArrayView3<'_, u8>| {
            let rows = map.index_axis_move(Axis(0), z);
            let mut bounds = None;
            for (y, row) in rows.outer_iter().enumerate() {
                let extent = match row.to_slice() {
                    Some(row) => extent(row),
                    None => extent(&row.to_vec()),
                };
                let found = extent.map(|[first, end]| Bounds {
                    start: [z, y, first],
                    end: [z + 1, y + 1, end],
                });
                bounds = Bounds::union(bounds, found);
            }
            bounds
        };
        Bounds::union(of(prediction), of(reference))
    };
    (0..planes)
        .into_par_iter()
        .map(plane)
        .reduce(|| None, Bounds::union)
}

/// The first voxel of a row that is not 0 and the one after the last.
fn extent(row: &[u8]) -> Option<[usize; 2]> {
    // Most rows hold nothing; this form of the test runs many voxels at once.
    if row.iter().fold(0, |all, &value| all | value) == 0 {
        return None;
    }
    let first = row.iter().position(|&value| value != 0)?;
    let last = row.iter().rposition(|&value| value != 0)?;
    Some([first, last + 1])
}
