//! Distances between surfaces made of surfels: what DeepMind's surface-distance 0.1 measures.
//!
//! Eight voxels meet at each point of the lattice that lies half a voxel off the voxel centres.
//! Where they are neither all inside nor all outside, the surface passes, and the point bears the
//! area that marching cubes (Lorensen and Cline, SIGGRAPH 1987) gives to those eight corners.
//! Unlike counts of surface voxels, sums of these areas are in mm2 and do not change with the
//! thickness a border rule gives to a slope.

use hdbench_volume::Bounds;
use rayon::prelude::*;

use super::VoxelSteps;
use super::bits::BitMask;
use super::nearest::nearest_between;
use super::steps::face_mm2;

/// The ways a surface can pass between the eight corners of a cell, one for all that are its
/// mirror images, turns or complements: the corners inside (bit `4 dz + 2 dy + dx`), and the
/// triangles between the midpoints of the cell's edges that part them from the rest. A triangle is
/// given by its area seen along `[z, y, x]`, in eighths of the face of a voxel; signs tell which way it
/// leans, which of its sides is meant does not matter.
const SURFACES: [(u8, &[[i8; 3]]); 13] = [
    // One corner is cut off.
    (0b0000_0001, &[[1, 1, 1]]),
    // Two: along an edge (a bevel), across a face, across the cell (two single ones each).
    (0b0000_0011, &[[2, 2, 0], [2, 2, 0]]),
    (0b0000_0110, &[[1, -1, 1], [1, 1, -1]]),
    (0b0001_1000, &[[1, -1, -1], [1, -1, -1]]),
    // Three: of one face (a bent pentagon), a bevel and a single one, three single ones.
    (0b0000_0111, &[[4, 0, 0], [2, 2, 2], [1, 1, 1]]),
    (0b0001_1001, &[[0, 2, 2], [0, 2, 2], [1, -1, -1]]),
    (0b0001_0110, &[[1, -1, -1], [1, -1, 1], [1, 1, -1]]),
    // Four: a face, three around one (a flat hexagon), a bent chain, a pentagon and a single one,
    // two bevels, four single ones.
    (0b0000_1111, &[[4, 0, 0], [4, 0, 0]]),
    (0b0001_0111, &[[1, 1, 1], [2, 2, 2], [2, 2, 2], [1, 1, 1]]),
    (0b0001_1011, &[[1, 1, 1], [3, 3, 3], [0, 2, -2], [2, 0, -2]]),
    (
        0b0001_1110,
        &[[4, 0, 0], [1, -1, -1], [2, -2, -2], [1, -1, -1]],
    ),
    (
        0b0011_1100,
        &[[2, -2, 0], [2, -2, 0], [2, -2, 0], [2, -2, 0]],
    ),
    (
        0b0110_1001,
        &[[1, 1, 1], [1, 1, -1], [1, -1, 1], [1, -1, -1]],
    ),
];

/// The area of the surface in a cell, mm2, by its corners inside.
pub fn areas_mm2(steps: impl Into<VoxelSteps>) -> [f64; 256] {
    let area_of = Area::of(steps.into());
    let mut areas = [0.0; 256];
    for (corners, triangles) in SURFACES {
        for order in [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ] {
            for mirror in 0..8u8 {
                let area = triangles.iter().map(|triangle| {
                    area_of.triangle([0, 1, 2].map(|axis| {
                        let is_mirrored = mirror >> (2 - axis) & 1 == 1;
                        let share = f64::from(triangle[order[axis]]) / 8.0;
                        if is_mirrored { -share } else { share }
                    }))
                });
                let area: f64 = area.sum();
                let image = moved(corners, order, mirror);
                areas[usize::from(image)] = area;
                areas[usize::from(!image)] = area;
            }
        }
    }
    areas
}

/// What the faces of a voxel across `[z, y, x]` measure.
enum Area {
    /// mm2.
    Perpendicular([f64; 3]),
    /// As vectors across them, mm2.
    Sheared([[f64; 3]; 3]),
}

impl Area {
    fn of(steps: VoxelSteps) -> Self {
        match steps {
            VoxelSteps::Perpendicular([z, y, x]) => Self::Perpendicular([y * x, z * x, z * y]),
            VoxelSteps::Sheared([z, y, x]) => {
                Self::Sheared([face_mm2(y, x), face_mm2(x, z), face_mm2(z, y)])
            }
        }
    }

