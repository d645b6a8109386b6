use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::batch::{Batch, IGNORED};
use crate::error::{Error, Result};
use crate::network::{Input, ORGANS};
use crate::phantom::Organ;
use crate::preprocess::{Grid, Stored};
use crate::recipe::{Augmentation, Recipe, Scale};
use crate::seed::{Seed, Stream};

/// How often a draw is repeated that has to satisfy a condition, before it is taken as it is.
const TRIES: u64 = 30;

/// What a patch is trained to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Background, liver, lesion for each voxel.
    Segmentation,
    /// Liver or not for each voxel of the coarse grid.
    Liver,
    /// For each of [`ORGANS`] whether the slice shows it; cases are labelled by organs.
    Organs,
}

/// Where a patch is centred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Centres {
    Liver,
    Lesion,
    Anywhere,
}

/// Draws training patches from cached cases: the same ones, iteration by iteration, for every
/// network that takes the same kind of input.
pub struct Sampler<'a> {
    cases: Vec<&'a Stored>,
    recipe: &'a Recipe,
    target: Target,
    input: Input,
    /// In-plane size of a patch, pixels.
    patch: usize,
    /// Slices a batch holds: separate ones, or the depth of one patch.
    slices: usize,
}

/// A patch before augmentation has turned it.
struct Patch {
    /// `[s, y, x]`, HU.
    image: Vec<f32>,
    /// `[z, y, x]`.
    labels: Vec<u8>,
}

/// The place and size of a patch in its case.
struct Crop {
    /// First slice of the labelled part; may lie outside.
    z: i64,
    /// Slices of the labelled part.
    depth: usize,
    /// First row and column; may lie outside.
    corner: [i64; 2],
    /// Side in voxels of the case.
    side: usize,
}

impl<'a> Sampler<'a> {
    /// A sampler for a network's input; an error where no case has a liver.
    pub fn new(
        cases: &'a [Arc<Stored>],
        recipe: &'a Recipe,
        scale: &Scale,
        target: Target,
        input: Input,
    ) -> Result<Self> {
        let grid = grid_of(target);
        let cases: Vec<&Stored> = cases
            .iter()
            .map(Arc::as_ref)
            .filter(|case| case.facts(grid).organ_box.is_some())
            .collect();
        if cases.is_empty() {
            return Err(Error::usage(
                "no training case has a liver label",
                "check that segmentation files hold 1 for liver and 2 for lesion",
            ));
        }
        Ok(Self {
            cases,
            recipe,
            target,
            input,
            patch: match target {
                Target::Liver => scale.coarse_patch,
                _ => scale.patch,
            },
            slices: match input {
                Input::Slices { .. } => scale.batch,
                Input::Volume => scale.depth.unwrap_or(recipe.patch_depth),
            },
        })
    }

    /// The batch of one iteration.
    pub fn draw(&self, seed: Seed, iteration: u64) -> Result<Batch> {
        let (patches, depth, context) = match self.input {
            Input::Slices { neighbours } => (self.slices, 1, neighbours),
            Input::Volume => (1, self.slices, 0),
        };
        let drawn = (0..patches)
            .into_par_iter()
            .map(|index| self.patch(seed, iteration, index, depth, context))
            .collect::<Result<Vec<_>>>()?;
        let side = self.patch;
        let mut batch = Batch {
            image: Vec::new(),
            image_shape: [patches, 1, depth + 2 * context, side, side],
            labels: Vec::new(),
            labels_shape: match self.target {
                Target::Organs => [patches, ORGANS, 1, 1],
                _ => [patches, depth, side, side],
            },
        };
        let mean = self.recipe.hu_mean as f32;
        for patch in drawn {
            batch.image.extend(patch.image.iter().map(|hu| hu - mean));
            match self.target {
                Target::Organs => batch.labels.extend(organs_shown(&patch.labels)),
                _ => batch.labels.extend(patch.labels),
            }
        }
        Ok(batch)
    }

    fn patch(
        &self,
        seed: Seed,
        iteration: u64,
        index: usize,
        depth: usize,
        context: usize,
    ) -> Result<Patch> {
        let mut attempt = 0;
        loop {
            let name = format!("sampler/{index}/{attempt}");
            let mut stream = seed.stream_at(&name, iteration);
            let patch = self.attempt(&mut stream, depth, context)?;
            attempt += 1;
            if attempt == TRIES || self.accepts(&patch) {
                return Ok(patch);
            }
        }
    }

    fn accepts(&self, patch: &Patch) -> bool {
        let of_volume = self.target == Target::Segmentation && self.input == Input::Volume;
        let all_classes = of_volume && self.recipe.only_patches_with_all_classes;
        !all_classes || (0..3).all(|class| patch.labels.contains(&class))
    }

