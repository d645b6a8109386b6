//! Drawing on SVG and PNG alike, in points of the page; the only place that names plotters' types.

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::shown;
use plotters::coord::Shift;
use plotters::element::{Drawable, PointCollection};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::font::{self, FAMILY};
use crate::export::escape;

/// Ordinary text. The page's style gives these four colours other values in dark mode.
pub const INK: RGBColor = RGBColor(0x1f, 0x23, 0x28);
/// Text of second rank.
pub const MUTED: RGBColor = RGBColor(0x66, 0x6b, 0x72);
/// Lines of the grid.
pub const GRID: RGBColor = RGBColor(0xe2, 0xe4, 0xe8);
/// The ground.
pub const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);

/// Plotters counts in whole pixels: an SVG is drawn this much larger, and scaled by its view box.
const SVG_SCALE: u32 = 8;
/// A PNG is drawn this much larger ...
const PNG_SCALE: u32 = 4;
/// ... and averaged down by this, which smooths its edges; what is left is twice the page's size.
const PNG_SHRINK: u32 = 2;

/// Where a text's given point lies in it, horizontally; vertically it is always the middle.
#[derive(Clone, Copy, Debug)]
pub enum Align {
    Left,
    Centre,
    Right,
}

/// A picture that can be drawn on any backend.
pub trait Drawing {
    /// Width and height in points.
    fn size(&self) -> (u32, u32);
    /// What a reader who cannot see it should be told.
    fn title(&self) -> String;
    /// Draws it.
    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Result<()>;
}

/// A surface measured in points, origin at the upper left.
pub struct Canvas<DB: DrawingBackend> {
    area: DrawingArea<DB, Shift>,
    scale: f64,
    /// Size that plotters must be given for an em of 1: its two backends differ.
    em: f64,
    /// Pixels are filled line by line there, and its thick polylines break at sharp turns.
    is_bitmap: bool,
}

impl<DB: DrawingBackend> Canvas<DB> {
    fn at(&self, (x, y): (f64, f64)) -> (i32, i32) {
        (
            (x * self.scale).round() as i32,
            (y * self.scale).round() as i32,
        )
    }

    fn width(&self, points: f64) -> u32 {
        (points * self.scale).round().max(1.0) as u32
    }

    /// A line through points.
    pub fn line(
        &self,
        points: &[(f64, f64)],
        colour: RGBColor,
        alpha: f64,
        width: f64,
    ) -> Result<()> {
        let style = colour.mix(alpha).stroke_width(self.width(width));
        if !self.is_bitmap {
            let path: Vec<_> = points.iter().map(|p| self.at(*p)).collect();
            return self.put(&PathElement::new(path, style));
        }
        for pair in points.windows(2) {
            self.put(&PathElement::new(
                vec![self.at(pair[0]), self.at(pair[1])],
                style,
            ))?;
        }
        if alpha >= 1.0 {
            let radius = self.width(width) as i32 / 2;
            for point in points.iter().skip(1).take(points.len().saturating_sub(2)) {
                self.put(&Circle::new(self.at(*point), radius, colour.filled()))?;
            }
        }
        Ok(())
    }

    /// A line of dashes; the pattern is lengths of dash and gap in turn, empty for a solid line.
    pub fn dashed(
        &self,
        points: &[(f64, f64)],
        pattern: &[f64],
        colour: RGBColor,
        width: f64,
    ) -> Result<()> {
        if pattern.is_empty() {
            return self.line(points, colour, 1.0, width);
        }
        for dash in dashes(points, pattern) {
            self.line(&dash, colour, 1.0, width)?;
        }
        Ok(())
    }

    /// A disc.
    pub fn disc(
        &self,
        centre: (f64, f64),
        radius: f64,
        colour: RGBColor,
        alpha: f64,
    ) -> Result<()> {
        let radius = self.width(radius) as i32;
        self.put(&Circle::new(
            self.at(centre),
            radius,
            colour.mix(alpha).filled(),
        ))
    }

