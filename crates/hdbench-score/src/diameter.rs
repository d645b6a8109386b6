//! How long a lesion is within one axial slice.

use std::collections::BTreeMap;

use hdbench_volume::Geometry;

use crate::metrics::regions::RegionRun;

/// Which array axis crosses the axial slices, and the two axes within them.
pub(super) struct AxialGrid {
    /// Array axes: across, then the two in the plane.
    axes: [usize; 3],
    /// A step along each of the two axes in the plane, mm along the first of them and across it.
    plane_mm: [[f64; 2]; 2],
}

impl AxialGrid {
    /// The slices lie across the file axis that runs most nearly from foot to head.
    pub(super) fn of(geometry: &Geometry) -> Self {
        let towards_head =
            |axis: usize| (geometry.affine[2][2 - axis] / geometry.spacing_mm[axis]).abs();
        let axes = [[0, 1, 2], [1, 0, 2], [2, 0, 1]];
        let axes = axes
            .into_iter()
            .rev()
            .max_by(|a, b| towards_head(a[0]).total_cmp(&towards_head(b[0])))
            .unwrap_or([0, 1, 2]);
        // A picture is a slice, whichever way its file says that it lies.
        let axes = if geometry.is_planar { [0, 1, 2] } else { axes };
        let [u, v] = [axes[1], axes[2]].map(|axis| geometry.spacing_mm[axis]);
        let steps = geometry.steps_mm();
        let dot: f64 = (0..3).map(|i| steps[axes[1]][i] * steps[axes[2]][i]).sum();
        let (along, across) = match geometry.is_sheared() {
            true => (dot / u, (v * v - (dot / u).powi(2)).max(0.0).sqrt()),
            false => (0.0, v),
        };
        Self {
            axes,
            plane_mm: [[u, 0.0], [along, across]],
        }
    }

    /// The largest distance between outer corners of voxels of one slice, mm; 0 for no voxel. It follows from
    /// differences of indices: the same lesion has the same diameter wherever it lies.
    pub(super) fn longest_diameter_mm(&self, region: impl Iterator<Item = RegionRun>) -> f64 {
        let mut slices: BTreeMap<usize, Vec<Corner>> = BTreeMap::new();
        for RegionRun { z, y, x } in region {
            // Slices across x part a run into its voxels; all others hold it whole.
            let step = if self.axes[0] == 2 { 1 } else { x.len() };
            for start in x.step_by(step) {
                let ranges = [(z, z + 1), (y, y + 1), (start, start + step)];
                let [across, u, v] = self.axes.map(|axis| ranges[axis]);
                let [u, v] = [u, v].map(|(from, to)| [from as i64, to as i64]);
                let corners = slices.entry(across.0).or_default();
                corners.extend([[u[0], v[0]], [u[0], v[1]], [u[1], v[0]], [u[1], v[1]]]);
            }
        }
        slices
            .into_values()
            .map(|corners| self.diameter_mm(&convex_hull(corners)))
            .fold(0.0, f64::max)
    }

    fn diameter_mm(&self, corners: &[Corner]) -> f64 {
        let [along, across] = self.plane_mm;
        let mut longest = 0.0f64;
        for (i, a) in corners.iter().enumerate() {
            for b in &corners[i + 1..] {
                let [u, v] = [0, 1].map(|axis| (a[axis] - b[axis]) as f64);
                longest = longest.max((u * along[0] + v * across[0]).hypot(v * across[1]));
            }
        }
        longest
    }
}

/// Indices of a corner along the two axes of a slice.
type Corner = [i64; 2];

/// The corners of the convex hull (Andrew's monotone chain, 1979); the two ends stand twice.
fn convex_hull(mut points: Vec<Corner>) -> Vec<Corner> {
    points.sort_unstable();
    points.dedup();
    let turns_left = |a: Corner, b: Corner, c: Corner| {
        (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) > 0
    };
    let half = |points: &mut dyn Iterator<Item = Corner>| {
        let mut chain: Vec<Corner> = Vec::new();
        for point in points {
            while let [.., a, b] = chain[..] {
                if turns_left(a, b, point) {
                    break;
                }
                chain.pop();
            }
            chain.push(point);
        }
        chain
    };
    let mut hull = half(&mut points.iter().copied());
    hull.extend(half(&mut points.iter().rev().copied()));
    hull
}
