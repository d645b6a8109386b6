//! Twice the size, half-pixel centres: along every axis a result is its nearest value, or three quarters of
//! it and a quarter of the next nearest, the edge replicated.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::origin::Doubled;
use super::threads::items_a_thread;

/// What is doubled, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubling {
    /// `[z, y, x]` of one channel before.
    pub size: [usize; 3],
    pub how: Doubled,
}

impl Doubling {
    fn small(&self) -> usize {
        self.size.iter().product()
    }

    pub fn large(&self) -> usize {
        self.small() * if self.how.along_z { 8 } else { 4 }
    }
}

/// Channels one after the other, each twice as large.
pub fn double(arch: Arch, doubling: Doubling, x: &[f32]) -> Vec<f32> {
    let mut y = vec![0.0; x.len() / doubling.small() * doubling.large()];
    y.par_chunks_mut(doubling.large())
        .zip(x.par_chunks(doubling.small()))
        .with_min_len(items_a_thread(doubling.large()))
        .for_each(|(y, x)| double_one(arch, doubling, x, y));
    y
}

/// One channel.
pub fn double_one(arch: Arch, doubling: Doubling, x: &[f32], y: &mut [f32]) {
    arch.dispatch(Double { doubling, x, y });
}

/// The gradient of [`double`]'s input, given that of its result.
pub fn gather(arch: Arch, doubling: Doubling, gradient: &[f32]) -> Vec<f32> {
    let mut of_x = vec![0.0; gradient.len() / doubling.large() * doubling.small()];
    of_x.par_chunks_mut(doubling.small())
        .zip(gradient.par_chunks(doubling.large()))
        .with_min_len(items_a_thread(doubling.large()))
        .for_each(|(of_x, gradient)| gather_one(arch, doubling, gradient, of_x));
    of_x
}

/// One channel.
pub fn gather_one(arch: Arch, doubling: Doubling, gradient: &[f32], of_x: &mut [f32]) {
    arch.dispatch(Gather {
        doubling,
        gradient,
        of_x,
    });
}

/// One channel.
struct Double<'a> {
    doubling: Doubling,
    x: &'a [f32],
    y: &'a mut [f32],
}

impl WithSimd for Double<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { doubling, x, y } = self;
        let [depth, height, width] = doubling.size;
        let (small, large) = (height * width, 4 * height * width);
        let mut rows = vec![0.0; 2 * small];
        if !doubling.how.along_z {
            for (x, y) in x.chunks_exact(small).zip(y.chunks_exact_mut(large)) {
                double_plane(x, y, &mut rows, width, doubling.how.linear);
            }
            return;
        }
        let mut planes = vec![0.0; depth * large];
        for (x, plane) in x.chunks_exact(small).zip(planes.chunks_exact_mut(large)) {
            double_plane(x, plane, &mut rows, width, doubling.how.linear);
        }
        double_axis(&planes, y, large, doubling.how.linear);
    }
}

/// A plane; `rows` takes the rows doubled.
#[inline(always)]
fn double_plane(x: &[f32], y: &mut [f32], rows: &mut [f32], width: usize, linear: bool) {
    for (x, row) in x.chunks_exact(width).zip(rows.chunks_exact_mut(2 * width)) {
        let (pairs, _) = row.as_chunks_mut::<2>();
        if !linear {
            for (pair, &x) in pairs.iter_mut().zip(x) {
                *pair = [x, x];
            }
            continue;
        }
        let last = width - 1;
        for (i, pair) in pairs[1..last.max(1)].iter_mut().enumerate() {
            let near = 0.75 * x[i + 1];
            *pair = [near + 0.25 * x[i], near + 0.25 * x[i + 2]];
        }
        for i in [0, last] {
            let (before, after) = (x[i.saturating_sub(1)], x[(i + 1).min(last)]);
            pairs[i] = [0.75 * x[i] + 0.25 * before, 0.75 * x[i] + 0.25 * after];
        }
    }
    double_axis(rows, y, 2 * width, linear);
}

