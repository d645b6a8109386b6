//! Distances from the voxels of one mask to the nearest of another of the same box.
//!
//! Two segmentations of one thing mostly agree, so the nearest voxel is mostly near: the search
//! looks at the rows around a voxel, nearest row first, sixty-four voxels of a row in one step, and
//! ends as soon as no further row can hold a nearer one. That is exact. A voxel for which it would
//! take too many rows is left to the transform of [`super::distance`], whose cost does not depend
//! on how far apart the masks are.

use rayon::prelude::*;

use super::VoxelSteps;
use super::bits::{BitMask, joined, ones, split_at};
use super::distance::{Asked, nearest_of_mask, split};
use super::sheared::nearest_sheared;

/// About how many rows the search looks at before it leaves a voxel to the transform. On the liver
/// of `examples/strict_timing` 100 and 1500 were slower than 400 where the masks lie 10 voxels or
/// more apart, and no faster where they are nearer.
const MOST_ROWS: usize = 400;

/// Places (columns along z times their length) that the transform works on at a time: 32 MB where all of
/// them are asked.
const MOST_PLACES: usize = 2_000_000;

/// A look at a row covers the voxels up to this many steps to either side.
const REACH: usize = 32;

/// Distance in mm from every voxel of `from` to the nearest of `to`, in raster order; infinite if
/// `to` is empty. The result does not depend on the number of threads.
///
/// # Panics
/// If the boxes differ.
pub fn nearest_between(from: &BitMask, to: &BitMask, steps: impl Into<VoxelSteps>) -> Vec<f64> {
    assert_eq!(from.bounds(), to.bounds(), "masks of one box");
    let spacing_mm = match steps.into() {
        VoxelSteps::Perpendicular(spacing_mm) => spacing_mm,
        VoxelSteps::Sheared(steps_mm) => return nearest_sheared(from, to, &steps_mm),
    };
    let starts = from.plane_starts();
    let count = starts[starts.len() - 1];
    if to.is_empty() {
        return vec![f64::INFINITY; count];
    }
    let mut distances = vec![0.0; count];
    let search = Search::new(to, spacing_mm);
    let planes: Vec<(usize, &mut [f64])> = split(&mut distances, &starts).enumerate().collect();
    planes
        .into_par_iter()
        .for_each(|(z, out)| search.plane(from, z, out));
    transform(from, to, spacing_mm, &mut distances);
    distances
}

/// What stands for a distance that the search left open.
const OPEN: f64 = f64::NEG_INFINITY;

/// A voxel that the search left open.
#[derive(Clone, Copy)]
struct Far {
    /// Its place in the list of distances. A volume has at most 2^31 voxels.
    place: u32,
    /// Its index in the box: `(x * ny + y) * nz + z`, so that those of a column follow each other.
    index: u32,
}

/// Writes the distances of the voxels that the search left open, some columns along z at a time.
fn transform(from: &BitMask, to: &BitMask, spacing_mm: [f64; 3], distances: &mut [f64]) {
    let mut far = left_open(from, distances);
    let (false, Some(bounds)) = (far.is_empty(), to.tight_bounds()) else {
        return;
    };
    far.sort_unstable_by_key(|far| far.index);
    let [nz, ny, _] = to.shape();
    let [z0, y0, x0] = from.bounds().start;
    let column = |far: &Far| far.index as usize / nz;
    let most = (MOST_PLACES / nz).max(1);
    let mut rest = far.as_slice();
    while !rest.is_empty() {
        // As many columns as fit, whole.
        let columns = rest.chunk_by(|a, b| column(a) == column(b));
        let count = columns.take(most).map(<[Far]>::len).sum();
        let (part, after) = rest.split_at(count);
        rest = after;
        let asked = Asked {
            count,
            at: |place: usize| {
                let (column, z) = (column(&part[place]), part[place].index as usize % nz);
                [z0 + z, y0 + column % ny, x0 + column / ny]
            },
        };
        let found = nearest_of_mask(&asked, to, bounds, spacing_mm);
        for (far, distance) in part.iter().zip(found) {
            distances[far.place as usize] = distance;
        }
    }
}

/// The voxels whose distances are open.
fn left_open(from: &BitMask, distances: &[f64]) -> Vec<Far> {
    let count = distances.iter().filter(|&&mm| mm == OPEN).count();
    // All at once: a list that grows holds twice as much meanwhile.
    let mut far = Vec::with_capacity(count);
    if count == 0 {
        return far;
    }
    let [nz, ny, _] = from.shape();
    let mut place = 0;
    for z in 0..nz {
        for y in 0..ny {
            for x in ones(from.row(z, y)) {
                if distances[place] == OPEN {
                    far.push(Far {
                        place: place as u32,
                        index: ((x * ny + y) * nz + z) as u32,
                    });
                }
                place += 1;
            }
        }
    }
    far
}

