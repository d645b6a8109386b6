//! Connected components, hole filling and dilation of masks `[z, y, x]`.

use ndarray::{Array3, ArrayView3, Axis, Slice, Zip, s};

use crate::Bounds;

/// Which voxels are neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Connectivity {
    /// Those that share a face.
    Six,
    /// Those that share a face or an edge.
    Eighteen,
    /// Those that share a face, an edge or a corner.
    TwentySix,
}

impl Connectivity {
    /// The rows `(z + dz, y + dy)` before a row in raster order that may touch it, and how far
    /// along x.
    fn rows_before(self) -> &'static [(isize, isize, usize)] {
        match self {
            Self::Six => &[(0, -1, 0), (-1, 0, 0)],
            Self::Eighteen => &[(0, -1, 1), (-1, 0, 1), (-1, -1, 0), (-1, 1, 0)],
            Self::TwentySix => &[(0, -1, 1), (-1, 0, 1), (-1, -1, 1), (-1, 1, 1)],
        }
    }
}

/// The components of a mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Components {
    /// 0 for background, else the component's id, `[z, y, x]`. Ids count from 1 in raster order
    /// of the first voxels.
    pub labels: Array3<u32>,
    /// Voxels of component `id` at `id - 1`.
    pub sizes: Vec<usize>,
}

/// True voxels that follow each other along x: of a noise of single voxels there are half as many as
/// voxels, so that each byte of a run counts.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Row `z * ny + y`.
    pub row: u32,
    pub start: u32,
    pub end: u32,
}

impl Run {
    pub fn new(row: usize, start: usize, end: usize) -> Self {
        // A volume has at most 2^31 voxels, and no more rows.
        Self {
            row: row as u32,
            start: start as u32,
            end: end as u32,
        }
    }

    /// Its indices along z, y and x, of rows of `ny` to a plane.
    pub fn place(self, ny: usize) -> (usize, usize, std::ops::Range<usize>) {
        let row = self.row as usize;
        (row / ny, row % ny, self.start as usize..self.end as usize)
    }

    /// How many voxels it has.
    pub fn voxels(self) -> u32 {
        self.end - self.start
    }
}

/// Labels the connected components of a mask: runs along x joined by union-find (the two-pass
/// algorithm of Rosenfeld and Pfaltz 1966, on runs instead of voxels).
pub fn label(mask: ArrayView3<'_, bool>, connectivity: Connectivity) -> Components {
    let mut labels = Array3::zeros(mask.dim());
    let (runs, ids, sizes) = labelled_runs(mask, connectivity);
    for (run, &id) in runs.iter().zip(&ids) {
        let (z, y, xs) = run.place(mask.dim().1);
        labels.slice_mut(s![z, y, xs]).fill(id);
    }
    let sizes = sizes.into_iter().map(|size| size as usize).collect();
    Components { labels, sizes }
}

/// The largest component; of several equally large ones the first in raster order. Empty for an
/// empty mask.
pub fn largest(mask: ArrayView3<'_, bool>, connectivity: Connectivity) -> Array3<bool> {
    let mut out = Array3::from_elem(mask.dim(), false);
    let (runs, ids, sizes) = labelled_runs(mask, connectivity);
    let Some(&most) = sizes.iter().max() else {
        return out;
    };
    let keep = sizes
        .iter()
        .position(|&size| size == most)
        .map(|i| i as u32 + 1);
    for (run, &id) in runs.iter().zip(&ids) {
        if Some(id) == keep {
            let (z, y, xs) = run.place(mask.dim().1);
            out.slice_mut(s![z, y, xs]).fill(true);
        }
    }
    out
}

/// Fills the holes: background that is not connected through faces to the border of the volume.
pub fn fill_holes(mask: ArrayView3<'_, bool>) -> Array3<bool> {
    let mut out = mask.to_owned();
    // Past a face of the bounding box lies a straight way of background to the border, so the
    // faces of the box can stand for the border of the volume.
    let Some(bounds) = Bounds::of(mask) else {
        return out;
    };
    let background = bounds.crop(mask).mapv(|v| !v);
    let (runs, ids, sizes) = labelled_runs(background.view(), Connectivity::Six);
    let [nz, ny, nx] = bounds.shape();
    let mut outside = vec![false; sizes.len() + 1];
    for (run, &id) in runs.iter().zip(&ids) {
        let on_face = |i: usize, n: usize| i == 0 || i == n - 1;
        let (z, y, xs) = run.place(ny);
        if on_face(z, nz) || on_face(y, ny) || xs.start == 0 || xs.end == nx {
            outside[id as usize] = true;
        }
    }
    let [z0, y0, x0] = bounds.start;
    for (run, &id) in runs.iter().zip(&ids) {
        if !outside[id as usize] {
            let (z, y, xs) = run.place(ny);
            let xs = x0 + xs.start..x0 + xs.end;
            out.slice_mut(s![z0 + z, y0 + y, xs]).fill(true);
        }
    }
    out
}

