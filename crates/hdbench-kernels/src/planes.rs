use std::array;
use std::borrow::Cow;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// Lengths are rounded up to this many values, the widest vector there is.
const ALIGN: usize = 16;

/// Values of a vector.
pub fn lanes(arch: Arch) -> usize {
    struct Lanes;

    impl WithSimd for Lanes {
        type Output = usize;

        fn with_simd<S: Simd>(self, _simd: S) -> usize {
            S::F32_LANES
        }
    }

    arch.dispatch(Lanes)
}

/// `[z, y, x]` of the axes behind the channels; planes have depth 1.
pub fn three(axes: &[usize]) -> [usize; 3] {
    let mut three = [1; 3];
    three[3 - axes.len()..].copy_from_slice(axes);
    three
}

/// A stride-1 convolution that keeps the size, over batches of volumes; 2-D maps have depth 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    pub batch: usize,
    pub channels_in: usize,
    pub channels_out: usize,
    /// `[z, y, x]`.
    pub size: [usize; 3],
    /// `[z, y, x]`.
    pub kernel: [usize; 3],
    /// Zeros before the first value; behind the last there are as many as keep the size.
    pub padding: [usize; 3],
}

impl Geometry {
    /// Values of one channel.
    pub fn plane(&self) -> usize {
        self.size.iter().product()
    }

    /// Values of one kernel of one channel.
    pub fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// The convolution that carries gradients back from the output to the input.
    pub fn transposed(&self) -> Self {
        Self {
            channels_in: self.channels_out,
            channels_out: self.channels_in,
            padding: array::from_fn(|axis| self.kernel[axis] - 1 - self.padding[axis]),
            ..*self
        }
    }

    pub fn layout(&self) -> Layout {
        let [depth, height, width] = self.size;
        if self.taps() == 1 {
            return Layout::new([1, 1, depth * height * width], [1; 3], [0; 3]);
        }
        Layout::new(self.size, self.kernel, self.padding)
    }
}

/// Channels with their zero padding, laid out flat: in such a plane a kernel's tap is a constant
/// offset, so that a convolution is a sum of shifted planes. Results at the padding's places are
/// computed and dropped.
#[derive(Clone, Debug)]
pub struct Layout {
    size: [usize; 3],
    padding: [usize; 3],
    /// Of rows and slices of the padded plane.
    strides: [usize; 2],
    /// Of each tap, in the kernel's order.
    pub offsets: Vec<usize>,
    /// From the first to the last result, rounded up.
    pub span: usize,
    /// Of a padded plane.
    pub length: usize,
}

impl Layout {
    fn new(size: [usize; 3], kernel: [usize; 3], padding: [usize; 3]) -> Self {
        let row = size[2] + kernel[2] - 1;
        let slice = row * (size[1] + kernel[1] - 1);
        let mut offsets = Vec::with_capacity(kernel.iter().product());
        for z in 0..kernel[0] {
            for y in 0..kernel[1] {
                offsets.extend((0..kernel[2]).map(|x| z * slice + y * row + x));
            }
        }
        let last = (size[0] - 1) * slice + (size[1] - 1) * row + size[2];
        let span = last.next_multiple_of(ALIGN);
        let reach = offsets.last().copied().unwrap_or(0);
        Self {
            size,
            padding,
            strides: [slice, row],
            offsets,
            span,
            length: (span + reach).next_multiple_of(ALIGN),
        }
    }

    /// Values of a row.
    pub fn width(&self) -> usize {
        self.size[2]
    }

    /// Where a pixel lies in a padded plane, and how many of its row follow from it on.
    pub fn place_of(&self, pixel: usize) -> (usize, usize) {
        let [slice, row] = self.strides;
        let (line, x) = (pixel / self.size[2], pixel % self.size[2]);
        let (z, y) = (line / self.size[1], line % self.size[1]);
        (z * slice + y * row + x, self.size[2] - x)
    }

    /// Where the first value of a plane lies in a padded one.
    pub fn first(&self) -> usize {
        let [slice, row] = self.strides;
        self.padding[0] * slice + self.padding[1] * row + self.padding[2]
    }

    /// Where each row's results start in a padded plane, in order.
    pub fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        let [slice, row] = self.strides;
        (0..self.size[0]).flat_map(move |z| (0..self.size[1]).map(move |y| z * slice + y * row))
    }

    /// Planes with their padding around them.
    pub fn pad<'a>(&self, planes: &'a [f32]) -> Cow<'a, [f32]> {
        self.spread(planes, self.length, self.first())
    }

    /// Planes at the places of results, zero elsewhere.
    pub fn place<'a>(&self, planes: &'a [f32]) -> Cow<'a, [f32]> {
        self.spread(planes, self.span, 0)
    }

    fn spread<'a>(&self, planes: &'a [f32], length: usize, first: usize) -> Cow<'a, [f32]> {
        let plane: usize = self.size.iter().product();
        if plane == length {
            return Cow::Borrowed(planes);
        }
        let mut spread = vec![0.0; planes.len() / plane * length];
        spread
            .par_chunks_exact_mut(length)
            .zip(planes.par_chunks_exact(plane))
            .with_min_len(8)
            .for_each(|(to, from)| self.spread_one(from, to, first));
        Cow::Owned(spread)
    }

    /// A plane into a padded one that is zero.
    pub fn pad_one(&self, plane: &[f32], padded: &mut [f32]) {
        self.spread_one(plane, padded, self.first());
    }

    fn spread_one(&self, plane: &[f32], to: &mut [f32], first: usize) {
        for (start, row) in self.rows().zip(plane.chunks_exact(self.width())) {
            to[first + start..][..row.len()].copy_from_slice(row);
        }
    }
}