    /// A filled outline.
    pub fn area(&self, points: &[(f64, f64)], colour: RGBColor, alpha: f64) -> Result<()> {
        let path: Vec<_> = points.iter().map(|p| self.at(*p)).collect();
        self.put(&Polygon::new(path, colour.mix(alpha).filled()))
    }

    /// A filled rectangle.
    pub fn bar(
        &self,
        [left, top]: [f64; 2],
        [right, bottom]: [f64; 2],
        colour: RGBColor,
        alpha: f64,
    ) -> Result<()> {
        let ends = [self.at((left, top)), self.at((right, bottom))];
        self.put(&Rectangle::new(ends, colour.mix(alpha).filled()))
    }

    /// One of seven marks that are told apart without colour, filled or hollow.
    pub fn mark(
        &self,
        place: usize,
        (x, y): (f64, f64),
        size: f64,
        colour: RGBColor,
    ) -> Result<()> {
        let corners: &[(f64, f64)] = match place % 7 {
            1 => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
            2 => &[(0.0, -1.15), (1.1, 0.85), (-1.1, 0.85)],
            3 => &[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)],
            4 => &[(0.0, 1.15), (1.1, -0.85), (-1.1, -0.85)],
            5 => &[
                (-0.4, -1.1),
                (0.4, -1.1),
                (0.4, -0.4),
                (1.1, -0.4),
                (1.1, 0.4),
                (0.4, 0.4),
                (0.4, 1.1),
                (-0.4, 1.1),
                (-0.4, 0.4),
                (-1.1, 0.4),
                (-1.1, -0.4),
                (-0.4, -0.4),
            ],
            // A disc, and for the last one a ring.
            0 => return self.disc((x, y), size, colour, 1.0),
            _ => {
                self.disc((x, y), size * 1.05, colour, 1.0)?;
                return self.disc((x, y), size * 0.5, PAPER, 1.0);
            }
        };
        let outline: Vec<(f64, f64)> = corners
            .iter()
            .map(|(dx, dy)| (x + dx * size, y + dy * size))
            .collect();
        self.area(&outline, colour, 1.0)
    }

    /// A line of text with an em of `size` points.
    pub fn text(
        &self,
        text: &str,
        at: (f64, f64),
        align: Align,
        size: f64,
        colour: RGBColor,
        bold: bool,
    ) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let h = match align {
            Align::Left => HPos::Left,
            Align::Centre => HPos::Center,
            Align::Right => HPos::Right,
        };
        let style = TextStyle::from(self.font(size, bold))
            .color(&colour)
            .pos(Pos::new(h, VPos::Center));
        self.put(&Text::new(shown(text).into_owned(), self.at(at), style))
    }

    /// A text of which as much as `width` points have room for, with an ellipsis in the middle where that is not all:
    /// names of networks often differ at their ends.
    ///
    /// # Errors
    /// `Error::Internal` if the font cannot be laid out.
    pub fn fitting(&self, text: &str, size: f64, bold: bool, width: f64) -> Result<String> {
        let font = self.font(size, bold);
        let room = width * self.scale;
        let fits = |text: &str| -> Result<bool> {
            let laid_out = font.box_size(&shown(text));
            let laid_out =
                laid_out.map_err(|e| Error::Internal(format!("a font cannot be laid out: {e}")))?;
            Ok(f64::from(laid_out.0) <= room)
        };
        if fits(text)? {
            return Ok(text.to_owned());
        }
        let letters: Vec<char> = text.chars().collect();
        let cut = |count: usize| -> String {
            let (first, last) = (count.div_ceil(2), count / 2);
            let text = |letters: &[char]| letters.iter().collect::<String>();
            let [start, end] = [&letters[..first], &letters[letters.len() - last..]].map(text);
            format!("{}…{}", start.trim_end(), end.trim_start())
        };
        let mut count = letters.len().saturating_sub(1);
        while count > 1 && !fits(&cut(count))? {
            count -= 1;
        }
        Ok(cut(count))
    }

    fn font(&self, size: f64, bold: bool) -> FontDesc<'static> {
        let style = match bold {
            true => FontStyle::Bold,
            false => FontStyle::Normal,
        };
        FontDesc::new(FontFamily::from(FAMILY), size * self.em * self.scale, style)
    }

    fn put<E>(&self, element: &E) -> Result<()>
    where
        for<'e> &'e E: PointCollection<'e, (i32, i32)>,
        E: Drawable<DB>,
    {
        self.area.draw(element).map_err(failed)
    }
}

