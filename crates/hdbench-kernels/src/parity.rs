use rayon::prelude::*;

use super::planes::three;
use super::threads::items_a_thread;

/// Of maps: the values at even and odd places of every axis as channels of their own, half as large; or the
/// way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parity {
    Split,
    Join,
}

impl Parity {
    /// The way back.
    pub fn inverse(self) -> Self {
        match self {
            Self::Split => Self::Join,
            Self::Join => Self::Split,
        }
    }

    /// What becomes of a shape `[n, channels, (z,) y, x]`.
    pub fn shape(self, of: &[usize]) -> Vec<usize> {
        let mut shape = of.to_vec();
        let parts = 1 << (of.len() - 2);
        match self {
            Self::Split => {
                shape[1] *= parts;
                shape[2..].iter_mut().for_each(|size| *size /= 2);
            }
            Self::Join => {
                shape[1] /= parts;
                shape[2..].iter_mut().for_each(|size| *size *= 2);
            }
        }
        shape
    }

    /// Maps of this shape, split or joined.
    pub fn apply(self, shape: &[usize], x: &[f32]) -> Vec<f32> {
        let large = match self {
            Self::Split => shape.to_vec(),
            Self::Join => self.shape(shape),
        };
        let (size, along_z) = (three(&large[2..]), large.len() == 5);
        let volume: usize = size.iter().product();
        let mut y = vec![0.0; x.len()];
        y.par_chunks_mut(volume.max(1))
            .zip(x.par_chunks(volume.max(1)))
            .with_min_len(items_a_thread(volume))
            .for_each(|(y, x)| match self {
                Self::Split => split(size, along_z, x, y),
                Self::Join => join(size, along_z, x, y),
            });
        y
    }
}

/// The halves of the rows of a channel of this size: each row's place, and those of its values at even and
/// at odd places.
fn halves(size: [usize; 3], along_z: bool) -> impl Iterator<Item = (usize, [usize; 2])> {
    let [depth, height, width] = size;
    let parts = if along_z { 8 } else { 4 };
    let part = depth * height * width / parts;
    (0..depth * height).map(move |row| {
        let (z, y) = (row / height, row % height);
        let (z, deep) = if along_z { (z / 2, z % 2) } else { (z, 0) };
        let at = (z * (height / 2) + y / 2) * (width / 2);
        let parity = 2 * (2 * deep + y % 2);
        (row * width, [at + parity * part, at + (parity + 1) * part])
    })
}

fn split(size: [usize; 3], along_z: bool, x: &[f32], y: &mut [f32]) {
    let half = size[2] / 2;
    for (row, places) in halves(size, along_z) {
        let (pairs, _) = x[row..][..2 * half].as_chunks::<2>();
        for (parity, at) in places.into_iter().enumerate() {
            for (y, pair) in y[at..][..half].iter_mut().zip(pairs) {
                *y = pair[parity];
            }
        }
    }
}

fn join(size: [usize; 3], along_z: bool, x: &[f32], y: &mut [f32]) {
    let half = size[2] / 2;
    for (row, [even, odd]) in halves(size, along_z) {
        let (pairs, _) = y[row..][..2 * half].as_chunks_mut::<2>();
        let values = x[even..][..half].iter().zip(&x[odd..][..half]);
        for (pair, (&even, &odd)) in pairs.iter_mut().zip(values) {
            *pair = [even, odd];
        }
    }
}
