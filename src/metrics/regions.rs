//! The connected regions of a bit mask and how those of two masks overlap, from runs along x: no
//! label volume is made.

use std::collections::BTreeMap;

use super::Bounds;
use super::bits::{BitMask, runs};
use super::components::{Connectivity, Run, joined};

/// The connected regions of a mask.
#[derive(Clone, Debug)]
pub struct Regions {
    /// Runs in raster order, with indices in the whole volume.
    runs: Vec<Run>,
    /// The region of each run, from 1 in raster order of the first voxels.
    ids: Vec<u32>,
    /// Voxels of region `id` at `id - 1`.
    sizes: Vec<u64>,
    bounds: Bounds,
    /// Where each row of the box begins among the runs; the end as well.
    rows: Vec<usize>,
}

impl Regions {
    /// Finds the regions of a mask.
    pub fn of(mask: &BitMask, connectivity: Connectivity) -> Self {
        let bounds = mask.bounds();
        let [nz, ny, _] = mask.shape();
        let mut found = Vec::new();
        let mut rows = Vec::with_capacity(nz * ny + 1);
        rows.push(0);
        for z in 0..nz {
            for y in 0..ny {
                found.extend(runs(mask.row(z, y)).map(|run| Run {
                    z,
                    y,
                    start: run.start,
                    end: run.end,
                }));
                rows.push(found.len());
            }
        }
        let (ids, sizes) = joined(&found, &rows, ny, connectivity);
        let [z0, y0, x0] = bounds.start;
        for run in &mut found {
            run.z += z0;
            run.y += y0;
            run.start += x0;
            run.end += x0;
        }
        Self {
            runs: found,
            ids,
            sizes: sizes.into_iter().map(|size| size as u64).collect(),
            bounds,
            rows,
        }
    }

    /// Voxels of region `id` at `id - 1`.
    pub fn sizes(&self) -> &[u64] {
        &self.sizes
    }

    /// The runs of each region, in raster order, at `id - 1`.
    pub(crate) fn by_region(&self) -> Vec<Vec<&Run>> {
        let mut regions = vec![Vec::new(); self.sizes.len()];
        for (run, &id) in self.runs.iter().zip(&self.ids) {
            regions[id as usize - 1].push(run);
        }
        regions
    }
}

/// Voxels shared by a predicted and a reference region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shared {
    /// Id of the predicted region, from 1.
    pub prediction: u32,
    /// Id of the reference region, from 1.
    pub reference: u32,
    /// Voxels in both.
    pub voxels: u64,
}

/// Which regions of two masks of one box share voxels, by ids.
///
/// # Panics
/// If the boxes differ.
pub fn shared(prediction: &Regions, reference: &Regions) -> Vec<Shared> {
    assert_eq!(prediction.bounds, reference.bounds, "regions of one box");
    let mut shared = BTreeMap::new();
    for row in 0..prediction.rows.len() - 1 {
        let (mut p, mut r) = (prediction.rows[row], reference.rows[row]);
        while p < prediction.rows[row + 1] && r < reference.rows[row + 1] {
            let (a, b) = (&prediction.runs[p], &reference.runs[r]);
            let voxels = a.end.min(b.end).saturating_sub(a.start.max(b.start));
            if voxels > 0 {
                *shared
                    .entry((prediction.ids[p], reference.ids[r]))
                    .or_insert(0) += voxels as u64;
            }
            if a.end <= b.end {
                p += 1;
            } else {
                r += 1;
            }
        }
    }
    let of = |((prediction, reference), voxels)| Shared {
        prediction,
        reference,
        voxels,
    };
    shared.into_iter().map(of).collect()
}
