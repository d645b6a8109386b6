//! The connected regions of a bit mask and how those of two masks overlap, from runs along x: no
//! label volume is made.
//!
//! A mask of noise has a region for every other voxel, so that what is kept of each run and region is
//! counted in bytes.

use std::collections::{BTreeMap, HashMap};

use hdbench_volume::Bounds;
use hdbench_volume::components::{Connectivity, Run, joined};
use ndarray::ArrayView3;
use rayon::prelude::*;

use super::bits::{BitMask, runs};
use super::dilation::with_room;

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
        let by_region = self.by_region();
        (1..=self.sizes.len() as u32)
            .into_par_iter()
            .map(|id| of(&mut by_region.runs(id)))
            .collect()
    }

    /// The runs sorted by region.
    pub fn by_region(&self) -> ByRegion<'_> {
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
        ByRegion {
            regions: self,
            order,
            ends,
        }
    }

    /// The regions of a mask after it has grown, cut back to it: regions whose growths touch are one. `grow` is given
    /// the mask with so many voxels of `room` on every side.
    pub fn consolidated(
        mask: &BitMask,
        connectivity: Connectivity,
        room: [usize; 3],
        grow: impl Fn(&BitMask) -> BitMask,
    ) -> Self {
        let mut own = Self::of(mask, connectivity);
        let all = own.runs().map(|(_, run)| run);
        let grown = Self::of(
            &grow(&roomy(mask.bounds(), mask.is_planar(), room, all)),
            connectivity,
        );
        let [_, ny, _] = own.bounds.shape();
        let id_of = |run: &Run| {
            let (z, y, xs) = run.place(ny);
            grown.id_at([z + room[0], y + room[1], xs.start + room[2]])
        };
        let ids: Vec<u32> = own.runs.iter().map(id_of).collect();
        own.renumber(&ids);
        own
    }

    /// The region of a voxel of the box; 0 for none.
    fn id_at(&self, [z, y, x]: [usize; 3]) -> u32 {
        let row = z * self.bounds.shape()[1] + y;
        let own = self.rows[row]..self.rows[row + 1];
        let place = self.runs[own.clone()].partition_point(|run| run.end as usize <= x);
        match self.runs[own.clone()].get(place) {
            Some(run) if run.start as usize <= x => self.ids[own.start + place],
            _ => 0,
        }
    }

    /// Gives each run the region of this key, numbered from 1 as they come first.
    fn renumber(&mut self, keys: &[u32]) {
        let mut numbers: HashMap<u32, u32> = HashMap::new();
        self.sizes.clear();
        for ((run, id), key) in self.runs.iter().zip(&mut self.ids).zip(keys) {
            *id = *numbers.entry(*key).or_insert_with(|| {
                self.sizes.push(0);
                self.sizes.len() as u32
            });
            self.sizes[*id as usize - 1] += run.voxels();
        }
    }

    /// Regions of equal value: each value one, whatever its parts, or each of its components by `connectivity`.
    /// With the value of region `id` at `id - 1`: ascending in the first case, in the second the regions come in
    /// raster order of their first voxels.
    pub fn of_values<T: Copy + Into<u16>>(
        map: ArrayView3<'_, T>,
        bounds: Bounds,
        holds: impl Fn(u16) -> bool,
        connectivity: Option<Connectivity>,
    ) -> (Self, Vec<u16>) {
        let (mut own, values) = Self::runs_of_values(map, bounds, holds);
        let mut places: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
        for (place, &value) in values.iter().enumerate() {
            places.entry(value).or_default().push(place);
        }
        let Some(connectivity) = connectivity else {
            let number: HashMap<u16, u32> = places.keys().copied().zip(1..).collect();
            own.sizes = vec![0; number.len()];
            for ((run, id), value) in own.runs.iter().zip(&mut own.ids).zip(&values) {
                *id = number[value];
                own.sizes[*id as usize - 1] += run.voxels();
            }
            return (own, places.into_keys().collect());
        };
        let mut keys = vec![0; own.runs.len()];
        let mut before = 0;
        for places in places.values() {
            let runs: Vec<Run> = places.iter().map(|place| own.runs[*place]).collect();
            let (ids, sizes) = joined_in_their_box(&runs, bounds.shape()[1], connectivity);
            for (place, id) in places.iter().zip(ids) {
                keys[*place] = before + id;
            }
            before += sizes as u32;
        }
        own.renumber(&keys);
        let mut value_of = vec![0; own.sizes.len()];
        for (id, value) in own.ids.iter().zip(values) {
            value_of[*id as usize - 1] = value;
        }
        (own, value_of)
    }

    /// Runs of equal value, each with it; no regions yet.
    fn runs_of_values<T: Copy + Into<u16>>(
        map: ArrayView3<'_, T>,
        bounds: Bounds,
        holds: impl Fn(u16) -> bool,
    ) -> (Self, Vec<u16>) {
        let (mut runs, mut values, mut rows) = (Vec::new(), Vec::new(), vec![0]);
        for (row, line) in bounds.crop(map).rows().into_iter().enumerate() {
            let line: Vec<u16> = line.iter().map(|value| (*value).into()).collect();
            let mut x = 0;
            for part in line.chunk_by(|a, b| a == b) {
                if part[0] > 0 && holds(part[0]) {
                    runs.push(Run::new(row, x, x + part.len()));
                    values.push(part[0]);
                }
                x += part.len();
            }
            rows.push(runs.len());
        }
        let own = Self {
            ids: vec![0; runs.len()],
            runs,
            sizes: Vec::new(),
            bounds,
            rows,
        };
        (own, values)
    }
}

