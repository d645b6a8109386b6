//! Stacks of slices for the page's viewer: the box around the liver, made small enough to travel inside the
//! page.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ndarray::{Array3, ArrayView3, s};
use rayon::prelude::*;
use serde::Serialize;

use super::overlay::{WINDOW_HU, axial};
use crate::error::{Error, Result};
use crate::report::content::{Stack, StackPrediction};
use crate::volume::Volume;

/// Bytes that all stacks of a page may take together, before their base 64.
pub(crate) const BUDGET_BYTES: usize = 5_500_000;
/// Pixels of a slice's longer side and slices, from the finest to the coarsest that is still of use.
const LEVELS: [(usize, usize); 4] = [(256, 128), (192, 72), (160, 56), (128, 40)];
/// Bytes that a pixel of the CT takes as PNG, and that a pixel of labels takes; measured on LiTS volumes.
const BYTES_A_PIXEL: [f64; 2] = [0.55, 0.02];
/// Part of the box that is added around it.
const MARGIN: f64 = 0.12;
/// Grey levels: fewer compress better, and more are not seen.
const GREYS: f32 = 64.0;

/// A prediction before it is made small.
pub(crate) struct Whole {
    /// Name of the network.
    pub(crate) title: String,
    /// Labels in canonical orientation, `[z, y, x]`.
    pub(crate) labels: Volume<u8>,
    pub(crate) liver_dice: f64,
    pub(crate) lesion_dice: f64,
}

/// How many cases of the coarsest level find room.
pub(crate) fn room(predictions: usize) -> usize {
    let (side, slices) = LEVELS[LEVELS.len() - 1];
    (BUDGET_BYTES as f64 / cost(side, side, slices, predictions)) as usize
}

fn cost(width: usize, height: usize, slices: usize, predictions: usize) -> f64 {
    let labels = (predictions + 1) as f64 * BYTES_A_PIXEL[1];
    (width * height * slices) as f64 * (BYTES_A_PIXEL[0] + labels)
}

/// The stack of a case in canonical orientation, of at most `bytes` bytes.
///
/// # Errors
/// `Error::Internal` for volumes of different shapes.
pub(crate) fn stack(
    case: &str,
    image: &Volume<f32>,
    truth: &Volume<u8>,
    predictions: Vec<Whole>,
    bytes: f64,
) -> Result<Stack> {
    let shape = image.voxels.dim();
    let all = || std::iter::once(truth).chain(predictions.iter().map(|p| &p.labels));
    if all().any(|labels| labels.voxels.dim() != shape) || shape.0 == 0 {
        return Err(Error::Internal(format!(
            "{case}: volumes of different shapes"
        )));
    }
    let boxed = boxed(shape, all().map(|labels| labels.voxels.view()));
    let [depth, height, width] = boxed.map(|[from, to]| to - from);
    let fits = |(side, slices): &(usize, usize)| {
        let by = factor(height.max(width), *side);
        let kept = depth.min(*slices);
        cost(
            width.div_ceil(by),
            height.div_ceil(by),
            kept,
            predictions.len(),
        ) <= bytes
    };
    let (side, most) = LEVELS
        .into_iter()
        .find(fits)
        .unwrap_or(LEVELS[LEVELS.len() - 1]);
    let by = factor(height.max(width), side);
    let kept = depth.min(most);
    let slices: Vec<usize> = (0..kept)
        .map(|i| boxed[0][0] + (2 * i + 1) * depth / (2 * kept))
        .collect();
    let spacing = image.geometry.spacing_mm;
    let reduced = |labels: &Volume<u8>| reduce(labels, &slices, &boxed, by, largest);
    Ok(Stack {
        case: case.to_owned(),
        aspect: spacing[1] / spacing[2],
        ct: reduce(image, &slices, &boxed, by, grey),
        truth: reduced(truth),
        predictions: predictions
            .iter()
            .map(|p| StackPrediction {
                title: p.title.clone(),
                labels: reduced(&p.labels),
                liver_dice: p.liver_dice,
                lesion_dice: p.lesion_dice,
            })
            .collect(),
        slices,
    })
}

/// The whole number that a side is divided by to be no longer than asked.
fn factor(length: usize, side: usize) -> usize {
    length.div_ceil(side).max(1)
}

/// First and last + 1 of every axis that hold all labels, with a margin; everything where there are none.
fn boxed<'a>(
    shape: (usize, usize, usize),
    labels: impl Iterator<Item = ArrayView3<'a, u8>>,
) -> [[usize; 2]; 3] {
    let shape = [shape.0, shape.1, shape.2];
    let mut ends = shape.map(|length| [length, 0]);
    for map in labels {
        for ((z, y, x), label) in map.indexed_iter() {
            if *label > 0 {
                for (end, at) in ends.iter_mut().zip([z, y, x]) {
                    *end = [end[0].min(at), end[1].max(at + 1)];
                }
            }
        }
    }
    if ends[0][1] == 0 {
        return shape.map(|length| [0, length]);
    }
    let mut grown = ends;
    for (axis, (end, length)) in grown.iter_mut().zip(shape).enumerate() {
        let part = if axis == 0 { 0.0 } else { MARGIN };
        let more = 2.max((part * (end[1] - end[0]) as f64) as usize);
        *end = [end[0].saturating_sub(more), (end[1] + more).min(length)];
    }
    grown
}

