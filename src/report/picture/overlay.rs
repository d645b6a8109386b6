//! Slices of test cases with their label maps, in the colours of the paper's metrics.

use hdbench_table::chart::{Align, encode_png, words};
use ndarray::{Array2, Array3, ArrayView2, Axis, s};
use plotters::prelude::RGBColor;

use crate::error::{Error, Result};
use crate::report::content::CaseOverlay;
use crate::text::wrapped;
use crate::volume::Volume;

/// Grey window of the CT in Hounsfield units, the window the networks see.
pub(crate) const WINDOW_HU: [f32; 2] = [-200.0, 250.0];
/// Up to this a voxel is air around the body, which is cut away; where the image was clipped above it, its darkest
/// voxels are.
const AIR_HU: f32 = -300.0;
/// A slice is enlarged by the whole number that brings it nearest to this width in pixels.
const PANEL_PIXELS: f64 = 320.0;
/// Panels in a row of the picture.
const PANELS_A_ROW: usize = 5;
const GAP: usize = 10;
const HEAD: usize = 42;
const CAPTION: usize = 66;
/// Size of a panel's title in pixels.
const TITLE: f64 = 16.0;

const GROUND: [u8; 3] = [0x10, 0x12, 0x15];
const LIGHT: RGBColor = RGBColor(0xf2, 0xf3, 0xf5);
const DIM: RGBColor = RGBColor(0xa4, 0xaa, 0xb2);

/// How a label is painted over the CT.
struct Paint {
    /// Colour of its voxels, and how much of the CT it hides.
    fill: ([u8; 3], f32),
    /// Colour of its border.
    edge: [u8; 3],
}

/// The paper's colours of a prediction: liver red, lesion green.
const PREDICTED: [Paint; 2] = [
    Paint {
        fill: ([0xdc, 0x0a, 0x0a], 0.48),
        edge: [0xff, 0x3c, 0x3c],
    },
    Paint {
        fill: ([0x0a, 0xd2, 0x32], 0.70),
        edge: [0x28, 0xff, 0x50],
    },
];

/// The paper's colours of the reference: liver grey, lesion white. A lighter border keeps the grey
/// apart from the CT's own.
const TRUE: [Paint; 2] = [
    Paint {
        fill: ([0x78, 0x78, 0x78], 0.55),
        edge: [0xd2, 0xd2, 0xd2],
    },
    Paint {
        fill: ([0xff, 0xff, 0xff], 0.85),
        edge: [0xff, 0xff, 0xff],
    },
];

/// The slice to show of a label map `[z, y, x]`: most lesion voxels, else most liver voxels, else
/// the middle one; the first of equals.
pub fn choose_slice(labels: &Array3<u8>) -> usize {
    let largest = |wanted: &dyn Fn(u8) -> bool| {
        let areas: Vec<usize> = labels
            .axis_iter(Axis(0))
            .map(|slice| slice.iter().filter(|label| wanted(**label)).count())
            .collect();
        let most = areas.iter().copied().max().filter(|area| *area > 0)?;
        areas.iter().position(|area| *area == most)
    };
    largest(&|label| label == 2)
        .or_else(|| largest(&|label| label > 0))
        .unwrap_or(labels.len_of(Axis(0)) / 2)
}

/// Slice `z` of a volume as radiologists look at it: front of the patient at the top, the patient's
/// right at the left. None if there is no such slice.
///
/// It assumes that the file's axes lie along left-right, back-front and feet-head, as after
/// canonical orientation.
pub fn axial<T: Clone>(volume: &Volume<T>, z: usize) -> Option<Array2<T>> {
    if z >= volume.voxels.len_of(Axis(0)) {
        return None;
    }
    let mut slice: ArrayView2<'_, T> = volume.voxels.index_axis(Axis(0), z);
    if volume.geometry.affine[1][1] > 0.0 {
        slice.invert_axis(Axis(0));
    }
    if volume.geometry.affine[0][0] > 0.0 {
        slice.invert_axis(Axis(1));
    }
    Some(slice.to_owned())
}

