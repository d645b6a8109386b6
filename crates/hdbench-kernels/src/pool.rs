use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::planes::three;
use super::threads::items_a_thread;

/// The largest value in every second place's window, along every axis of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Values along each axis.
    pub size: usize,
    /// Places before the first value, and behind the last, that are never the largest.
    pub padding: usize,
}

/// How one channel is pooled.
#[derive(Clone, Copy, Debug)]
pub struct Pooling {
    /// `[z, y, x]` of a channel before.
    size: [usize; 3],
    window: [usize; 3],
    stride: [usize; 3],
    padding: [usize; 3],
}

impl Pooling {
    /// Of a map of shape `[n, channels, (z,) y, x]`.
    pub fn new(shape: &[usize], window: Window) -> Self {
        let axes = &shape[2..];
        let of_axes = |of_axis: usize, otherwise: usize| {
            let mut three = [otherwise; 3];
            three[3 - axes.len()..].fill(of_axis);
            three
        };
        Self {
            size: three(axes),
            window: of_axes(window.size, 1),
            stride: of_axes(2, 1),
            padding: of_axes(window.padding, 0),
        }
    }

    /// `[z, y, x]` of a channel afterwards.
    pub fn pooled(&self) -> [usize; 3] {
        std::array::from_fn(|axis| {
            (self.size[axis] + 2 * self.padding[axis] - self.window[axis]) / self.stride[axis] + 1
        })
    }

    /// The value of the map that a window's place falls on.
    fn at(&self, axis: usize, window: usize, place: usize) -> Option<usize> {
        let at = (window * self.stride[axis] + place).checked_sub(self.padding[axis])?;
        (at < self.size[axis]).then_some(at)
    }
}

/// The largest values of channels one after the other, and where in its window each lies: the first of
/// equals, and a NaN before all.
pub fn largest(arch: Arch, pooling: Pooling, x: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let large: usize = pooling.size.iter().product();
    let small: usize = pooling.pooled().iter().product();
    let mut y = vec![f32::NEG_INFINITY; x.len() / large * small];
    let mut places = vec![0.0; y.len()];
    y.par_chunks_mut(small)
        .zip(places.par_chunks_mut(small))
        .zip(x.par_chunks(large))
        .with_min_len(items_a_thread(large))
        .for_each(|((y, places), x)| {
            arch.dispatch(Largest {
                pooling,
                x,
                y,
                places,
            });
        });
    (y, places)
}

struct Largest<'a> {
    pooling: Pooling,
    x: &'a [f32],
    y: &'a mut [f32],
    places: &'a mut [f32],
}

impl WithSimd for Largest<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let pooling = self.pooling;
        let [_, height, width] = pooling.size;
        let [_, rows, columns] = pooling.pooled();
        let [deep, high, wide] = pooling.window;
        // A row's values at even and at odd places: what is every second value becomes a piece.
        let mut parities = [vec![0.0; width.div_ceil(2)], vec![0.0; width / 2]];
        let y = self.y.chunks_exact_mut(columns);
        for (line, (y, places)) in y.zip(self.places.chunks_exact_mut(columns)).enumerate() {
            let (z, row) = (line / rows, line % rows);
            for place in 0..deep * high {
                let z = pooling.at(0, z, place / high);
                let (Some(z), Some(row)) = (z, pooling.at(1, row, place % high)) else {
                    continue;
                };
                split(
                    &self.x[(z * height + row) * width..][..width],
                    &mut parities,
                );
                for step in 0..wide {
                    let shift = step as isize - pooling.padding[2] as isize;
                    let x = &parities[shift.rem_euclid(2) as usize];
                    // Windows before the first value, values before the first window.
                    let shift = shift.div_euclid(2);
                    let (late, early) = ((-shift).max(0) as usize, shift.max(0) as usize);
                    let windows = y[late..].iter_mut().zip(&mut places[late..]);
                    let place = (place * wide + step) as f32;
                    for ((y, at), &x) in windows.zip(&x[early..]) {
                        let larger = x > *y || x.is_nan();
                        *y = if larger { x } else { *y };
                        *at = if larger { place } else { *at };
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn split(row: &[f32], [even, odd]: &mut [Vec<f32>; 2]) {
    let (pairs, last) = row.as_chunks::<2>();
    for ((even, odd), pair) in even.iter_mut().zip(odd.iter_mut()).zip(pairs) {
        [*even, *odd] = *pair;
    }
    if let [last] = last {
        even[pairs.len()] = *last;
    }
}

/// The gradient of the channels that were pooled, given that of the result and where it came from.
pub fn spread(pooling: Pooling, gradient: &[f32], places: &[f32]) -> Vec<f32> {
    let large: usize = pooling.size.iter().product();
    let small: usize = pooling.pooled().iter().product();
    let mut of_x = vec![0.0; gradient.len() / small * large];
    of_x.par_chunks_mut(large)
        .zip(gradient.par_chunks(small).zip(places.par_chunks(small)))
        .with_min_len(items_a_thread(large))
        .for_each(|(of_x, (gradient, places))| spread_one(pooling, gradient, places, of_x));
    of_x
}

fn spread_one(pooling: Pooling, gradient: &[f32], places: &[f32], of_x: &mut [f32]) {
    let [_, height, width] = pooling.size;
    let [_, rows, columns] = pooling.pooled();
    let [_, high, wide] = pooling.window;
    let lines = gradient
        .chunks_exact(columns)
        .zip(places.chunks_exact(columns));
    for (line, (gradient, places)) in lines.enumerate() {
        let (z, row) = (line / rows, line % rows);
        for (column, (gradient, place)) in gradient.iter().zip(places).enumerate() {
            let place = *place as usize;
            let at = [
                pooling.at(0, z, place / (high * wide)),
                pooling.at(1, row, place / wide % high),
                pooling.at(2, column, place % wide),
            ];
            // A window of nothing but minus infinity has its first place, which may be none.
            if let [Some(z), Some(y), Some(x)] = at {
                of_x[(z * height + y) * width + x] += gradient;
            }
        }
    }
}