/// Cuts a polyline into dashes.
fn dashes(points: &[(f64, f64)], pattern: &[f64]) -> Vec<Vec<(f64, f64)>> {
    let mut out = Vec::new();
    let mut dash = Vec::new();
    let (mut part, mut left) = (0, pattern[0]);
    for pair in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let length = (x1 - x0).hypot(y1 - y0);
        let mut done = 0.0;
        while done < length {
            let step = left.min(length - done);
            let at = |d: f64| (x0 + (x1 - x0) * d / length, y0 + (y1 - y0) * d / length);
            if part % 2 == 0 {
                if dash.is_empty() {
                    dash.push(at(done));
                }
                dash.push(at(done + step));
            }
            done += step;
            left -= step;
            if left <= 1e-9 {
                if dash.len() > 1 {
                    out.push(std::mem::take(&mut dash));
                }
                dash.clear();
                part = (part + 1) % pattern.len();
                left = pattern[part];
            }
        }
    }
    if dash.len() > 1 {
        out.push(dash);
    }
    out
}

/// The picture as a file of its own.
pub fn svg(drawing: &impl Drawing) -> Result<String> {
    font::register()?;
    let (width, height) = drawing.size();
    let (w, h) = (width * SVG_SCALE, height * SVG_SCALE);
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (w, h)).into_drawing_area();
        let canvas = Canvas {
            area,
            scale: f64::from(SVG_SCALE),
            em: 1.24,
            is_bitmap: false,
        };
        canvas.area.fill(&PAPER).map_err(failed)?;
        drawing.draw(&canvas)?;
        canvas.area.present().map_err(failed)?;
    }
    let head = format!("<svg width=\"{w}\" height=\"{h}\" ");
    let Some(rest) = text.strip_prefix(&head) else {
        return Err(Error::Internal(
            "plotters changed the head of its SVG".into(),
        ));
    };
    let (attributes, body) = rest
        .split_once('>')
        .ok_or_else(|| Error::Internal("plotters wrote an SVG without a head".into()))?;
    Ok(format!(
        "<svg width=\"{width}\" height=\"{height}\" {attributes} role=\"img\" \
         stroke-linejoin=\"round\" stroke-linecap=\"round\">\n<title>{}</title>{body}",
        escape(&drawing.title())
    ))
}

/// The picture as the bytes of a PNG file, twice as many pixels as points each way.
pub fn png(drawing: &impl Drawing) -> Result<Vec<u8>> {
    font::register()?;
    let (width, height) = drawing.size();
    let (w, h) = (width * PNG_SCALE, height * PNG_SCALE);
    let mut pixels = vec![255; w as usize * h as usize * 3];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (w, h)).into_drawing_area();
        let canvas = Canvas {
            area,
            scale: f64::from(PNG_SCALE),
            em: 1.164,
            is_bitmap: true,
        };
        drawing.draw(&canvas)?;
        canvas.area.present().map_err(failed)?;
    }
    let small = shrink(&pixels, w as usize, PNG_SHRINK as usize);
    encode_png(w / PNG_SHRINK, h / PNG_SHRINK, &small)
}