/// The picture of a case as the bytes of a PNG file: the CT, the reference, every prediction.
///
/// # Errors
/// A slice without pixels, or label maps of another shape than the CT.
pub(crate) fn png(overlay: &CaseOverlay) -> Result<Vec<u8>> {
    check(overlay)?;
    let panels = panels(overlay);
    let (height, width, _) = panels[0].pixels.dim();
    let columns = panels.len().min(PANELS_A_ROW);
    let rows = panels.len().div_ceil(columns);
    let cell = (CAPTION + height + GAP, width + GAP);
    let size = (HEAD + rows * cell.0, GAP + columns * cell.1);
    let mut picture = Array3::from_shape_fn((size.0, size.1, 3), |(_, _, c)| GROUND[c]);
    let corner = |i: usize| (HEAD + (i / columns) * cell.0, GAP + (i % columns) * cell.1);
    for (i, panel) in panels.iter().enumerate() {
        let (y, x) = corner(i);
        let y = y + CAPTION;
        picture
            .slice_mut(s![y..y + height, x..x + width, ..])
            .assign(&panel.pixels);
    }
    let head = format!("{}, slice {}", overlay.case, overlay.slice);
    write_band(
        &mut picture,
        0,
        HEAD,
        &[Words::new(&head, (GAP as f64, 22.0), 18.0, LIGHT, true)],
    )?;
    for (row, panels) in panels.chunks(columns).enumerate() {
        let texts: Vec<Words<'_>> = panels
            .iter()
            .enumerate()
            .flat_map(|(column, panel)| {
                let x = corner(column).1 as f64;
                let line =
                    move |text, y, size, colour| Words::new(text, (x, y), size, colour, false);
                let titles = panel.title.iter().rev().zip([34.0, 14.0]);
                titles
                    .map(move |(text, y)| line(text, y, TITLE, LIGHT))
                    .chain([line(&panel.detail, 54.0, 14.0, DIM)])
            })
            .collect();
        write_band(&mut picture, corner(row * columns).0, CAPTION, &texts)?;
    }
    encode_png(
        size.1 as u32,
        size.0 as u32,
        picture.as_slice().unwrap_or_default(),
    )
}

/// A line of text in a band of the picture.
struct Words<'a> {
    text: &'a str,
    at: (f64, f64),
    size: f64,
    colour: RGBColor,
    bold: bool,
}

impl<'a> Words<'a> {
    fn new(text: &'a str, at: (f64, f64), size: f64, colour: RGBColor, bold: bool) -> Self {
        Self {
            text,
            at,
            size,
            colour,
            bold,
        }
    }
}

fn check(overlay: &CaseOverlay) -> Result<()> {
    let shape = overlay.hu.dim();
    let others = overlay.predictions.iter().map(|p| p.labels.dim());
    if shape.0 == 0 || shape.1 == 0 {
        return Err(Error::Internal(format!(
            "overlay of {}: the slice is empty",
            overlay.case
        )));
    }
    match std::iter::once(overlay.truth.dim())
        .chain(others)
        .find(|other| *other != shape)
    {
        None => Ok(()),
        Some(other) => Err(Error::Internal(format!(
            "overlay of {}: labels of {other:?} pixels on a CT of {shape:?}",
            overlay.case
        ))),
    }
}

/// An image with the lines above it.
struct Panel {
    /// One or two lines.
    title: Vec<String>,
    detail: String,
    /// `[y, x, rgb]`
    pixels: Array3<u8>,
}

/// What a panel shows of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Ct,
    Reference,
    /// By its place among the predictions.
    Prediction(usize),
}

fn panels(overlay: &CaseOverlay) -> Vec<Panel> {
    let predictions = (0..overlay.predictions.len()).map(Shown::Prediction);
    let all = [Shown::Ct, Shown::Reference].into_iter().chain(predictions);
    all.map(|shown| panel(overlay, shown)).collect()
}

