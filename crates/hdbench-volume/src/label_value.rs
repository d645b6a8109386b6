//! The numbers that a label map may hold, and which of them one holds.

use std::fmt;

/// A label in memory; its default is background.
pub trait Label: Copy + Default + PartialEq {}

impl<T: Copy + Default + PartialEq> Label for T {}

/// A label that is read from a file: `u8` for whole numbers from 0 to 255, `u16` for those to 65,535.
pub trait LabelValue: Label + From<u8> + Into<u16> + Into<f64> + sealed::Sealed {
    /// The largest label.
    const LARGEST: u16;

    /// The whole number below a value; the nearest label to what is none.
    #[doc(hidden)]
    fn cut_off(value: f64) -> Self;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for u16 {}
}

impl LabelValue for u8 {
    const LARGEST: u16 = u8::MAX as u16;

    fn cut_off(value: f64) -> Self {
        value as Self
    }
}

impl LabelValue for u16 {
    const LARGEST: u16 = u16::MAX;

    fn cut_off(value: f64) -> Self {
        value as Self
    }
}

/// Labels that are compared at a step.
const CHUNK: usize = 64;

const WORDS: usize = (1 << 16) / u64::BITS as usize;

/// Which labels above 0 occur in a map: one bit for each that is possible, 8 KB in all.
#[derive(Clone, PartialEq, Eq)]
pub struct LabelValues {
    words: Box<[u64; WORDS]>,
}

impl Default for LabelValues {
    /// None.
    fn default() -> Self {
        Self {
            words: Box::new([0; WORDS]),
        }
    }
}

impl LabelValues {
    /// Those among some labels.
    pub fn of<'a, T: LabelValue + 'a>(labels: impl IntoIterator<Item = &'a T>) -> Self {
        let mut values = Self::default();
        // Labels come in runs.
        let mut last = T::default();
        for &label in labels {
            if label != last {
                values.add(label.into());
                last = label;
            }
        }
        values
    }

    /// The same of labels that lie one after the other, many of one value at a step.
    pub fn of_slice<T: LabelValue>(labels: &[T]) -> Self {
        let mut values = Self::default();
        values.add_slice(labels);
        values
    }

    /// Adds labels that lie one after the other.
    pub fn add_slice<T: LabelValue>(&mut self, labels: &[T]) {
        let mut last = T::default();
        for chunk in labels.chunks(CHUNK) {
            // No branch inside, so that it looks at many labels at once.
            let differ = chunk
                .iter()
                .fold(false, |any, label| any | (*label != last));
            if !differ {
                continue;
            }
            for &label in chunk {
                if label != last {
                    self.add(label.into());
                    last = label;
                }
            }
        }
    }

    /// Adds those of another map.
    pub fn union(mut self, other: &Self) -> Self {
        for (own, other) in self.words.iter_mut().zip(other.words.iter()) {
            *own |= other;
        }
        self
    }

    /// Adds a label; 0 is background and never among them.
    pub fn add(&mut self, label: u16) {
        if label > 0 {
            self.words[usize::from(label) / 64] |= 1 << (label % 64);
        }
    }

    /// Whether a label occurs.
    pub fn contains(&self, label: u16) -> bool {
        self.words[usize::from(label) / 64] >> (label % 64) & 1 == 1
    }

    /// How many labels occur.
    pub fn len(&self) -> usize {
        self.words
            .iter()
            .map(|word| word.count_ones() as usize)
            .sum()
    }

    /// Whether there is background alone.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// The largest label; 0 of background alone.
    pub fn largest(&self) -> u16 {
        self.iter().next_back().unwrap_or(0)
    }

    /// All labels that occur, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = u16> + '_ {
        (1..=u16::MAX).filter(|&label| self.contains(label))
    }
}

impl fmt::Debug for LabelValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_that_occur_without_background() {
        let values = LabelValues::of(&[0_u16, 7, 7, 0, 65_535, 63, 64, 1, 1]);
        assert_eq!(values.iter().collect::<Vec<_>>(), [1, 7, 63, 64, 65_535]);
        assert_eq!((values.len(), values.largest()), (5, 65_535));
        assert!(values.contains(64) && !values.contains(0) && !values.contains(65));
        let both = LabelValues::of(&[2_u8, 7]).union(&LabelValues::of(&[500_u16]));
        assert_eq!(both.iter().collect::<Vec<_>>(), [2, 7, 500]);
        assert_eq!(format!("{values:?}"), "{1, 7, 63, 64, 65535}");
        let none = LabelValues::of(&[0_u8, 0]);
        assert!(none.is_empty());
        assert_eq!((none.len(), none.largest()), (0, 0));
    }
}