    /// mm2 of a triangle that covers such shares of the faces.
    fn triangle(&self, shares: [f64; 3]) -> f64 {
        let length = |v: [f64; 3]| (v[0].powi(2) + v[1].powi(2) + v[2].powi(2)).sqrt();
        match self {
            Self::Perpendicular(faces) => length([0, 1, 2].map(|axis| shares[axis] * faces[axis])),
            Self::Sheared(faces) => length([0, 1, 2].map(|i| {
                (0..3)
                    .map(|axis| shares[axis] * faces[axis][i])
                    .sum::<f64>()
            })),
        }
    }
}

/// Corners after the axes have changed places (`order` names the old axis of each new one) and
/// those of `mirror` their direction.
fn moved(corners: u8, order: [usize; 3], mirror: u8) -> u8 {
    (0..8u8)
        .filter(|corner| corners >> corner & 1 == 1)
        .map(|corner| {
            let bit = |axis: usize| corner >> (2 - axis) & 1;
            let at = bit(order[0]) << 2 | bit(order[1]) << 1 | bit(order[2]);
            1 << (at ^ mirror)
        })
        .sum()
}

/// A surface as points of the half-voxel lattice.
#[derive(Clone, Debug)]
pub struct Surfels {
    /// The points, by the index of the last of their eight voxels.
    points: BitMask,
    /// Which of those eight voxels are inside, in raster order of the points.
    corners: Vec<u8>,
}

impl Surfels {
    /// The surface of a mask.
    pub fn of(mask: &BitMask) -> Self {
        let bounds = mask.bounds();
        let mut end = bounds.end.map(|end| end + 1);
        if mask.is_planar() {
            // The slices before and after a picture are the same as it.
            end[0] = bounds.end[0];
        }
        let mut points = BitMask::empty(Bounds {
            start: bounds.start,
            end,
        });
        let nothing = mask.nothing();
        let [_, ny, _] = mask.shape();
        points.fill_planes(|z, plane| {
            for y in 0..=ny {
                mark(&corner_rows(mask, z, y, &nothing), plane.row_mut(y));
            }
        });
        let [nz, ny, _] = points.shape();
        let mut found = Vec::with_capacity(points.count() as usize);
        for z in 0..nz {
            for y in 0..ny {
                let rows = corner_rows(mask, z, y, &nothing);
                corners(&rows, points.row(z, y), &mut found);
            }
        }
        Self {
            points,
            corners: found,
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.corners.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.corners.is_empty()
    }

    /// The whole area, mm2; `areas_mm2` is that of [`areas_mm2`].
    pub fn area_mm2(&self, areas_mm2: &[f64; 256]) -> f64 {
        let areas = self
            .corners
            .iter()
            .map(|&corners| areas_mm2[usize::from(corners)]);
        areas.sum()
    }
}

/// The rows of voxels that meet at a row of lattice points: before and after it along z, y.
fn corner_rows<'a>(mask: &'a BitMask, z: usize, y: usize, nothing: &'a [u64]) -> [&'a [u64]; 4] {
    let (z, y) = (z as isize, y as isize);
    [(z - 1, y - 1), (z - 1, y), (z, y - 1), (z, y)].map(|(z, y)| mask.row_or(z, y, nothing))
}

/// Sets the points whose eight voxels are neither all inside nor all outside.
fn mark(rows: &[&[u64]; 4], out: &mut [u64]) {
    let [a, b, c, d] = rows;
    let mut before = [0, 0];
    for (i, out) in out.iter_mut().enumerate().skip(1) {
        // The lattice may need a word more than the voxels, which is background.
        let word = |row: &[u64]| row.get(i).copied().unwrap_or(0);
        let words = [word(a), word(b), word(c), word(d)];
        let any = words[0] | words[1] | words[2] | words[3];
        let all = words[0] & words[1] & words[2] & words[3];
        let some = any | any << 1 | before[0] >> 63;
        let full = all & (all << 1 | before[1] >> 63);
        *out = some & !full;
        before = [any, all];
    }
    if let Some(last) = out.last_mut() {
        *last = 0;
    }
}