fn panel(overlay: &CaseOverlay, shown: Shown) -> Panel {
    let (rows, columns) = body(overlay);
    let window = s![rows.0..rows.1, columns.0..columns.1];
    let hu = overlay.hu.slice(window);
    let empty = Array2::zeros(hu.dim());
    let letters = (hu.ncols() * enlarged_by(hu.ncols())) as f64 / (TITLE * 0.6);
    let (title, detail, labels, paints) = match shown {
        Shown::Ct => (
            "CT",
            format!("window {} to {} HU", WINDOW_HU[0], WINDOW_HU[1]).replace('-', "−"),
            empty.view(),
            &TRUE,
        ),
        Shown::Reference => (
            "Reference",
            "liver grey, lesion white".into(),
            overlay.truth.slice(window),
            &TRUE,
        ),
        Shown::Prediction(place) => {
            let p = &overlay.predictions[place];
            let percent = |dice: f64| match dice.is_finite() {
                true => format!("{:.1}", 100.0 * dice),
                false => "—".into(),
            };
            (
                p.title.as_str(),
                format!(
                    "Dice liver {}, lesion {}",
                    percent(p.liver_dice),
                    percent(p.lesion_dice)
                ),
                p.labels.slice(window),
                &PREDICTED,
            )
        }
    };
    Panel {
        title: two_lines(title, letters as usize),
        detail,
        pixels: painted(hu, labels, paints),
    }
}

/// A picture of several cases below each other, each with the same panels side by side.
///
/// # Errors
/// As [`png`]; nothing to show.
pub(crate) fn sheet(rows: &[(&CaseOverlay, Vec<Shown>)]) -> Result<Vec<u8>> {
    rows.iter().try_for_each(|(overlay, _)| check(overlay))?;
    let made: Vec<(&CaseOverlay, Vec<Panel>)> = rows
        .iter()
        .map(|(overlay, shown)| (*overlay, shown.iter().map(|&s| panel(overlay, s)).collect()))
        .collect();
    let columns = made
        .iter()
        .map(|(_, panels)| panels.len())
        .max()
        .unwrap_or(0);
    let panels = || made.iter().flat_map(|(_, panels)| panels);
    let width = panels()
        .map(|panel| panel.pixels.dim().1)
        .max()
        .unwrap_or(0);
    if columns == 0 || width == 0 {
        return Err(Error::Internal(
            "a sheet of overlays without a panel".into(),
        ));
    }
    let heights: Vec<usize> = made
        .iter()
        .map(|(_, panels)| panels.iter().map(|p| p.pixels.dim().0).max().unwrap_or(0))
        .collect();
    let total = heights
        .iter()
        .map(|height| HEAD + CAPTION + height + GAP)
        .sum::<usize>();
    let size = (total, GAP + columns * (width + GAP));
    let mut picture = Array3::from_shape_fn((size.0, size.1, 3), |(_, _, c)| GROUND[c]);
    let mut top = 0;
    for ((overlay, panels), height) in made.iter().zip(&heights) {
        let head = format!("{}, slice {}", overlay.case, overlay.slice);
        let mut texts = vec![Words::new(&head, (GAP as f64, 22.0), 17.0, LIGHT, true)];
        for (column, panel) in panels.iter().enumerate() {
            let x = GAP + column * (width + GAP);
            let y = top + HEAD + CAPTION;
            let (h, w, _) = panel.pixels.dim();
            picture
                .slice_mut(s![y..y + h, x..x + w, ..])
                .assign(&panel.pixels);
            let lines = panel
                .title
                .iter()
                .rev()
                .zip([HEAD as f64 + 34.0, HEAD as f64 + 14.0]);
            texts.extend(
                lines.map(|(text, y)| Words::new(text, (x as f64, y), TITLE, LIGHT, false)),
            );
            let detail = (x as f64, HEAD as f64 + 54.0);
            texts.push(Words::new(&panel.detail, detail, 14.0, DIM, false));
        }
        write_band(&mut picture, top, HEAD + CAPTION, &texts)?;
        top += HEAD + CAPTION + height + GAP;
    }
    let pixels = picture.as_slice().unwrap_or_default();
    encode_png(size.1 as u32, size.0 as u32, pixels)
}