/// Dilates by the cross of the six face neighbours, `iterations` times; the volume does not grow.
pub fn dilate(mask: ArrayView3<'_, bool>, iterations: usize) -> Array3<bool> {
    let mut out = mask.to_owned();
    let Some(bounds) = Bounds::of(mask) else {
        return out;
    };
    let dim = mask.shape();
    let reached = Bounds {
        start: bounds.start.map(|i| i.saturating_sub(iterations)),
        end: [0, 1, 2].map(|axis| (bounds.end[axis] + iterations).min(dim[axis])),
    };
    let mut grown = reached.crop_mut(out.view_mut());
    for _ in 0..iterations {
        let before = grown.to_owned();
        for axis in [0, 1, 2].map(Axis) {
            let (behind, ahead) = (Slice::from(..-1), Slice::from(1..));
            for (to, from) in [(ahead, behind), (behind, ahead)] {
                Zip::from(grown.slice_axis_mut(axis, to))
                    .and(before.slice_axis(axis, from))
                    .for_each(|to, &from| *to |= from);
            }
        }
    }
    out
}

/// The runs of a mask in raster order, the component id of each, and the sizes.
fn labelled_runs(
    mask: ArrayView3<'_, bool>,
    connectivity: Connectivity,
) -> (Vec<Run>, Vec<u32>, Vec<u32>) {
    let (runs, row_starts) = runs_of(mask);
    let (ids, sizes) = joined(&runs, &row_starts, mask.dim().1, connectivity);
    (runs, ids, sizes)
}

/// The component id of each run, and the sizes. The runs are in raster order, those of row
/// `z * ny + y` begin at `row_starts`.
pub fn joined(
    runs: &[Run],
    row_starts: &[usize],
    ny: usize,
    connectivity: Connectivity,
) -> (Vec<u32>, Vec<u32>) {
    let mut parents: Vec<u32> = (0..runs.len() as u32).collect();
    for (row, ends) in row_starts.windows(2).enumerate() {
        let own = ends[0]..ends[1];
        if own.is_empty() {
            continue;
        }
        let (z, y) = (row / ny, row % ny);
        for &(dz, dy, reach) in connectivity.rows_before() {
            let (Some(z), Some(y)) = (z.checked_add_signed(dz), y.checked_add_signed(dy)) else {
                continue;
            };
            if y < ny {
                let other = row_starts[z * ny + y]..row_starts[z * ny + y + 1];
                join_rows(runs, &mut parents, own.clone(), other, reach);
            }
        }
    }
    let sizes = number(runs, &mut parents);
    (parents, sizes)
}

/// The runs in raster order, and where each row `z * ny + y` begins among them.
fn runs_of(mask: ArrayView3<'_, bool>) -> (Vec<Run>, Vec<usize>) {
    let mask = mask.as_standard_layout();
    let (nz, ny, nx) = mask.dim();
    let voxels = mask.as_slice().unwrap_or(&[]);
    // Room for all at once: a list that grows holds twice as much meanwhile.
    let begin = |row: &[bool]| {
        let inner = row.array_windows().filter(|[before, own]| *own && !before);
        usize::from(row.first() == Some(&true)) + inner.count()
    };
    let count = voxels.chunks_exact(nx.max(1)).map(begin).sum();
    let mut runs = Vec::with_capacity(count);
    let mut row_starts = Vec::with_capacity(nz * ny + 1);
    row_starts.push(0);
    for (row, values) in voxels.chunks_exact(nx.max(1)).enumerate() {
        let mut x = 0;
        while let Some(skip) = values[x..].iter().position(|&v| v) {
            let start = x + skip;
            let length = values[start..].iter().position(|&v| !v);
            let end = length.map_or(nx, |length| start + length);
            runs.push(Run::new(row, start, end));
            x = end;
        }
        row_starts.push(runs.len());
    }
    row_starts.resize(nz * ny + 1, runs.len());
    (runs, row_starts)
}

/// Joins the runs of two rows that touch when each may lie `reach` voxels further along x.
fn join_rows(
    runs: &[Run],
    parents: &mut [u32],
    row: std::ops::Range<usize>,
    other: std::ops::Range<usize>,
    reach: usize,
) {
    let reach = reach as u32;
    let (mut a, mut b) = (row.start, other.start);
    while a < row.end && b < other.end {
        let (run, near) = (&runs[a], &runs[b]);
        if run.start < near.end + reach && near.start < run.end + reach {
            join(parents, a as u32, b as u32);
        }
        // The run that ends first is done: runs of one row are at least a voxel apart, so the next
        // one of the other row begins past its reach.
        if run.end <= near.end {
            a += 1;
        } else {
            b += 1;
        }
    }
}

/// The first run of a component stands for it; paths are halved on the way.
fn root(parents: &mut [u32], mut run: u32) -> u32 {
    while parents[run as usize] != run {
        let grandparent = parents[parents[run as usize] as usize];
        parents[run as usize] = grandparent;
        run = grandparent;
    }
    run
}

fn join(parents: &mut [u32], a: u32, b: u32) {
    let (a, b) = (root(parents, a), root(parents, b));
    parents[a.max(b) as usize] = a.min(b);
}

/// Makes each run's parent the id of its component; gives back the sizes. A parent comes before its
/// run, so that it is an id already when it is asked.
fn number(runs: &[Run], parents: &mut [u32]) -> Vec<u32> {
    let firsts = (0..).zip(&*parents).filter(|(i, parent)| i == *parent);
    let mut sizes = Vec::with_capacity(firsts.count());
    for (i, run) in runs.iter().enumerate() {
        let parent = parents[i] as usize;
        if parent == i {
            sizes.push(0);
            parents[i] = sizes.len() as u32;
        } else {
            parents[i] = parents[parent];
        }
        sizes[parents[i] as usize - 1] += run.voxels();
    }
    sizes
}
