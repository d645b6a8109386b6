//! Exact Euclidean distances from lattice points to the nearest of a set, anisotropic.
//!
//! The distance transform of Felzenszwalb and Huttenlocher (Theory of Computing 8, 2012): along
//! one axis after the other, the squared distance is the lower envelope of parabolas. It runs
//! inside the box of all points, and the later axes are evaluated only where a distance is asked.

use hdbench_volume::Bounds;
use rayon::prelude::*;

use super::Voxel;
use super::bits::{BitMask, ones};

/// Distance in mm from every point of `from` to the nearest point of `to`, in the order of
/// `from`; infinite if `to` is empty. `spacing_mm` is `[z, y, x]`.
///
/// Exact up to the rounding of f64, whatever the spacing. The result does not depend on the
/// number of threads.
pub fn nearest_mm(from: &[Voxel], to: &[Voxel], spacing_mm: [f64; 3]) -> Vec<f64> {
    let bounds = Bounds::around(from.iter().chain(to).copied());
    let (false, Some(bounds)) = (to.is_empty(), bounds) else {
        return vec![f64::INFINITY; from.len()];
    };
    let lattice = Lattice { bounds, spacing_mm };
    let mut planes: Vec<Vec<(usize, usize)>> = vec![Vec::new(); lattice.bounds.shape()[0]];
    for &point in to {
        let [z, y, x] = lattice.inside(point);
        planes[z].push((y, x));
    }
    let mut order: Vec<usize> = (0..from.len()).collect();
    order.sort_unstable_by_key(|&i| {
        let [z, y, x] = from[i];
        [x, y, z]
    });
    let asked = Asked {
        count: from.len(),
        at: |place: usize| from[order[place]],
    };
    let found = nearest_on(&asked, &lattice, |z, mark| {
        planes[z].iter().for_each(|&(y, x)| mark(y, x));
    });
    let mut distances = vec![0.0; from.len()];
    for (i, distance) in order.into_iter().zip(found) {
        distances[i] = distance;
    }
    distances
}

/// Points whose distances are asked, in the order of their columns: by x, then y, then z. They are told
/// one by one, since a list of them takes more memory than all else here.
pub(super) struct Asked<F> {
    pub(super) count: usize,
    /// The point at a place of that order.
    pub(super) at: F,
}

impl<F: Fn(usize) -> Voxel + Sync> Asked<F> {
    fn points(&self) -> impl Iterator<Item = Voxel> {
        (0..self.count).map(&self.at)
    }
}

/// The same, in the order of the points asked, where the points of `to` are a mask of the box `bounds`,
/// none of which is outside.
pub(super) fn nearest_of_mask(
    from: &Asked<impl Fn(usize) -> Voxel + Sync>,
    to: &BitMask,
    bounds: Bounds,
    spacing_mm: [f64; 3],
) -> Vec<f64> {
    let both = Bounds::union(Bounds::around(from.points()), Some(bounds));
    let lattice = Lattice {
        bounds: both.unwrap_or(bounds),
        spacing_mm,
    };
    let origin = lattice.bounds.start;
    let [z0, y0, x0] = to.bounds().start;
    let [nz, ny, _] = to.shape();
    nearest_on(from, &lattice, |z, mark| {
        let z = z + origin[0];
        if !(z0..z0 + nz).contains(&z) {
            return;
        }
        for y in 0..ny {
            for x in ones(to.row(z - z0, y)) {
                mark(y0 + y - origin[1], x0 + x - origin[2]);
            }
        }
    })
}

/// `points` marks the points of a plane of the lattice, by y and x.
fn nearest_on(
    from: &Asked<impl Fn(usize) -> Voxel + Sync>,
    lattice: &Lattice,
    points: impl Fn(usize, &mut dyn FnMut(usize, usize)) + Sync,
) -> Vec<f64> {
    if from.count == 0 {
        return Vec::new();
    }
    let columns = Columns::of(from, lattice);
    let planes = plane_distances(points, lattice, &columns);
    along_z(from, &planes, lattice, &columns)
}

/// The box of all points.
struct Lattice {
    bounds: Bounds,
    spacing_mm: [f64; 3],
}

impl Lattice {
    fn inside(&self, point: Voxel) -> Voxel {
        [0, 1, 2].map(|axis| point[axis] - self.bounds.start[axis])
    }
}

/// The columns along z in which a distance is asked, ordered by x, then y, so that those of one x
/// lie together.
struct Columns {
    /// `(x, y)` of each column.
    places: Vec<(u32, u32)>,
    /// Where the points of each begin among those asked, and where the last ones end.
    starts: Vec<usize>,
}

impl Columns {
    fn of(from: &Asked<impl Fn(usize) -> Voxel + Sync>, lattice: &Lattice) -> Self {
        let (mut places, mut starts) = (Vec::new(), Vec::new());
        for (i, point) in from.points().enumerate() {
            let [_, y, x] = lattice.inside(point).map(|place| place as u32);
            if places.last() != Some(&(x, y)) {
                places.push((x, y));
                starts.push(i);
            }
        }
        starts.push(from.count);
        Self { places, starts }
    }
}