/// Which of the eight voxels that meet at each point of a row are inside.
fn corners(rows: &[&[u64]; 4], points: &[u64], found: &mut Vec<u8>) {
    let mut before = [0; 4];
    for (i, &points) in points.iter().enumerate().skip(1) {
        // The lattice may need a word more than the voxels, which is background.
        let words = rows.map(|row| row.get(i).copied().unwrap_or(0));
        let mut left = points;
        while left != 0 {
            let bit = left.trailing_zeros();
            left &= left - 1;
            let pair = |k: usize| match bit {
                0 => words[k] << 1 | before[k] >> 63,
                _ => words[k] >> (bit - 1),
            };
            let inside = (0..4).fold(0, |all, k| all | (pair(k) & 3) << (2 * k));
            found.push(inside as u8);
        }
        before = words;
    }
}

/// The distances of a surface's points from another surface, with the area that each stands for; ascending, by area
/// where distances are equal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SurfelDistances {
    /// mm; infinite where there is no other surface.
    pub distances_mm: Vec<f64>,
    /// mm2; mm of the outline of a picture whose slices are 1 mm apart.
    pub areas_mm2: Vec<f64>,
}

impl SurfelDistances {
    /// From the first mask's surface to the second's and back.
    ///
    /// # Panics
    /// If the boxes differ.
    pub fn between(first: &BitMask, second: &BitMask, steps: impl Into<VoxelSteps>) -> [Self; 2] {
        let steps = steps.into();
        let areas = areas_mm2(steps);
        let (first, second) = rayon::join(|| Surfels::of(first), || Surfels::of(second));
        let directed = |from: &Surfels, to: &Surfels| {
            let distances = nearest_between(&from.points, &to.points, steps);
            // Neither is negative, so that the bits of both in one number are in the order of the pair.
            let pair = |(distance, corners): (f64, &u8)| {
                let area = areas[usize::from(*corners)];
                u128::from(distance.to_bits()) << 64 | u128::from(area.to_bits())
            };
            let mut pairs: Vec<u128> = distances.into_iter().zip(&from.corners).map(pair).collect();
            pairs.par_sort_unstable();
            let parted = |pair: u128| [pair >> 64, pair & u128::from(u64::MAX)];
            let numbers = |pair| parted(pair).map(|bits| f64::from_bits(bits as u64)).into();
            let (distances_mm, areas_mm2) = pairs.into_iter().map(numbers).unzip();
            Self {
                distances_mm,
                areas_mm2,
            }
        };
        let (there, back) = rayon::join(|| directed(&first, &second), || directed(&second, &first));
        [there, back]
    }
}

/// What follows from the distances between two surfaces in mm, each with the area it stands for;
/// they are infinite to an empty mask. Metrics without any surfel to average over are NaN.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SurfelMetrics {
    tolerances_mm: Vec<f64>,
    /// From the prediction's surface to the reference's.
    pred_to_ref: Directed,
    /// From the reference's surface to the prediction's.
    ref_to_pred: Directed,
}

/// The metrics of one direction.
#[derive(Clone, Debug, PartialEq)]
struct Directed {
    /// Area within each tolerance, mm2.
    near: Vec<f64>,
    /// All of it, mm2.
    whole: f64,
    /// Sum of the distances, each by its area.
    weighted: f64,
    hd95: f64,
    /// The largest distance, mm.
    farthest: f64,
}

impl Default for Directed {
    fn default() -> Self {
        let asked = SurfelsAsked {
            tolerances_mm: &[],
            has_hd95: false,
        };
        Self::of(Vec::new(), &[], &[0.0; 256], asked)
    }
}

/// What is asked of the distances between two surfaces, beside what is as good as free.
#[derive(Clone, Copy, Debug)]
pub struct SurfelsAsked<'a> {
    /// The tolerances of [`SurfelMetrics::nsd`].
    pub tolerances_mm: &'a [f64],
    /// Whether [`SurfelMetrics::hd95`] is, which puts distances in order; it is NaN otherwise.
    pub has_hd95: bool,
}

impl<'a> SurfelsAsked<'a> {
    /// Everything, the surface Dice at these tolerances.
    pub fn all(tolerances_mm: &'a [f64]) -> Self {
        Self {
            tolerances_mm,
            has_hd95: true,
        }
    }
}

