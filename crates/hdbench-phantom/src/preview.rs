use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_volume::artifact::write_atomic;
use rayon::prelude::*;

use super::render::{Phantom, generate};
use super::spec::Spec;

/// The window of the pictures in HU.
const WINDOW: [f64; 2] = [-160.0, 250.0];
const CASES: usize = 8;
const COLUMNS: usize = 5;
/// Pictures are at least this wide a tile, in whole multiples of the matrix.
const TILE: usize = 256;
const LIVER: [u8; 3] = [230, 40, 40];
const LESION: [u8; 3] = [40, 220, 70];

/// Draws a montage of up to 8 cases, one a row with five slices from the liver's dome to its tip,
/// seen from the feet with the patient's right on the left: once plain to `path`, and once with
/// outlined labels (liver red, tumour green) to the same name ending in `-labels.png`.
///
/// # Errors
///
/// [`Error::Usage`] if the spec cannot be drawn, or what writing gives.
pub fn preview_png(spec: &Spec, path: &Path) -> Result<[PathBuf; 2]> {
    spec.validate()?;
    let zoom = TILE.div_ceil(spec.matrix);
    let rows: Vec<[Vec<Tile>; 2]> = (0..spec.cases.min(CASES))
        .into_par_iter()
        .map(|index| {
            let phantom = generate(spec, index);
            [false, true].map(|outlined| row(&phantom, zoom, outlined))
        })
        .collect();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let paths = [
        path.to_path_buf(),
        path.with_file_name(format!("{stem}-labels.png")),
    ];
    for (which, path) in paths.iter().enumerate() {
        let tiles: Vec<&Vec<Tile>> = rows.iter().map(|pair| &pair[which]).collect();
        write_atomic(path, &encoded(&tiles, spec.matrix * zoom)?)?;
    }
    Ok(paths)
}

/// RGB pixels of one slice, row by row.
type Tile = Vec<[u8; 3]>;

fn row(phantom: &Phantom, zoom: usize, outlined: bool) -> Vec<Tile> {
    let view = View::of(phantom);
    view.slices()
        .into_iter()
        .map(|z| view.tile(z, zoom, outlined))
        .collect()
}

/// A phantom indexed left, back, head whatever the order of its file.
struct View<'a> {
    phantom: &'a Phantom,
    flips: [bool; 3],
}

impl<'a> View<'a> {
    fn of(phantom: &'a Phantom) -> Self {
        Self {
            phantom,
            flips: phantom.orientation.flips(),
        }
    }

    fn index(&self, place: [usize; 3]) -> [usize; 3] {
        let shape = self.phantom.image.geometry.shape;
        std::array::from_fn(|i| {
            if self.flips[i] {
                shape[i] - 1 - place[i]
            } else {
                place[i]
            }
        })
    }

    fn label(&self, place: [usize; 3]) -> u8 {
        self.phantom.labels.voxels[self.index(place)]
    }

    fn hu(&self, place: [usize; 3]) -> f64 {
        f64::from(self.phantom.image.voxels[self.index(place)])
    }

    /// Slices from the top of the liver down, and the one with the most tumour in place of its
    /// nearest.
    fn slices(&self) -> Vec<usize> {
        let [depth, side, _] = self.phantom.image.geometry.shape;
        let count = |z: usize, least: u8| {
            let pixels = (0..side).flat_map(|y| (0..side).map(move |x| [z, y, x]));
            pixels.filter(|&place| self.label(place) >= least).count()
        };
        let inside: Vec<usize> = (0..depth).filter(|&z| count(z, 1) > 0).collect();
        let (low, high) = match (inside.first(), inside.last()) {
            (Some(&low), Some(&high)) => (low as f64, high as f64),
            _ => (0.0, depth as f64 - 1.0),
        };
        let share = |i: usize| 0.97 - 0.85 * i as f64 / (COLUMNS - 1) as f64;
        let mut chosen: Vec<usize> = (0..COLUMNS)
            .map(|i| (low + share(i) * (high - low)).round() as usize)
            .collect();
        if let Some(best) = (0..depth)
            .max_by_key(|&z| (count(z, 2), z))
            .filter(|&z| count(z, 2) > 0)
            && let Some(nearest) = chosen.iter_mut().min_by_key(|z| z.abs_diff(best))
        {
            *nearest = best;
        }
        chosen
    }

    fn tile(&self, z: usize, zoom: usize, outlined: bool) -> Tile {
        let side = self.phantom.image.geometry.shape[1] * zoom;
        let mut tile = Vec::with_capacity(side * side);
        for y in 0..side {
            for x in 0..side {
                let grey = self.grey(z, y, x, zoom);
                let edge = if outlined {
                    self.outline(z, y, x, zoom)
                } else {
                    None
                };
                tile.push(edge.unwrap_or([grey; 3]));
            }
        }
        tile
    }

    /// Bilinear in the zoomed slice.
    fn grey(&self, z: usize, y: usize, x: usize, zoom: usize) -> u8 {
        let side = self.phantom.image.geometry.shape[1];
        let axis = |v: usize| {
            let at = ((v as f64 + 0.5) / zoom as f64 - 0.5).clamp(0.0, side as f64 - 1.0);
            let low = at.floor() as usize;
            (low, (low + 1).min(side - 1), at - low as f64)
        };
        let ((y0, y1, ty), (x0, x1, tx)) = (axis(y), axis(x));
        let line = |y: usize| self.hu([z, y, x0]) * (1.0 - tx) + self.hu([z, y, x1]) * tx;
        let hu = line(y0) * (1.0 - ty) + line(y1) * ty;
        let share = (hu - WINDOW[0]) / (WINDOW[1] - WINDOW[0]);
        (share.clamp(0.0, 1.0) * 255.0).round() as u8
    }

    /// The colour of a label's inner border.
    fn outline(&self, z: usize, y: usize, x: usize, zoom: usize) -> Option<[u8; 3]> {
        let side = self.phantom.image.geometry.shape[1] * zoom;
        let here = self.label([z, y / zoom, x / zoom]);
        let around = [
            (y.wrapping_sub(1), x),
            (y + 1, x),
            (y, x.wrapping_sub(1)),
            (y, x + 1),
        ];
        let lower = |&(y, x): &(usize, usize)| {
            y >= side || x >= side || self.label([z, y / zoom, x / zoom]) < here
        };
        match here {
            1 if around.iter().any(lower) => Some(LIVER),
            2 if around.iter().any(lower) => Some(LESION),
            _ => None,
        }
    }
}

fn encoded(rows: &[&Vec<Tile>], side: usize) -> Result<Vec<u8>> {
    let mut pixels = Vec::with_capacity(rows.len() * side * COLUMNS * side * 3);
    for row in rows {
        for y in 0..side {
            for tile in row.iter() {
                pixels.extend(tile[y * side..(y + 1) * side].as_flattened());
            }
        }
    }
    let broken = |e: png::EncodingError| Error::Internal(format!("phantom preview: {e}"));
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(
        &mut bytes,
        (side * COLUMNS) as u32,
        (side * rows.len()) as u32,
    );
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(broken)?;
    writer.write_image_data(&pixels).map_err(broken)?;
    writer.finish().map_err(broken)?;
    Ok(bytes)
}