    fn attempt(&self, stream: &mut Stream, depth: usize, context: usize) -> Result<Patch> {
        let case = self.cases[stream.below(self.cases.len())];
        let facts = case.facts(grid_of(self.target));
        let lesion = facts.has_lesion();
        let centres = match self.target {
            Target::Segmentation if lesion && stream.chance(self.recipe.lesion_centres) => {
                Centres::Lesion
            }
            Target::Segmentation => Centres::Liver,
            Target::Liver if stream.chance(0.5) => Centres::Anywhere,
            Target::Liver => Centres::Liver,
            Target::Organs => Centres::Anywhere,
        };
        let centre = self.centre(case, centres, stream)?;
        let [low, high] = self.recipe.zoom;
        let side = (self.patch as f64 * stream.range(low, high)) as usize;
        let crop = self.crop(case, centre, side.max(1), depth, stream);
        let turn = stream.below(match self.recipe.augmentation {
            Augmentation::Mirror => 4,
            Augmentation::Dihedral => 8,
        });
        self.cut(case, &crop, context, turn)
    }

    /// A voxel drawn uniformly among those of a class (a liver of lesions alone counts as liver).
    fn centre(&self, case: &Stored, centres: Centres, stream: &mut Stream) -> Result<[usize; 3]> {
        let grid = grid_of(self.target);
        let facts = case.facts(grid);
        let counts = match centres {
            Centres::Anywhere => return Ok(facts.shape.map(|n| stream.below(n))),
            Centres::Lesion => (&facts.lesion, 2),
            Centres::Liver if facts.liver.iter().all(|&n| n == 0) => (&facts.lesion, 2),
            Centres::Liver => (&facts.liver, 1),
        };
        let (per_slice, label) = counts;
        let total: usize = per_slice.iter().map(|&n| n as usize).sum();
        let mut rank = stream.below(total);
        let mut z = 0;
        while rank >= per_slice[z] as usize {
            rank -= per_slice[z] as usize;
            z += 1;
        }
        let [_, height, width] = facts.shape;
        let labels = case.label_rows(grid, z, [0, height])?;
        let (index, _) = labels
            .iter()
            .enumerate()
            .filter(|&(_, &found)| found == label)
            .nth(rank)
            .ok_or_else(|| Error::Internal(format!("{}: label counts are off", case.name)))?;
        Ok([z, index / width, index % width])
    }

    /// Places a crop around a centre. As in the released code it stays within the liver's box
    /// grown by 3 where it fits; where the box is smaller than the crop, the crop is drawn
    /// uniformly among the places that hold the box.
    fn crop(
        &self,
        case: &Stored,
        [z, y, x]: [usize; 3],
        side: usize,
        depth: usize,
        stream: &mut Stream,
    ) -> Crop {
        let facts = case.facts(grid_of(self.target));
        let mut start = |centre: usize, size: usize, axis: usize| -> i64 {
            let free = centre as i64 - (size / 2) as i64;
            let Some(organ) = facts
                .organ_box
                .filter(|_| self.target == Target::Segmentation)
            else {
                return free;
            };
            let low = (organ[axis][0] as i64 - 3).max(0);
            let high = (organ[axis][1] as i64 + 3).min(facts.shape[axis] as i64);
            let last = high - size as i64;
            if last >= low {
                free.clamp(low, last)
            } else {
                last + stream.below((low - last + 1) as usize) as i64
            }
        };
        let corner = [start(y, side, 1), start(x, side, 2)];
        let z = if depth == 1 {
            z as i64
        } else {
            // A patch stays inside the scan where the scan is deep enough.
            let last = facts.shape[0] as i64 - depth as i64;
            let z = start(z, depth, 0);
            if last >= 0 {
                z.clamp(0, last)
            } else {
                last / 2
            }
        };
        Crop {
            z,
            depth,
            corner,
            side,
        }
    }