impl SurfelMetrics {
    /// Measures two masks of one box. `side_by_side` takes less time and more memory.
    ///
    /// # Panics
    /// If the boxes differ.
    pub fn between(
        prediction: &BitMask,
        reference: &BitMask,
        steps: impl Into<VoxelSteps>,
        asked: SurfelsAsked<'_>,
        side_by_side: bool,
    ) -> Self {
        let steps = steps.into();
        let areas = areas_mm2(steps);
        let (prediction, reference) =
            rayon::join(|| Surfels::of(prediction), || Surfels::of(reference));
        let directed = |from: &Surfels, to: &Surfels| {
            let distances = nearest_between(&from.points, &to.points, steps);
            Directed::of(distances, &from.corners, &areas, asked)
        };
        let there = || directed(&prediction, &reference);
        let back = || directed(&reference, &prediction);
        let (pred_to_ref, ref_to_pred) = if side_by_side {
            rayon::join(there, back)
        } else {
            (there(), back())
        };
        Self {
            tolerances_mm: asked.tolerances_mm.to_vec(),
            pred_to_ref,
            ref_to_pred,
        }
    }

    /// Normalised surface Dice at a tolerance (Nikolov et al., J Med Internet Res 23, 2021): the
    /// share of both surfaces' area that lies no farther than `tolerance_mm` from the other; NaN for
    /// a tolerance that was not asked for.
    pub fn nsd(&self, tolerance_mm: f64) -> f64 {
        let asked = self.tolerances_mm.iter().position(|&mm| mm == tolerance_mm);
        let near = |side: &Directed| side.near.get(asked?).copied();
        let [there, back] = [&self.pred_to_ref, &self.ref_to_pred];
        match (near(there), near(back)) {
            (Some(a), Some(b)) => (a + b) / (there.whole + back.whole),
            _ => f64::NAN,
        }
    }

    /// The larger of the two directed 95th percentiles by area, mm: in each direction the least
    /// distance within which at least that share of the area lies.
    pub fn hd95(&self) -> f64 {
        self.pred_to_ref.hd95.max(self.ref_to_pred.hd95)
    }

    /// The largest distance of either direction, mm: the Hausdorff distance.
    pub fn farthest(&self) -> f64 {
        self.pred_to_ref.farthest.max(self.ref_to_pred.farthest)
    }

    /// Mean distance over both surfaces together, by area, mm (MIST's `avg_surf`).
    pub fn mean(&self) -> f64 {
        let [there, back] = [&self.pred_to_ref, &self.ref_to_pred];
        (there.weighted + back.weighted) / (there.whole + back.whole)
    }

    /// Share of the prediction's surface by area that lies no farther than `tolerance_mm` from the reference's; NaN
    /// for a tolerance that was not asked for.
    pub fn overlap_of_prediction(&self, tolerance_mm: f64) -> f64 {
        self.overlap(&self.pred_to_ref, tolerance_mm)
    }

    /// The same of the reference's surface.
    pub fn overlap_of_reference(&self, tolerance_mm: f64) -> f64 {
        self.overlap(&self.ref_to_pred, tolerance_mm)
    }

    fn overlap(&self, side: &Directed, tolerance_mm: f64) -> f64 {
        let asked = self.tolerances_mm.iter().position(|&mm| mm == tolerance_mm);
        let near = asked.and_then(|at| side.near.get(at));
        near.map_or(f64::NAN, |near| near / side.whole)
    }

    /// Mean distance of the prediction's surface from the reference's, by area, mm.
    pub fn mean_pred_to_ref(&self) -> f64 {
        self.pred_to_ref.weighted / self.pred_to_ref.whole
    }

    /// Mean distance of the reference's surface from the prediction's, by area, mm.
    pub fn mean_ref_to_pred(&self) -> f64 {
        self.ref_to_pred.weighted / self.ref_to_pred.whole
    }
}

impl Directed {
    fn of(
        distances: Vec<f64>,
        corners: &[u8],
        areas_mm2: &[f64; 256],
        asked: SurfelsAsked<'_>,
    ) -> Self {
        let side = Side {
            distances: &distances,
            corners,
            areas_mm2,
        };
        let near = |&tolerance_mm: &f64| side.area(|distance| distance <= tolerance_mm);
        Self {
            near: asked.tolerances_mm.iter().map(near).collect(),
            whole: side.area(|_| true),
            weighted: side.iter().map(|(distance, area)| distance * area).sum(),
            hd95: match asked.has_hd95 {
                true => side.robust(0.95),
                false => f64::NAN,
            },
            farthest: distances.iter().copied().fold(f64::NAN, f64::max),
        }
    }
}