/// Slices as they are looked at, cut to a box, each cell of `by` x `by` voxels made one by `join`.
fn reduce<T: Copy>(
    volume: &Volume<T>,
    slices: &[usize],
    boxed: &[[usize; 2]; 3],
    by: usize,
    join: fn(&mut dyn Iterator<Item = T>) -> u8,
) -> Array3<u8> {
    let [[y0, y1], [x0, x1]] = [boxed[1], boxed[2]];
    let (h, w) = ((y1 - y0).div_ceil(by), (x1 - x0).div_ceil(by));
    let mut out = Array3::zeros((slices.len(), h, w));
    for (mut target, &z) in out.outer_iter_mut().zip(slices) {
        let cut = Volume {
            voxels: volume.voxels.slice(s![z..=z, y0..y1, x0..x1]).to_owned(),
            geometry: volume.geometry.clone(),
        };
        let Some(slice) = axial(&cut, 0) else {
            continue;
        };
        let (height, width) = slice.dim();
        for ((y, x), value) in target.indexed_iter_mut() {
            let (rows, columns) = (y * by..((y + 1) * by).min(height), x * by..width);
            let cell = rows.flat_map(|y| columns.clone().take(by).map(move |x| (y, x)));
            *value = join(&mut cell.map(|at| slice[at]));
        }
    }
    out
}

/// The mean grey value of a cell.
fn grey(cell: &mut dyn Iterator<Item = f32>) -> u8 {
    let (mut sum, mut count) = (0.0, 0.0);
    for hu in cell {
        sum += if hu.is_nan() { WINDOW_HU[0] } else { hu };
        count += 1.0;
    }
    let part = (sum / count - WINDOW_HU[0]) / (WINDOW_HU[1] - WINDOW_HU[0]);
    ((part.clamp(0.0, 1.0) * (GREYS - 1.0)).round() * 255.0 / (GREYS - 1.0)) as u8
}

/// The largest label of a cell, so that a small lesion is not lost.
fn largest(cell: &mut dyn Iterator<Item = u8>) -> u8 {
    cell.max().unwrap_or(0)
}

/// Colours of liver and lesion, inside and on the border, with their opacity; nothing first.
const PREDICTED: [[u8; 4]; 5] = [
    [0, 0, 0, 0],
    [0xdc, 0x0a, 0x0a, 70],
    [0xff, 0x3c, 0x3c, 255],
    [0x0a, 0xd2, 0x32, 120],
    [0x28, 0xff, 0x50, 255],
];
const TRUE: [[u8; 4]; 5] = [
    [0, 0, 0, 0],
    [0, 0, 0, 0],
    [0xd2, 0xd2, 0xd2, 255],
    [0xff, 0xff, 0xff, 60],
    [0xff, 0xff, 0xff, 255],
];

/// A stack as the page's script reads it.
#[derive(Serialize)]
struct Sheet<'a> {
    case: &'a str,
    z: &'a [usize],
    columns: usize,
    rows: usize,
    ratio: f64,
    ct: String,
    truth: String,
    predictions: Vec<SheetPrediction<'a>>,
}

#[derive(Serialize)]
struct SheetPrediction<'a> {
    title: &'a str,
    liver: Option<f64>,
    lesion: Option<f64>,
    labels: String,
}

/// The stacks as JSON that may stand in a page: all, or as many of the first as keep within the budget.
///
/// # Errors
/// `Error::Internal` for a picture that cannot be encoded.
pub(crate) fn json(stacks: &[Stack]) -> Result<String> {
    let sheets = stacks
        .par_iter()
        .map(|stack| {
            let (count, h, w) = stack.ct.dim();
            let columns = (count as f64).sqrt().ceil() as usize;
            let finite = |dice: f64| Some(dice).filter(|dice| dice.is_finite());
            let predictions = stack
                .predictions
                .iter()
                .map(|p| {
                    Ok(SheetPrediction {
                        title: &p.title,
                        liver: finite(p.liver_dice),
                        lesion: finite(p.lesion_dice),
                        labels: data_url(&painted(&p.labels, columns, &PREDICTED)?),
                    })
                })
                .collect::<Result<_>>()?;
            Ok(Sheet {
                case: &stack.case,
                z: &stack.slices,
                columns,
                rows: count.div_ceil(columns),
                ratio: w as f64 / (h as f64 * stack.aspect),
                ct: data_url(&encode(&tiled(&stack.ct, columns), None)?),
                truth: data_url(&painted(&stack.truth, columns, &TRUE)?),
                predictions,
            })
        })
        .collect::<Result<Vec<Sheet<'_>>>>()?;
    let mut left = BUDGET_BYTES * 4 / 3;
    let fit = sheets.iter().take_while(|sheet| {
        let pictures = sheet
            .predictions
            .iter()
            .map(|p| p.labels.len())
            .sum::<usize>();
        let own = sheet.ct.len() + sheet.truth.len() + pictures;
        let fits = own <= left;
        left = left.saturating_sub(own);
        fits
    });
    let sheets: Vec<&Sheet<'_>> = fit.collect();
    let text = serde_json::to_string(&sheets).map_err(|e| Error::Internal(e.to_string()))?;
    // A case's name must not end the script that holds it.
    Ok(text.replace('<', "\\u003c"))
}

