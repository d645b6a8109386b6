//! Exact Euclidean distances from lattice points to the nearest of a set, anisotropic.
//!
//! The distance transform of Felzenszwalb and Huttenlocher (Theory of Computing 8, 2012): along
//! one axis after the other, the squared distance is the lower envelope of parabolas. It runs
//! inside the box of all points, and the later axes are evaluated only where a distance is asked.

use rayon::prelude::*;

use super::bits::{BitMask, ones};
use super::{Bounds, Voxel};

pub use super::nearest::nearest_between;

/// Distance in mm from every point of `from` to the nearest point of `to`, in the order of
/// `from`; infinite if `to` is empty. `spacing_mm` is `[z, y, x]`.
///
/// Exact up to the rounding of f64, whatever the spacing. The result does not depend on the
/// number of threads.
pub fn nearest_mm(from: &[Voxel], to: &[Voxel], spacing_mm: [f64; 3]) -> Vec<f64> {
    if from.is_empty() || to.is_empty() {
        return vec![f64::INFINITY; from.len()];
    }
    let around = |points: &[Voxel]| around(points.iter().copied());
    let lattice = Lattice::around([around(from), around(to)].map(Option::unwrap), spacing_mm);
    let mut planes: Vec<Vec<(usize, usize)>> = vec![Vec::new(); lattice.shape[0]];
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
    let Some(asked) = around(from.points()) else {
        return Vec::new();
    };
    let of_mask = [bounds.start, bounds.end.map(|end| end - 1)];
    let lattice = Lattice::around([asked, of_mask], spacing_mm);
    let [z0, y0, x0] = to.bounds().start;
    let [nz, ny, _] = to.shape();
    nearest_on(from, &lattice, |z, mark| {
        let z = z + lattice.origin[0];
        if !(z0..z0 + nz).contains(&z) {
            return;
        }
        for y in 0..ny {
            for x in ones(to.row(z - z0, y)) {
                mark(y0 + y - lattice.origin[1], x0 + x - lattice.origin[2]);
            }
        }
    })
}

/// The first and the last place of the box of all points; none of no points.
fn around(mut points: impl Iterator<Item = Voxel>) -> Option<[Voxel; 2]> {
    let first = points.next()?;
    Some(points.fold([first, first], |[first, last], point| {
        let of = |of: fn(usize, usize) -> usize, place: Voxel| {
            [0, 1, 2].map(|axis| of(place[axis], point[axis]))
        };
        [of(usize::min, first), of(usize::max, last)]
    }))
}

/// `points` marks the points of a plane of the lattice, by y and x.
fn nearest_on(
    from: &Asked<impl Fn(usize) -> Voxel + Sync>,
    lattice: &Lattice,
    points: impl Fn(usize, &mut dyn FnMut(usize, usize)) + Sync,
) -> Vec<f64> {
    let columns = Columns::of(from, lattice);
    let planes = plane_distances(points, lattice, &columns);
    along_z(from, &planes, lattice, &columns)
}

/// The box of all points.
struct Lattice {
    origin: Voxel,
    shape: [usize; 3],
    spacing_mm: [f64; 3],
}

impl Lattice {
    /// The box of two, each by its first and last place.
    fn around(boxes: [[Voxel; 2]; 2], spacing_mm: [f64; 3]) -> Self {
        let [a, b] = boxes;
        let origin = [0, 1, 2].map(|axis| a[0][axis].min(b[0][axis]));
        let last = [0, 1, 2].map(|axis| a[1][axis].max(b[1][axis]));
        Self {
            origin,
            shape: [0, 1, 2].map(|axis| last[axis] - origin[axis] + 1),
            spacing_mm,
        }
    }

    fn inside(&self, point: Voxel) -> Voxel {
        [0, 1, 2].map(|axis| point[axis] - self.origin[axis])
    }
}

/// The columns along z in which a distance is asked, ordered by x, then y, so that those of one x
/// lie together.
struct Columns {
    /// `(x, y)` of each column.
    places: Vec<(u32, u32)>,
    /// How many points are asked in each.
    asked: Vec<u32>,
}

impl Columns {
    fn of(from: &Asked<impl Fn(usize) -> Voxel + Sync>, lattice: &Lattice) -> Self {
        let (mut places, mut asked) = (Vec::new(), Vec::new());
        for point in from.points() {
            let [_, y, x] = lattice.inside(point).map(|place| place as u32);
            if places.last() != Some(&(x, y)) {
                places.push((x, y));
                asked.push(0);
            }
            *asked.last_mut().unwrap() += 1;
        }
        Self { places, asked }
    }
}

/// Squared distance within the plane to the nearest point of `to` in that plane, for each plane
/// and asked column: `[z * columns + column]`.
fn plane_distances(
    points: impl Fn(usize, &mut dyn FnMut(usize, usize)) + Sync,
    lattice: &Lattice,
    columns: &Columns,
) -> Vec<f64> {
    let [nz, ny, nx] = lattice.shape;
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
    let (mut rest, mut begin) = (distances.as_mut_slice(), 0);
    let by_column: Vec<(usize, &mut [f64])> = columns
        .asked
        .iter()
        .map(|&asked| {
            let (own, after) = std::mem::take(&mut rest).split_at_mut(asked as usize);
            let first = begin;
            (rest, begin) = (after, begin + own.len());
            (first, own)
        })
        .collect();
    by_column
        .into_par_iter()
        .enumerate()
        .with_min_len(64)
        .for_each_init(
            || (vec![0.0; lattice.shape[0]], Envelope::default()),
            |(squares, envelope), (column, (first, out))| {
                for (z, square) in squares.iter_mut().enumerate() {
                    *square = planes[z * count + column];
                }
                envelope.build(squares, lattice.spacing_mm[0]);
                let places = first..first + out.len();
                let z = |place: usize| (from.at)(place)[0] - lattice.origin[0];
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