    /// Reads a crop, resizes it to the patch (image bilinear, labels nearest) and turns it.
    fn cut(&self, case: &Stored, crop: &Crop, context: usize, turn: usize) -> Result<Patch> {
        let grid = grid_of(self.target);
        let [slices, height, width] = case.facts(grid).shape;
        let size = self.patch;
        let air = self.recipe.hu_window[0] as f32;
        let inside = |row: i64| row.clamp(0, height as i64) as usize;
        let rows = [
            inside(crop.corner[0]),
            inside(crop.corner[0] + crop.side as i64),
        ];
        let step = crop.side as f64 / size as f64;
        let mut patch = Patch {
            image: vec![0.0; (crop.depth + 2 * context) * size * size],
            labels: vec![IGNORED; crop.depth * size * size],
        };
        for s in 0..crop.depth + 2 * context {
            let z = crop.z + s as i64 - context as i64;
            let nearest = z.clamp(0, slices as i64 - 1) as usize;
            let image = case.image_rows(grid, nearest, rows)?;
            let hu = |y: i64, x: i64| -> f32 {
                let inside =
                    y >= rows[0] as i64 && y < rows[1] as i64 && x >= 0 && x < width as i64;
                if inside {
                    f32::from(image[(y as usize - rows[0]) * width + x as usize])
                } else {
                    air
                }
            };
            let out = &mut patch.image[s * size * size..(s + 1) * size * size];
            for (index, value) in out.iter_mut().enumerate() {
                let [row, column] = turned(index / size, index % size, size, turn);
                let y = crop.corner[0] as f64 + (row as f64 + 0.5) * step - 0.5;
                let x = crop.corner[1] as f64 + (column as f64 + 0.5) * step - 0.5;
                *value = bilinear(y, x, hu);
            }
            let labelled = z == nearest as i64 && s >= context && s < context + crop.depth;
            if !labelled {
                continue;
            }
            let labels = case.label_rows(grid, nearest, rows)?;
            let first = (s - context) * size * size;
            let out = &mut patch.labels[first..first + size * size];
            for (index, value) in out.iter_mut().enumerate() {
                let [row, column] = turned(index / size, index % size, size, turn);
                let y = crop.corner[0] + ((row as f64 + 0.5) * step) as i64;
                let x = crop.corner[1] + ((column as f64 + 0.5) * step) as i64;
                if y >= rows[0] as i64 && y < rows[1] as i64 && x >= 0 && x < width as i64 {
                    let label = labels[(y as usize - rows[0]) * width + x as usize];
                    *value = match self.target {
                        Target::Liver => label.min(1),
                        _ => label,
                    };
                }
            }
        }
        Ok(patch)
    }
}

fn grid_of(target: Target) -> Grid {
    match target {
        Target::Liver => Grid::Coarse,
        Target::Segmentation | Target::Organs => Grid::Working,
    }
}

/// An organ is shown where it has this part of the pixels.
const SHOWN: usize = 256;

/// For each organ 1 where it is shown, from the first that is not everywhere.
fn organs_shown(labels: &[u8]) -> [u8; ORGANS] {
    let mut pixels = [0_usize; ORGANS];
    for &label in labels {
        let organ = usize::from(label).checked_sub(Organ::Muscle as usize);
        if let Some(count) = organ.and_then(|organ| pixels.get_mut(organ)) {
            *count += 1;
        }
    }
    pixels.map(|count| u8::from(count * SHOWN >= labels.len()))
}

/// Where a pixel of the turned patch comes from: bit 0 mirrors x, bit 1 mirrors y, bit 2 swaps
/// the axes; together the eight symmetries of the square.
fn turned(row: usize, column: usize, size: usize, turn: usize) -> [usize; 2] {
    let (row, column) = if turn & 4 == 0 {
        (row, column)
    } else {
        (column, row)
    };
    let flip = |at: usize, bit: usize| if turn & bit == 0 { at } else { size - 1 - at };
    [flip(row, 2), flip(column, 1)]
}

fn bilinear(y: f64, x: f64, hu: impl Fn(i64, i64) -> f32) -> f32 {
    let (top, left) = (y.floor(), x.floor());
    let (v, u) = ((y - top) as f32, (x - left) as f32);
    let (top, left) = (top as i64, left as i64);
    let upper = hu(top, left) * (1.0 - u) + hu(top, left + 1) * u;
    let lower = hu(top + 1, left) * (1.0 - u) + hu(top + 1, left + 1) * u;
    upper * (1.0 - v) + lower * v
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_eight_turns_are_distinct_and_keep_every_pixel() {
        let turns: BTreeSet<Vec<[usize; 2]>> = (0..8)
            .map(|turn| {
                let mut places: Vec<_> = (0..9).map(|i| turned(i / 3, i % 3, 3, turn)).collect();
                let image = places.clone();
                places.sort_unstable();
                places.dedup();
                assert_eq!(places.len(), 9, "turn {turn}");
                image
            })
            .collect();
        assert_eq!(turns.len(), 8);
    }

    #[test]
    fn an_organ_is_shown_from_a_few_pixels_on() {
        assert_eq!(ORGANS, Organ::Lesion as usize - Organ::Muscle as usize + 1);
        let mut labels = vec![Organ::Fat as u8; 1024];
        labels[..3].fill(Organ::Spleen as u8);
        labels[3..7].fill(Organ::Lesion as u8);
        labels[7] = IGNORED;
        let shown = organs_shown(&labels);
        assert_eq!(shown.iter().filter(|&&organ| organ == 1).count(), 1);
        assert_eq!(shown[ORGANS - 1], 1);
    }

    #[test]
    fn bilinear_is_exact_on_a_plane() {
        let plane = |y: i64, x: i64| (3 * y + 2 * x) as f32;
        assert!((bilinear(1.25, 2.5, plane) - 8.75).abs() < 1e-6);
    }
}