/// The rows around a voxel that are equally far from it: up to one on each side along z and y, some of which are the
/// same one.
struct Step {
    /// mm2.
    square: f64,
    /// Words from the voxel's own row to each.
    rows: [isize; 4],
}

/// What is looked for, and in which order.
struct Search {
    /// The rows of the mask with background around them, as far as is looked.
    words: Vec<u64>,
    /// Words of a row, and rows of a plane.
    stride: usize,
    plane_rows: usize,
    /// Planes and rows of background before the first of the mask.
    margin: [usize; 2],
    /// Rows around a voxel by their squared distance, mm2, nearest first.
    steps: Vec<Step>,
    /// Squared length of a number of steps along x; infinite where a look finds nothing.
    along_x: [f64; 65],
    /// A voxel found nearer than this, mm2, is the nearest: all others lie in a row that is looked
    /// at, within reach.
    sure: f64,
}

impl Search {
    fn new(to: &BitMask, spacing_mm: [f64; 3]) -> Self {
        let [nz, ny, nx] = to.shape();
        let [dz, dy, dx] = spacing_mm;
        let mut along_x = [f64::INFINITY; 65];
        for (steps, square) in along_x.iter_mut().take(REACH + 1).enumerate() {
            *square = (steps as f64 * dx).powi(2);
        }
        // A disc of this radius holds about as many rows as may be looked at.
        let radius = (MOST_ROWS as f64 * dz * dy / std::f64::consts::PI).sqrt();
        let reach = |n: usize, step: f64| ((radius / step) as usize).min(n - 1);
        let margin = [reach(nz, dz), reach(ny, dy)];
        let stride = to.nothing().len();
        let plane_rows = ny + 2 * margin[1];
        let away = |z: usize, y: usize| {
            let (z, y) = (
                (z * plane_rows * stride).cast_signed(),
                (y * stride).cast_signed(),
            );
            [z + y, z - y, y - z, -z - y]
        };
        let mut steps: Vec<Step> = (0..=margin[0])
            .flat_map(|z| (0..=margin[1]).map(move |y| (z, y)))
            .map(|(z, y)| Step {
                square: (z as f64 * dz).powi(2) + (y as f64 * dy).powi(2),
                rows: away(z, y),
            })
            .filter(|step| step.square <= radius * radius)
            .collect();
        steps.sort_unstable_by(|a, b| a.square.total_cmp(&b.square));
        let mut sure = if steps.len() == nz * ny {
            f64::INFINITY
        } else {
            radius * radius
        };
        if nx > REACH {
            sure = sure.min((REACH as f64 * dx).powi(2));
        }
        let mut words = vec![0; (nz + 2 * margin[0]) * plane_rows * stride];
        for z in 0..nz {
            let plane = to.plane(z);
            let start = ((z + margin[0]) * plane_rows + margin[1]) * stride;
            words[start..start + plane.len()].copy_from_slice(plane);
        }
        Self {
            words,
            stride,
            plane_rows,
            margin,
            steps,
            along_x,
            sure,
        }
    }

    /// Writes the distances of one plane of `from`, or that they are open.
    fn plane(&self, from: &BitMask, z: usize, out: &mut [f64]) {
        let rows = (0..from.shape()[1]).flat_map(|y| ones(from.row(z, y)).map(move |x| (y, x)));
        for ((y, x), out) in rows.zip(out) {
            let square = self.square(z, y, x);
            *out = if square <= self.sure {
                square.sqrt()
            } else {
                OPEN
            };
        }
    }

    fn square(&self, z: usize, y: usize, x: usize) -> f64 {
        let row = (z + self.margin[0]) * self.plane_rows + y + self.margin[1];
        // The voxels from REACH before it on.
        let (word, shift) = split_at(x.cast_signed() - REACH.cast_signed());
        let own = row * self.stride + word;
        let mut best = f64::INFINITY;
        for step in &self.steps {
            if step.square >= best {
                break;
            }
            let mut both = [0; 2];
            for away in step.rows {
                let at = own.wrapping_add_signed(away);
                both[0] |= self.words[at];
                both[1] |= self.words[at + 1];
            }
            let near = joined(both, shift);
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