/// The component of each run, from 1, and how many there are; only the rows between the first and the last are
/// looked at.
fn joined_in_their_box(runs: &[Run], ny: usize, connectivity: Connectivity) -> (Vec<u32>, usize) {
    let rows = runs.iter().map(|run| run.row as usize);
    let (Some(first), Some(last)) = (rows.clone().min(), rows.max()) else {
        return (Vec::new(), 0);
    };
    // Whole planes, so that a row keeps its neighbours.
    let first = first / ny * ny;
    let mut starts = vec![0];
    for row in first..=last {
        let from = starts[starts.len() - 1];
        let own = runs[from..]
            .iter()
            .take_while(|run| run.row as usize == row);
        starts.push(from + own.count());
    }
    let (ids, sizes) = joined(runs, &starts, ny, connectivity);
    (ids, sizes.len())
}

/// The runs of regions sorted by region.
pub struct ByRegion<'a> {
    regions: &'a Regions,
    /// Places of the runs, those of a region together in raster order.
    order: Vec<u32>,
    /// Where those of each region end.
    ends: Vec<u32>,
}

impl ByRegion<'_> {
    /// Those of a region in raster order, by their indices in the whole volume.
    pub fn runs(&self, id: u32) -> impl Iterator<Item = RegionRun> + '_ {
        let region = id as usize - 1;
        let first = region.checked_sub(1).map_or(0, |before| self.ends[before]);
        let own = &self.order[first as usize..self.ends[region] as usize];
        let runs = &self.regions.runs;
        own.iter()
            .map(|&run| self.regions.placed(runs[run as usize]))
    }

    /// The regions that have a voxel in a mask that stands around a box as [`roomy`] makes it; ascending.
    pub fn touched(&self, mask: &BitMask, bounds: Bounds, room: [usize; 3]) -> Vec<u32> {
        let all = &self.regions;
        let origin = all.bounds.start;
        let mut found = Vec::new();
        let [nz, ny, _] = mask.bounds().shape();
        // Indices of the mask's box in the regions' box, which may begin before it.
        let offset = [0, 1, 2]
            .map(|axis| bounds.start[axis] as isize - origin[axis] as isize - room[axis] as isize);
        let shape = all.bounds.shape();
        for z in 0..nz {
            let Some(own_z) = z.checked_add_signed(offset[0]).filter(|z| *z < shape[0]) else {
                continue;
            };
            for y in 0..ny {
                let Some(own_y) = y.checked_add_signed(offset[1]).filter(|y| *y < shape[1]) else {
                    continue;
                };
                let row = own_z * shape[1] + own_y;
                for place in all.rows[row]..all.rows[row + 1] {
                    let run = &all.runs[place];
                    let within = |x: u32| (x as isize - offset[2]).max(0) as usize;
                    let xs = within(run.start)..within(run.end).min(mask.bounds().shape()[2]);
                    if !xs.is_empty() && !found.contains(&all.ids[place]) && mask.has_any(z, y, xs)
                    {
                        found.push(all.ids[place]);
                    }
                }
            }
        }
        found.sort_unstable();
        found
    }
}

/// The mask of some runs of the volume in a box with room on every side: the first voxel of `bounds` stands at `room`.
pub fn roomy(
    bounds: Bounds,
    is_planar: bool,
    room: [usize; 3],
    runs: impl Iterator<Item = RegionRun>,
) -> BitMask {
    let start = bounds.start;
    let moved = runs.map(|run| {
        let xs = run.x.start - start[2] + room[2]..run.x.end - start[2] + room[2];
        (run.z - start[0] + room[0], run.y - start[1] + room[1], xs)
    });
    let mask = BitMask::of_runs(with_room(bounds, room), moved);
    if is_planar { mask.planar() } else { mask }
}

/// The smallest box around some runs.
pub fn box_of(runs: impl Iterator<Item = RegionRun>) -> Option<Bounds> {
    runs.fold(None, |bounds, run| {
        let own = Bounds {
            start: [run.z, run.y, run.x.start],
            end: [run.z + 1, run.y + 1, run.x.end],
        };
        Bounds::union(bounds, Some(own))
    })
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
