use hdbench_volume::Bounds;
use ndarray::{ArrayView3, Axis};
use rayon::prelude::*;

use crate::metrics::overlap::Counts;

/// What one pass over both label maps finds.
#[derive(Clone, Copy, Default)]
pub(super) struct Survey {
    /// Voxels with label 1 or more.
    pub liver: Counts,
    /// Voxels with label 2.
    pub lesion: Counts,
    /// Around both livers.
    pub liver_bounds: Option<Bounds>,
    /// Around the lesions of both maps.
    pub lesion_bounds: Option<Bounds>,
    /// Whether any predicted voxel has exactly label 1.
    pub liver_predicted: bool,
}

impl Survey {
    /// Surveys two maps of one shape, `[z, y, x]`.
    pub fn of(prediction: ArrayView3<'_, i8>, reference: ArrayView3<'_, i8>) -> Self {
        let (prediction, reference) = (
            prediction.as_standard_layout(),
            reference.as_standard_layout(),
        );
        (0..prediction.len_of(Axis(0)))
            .into_par_iter()
            .map(|z| {
                let rows = prediction.index_axis(Axis(0), z);
                let truth = reference.index_axis(Axis(0), z);
                let mut found = Self::default();
                for (y, (p, r)) in rows.outer_iter().zip(truth.outer_iter()).enumerate() {
                    if let (Some(p), Some(r)) = (p.to_slice(), r.to_slice()) {
                        found.add_row(p, r, [z, y]);
                    }
                }
                found
            })
            .reduce(Self::default, Self::join)
    }

    fn join(self, other: Self) -> Self {
        Self {
            liver: self.liver + other.liver,
            lesion: self.lesion + other.lesion,
            liver_bounds: Bounds::union(self.liver_bounds, other.liver_bounds),
            lesion_bounds: Bounds::union(self.lesion_bounds, other.lesion_bounds),
            liver_predicted: self.liver_predicted | other.liver_predicted,
        }
    }

    fn add_row(&mut self, prediction: &[i8], reference: &[i8], at: [usize; 2]) {
        // Most rows hold nothing; this form of the test runs many voxels at once.
        let any = |row: &[i8]| row.iter().fold(0, |all, &v| all | v) != 0;
        if !any(prediction) && !any(reference) {
            return;
        }
        self.liver_predicted |= prediction.iter().fold(false, |any, &v| any | (v == 1));
        let liver = count(prediction, reference, |v| v >= 1);
        let lesion = count(prediction, reference, |v| v == 2);
        self.liver = self.liver + liver;
        self.lesion = self.lesion + lesion;
        if !(liver.prediction == 0 && liver.reference == 0) {
            let bounds = bounds(prediction, reference, at, |v| v >= 1);
            self.liver_bounds = Bounds::union(self.liver_bounds, bounds);
        }
        if !(lesion.prediction == 0 && lesion.reference == 0) {
            let bounds = bounds(prediction, reference, at, |v| v == 2);
            self.lesion_bounds = Bounds::union(self.lesion_bounds, bounds);
        }
    }
}

/// Counts in pieces whose sums fit a byte, so that many voxels are added at once.
fn count(prediction: &[i8], reference: &[i8], holds: impl Fn(i8) -> bool) -> Counts {
    const PIECE: usize = 128;
    let mut counts = Counts::default();
    for (p, r) in prediction.chunks(PIECE).zip(reference.chunks(PIECE)) {
        let mut sums = [0u8; 3];
        for (&p, &r) in p.iter().zip(r) {
            let (p, r) = (holds(p), holds(r));
            sums[0] += u8::from(p & r);
            sums[1] += u8::from(p);
            sums[2] += u8::from(r);
        }
        counts.intersection += u64::from(sums[0]);
        counts.prediction += u64::from(sums[1]);
        counts.reference += u64::from(sums[2]);
    }
    counts
}

fn bounds(
    prediction: &[i8],
    reference: &[i8],
    [z, y]: [usize; 2],
    holds: impl Fn(i8) -> bool,
) -> Option<Bounds> {
    let mut either = prediction
        .iter()
        .zip(reference)
        .map(|(&p, &r)| holds(p) | holds(r));
    let first = either.position(|v| v)?;
    let after = either.rposition(|v| v).map_or(0, |i| i + 1);
    Some(Bounds {
        start: [z, y, first],
        end: [z + 1, y + 1, first + 1 + after],
    })
}