/// A piece of an image with text on an even ground, as RGB row by row; a point is a pixel.
///
/// Plotters sets every letter on a whole pixel, which tears small text apart: it is drawn larger and
/// averaged down.
pub fn words(
    (width, height): (u32, u32),
    ground: [u8; 3],
    draw: impl FnOnce(&Canvas<BitMapBackend<'_>>) -> Result<()>,
) -> Result<Vec<u8>> {
    let (w, h) = (width * PNG_SHRINK, height * PNG_SHRINK);
    let mut pixels = ground.repeat(w as usize * h as usize);
    font::register()?;
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (w, h)).into_drawing_area();
        let canvas = Canvas {
            area,
            scale: f64::from(PNG_SHRINK),
            em: 1.164,
            is_bitmap: true,
        };
        draw(&canvas)?;
        canvas.area.present().map_err(failed)?;
    }
    Ok(shrink(&pixels, w as usize, PNG_SHRINK as usize))
}

/// Averages squares of `by` x `by` RGB pixels; width and height are multiples of `by`.
fn shrink(pixels: &[u8], width: usize, by: usize) -> Vec<u8> {
    let w = width / by;
    let mut sums = vec![0; w * 3];
    let mut out = Vec::with_capacity(pixels.len() / (by * by));
    for rows in pixels.chunks_exact(width * 3 * by) {
        sums.fill(by * by / 2);
        for row in rows.chunks_exact(width * 3) {
            for (sums, cell) in sums.chunks_exact_mut(3).zip(row.chunks_exact(by * 3)) {
                for pixel in cell.chunks_exact(3) {
                    for (sum, value) in sums.iter_mut().zip(pixel) {
                        *sum += usize::from(*value);
                    }
                }
            }
        }
        out.extend(sums.iter().map(|sum| (sum / (by * by)) as u8));
    }
    out
}

/// RGB pixels, row by row from the top, as the bytes of a PNG file.
pub fn encode_png(width: u32, height: u32, rgb: &[u8]) -> Result<Vec<u8>> {
    let broken =
        |e: png::EncodingError| Error::Internal(format!("a picture cannot be encoded: {e}"));
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    let mut writer = encoder.write_header().map_err(broken)?;
    writer.write_image_data(rgb).map_err(broken)?;
    writer.finish().map_err(broken)?;
    Ok(out)
}

fn failed<E: std::error::Error + Send + Sync>(e: DrawingAreaErrorKind<E>) -> Error {
    Error::Internal(format!("a picture cannot be drawn: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_follow_the_pattern_round_a_corner() {
        let path = [(0.0, 0.0), (3.0, 0.0), (3.0, 4.0)];
        let cut = dashes(&path, &[4.0, 2.0]);
        assert_eq!(cut[0], vec![(0.0, 0.0), (3.0, 0.0), (3.0, 1.0)]);
        assert_eq!(cut[1], vec![(3.0, 3.0), (3.0, 4.0)]);
        assert_eq!(cut.len(), 2);
    }

    struct Named<'a>(&'a str, f64);

    impl Drawing for Named<'_> {
        fn size(&self) -> (u32, u32) {
            (300, 40)
        }

        fn title(&self) -> String {
            "names".into()
        }

        fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Result<()> {
            let name = canvas.fitting(self.0, 11.0, false, self.1)?;
            canvas.text(&name, (0.0, 20.0), Align::Left, 11.0, INK, false)
        }
    }

    #[test]
    fn a_name_is_cut_where_its_room_ends() {
        let drawn = |width| svg(&Named("H-DenseUNet of the second arm", width)).unwrap();
        assert!(drawn(250.0).contains("H-DenseUNet of the second arm"));
        let cut = drawn(80.0);
        assert!(
            cut.contains("H-Den") && cut.contains('…') && cut.contains("arm"),
            "{cut}"
        );
        assert!(!cut.contains("second"));
        // Some letter stays, however little room there is.
        assert!(drawn(1.0).contains("H…"));
    }

    #[test]
    fn shrinking_averages_squares() {
        let black_white = [[0; 3], [255; 3], [255; 3], [255; 3]].concat();
        assert_eq!(shrink(&black_white, 2, 2), vec![191; 3]);
    }
}
