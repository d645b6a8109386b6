//! The connected regions of a bit mask and how those of two masks overlap, from runs along x: no
//! label volume is made.
//!
//! A mask of noise has a region for every other voxel, so that what is kept of each run and region is
//! counted in bytes.

use hdbench_volume::Bounds;
use hdbench_volume::components::{Connectivity, Run, joined};
use rayon::prelude::*;

use super::bits::{BitMask, runs};

/// The connected regions of a mask.
#[derive(Clone, Debug)]
pub struct Regions {
    /// Runs in raster order, with indices in the box.
    runs: Vec<Run>,
    /// The region of each run, from 1 in raster order of the first voxels.
    ids: Vec<u32>,
    /// Voxels of region `id` at `id - 1`.
    sizes: Vec<u32>,
    bounds: Bounds,
    /// Where each row of the box begins among the runs; the end as well.
    rows: Vec<usize>,
}

/// Voxels of one row that belong to a region, by their indices in the whole volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionRun {
    /// Index along z.
    pub z: usize,
    /// Index along y.
    pub y: usize,
    /// First index along x and one past the last.
    pub x: std::ops::Range<usize>,
}

impl Regions {
    /// Finds the regions of a mask.
    pub fn of(mask: &BitMask, connectivity: Connectivity) -> Self {
        let [nz, ny, _] = mask.shape();
        let mut found = Vec::with_capacity(mask.count_runs() as usize);
        let mut rows = Vec::with_capacity(nz * ny + 1);
        rows.push(0);
        for row in 0..nz * ny {
            let own = runs(mask.row(row / ny, row % ny));
            found.extend(own.map(|run| Run::new(row, run.start, run.end)));
            rows.push(found.len());
        }
        let (ids, sizes) = joined(&found, &rows, ny, connectivity);
        Self {
            runs: found,
            ids,
            sizes,
            bounds: mask.bounds(),
            rows,
        }
    }

    /// Voxels of region `id` at `id - 1`.
    pub fn sizes(&self) -> &[u32] {
        &self.sizes
    }

    /// The sizes alone.
    pub fn into_sizes(self) -> Vec<u32> {
        self.sizes
    }

    /// Every run in raster order, with its region's id.
    pub fn runs(&self) -> impl Iterator<Item = (u32, RegionRun)> + '_ {
        let runs = self.runs.iter().zip(&self.ids);
        runs.map(|(run, &id)| (id, self.placed(*run)))
    }

    fn placed(&self, run: Run) -> RegionRun {
        let [z0, y0, x0] = self.bounds.start;
        let (z, y, x) = run.place(self.bounds.shape()[1]);
        RegionRun {
            z: z0 + z,
            y: y0 + y,
            x: x0 + x.start..x0 + x.end,
        }
    }

    /// Measures each region by its runs in raster order; the results at `id - 1`.
    pub fn measure<T: Send>(
        &self,
        of: impl Fn(&mut dyn Iterator<Item = RegionRun>) -> T + Sync,
    ) -> Vec<T> {
        // Where the runs of each region end among all, sorted by region.
        let mut ends = vec![0_u32; self.sizes.len()];
        for &id in &self.ids {
            ends[id as usize - 1] += 1;
        }
        let mut sum = 0;
        for end in &mut ends {
            sum += *end;
            *end = sum - *end;
        }
        let mut order = vec![0_u32; self.runs.len()];
        for (run, &id) in (0..).zip(&self.ids) {
            let at = &mut ends[id as usize - 1];
            order[*at as usize] = run;
            *at += 1;
        }
        (0..ends.len())
            .into_par_iter()
            .map(|region| {
                let first = region.checked_sub(1).map_or(0, |before| ends[before]);
                let own = &order[first as usize..ends[region] as usize];
                of(&mut own.iter().map(|&run| self.placed(self.runs[run as usize])))
            })
            .collect()
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
    pub voxels: u32,
}

/// Which regions of two masks of one box share voxels, by ids.
///
/// # Panics
/// If the boxes differ.
pub fn shared(prediction: &Regions, reference: &Regions) -> Vec<Shared> {
    assert_eq!(prediction.bounds, reference.bounds, "regions of one box");
    let mut count = 0;
    each_shared(prediction, reference, |_| count += 1);
    let mut all = Vec::with_capacity(count);
    each_shared(prediction, reference, |shared| all.push(shared));
    all.sort_unstable();
    all.dedup_by(|next, kept| {
        let same = (kept.prediction, kept.reference) == (next.prediction, next.reference);
        if same {
            kept.voxels += next.voxels;
        }
        same
    });
    all.shrink_to_fit();
    all
}

/// Hands on the voxels that two runs share, row by row; those of one pair that follow each other
/// together.
fn each_shared(prediction: &Regions, reference: &Regions, mut hand_on: impl FnMut(Shared)) {
    let mut last: Option<Shared> = None;
    for row in 0..prediction.rows.len() - 1 {
        let (mut p, mut r) = (prediction.rows[row], reference.rows[row]);
        while p < prediction.rows[row + 1] && r < reference.rows[row + 1] {
            let (a, b) = (&prediction.runs[p], &reference.runs[r]);
            let voxels = a.end.min(b.end).saturating_sub(a.start.max(b.start));
            if voxels > 0 {
                let pair = (prediction.ids[p], reference.ids[r]);
                match &mut last {
                    Some(last) if (last.prediction, last.reference) == pair => {
                        last.voxels += voxels;
                    }
                    _ => {
                        let next = Shared {
                            prediction: pair.0,
                            reference: pair.1,
                            voxels,
                        };
                        last.replace(next).into_iter().for_each(&mut hand_on);
                    }
                }
            }
            if a.end <= b.end {
                p += 1;
            } else {
                r += 1;
            }
        }
    }
    last.into_iter().for_each(hand_on);
}