/// The distances of one direction with their areas.
struct Side<'a> {
    distances: &'a [f64],
    corners: &'a [u8],
    areas_mm2: &'a [f64; 256],
}

impl Side<'_> {
    fn get(&self, at: u32) -> (f64, f64) {
        let at = at as usize;
        (
            self.distances[at],
            self.areas_mm2[usize::from(self.corners[at])],
        )
    }

    fn iter(&self) -> impl Iterator<Item = (f64, f64)> {
        let areas = self
            .corners
            .iter()
            .map(|&corners| self.areas_mm2[usize::from(corners)]);
        self.distances.iter().copied().zip(areas)
    }

    fn area(&self, counts: impl Fn(f64) -> bool) -> f64 {
        self.iter()
            .filter(|(distance, _)| counts(*distance))
            .map(|(_, area)| area)
            .sum()
    }

    /// The least distance within which at least a share of the area lies; NaN for no area.
    fn robust(&self, share: f64) -> f64 {
        let Some(&first) = self.distances.first() else {
            return f64::NAN;
        };
        let whole = self.area(|_| true);
        // Most of two surfaces coincides and needs no order.
        let mut within = self.area(|distance| distance == 0.0);
        if within / whole >= share {
            return 0.0;
        }
        // Numbers of four bytes are put in order, not pairs of sixteen.
        let mut apart: Vec<u32> = (0..)
            .zip(self.distances)
            .filter(|(_, distance)| **distance != 0.0)
            .map(|(at, _)| at)
            .collect();
        apart.sort_unstable_by(|&a, &b| {
            let (a, b) = (self.get(a), self.get(b));
            a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        for &at in &apart {
            let (distance, area) = self.get(at);
            within += area;
            if within / whole >= share {
                return distance;
            }
        }
        // Rounding can leave the sum just below the whole.
        apart.last().map_or(first, |&at| self.get(at).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_that_is_cut_has_an_area() {
        let areas = areas_mm2([2.0, 1.5, 1.0]);
        for (corners, area) in areas.iter().enumerate() {
            assert_eq!(
                *area == 0.0,
                corners == 0 || corners == 255,
                "{corners:08b}"
            );
        }
        // The lower four corners: a face across z. Those of a wedge: its bevel.
        assert_eq!(areas[0b0000_1111], 1.5);
        assert!((areas[0b0000_0011] - (0.75f64.hypot(1.0))).abs() < 1e-15);
    }

    #[test]
    fn surfels_come_with_their_areas_nearest_first() {
        let bounds = Bounds {
            start: [0; 3],
            end: [1, 1, 4],
        };
        let [one, three] = [1, 3].map(|end| BitMask::of_runs(bounds, [(0, 0, 0..end)].into_iter()));
        let steps = [1.0, 1.0, 2.0];
        let [there, back] = SurfelDistances::between(&one, &three, steps);
        assert_eq!(there.distances_mm, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(
            back.distances_mm[..12],
            [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 2.0, 2.0, 2.0]
        );
        assert_eq!(back.distances_mm[12..], [4.0; 4]);
        let areas = areas_mm2(steps);
        assert!((there.areas_mm2.iter().sum::<f64>() - 8.0 * areas[1]).abs() < 1e-12);
        let nothing = BitMask::empty(bounds);
        let [there, back] = SurfelDistances::between(&one, &nothing, steps);
        assert_eq!(there.distances_mm, [f64::INFINITY; 8]);
        assert_eq!(back, SurfelDistances::default());
    }

    #[test]
    fn a_percentile_by_area_is_a_distance_that_occurs() {
        let mut areas = [0.0; 256];
        areas[..4].copy_from_slice(&[90.0, 4.0, 4.0, 2.0]);
        let side = |distances, corners| Side {
            distances,
            corners,
            areas_mm2: &areas,
        };
        let robust = |share| side(&[0.0, 3.0, 2.0, 9.0], &[0, 1, 2, 3]).robust(share);
        assert_eq!(robust(0.95), 3.0);
        assert_eq!(robust(0.94), 2.0);
        assert_eq!(robust(0.5), 0.0);
        assert_eq!(robust(1.0), 9.0);
        assert!(side(&[], &[]).robust(0.95).is_nan());
    }
}