/// A picture as a page can hold it.
pub(crate) fn data_url(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(png))
}

/// Labels with their borders as an indexed PNG.
fn painted(labels: &Array3<u8>, columns: usize, colours: &[[u8; 4]; 5]) -> Result<Vec<u8>> {
    let (_, h, w) = labels.dim();
    let mut marked = labels.clone();
    for (mut target, slice) in marked.outer_iter_mut().zip(labels.outer_iter()) {
        for ((y, x), value) in target.indexed_iter_mut() {
            let label = slice[(y, x)].min(2);
            let at = |y: usize, x: usize| slice[(y.min(h - 1), x.min(w - 1))].min(2);
            let edge = at(y.saturating_sub(1), x) < label
                || at(y + 1, x) < label
                || at(y, x.saturating_sub(1)) < label
                || at(y, x + 1) < label;
            *value = match label {
                0 => 0,
                label => 2 * label - 1 + u8::from(edge),
            };
        }
    }
    encode(&tiled(&marked, columns), Some(colours))
}

/// The slices side by side, line by line.
fn tiled(stack: &Array3<u8>, columns: usize) -> ndarray::Array2<u8> {
    let (count, h, w) = stack.dim();
    let rows = count.div_ceil(columns);
    let mut out = ndarray::Array2::zeros((rows * h, columns * w));
    for (i, slice) in stack.outer_iter().enumerate() {
        let (y, x) = (i / columns * h, i % columns * w);
        out.slice_mut(s![y..y + h, x..x + w]).assign(&slice);
    }
    out
}

/// Grey values, or indices into a palette, as the bytes of a PNG file.
fn encode(pixels: &ndarray::Array2<u8>, palette: Option<&[[u8; 4]; 5]>) -> Result<Vec<u8>> {
    let broken =
        |e: png::EncodingError| Error::Internal(format!("a picture cannot be encoded: {e}"));
    let mut out = Vec::new();
    let (height, width) = pixels.dim();
    let mut encoder = png::Encoder::new(&mut out, width as u32, height as u32);
    encoder.set_compression(png::Compression::High);
    match palette {
        None => encoder.set_color(png::ColorType::Grayscale),
        Some(colours) => {
            encoder.set_color(png::ColorType::Indexed);
            encoder.set_palette(
                colours
                    .iter()
                    .flat_map(|c| &c[..3])
                    .copied()
                    .collect::<Vec<u8>>(),
            );
            encoder.set_trns(colours.iter().map(|c| c[3]).collect::<Vec<u8>>());
            encoder.set_filter(png::Filter::NoFilter);
        }
    }
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(broken)?;
    writer
        .write_image_data(pixels.as_slice().unwrap_or_default())
        .map_err(broken)?;
    writer.finish().map_err(broken)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::Geometry;

    fn volume<T: Clone>(voxels: Array3<T>) -> Volume<T> {
        let (d, h, w) = voxels.dim();
        Volume {
            voxels,
            geometry: Geometry::axis_aligned([d, h, w], [2.0, 1.0, 1.0]),
        }
    }

    #[test]
    fn a_stack_holds_the_liver_and_no_small_lesion_is_lost() {
        let mut truth = Array3::zeros((300, 600, 600));
        truth.slice_mut(s![50..250, 100..500, 100..500]).fill(1);
        truth.slice_mut(s![100..104, 200, 200]).fill(2);
        let image = volume(Array3::from_elem((300, 600, 600), 25.0_f32));
        let stack = stack("a", &image, &volume(truth), Vec::new(), 400_000.0).unwrap();
        let (count, h, w) = stack.ct.dim();
        assert!(
            count == 40 && h <= 128 && w <= 128 && h >= 96,
            "{count} {h} {w}"
        );
        assert!(stack.slices.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(stack.slices[0] < 60 && stack.slices[39] > 240);
        assert!(stack.ct.iter().all(|grey| (126..=130).contains(grey)));
        assert_eq!(stack.truth.iter().max(), Some(&2));
        let text = json(&[stack]).unwrap();
        assert!(text.contains("\"case\":\"a\"") && text.contains("\"predictions\":[]"));
    }

    #[test]
    fn a_name_cannot_leave_the_script_it_stands_in() {
        let image = volume(Array3::from_elem((2, 4, 4), 0.0_f32));
        let truth = volume(Array3::from_elem((2, 4, 4), 0_u8));
        let stack = stack("</script>", &image, &truth, Vec::new(), 1e6).unwrap();
        assert_eq!(stack.slices, [0, 1]);
        let text = json(&[stack]).unwrap();
        assert!(!text.contains("</script>") && text.contains("\\u003c/script>"));
    }
}
