//! Distances from the voxels of one mask to the nearest of another of the same box.
//!
//! Two segmentations of one thing mostly agree, so the nearest voxel is mostly near: the search
//! looks at the rows around a voxel, nearest row first, sixty-four voxels of a row in one step, and
//! ends as soon as no further row can hold a nearer one. That is exact. A voxel for which it would
//! take too many rows is left to the transform of [`super::distance`], whose cost does not depend
//! on how far apart the masks are.

use rayon::prelude::*;

use super::Voxel;
use super::bits::{BitMask, look, ones};
use super::distance::nearest_mm;

/// About how many rows the search looks at before it leaves a voxel to the transform. On the liver
/// of `examples/strict_timing` 100 and 1500 were slower than 400 where the masks lie 10 voxels or
/// more apart, and no faster where they are nearer.
const MOST_ROWS: usize = 400;

/// Places (columns along z times their length) that the transform works on at a time: 64 MB.
const MOST_PLACES: usize = 8_000_000;

/// A look at a row covers the voxels up to this many steps to either side.
const REACH: usize = 32;

/// Distance in mm from every voxel of `from` to the nearest of `to`, in raster order; infinite if
/// `to` is empty. `spacing_mm` is `[z, y, x]`. The result does not depend on the number of threads.
///
/// # Panics
/// If the boxes differ.
pub fn nearest_between(from: &BitMask, to: &BitMask, spacing_mm: [f64; 3]) -> Vec<f64> {
    assert_eq!(from.bounds(), to.bounds(), "masks of one box");
    let starts = from.plane_starts();
    let count = starts[starts.len() - 1];
    if to.is_empty() {
        return vec![f64::INFINITY; count];
    }
    let mut distances = vec![0.0; count];
    let search = Search::new(to, spacing_mm);
    let planes: Vec<(usize, &mut [f64])> = split(&mut distances, &starts).enumerate().collect();
    let far: Vec<(usize, Voxel)> = planes
        .into_par_iter()
        .flat_map_iter(|(z, out)| {
            let far = search.plane(from, z, out);
            far.into_iter().map({
                let start = starts[z];
                move |(i, voxel)| (start + i, voxel)
            })
        })
        .collect();
    transform(far, to, spacing_mm, &mut distances);
    distances
}

/// Writes the distances of the voxels that the search left open, some columns along z at a time.
fn transform(
    mut far: Vec<(usize, Voxel)>,
    to: &BitMask,
    spacing_mm: [f64; 3],
    distances: &mut [f64],
) {
    if far.is_empty() {
        return;
    }
    let column = |&(_, [_, y, x]): &(usize, Voxel)| (x, y);
    far.sort_unstable_by_key(column);
    let columns: Vec<&[(usize, Voxel)]> = far.chunk_by(|a, b| column(a) == column(b)).collect();
    let points = to.voxels();
    for columns in columns.chunks((MOST_PLACES / to.shape()[0]).max(1)) {
        let part: Vec<(usize, Voxel)> = columns.concat();
        let asked: Vec<Voxel> = part.iter().map(|&(_, voxel)| voxel).collect();
        let found = nearest_mm(&asked, &points, spacing_mm);
        for ((i, _), distance) in part.into_iter().zip(found) {
            distances[i] = distance;
        }
    }
}

/// Cuts a list at the places where the planes begin.
fn split<'a>(mut list: &'a mut [f64], starts: &[usize]) -> impl Iterator<Item = &'a mut [f64]> {
    starts.windows(2).map(move |ends| {
        let (plane, rest) = std::mem::take(&mut list).split_at_mut(ends[1] - ends[0]);
        list = rest;
        plane
    })
}

/// A row near a voxel.
struct Step {
    square: f64,
    z: isize,
    y: isize,
}

/// What is looked for, and in which order.
struct Search<'a> {
    to: &'a BitMask,
    /// Rows around a voxel by their squared distance, mm2, nearest first.
    steps: Vec<Step>,
    /// Squared length of so many steps along x; infinite where a look finds nothing.
    along_x: [f64; 65],
    /// A voxel found nearer than this, mm2, is the nearest: all others lie in a row that is looked
    /// at, within reach.
    sure: f64,
}

impl<'a> Search<'a> {
    fn new(to: &'a BitMask, spacing_mm: [f64; 3]) -> Self {
        let [nz, ny, nx] = to.shape();
        let [dz, dy, dx] = spacing_mm;
        let mut along_x = [f64::INFINITY; 65];
        for (steps, square) in along_x.iter_mut().take(REACH + 1).enumerate() {
            *square = (steps as f64 * dx).powi(2);
        }
        // A disc of this radius holds about as many rows as may be looked at.
        let radius = (MOST_ROWS as f64 * dz * dy / std::f64::consts::PI).sqrt();
        let reach = |n: usize, step: f64| ((radius / step) as usize).min(n - 1) as isize;
        let (most_z, most_y) = (reach(nz, dz), reach(ny, dy));
        let mut steps: Vec<Step> = (-most_z..=most_z)
            .flat_map(|z| (-most_y..=most_y).map(move |y| (z, y)))
            .map(|(z, y)| Step {
                square: (z as f64 * dz).powi(2) + (y as f64 * dy).powi(2),
                z,
                y,
            })
            .filter(|step| step.square <= radius * radius)
            .collect();
        steps.sort_by(|a, b| a.square.total_cmp(&b.square));
        let whole_plane = steps.len() == (2 * nz - 1) * (2 * ny - 1);
        let mut sure = if whole_plane {
            f64::INFINITY
        } else {
            radius * radius
        };
        if nx > REACH {
            sure = sure.min((REACH as f64 * dx).powi(2));
        }
        Self {
            to,
            steps,
            along_x,
            sure,
        }
    }

    /// Writes the distances of one plane of `from`; gives back those left open.
    fn plane(&self, from: &BitMask, z: usize, out: &mut [f64]) -> Vec<(usize, Voxel)> {
        let [z0, y0, x0] = from.bounds().start;
        let mut far = Vec::new();
        let mut i = 0;
        for y in 0..from.shape()[1] {
            for x in ones(from.row(z, y)) {
                let square = self.square(z, y, x);
                if square <= self.sure {
                    out[i] = square.sqrt();
                } else {
                    far.push((i, [z0 + z, y0 + y, x0 + x]));
                }
                i += 1;
            }
        }
        far
    }

    fn square(&self, z: usize, y: usize, x: usize) -> f64 {
        let [nz, ny, _] = self.to.shape();
        let begin = x as isize - REACH as isize;
        let mut best = f64::INFINITY;
        for step in &self.steps {
            if step.square >= best {
                break;
            }
            // A row before the first wraps round to a number that is too large as well.
            let (z, y) = (z.wrapping_add_signed(step.z), y.wrapping_add_signed(step.y));
            if z >= nz || y >= ny {
                continue;
            }
            let near = look(self.to.row(z, y), begin);
            if near != 0 {
                // The voxel's own place is the bit REACH: zeros below it and above it count the
                // steps to the next one.
                let below = (near << (63 - REACH)).leading_zeros();
                let above = (near >> REACH).trailing_zeros();
                best = best.min(step.square + self.along_x[below.min(above) as usize]);
            }
        }
        best
    }
}