/// Squared distance within the plane to the nearest point of `to` in that plane, for each plane
/// and asked column: `[z * columns + column]`.
fn plane_distances(
    points: impl Fn(usize, &mut dyn FnMut(usize, usize)) + Sync,
    lattice: &Lattice,
    columns: &Columns,
) -> Vec<f64> {
    let [nz, ny, nx] = lattice.bounds.shape();
    let mut squares = vec![f64::INFINITY; nz * columns.places.len()];
    squares
        .par_chunks_mut(columns.places.len())
        .enumerate()
        .for_each_init(
            || (vec![0.0; ny * nx], Envelope::default()),
            |(rows, envelope), (z, squares)| {
                let mut any = false;
                rows.fill(f64::INFINITY);
                points(z, &mut |y, x| {
                    rows[x * ny + y] = 0.0;
                    any = true;
                });
                if !any {
                    return;
                }
                along_x(rows, [ny, nx], lattice.spacing_mm[2]);
                for (group, out) in by_x(&columns.places, squares) {
                    let x = group[0].0 as usize;
                    envelope.build(&rows[x * ny..(x + 1) * ny], lattice.spacing_mm[1]);
                    envelope.read(group.iter().map(|&(_, y)| y as usize), out);
                }
            },
        );
    squares
}

/// Squared distance along x to the nearest point in the same row, `[x * ny + y]`.
/// Those of the points themselves are 0 already.
fn along_x(rows: &mut [f64], [ny, nx]: [usize; 2], step_mm: f64) {
    let mut since = vec![usize::MAX; ny];
    for x in 0..nx {
        for (since, square) in since.iter_mut().zip(&mut rows[x * ny..(x + 1) * ny]) {
            let steps = if *square == 0.0 {
                0
            } else {
                since.saturating_add(1)
            };
            *since = steps;
            if steps < usize::MAX {
                *square = (steps as f64 * step_mm).powi(2);
            }
        }
    }
    since.fill(usize::MAX);
    for x in (0..nx).rev() {
        for (since, square) in since.iter_mut().zip(&mut rows[x * ny..(x + 1) * ny]) {
            let steps = if *square == 0.0 {
                0
            } else {
                since.saturating_add(1)
            };
            *since = steps;
            if steps < usize::MAX {
                *square = square.min((steps as f64 * step_mm).powi(2));
            }
        }
    }
}

/// The columns of one x, with their part of the output.
fn by_x<'a>(
    places: &'a [(u32, u32)],
    mut out: &'a mut [f64],
) -> impl Iterator<Item = (&'a [(u32, u32)], &'a mut [f64])> {
    places.chunk_by(|a, b| a.0 == b.0).map(move |group| {
        let (head, tail) = std::mem::take(&mut out).split_at_mut(group.len());
        out = tail;
        (group, head)
    })
}

/// The distances from the squares of the planes, in the order of the points.
fn along_z(
    from: &Asked<impl Fn(usize) -> Voxel + Sync>,
    planes: &[f64],
    lattice: &Lattice,
    columns: &Columns,
) -> Vec<f64> {
    let count = columns.places.len();
    let mut distances = vec![0.0; from.count];
    let by_column: Vec<&mut [f64]> = split(&mut distances, &columns.starts).collect();
    by_column
        .into_par_iter()
        .enumerate()
        .with_min_len(64)
        .for_each_init(
            || (vec![0.0; lattice.bounds.shape()[0]], Envelope::default()),
            |(squares, envelope), (column, out)| {
                for (z, square) in squares.iter_mut().enumerate() {
                    *square = planes[z * count + column];
                }
                envelope.build(squares, lattice.spacing_mm[0]);
                let places = columns.starts[column]..columns.starts[column + 1];
                let z = |place: usize| lattice.inside((from.at)(place))[0];
                envelope.read(places.map(z), out);
                out.iter_mut().for_each(|square| *square = square.sqrt());
            },
        );
    distances
}

/// The lower envelope of the parabolas `height[i] + ((x - i) * step)^2`.
#[derive(Default)]
struct Envelope {
    /// Apex, height, and where the parabola becomes the lowest, in order of the apices.
    parts: Vec<(usize, f64, f64)>,
    step_square: f64,
}

impl Envelope {
    fn build(&mut self, heights: &[f64], step_mm: f64) {
        self.parts.clear();
        self.step_square = step_mm * step_mm;
        for (apex, &height) in heights.iter().enumerate() {
            if height == f64::INFINITY {
                continue;
            }
            let mut begins = f64::NEG_INFINITY;
            while let Some(&(other, other_height, other_begins)) = self.parts.last() {
                begins = self.crossing((other, other_height), (apex, height));
                if begins > other_begins {
                    break;
                }
                self.parts.pop();
                begins = f64::NEG_INFINITY;
            }
            self.parts.push((apex, height, begins));
        }
    }

    /// Where the second parabola, whose apex lies further on, sinks below the first.
    fn crossing(&self, (a, height_a): (usize, f64), (b, height_b): (usize, f64)) -> f64 {
        let (a, b) = (a as f64, b as f64);
        0.5 * (a + b) + (height_b - height_a) / (2.0 * self.step_square * (b - a))
    }

    /// Values at ascending places.
    fn read(&self, places: impl Iterator<Item = usize>, out: &mut [f64]) {
        let mut part = 0;
        for (place, out) in places.zip(out) {
            while part + 1 < self.parts.len() && self.parts[part + 1].2 < place as f64 {
                part += 1;
            }
            *out = self
                .parts
                .get(part)
                .map_or(f64::INFINITY, |&(apex, height, _)| {
                    height + (place.abs_diff(apex) as f64).powi(2) * self.step_square
                });
        }
    }
}

/// Cuts a list at the places where its parts begin, of which the last is its end.
pub(super) fn split<'a>(
    mut list: &'a mut [f64],
    starts: &[usize],
) -> impl Iterator<Item = &'a mut [f64]> {
    starts.windows(2).map(move |ends| {
        let (plane, rest) = std::mem::take(&mut list).split_at_mut(ends[1] - ends[0]);
        list = rest;
        plane
    })
}