/// Lines of text over the whole width of a picture.
fn write_band(
    picture: &mut Array3<u8>,
    y: usize,
    height: usize,
    texts: &[Words<'_>],
) -> Result<()> {
    let width = picture.dim().1;
    let band = words((width as u32, height as u32), GROUND, |canvas| {
        texts
            .iter()
            .try_for_each(|t| canvas.text(t.text, t.at, Align::Left, t.size, t.colour, t.bold))
    })?;
    for (target, value) in picture
        .slice_mut(s![y..y + height, .., ..])
        .iter_mut()
        .zip(band)
    {
        *target = value;
    }
    Ok(())
}

/// Rows and columns that hold the body and every label, with a small margin.
fn body(overlay: &CaseOverlay) -> ((usize, usize), (usize, usize)) {
    let shape = overlay.hu.dim();
    let mut low = [shape.0, shape.1];
    let mut high = [0, 0];
    let labels = |at| overlay.truth[at] > 0 || overlay.predictions.iter().any(|p| p.labels[at] > 0);
    let ends = (f32::INFINITY, f32::NEG_INFINITY);
    let values = overlay.hu.iter();
    let (darkest, brightest) = values.fold(ends, |(low, high), &hu| (low.min(hu), high.max(hu)));
    let air = match darkest < brightest {
        true => AIR_HU.max(darkest),
        false => AIR_HU,
    };
    for (at, hu) in overlay.hu.indexed_iter() {
        if *hu > air || labels(at) {
            low = [low[0].min(at.0), low[1].min(at.1)];
            high = [high[0].max(at.0 + 1), high[1].max(at.1 + 1)];
        }
    }
    if high == [0, 0] {
        return ((0, shape.0), (0, shape.1));
    }
    let margin = shape.0.max(shape.1) / 64;
    let grown = |axis: usize, size: usize| {
        (
            low[axis].saturating_sub(margin),
            (high[axis] + margin).min(size),
        )
    };
    (grown(0, shape.0), grown(1, shape.1))
}

fn enlarged_by(width: usize) -> usize {
    ((PANEL_PIXELS / width as f64).round() as usize).max(1)
}

/// The CT in grey, enlarged smoothly, under its labels, enlarged voxel by voxel.
fn painted(hu: ArrayView2<'_, f32>, labels: ArrayView2<'_, u8>, paints: &[Paint; 2]) -> Array3<u8> {
    let (h, w) = hu.dim();
    let by = enlarged_by(w);
    let label_at = |y: usize, x: usize| labels[(y / by, x / by)];
    // The liver's border runs round the lesions in it.
    let edge = |y: usize, x: usize, label: u8| {
        let (bottom, right) = (h * by - 1, w * by - 1);
        label_at(y.saturating_sub(1), x) < label
            || label_at((y + 1).min(bottom), x) < label
            || label_at(y, x.saturating_sub(1)) < label
            || label_at(y, (x + 1).min(right)) < label
    };
    let mut out = Array3::zeros((h * by, w * by, 3));
    let columns = between(w, by);
    for (y, row) in between(h, by).into_iter().enumerate() {
        for (x, &column) in columns.iter().enumerate() {
            let grey = 255.0 * interpolated(hu, row, column);
            let label = label_at(y, x);
            let (colour, alpha) = match label {
                0 => ([0; 3], 0.0),
                _ => {
                    let paint = &paints[usize::from(label > 1)];
                    if edge(y, x, label) {
                        (paint.edge, 1.0)
                    } else {
                        paint.fill
                    }
                }
            };
            for c in 0..3 {
                let mixed = f32::from(colour[c]) * alpha + grey * (1.0 - alpha);
                out[(y, x, c)] = mixed.round() as u8;
            }
        }
    }
    out
}

/// Grey in 0..=1 at a pixel of the enlarged image, bilinear between voxel centres.
fn interpolated(hu: ArrayView2<'_, f32>, y: Between, x: Between) -> f32 {
    let grey = |y: usize, x: usize| {
        let value = hu[(y, x)];
        let value = if value.is_nan() { WINDOW_HU[0] } else { value };
        ((value - WINDOW_HU[0]) / (WINDOW_HU[1] - WINDOW_HU[0])).clamp(0.0, 1.0)
    };
    let top = grey(y.low, x.low) * (1.0 - x.part) + grey(y.low, x.high) * x.part;
    let bottom = grey(y.high, x.low) * (1.0 - x.part) + grey(y.high, x.high) * x.part;
    top * (1.0 - y.part) + bottom * y.part
}

/// Where a pixel of the enlarged image lies between the voxels of an axis.
#[derive(Clone, Copy, Debug)]
struct Between {
    low: usize,
    high: usize,
    /// Of the way from the lower to the higher.
    part: f32,
}

/// Of all pixels of an axis of `size` voxels.
fn between(size: usize, by: usize) -> Vec<Between> {
    let place = |i: usize| {
        let at = ((i as f32 + 0.5) / by as f32 - 0.5).clamp(0.0, (size - 1) as f32);
        let low = at.floor() as usize;
        Between {
            low,
            high: (low + 1).min(size - 1),
            part: at - at.floor(),
        }
    };
    (0..size * by).map(place).collect()
}

/// A title on at most two lines of about `letters` letters.
fn two_lines(title: &str, letters: usize) -> Vec<String> {
    let mut lines = wrapped(title, letters);
    if lines.len() > 2 {
        let rest = lines.split_off(1).join(" ");
        lines.push(rest);
    }
    for line in &mut lines {
        if line.chars().count() > letters.max(4) {
            *line = line.chars().take(letters.max(4) - 1).chain(['…']).collect();
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::Geometry;

    #[test]
    fn the_slice_with_most_lesion_wins_over_the_one_with_most_liver() {
        let mut labels = Array3::zeros((5, 4, 4));
        assert_eq!(choose_slice(&labels), 2);
        labels.slice_mut(s![3, .., ..]).fill(1);
        assert_eq!(choose_slice(&labels), 3);
        labels[(1, 0, 0)] = 2;
        labels.slice_mut(s![4, 0, 0..2]).fill(2);
        assert_eq!(choose_slice(&labels), 4);
        assert_eq!(choose_slice(&Array3::zeros((0, 2, 2))), 0);
    }

    #[test]
    fn a_canonical_volume_is_shown_front_up_and_right_on_the_left() {
        let mut voxels = Array3::zeros((1, 2, 3));
        // Front right corner of the patient: the last voxel of both axes in RAS+.
        voxels[(0, 1, 2)] = 7u8;
        let geometry = Geometry::axis_aligned([1, 2, 3], [1.0; 3]);
        let slice = axial(&Volume { voxels, geometry }, 0).unwrap();
        assert_eq!(slice[(0, 0)], 7);
    }

    #[test]
    fn long_titles_take_two_lines_and_no_more() {
        assert_eq!(two_lines("U-Net", 30), ["U-Net"]);
        let title = "2D DenseUNet without pre-trained model";
        assert_eq!(
            two_lines(title, 30),
            ["2D DenseUNet without", "pre-trained model"]
        );
        assert_eq!(two_lines(title, 13), ["2D DenseUNet", "without pre-…"]);
    }

    #[test]
    fn the_papers_colours_are_on_the_borders() {
        let hu = Array2::from_elem((8, 8), 25.0);
        let mut labels = Array2::zeros((8, 8));
        labels.slice_mut(s![2..6, 2..6]).fill(1);
        labels[(3, 3)] = 2;
        let by = 40;
        let image = painted(hu.view(), labels.view(), &PREDICTED);
        assert_eq!(image.dim(), (8 * by, 8 * by, 3));
        let rgb = |y: usize, x: usize| [image[(y, x, 0)], image[(y, x, 1)], image[(y, x, 2)]];
        assert_eq!(rgb(0, 0), [128; 3]);
        assert_eq!(rgb(3 * by, 3 * by), PREDICTED[1].edge);
        assert_eq!(rgb(2 * by, 2 * by), PREDICTED[0].edge);
        let [r, g, b] = rgb(5 * by + 9, 5 * by + 9);
        assert!(r > 150 && g < 80 && b < 80, "liver not red: {r} {g} {b}");
        let [r, g, b] = rgb(3 * by + 9, 3 * by + 9);
        assert!(
            g > 150 && r < 80 && b < 100,
            "lesion not green: {r} {g} {b}"
        );
    }
}