/// Items of `item` values each: twice as many.
#[inline(always)]
fn double_axis(x: &[f32], y: &mut [f32], item: usize, linear: bool) {
    let last = x.len() / item - 1;
    let at = |i: usize| &x[i * item..][..item];
    for (i, pair) in y.chunks_exact_mut(2 * item).enumerate() {
        let (first, second) = pair.split_at_mut(item);
        if !linear {
            first.copy_from_slice(at(i));
            second.copy_from_slice(at(i));
            continue;
        }
        mix(first, at(i), at(i.saturating_sub(1)));
        mix(second, at(i), at((i + 1).min(last)));
    }
}

#[inline(always)]
fn mix(y: &mut [f32], near: &[f32], far: &[f32]) {
    for ((y, near), far) in y.iter_mut().zip(near).zip(far) {
        *y = 0.75 * near + 0.25 * far;
    }
}

struct Gather<'a> {
    doubling: Doubling,
    gradient: &'a [f32],
    of_x: &'a mut [f32],
}

impl WithSimd for Gather<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self {
            doubling,
            gradient,
            of_x,
        } = self;
        let [depth, height, width] = doubling.size;
        let (small, large) = (height * width, 4 * height * width);
        let mut planes = Vec::new();
        let gradient = if doubling.how.along_z {
            planes.resize(depth * large, 0.0);
            gather_axis(gradient, &mut planes, large, doubling.how.linear);
            &planes
        } else {
            gradient
        };
        let mut rows = vec![0.0; 2 * small];
        for (gradient, of_x) in gradient
            .chunks_exact(large)
            .zip(of_x.chunks_exact_mut(small))
        {
            gather_axis(gradient, &mut rows, 2 * width, doubling.how.linear);
            for (row, of_x) in rows
                .chunks_exact(2 * width)
                .zip(of_x.chunks_exact_mut(width))
            {
                gather_row(row, of_x, doubling.how.linear);
            }
        }
    }
}

#[inline(always)]
fn gather_row(row: &[f32], of_x: &mut [f32], linear: bool) {
    let (pairs, _) = row.as_chunks::<2>();
    if !linear {
        for (of_x, pair) in of_x.iter_mut().zip(pairs) {
            *of_x = pair[0] + pair[1];
        }
        return;
    }
    let last = of_x.len() - 1;
    for (i, of_x) in of_x[1..last.max(1)].iter_mut().enumerate() {
        let [before, here, after] = [pairs[i], pairs[i + 1], pairs[i + 2]];
        *of_x = 0.75 * (here[0] + here[1]) + 0.25 * (before[1] + after[0]);
    }
    for i in [0, last] {
        // At an edge the value that is replicated is the edge's own.
        let before = if i > 0 { pairs[i - 1][1] } else { pairs[0][0] };
        let after = if i < last {
            pairs[i + 1][0]
        } else {
            pairs[last][1]
        };
        of_x[i] = 0.75 * (pairs[i][0] + pairs[i][1]) + 0.25 * (before + after);
    }
}

#[inline(always)]
fn gather_axis(gradient: &[f32], of_x: &mut [f32], item: usize, linear: bool) {
    let last = of_x.len() / item - 1;
    let at = |i: usize| &gradient[i * item..][..item];
    for (i, of_x) in of_x.chunks_exact_mut(item).enumerate() {
        let (first, second) = (at(2 * i), at(2 * i + 1));
        if !linear {
            for ((x, a), b) in of_x.iter_mut().zip(first).zip(second) {
                *x = a + b;
            }
            continue;
        }
        let before = if i > 0 { at(2 * i - 1) } else { at(0) };
        let after = if i < last {
            at(2 * i + 2)
        } else {
            at(2 * last + 1)
        };
        let far = before.iter().zip(after);
        for (((x, a), b), (before, after)) in of_x.iter_mut().zip(first).zip(second).zip(far) {
            *x = 0.75 * (a + b) + 0.25 * (before + after);
        }
    }
}
