use ndarray::ArrayView3;

use crate::metrics::overlap::Counts;
use crate::metrics::surface::{Border, distances};

/// What the official scorer writes in place of an infinite volume difference or distance: its
/// platform refused infinities.
pub const PENALTY: f64 = 9001.0;

/// The seven metrics of one object: a liver or a detected lesion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ObjectScores {
    /// 0..=1.
    pub dice: f64,
    /// From the Dice, 0..=1.
    pub jaccard: f64,
    /// 1 - Jaccard, a fraction.
    pub voe: f64,
    /// (prediction - reference) / reference, a fraction; or [`PENALTY`].
    pub rvd: f64,
    /// Average symmetric surface distance over both surfaces together, mm; or [`PENALTY`].
    pub assd: f64,
    /// Root mean square of the same distances, mm; or [`PENALTY`].
    pub rmsd: f64,
    /// Their maximum, mm; or [`PENALTY`].
    pub msd: f64,
}

impl ObjectScores {
    /// What an object without a counterpart scores.
    pub const WORST: Self = Self {
        dice: 0.0,
        jaccard: 0.0,
        voe: 1.0,
        rvd: PENALTY,
        assd: PENALTY,
        rmsd: PENALTY,
        msd: PENALTY,
    };

    /// Scores two masks `[z, y, x]` with these counts; `spacing_mm` is `[z, y, x]`.
    pub(super) fn of(
        prediction: ArrayView3<'_, bool>,
        reference: ArrayView3<'_, bool>,
        counts: &Counts,
        spacing_mm: [f64; 3],
    ) -> Self {
        if counts.prediction == 0 || counts.reference == 0 {
            return Self::WORST;
        }
        let dice = counts.dice();
        let jaccard = dice / (2.0 - dice);
        let surface = distances(prediction, reference, spacing_mm, Border::Eighteen);
        Self {
            dice,
            jaccard,
            voe: 1.0 - jaccard,
            rvd: counts.rvd(),
            assd: surface.assd(),
            rmsd: surface.rmsd(),
            msd: surface.msd(),
        }
    }

    /// The seven with their names, in the order of scores.txt.
    pub fn named(&self) -> [(&'static str, f64); 7] {
        [
            ("dice", self.dice),
            ("jaccard", self.jaccard),
            ("voe", self.voe),
            ("rvd", self.rvd),
            ("assd", self.assd),
            ("rmsd", self.rmsd),
            ("msd", self.msd),
        ]
    }
}
