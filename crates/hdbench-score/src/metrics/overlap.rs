//! Overlap of two masks, from three counts.

use ndarray::{ArrayView3, Zip};

/// A share that two masks have in common, 0..=1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Score {
    /// Intersection over union.
    Iou,
    /// Dice coefficient.
    Dice,
}

impl Score {
    /// Of two masks of so many voxels that have some in common.
    pub fn of(self, counts: &Counts) -> f64 {
        match self {
            Self::Iou => counts.jaccard(),
            Self::Dice => counts.dice(),
        }
    }
}

/// Voxels of a predicted mask P and a reference mask R.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// |P and R|.
    pub intersection: u64,
    /// |P|.
    pub prediction: u64,
    /// |R|.
    pub reference: u64,
}

impl Counts {
    /// Counts the voxels of two masks of one shape, `[z, y, x]`.
    ///
    /// # Panics
    /// If the shapes differ.
    pub fn of(prediction: ArrayView3<'_, bool>, reference: ArrayView3<'_, bool>) -> Self {
        let mut counts = Self::default();
        Zip::from(prediction).and(reference).for_each(|&p, &r| {
            counts.intersection += u64::from(p && r);
            counts.prediction += u64::from(p);
            counts.reference += u64::from(r);
        });
        counts
    }

    /// |P or R|.
    pub fn union(&self) -> u64 {
        self.prediction + self.reference - self.intersection
    }

    /// Whether both masks are empty.
    pub fn both_empty(&self) -> bool {
        self.prediction == 0 && self.reference == 0
    }

    /// Whether exactly one mask is empty.
    pub fn one_empty(&self) -> bool {
        (self.prediction == 0) != (self.reference == 0)
    }

    /// 2 |P and R| / (|P| + |R|); NaN if both are empty.
    pub fn dice(&self) -> f64 {
        2.0 * self.intersection as f64 / (self.prediction + self.reference) as f64
    }

    /// |P and R| / |P or R| (IoU); NaN if both are empty.
    pub fn jaccard(&self) -> f64 {
        self.intersection as f64 / self.union() as f64
    }

    /// Volumetric overlap error, 1 - Jaccard, a fraction (Heimann et al., IEEE TMI 28, 2009,
    /// print it in percent); NaN if both are empty.
    pub fn voe(&self) -> f64 {
        1.0 - self.jaccard()
    }

    /// Relative volume difference (|P| - |R|) / |R|, signed, a fraction (Bilic et al. 2023);
    /// NaN if both are empty, infinite if only the reference is.
    pub fn rvd(&self) -> f64 {
        (self.prediction as f64 - self.reference as f64) / self.reference as f64
    }

    /// |P and R| / |P|; NaN if the prediction is empty.
    pub fn precision(&self) -> f64 {
        self.intersection as f64 / self.prediction as f64
    }

    /// |P and R| / |R|; NaN if the reference is empty.
    pub fn recall(&self) -> f64 {
        self.intersection as f64 / self.reference as f64
    }

    /// Share of the voxels outside R that P leaves out as well, in a volume of `volume_voxels` voxels; NaN
    /// if R fills the volume. In a CT volume it is near 1 whatever the prediction.
    pub fn specificity(&self, volume_voxels: u64) -> f64 {
        let outside = volume_voxels - self.reference;
        (volume_voxels - self.union()) as f64 / outside as f64
    }
}

impl std::ops::Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            intersection: self.intersection + other.intersection,
            prediction: self.prediction + other.prediction,
            reference: self.reference + other.reference,
        }
    }
}

impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), std::ops::Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_by_hand() {
        let counts = Counts {
            intersection: 3,
            prediction: 4,
            reference: 8,
        };
        assert_eq!(counts.dice(), 0.5);
        assert_eq!(counts.jaccard(), 3.0 / 9.0);
        assert_eq!(counts.voe(), 1.0 - 3.0 / 9.0);
        assert_eq!(counts.rvd(), -0.5);
        assert_eq!(counts.precision(), 0.75);
        assert_eq!(counts.recall(), 0.375);
        assert_eq!(counts.specificity(18), 0.9);
    }

    #[test]
    fn what_has_no_value_is_not_a_number() {
        let nothing = Counts::default();
        for value in [
            nothing.dice(),
            nothing.jaccard(),
            nothing.voe(),
            nothing.rvd(),
        ] {
            assert!(value.is_nan());
        }
        let invented = Counts {
            prediction: 5,
            ..nothing
        };
        assert!(invented.rvd().is_infinite() && invented.recall().is_nan());
        assert_eq!((invented.dice(), invented.voe()), (0.0, 1.0));
    }
}
