//! Named random streams: every random number comes from `(seed, name, index)`.
//!
//! A stream has no state worth saving: iteration 41 of a training asks for stream
//! `("sampler", 41)` whether it was reached in one go or after ten kills, and a new consumer with
//! a new name shifts no other.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The master seed of a study, cell or phantom set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// The random stream of this name.
    pub fn stream(self, name: &str) -> Stream {
        self.stream_at(name, 0)
    }

    /// The random stream of this name at one index (an iteration, a case number).
    pub fn stream_at(self, name: &str, index: u64) -> Stream {
        let mut hasher = blake3::Hasher::new_derive_key("hdbench random stream v1");
        hasher.update(&self.0.to_le_bytes());
        hasher.update(&index.to_le_bytes());
        hasher.update(name.as_bytes());
        Stream(ChaCha8Rng::from_seed(*hasher.finalize().as_bytes()))
    }

    /// A seed of its own for a part of the work (a case, a cell).
    pub fn derive(self, name: &str) -> Self {
        Self(self.stream(name).next_u64())
    }
}

/// A portable random stream (ChaCha8): the same numbers on every platform and for ever.
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// Uniform in 0..2^64.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Leaves out `numbers` numbers, each of 64 bits, as if they had been drawn.
    pub fn skip(&mut self, numbers: usize) {
        let words = 2 * numbers as u128;
        self.0.set_word_pos(self.0.get_word_pos() + words);
    }

    /// Uniform in `0.0..1.0`, 53 bits.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in `low..high`.
    pub fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Uniform in `0..n`; `n` must be above 0. The bias is below 2^-64 times n.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next_u64()) * n as u128) >> 64) as usize
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// Standard normal, by Box and Muller's transform.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Fisher and Yates' shuffle.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_depend_on_seed_name_and_index_only() {
        let first = Seed(7).stream_at("sampler", 41).next_u64();
        assert_eq!(first, Seed(7).stream_at("sampler", 41).next_u64());
        assert_ne!(first, Seed(7).stream_at("sampler", 42).next_u64());
        assert_ne!(first, Seed(7).stream_at("dropout", 41).next_u64());
        assert_ne!(first, Seed(8).stream_at("sampler", 41).next_u64());
    }

    #[test]
    fn skipping_is_drawing_without_looking() {
        for (before, skipped) in [(0, 0), (3, 5), (7, 1), (1, 1000)] {
            let mut drawn = Seed(3).stream("skip");
            let mut left_out = drawn.clone();
            for _ in 0..before {
                assert_eq!(drawn.next_u64(), left_out.next_u64());
            }
            for _ in 0..skipped {
                drawn.next_u64();
            }
            left_out.skip(skipped);
            assert_eq!(drawn.next_u64(), left_out.next_u64());
        }
    }

    #[test]
    fn normal_has_mean_0_and_variance_1() {
        let mut stream = Seed(1).stream("normal");
        let draws: Vec<f64> = (0..20_000).map(|_| stream.normal()).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        assert!(mean.abs() < 0.03, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.05, "variance {variance}");
    }

    #[test]
    fn below_covers_its_range_evenly() {
        let mut stream = Seed(2).stream("below");
        let mut counts = [0usize; 5];
        for _ in 0..5_000 {
            counts[stream.below(5)] += 1;
        }
        assert!(
            counts.iter().all(|&n| (850..1150).contains(&n)),
            "{counts:?}"
        );
    }
}
