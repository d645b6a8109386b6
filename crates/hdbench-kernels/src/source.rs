//! What a convolution sees, made plane by plane from what is kept: doubled, normed, without the parts below
//! zero. Nothing but the planes in work is ever held.

use std::borrow::Cow;

use pulp::Arch;
use rayon::prelude::*;

use super::affine::affine_one;
use super::planes::Layout;
use super::upsample::{self, Doubling};

/// Maps `[n, channels, ...]` as a convolution sees them.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub arch: Arch,
    /// What is kept.
    pub x: &'a [f32],
    pub channels: usize,
    /// Of a plane that is kept.
    pub plane: usize,
    pub doubling: Option<Doubling>,
    /// Scale and shift of each channel, before the positive part is taken.
    pub line: Option<[&'a [f32]; 2]>,
}

/// The plane in work.
#[derive(Default)]
pub struct Spare {
    /// The doubled plane that `values` holds.
    doubled: Option<usize>,
    values: Vec<f32>,
    normed: Vec<f32>,
}

impl<'a> Source<'a> {
    /// Maps as they are.
    pub fn plain(arch: Arch, x: &'a [f32], channels: usize, plane: usize) -> Self {
        Self {
            arch,
            x,
            channels,
            plane,
            doubling: None,
            line: None,
        }
    }

    /// A plane of the batch before it is normed.
    pub fn raw<'s>(&'s self, index: usize, spare: &'s mut Spare) -> &'s [f32] {
        let kept = &self.x[index * self.plane..][..self.plane];
        let Some(doubling) = self.doubling else {
            return kept;
        };
        if spare.doubled != Some(index) {
            spare.values.resize(doubling.large(), 0.0);
            upsample::double_one(self.arch, doubling, kept, &mut spare.values);
            spare.doubled = Some(index);
        }
        &spare.values
    }

    /// A plane of the batch.
    pub fn plane<'s>(&'s self, index: usize, spare: &'s mut Spare) -> &'s [f32] {
        let Some([scale, shift]) = self.line else {
            return self.raw(index, spare);
        };
        let mut normed = std::mem::take(&mut spare.normed);
        let raw = self.raw(index, spare);
        normed.resize(raw.len(), 0.0);
        let channel = index % self.channels;
        let line = [scale[channel], shift[channel]];
        affine_one(self.arch, raw, &mut normed, line, true);
        spare.normed = normed;
        &spare.normed
    }

    /// All planes with their padding around them.
    pub fn padded(&self, layout: &Layout) -> Cow<'a, [f32]> {
        if self.doubling.is_none() && self.line.is_none() {
            return layout.pad(self.x);
        }
        let mut padded = vec![0.0; self.x.len() / self.plane * layout.length];
        padded
            .par_chunks_exact_mut(layout.length)
            .enumerate()
            .with_min_len(8)
            .for_each_init(Spare::default, |spare, (index, to)| {
                layout.pad_one(self.plane(index, spare), to);
            });
        Cow::Owned(padded)
    }
}
