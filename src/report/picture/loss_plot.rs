//! The training-loss curves of all variants in one plot, as the paper's Figure 3, and one by one.

use hdbench_table::chart::{Align, Axes, Axis, Canvas, Drawing, INK, MUTED, PAPER, colour};
use plotters::prelude::DrawingBackend;

use super::curves::{Curve, loss_axis};
use crate::error::Result;

/// Lengths of dash and gap in points; the last one is solid.
const DASHES: [&[f64]; 7] = [
    &[8.0, 4.0],
    &[2.5, 3.0],
    &[10.0, 3.5, 2.5, 3.5],
    &[5.0, 3.0],
    &[14.0, 4.0],
    &[12.0, 3.0, 2.5, 3.0, 2.5, 3.0],
    &[],
];

fn pattern(place: usize) -> &'static [f64] {
    DASHES[place % DASHES.len()]
}

/// All curves on common axes.
pub(crate) struct LossPlot<'a>(pub(crate) &'a [Curve]);

/// One small plot for every variant, on common axes, the others behind it.
pub(crate) struct LossGrid<'a>(pub(crate) &'a [Curve]);

fn raw<DB: DrawingBackend>(
    axes: &Axes,
    canvas: &Canvas<DB>,
    curve: &Curve,
    alpha: f64,
) -> Result<()> {
    canvas.line(&axes.path(&curve.raw), colour(curve.place), alpha, 0.6)
}

/// Between the lowest and the highest training, stage by stage.
fn band<DB: DrawingBackend>(axes: &Axes, canvas: &Canvas<DB>, curve: &Curve) -> Result<()> {
    for (i, (start, _)) in curve.stages.iter().enumerate() {
        let end = curve.stages.get(i + 1).map_or(f64::INFINITY, |next| next.0);
        let own = || {
            curve
                .band
                .iter()
                .filter(|point| (*start..end).contains(&point.0))
        };
        let low = own().map(|(i, low, _)| (axes.x(*i), axes.y(*low)));
        let high = own().map(|(i, _, high)| (axes.x(*i), axes.y(*high)));
        let outline: Vec<_> = high.chain(low.rev()).collect();
        if outline.len() > 3 {
            canvas.area(&outline, colour(curve.place), 0.18)?;
        }
    }
    Ok(())
}

/// A ring where a later stage begins.
fn stage_rings<DB: DrawingBackend>(axes: &Axes, canvas: &Canvas<DB>, curve: &Curve) -> Result<()> {
    for (start, _) in curve.stages.iter().skip(1) {
        if let Some((i, loss)) = curve.smooth.iter().find(|p| p.0 >= *start) {
            let at = (axes.x(*i), axes.y(*loss));
            canvas.disc(at, 4.0, colour(curve.place), 1.0)?;
            canvas.disc(at, 2.3, PAPER, 1.0)?;
        }
    }
    Ok(())
}

fn end_of(curves: &[Curve]) -> f64 {
    curves.iter().map(|c| c.end).fold(1.0, f64::max)
}

fn axis_name(axis: &Axis) -> &'static str {
    if axis.is_log {
        "Training loss, logarithmic"
    } else {
        "Training loss"
    }
}

impl Drawing for LossPlot<'_> {
    fn size(&self) -> (u32, u32) {
        // The legend may need more height than the plot.
        (960, (44 + 23 * self.0.len() as u32 + 120).max(430))
    }

    fn title(&self) -> String {
        "Training loss of every variant against the iteration, raw and smoothed".into()
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Result<()> {
        let axes = Axes {
            left: 52.0,
            right: 640.0,
            top: 34.0,
            bottom: 388.0,
            x: Axis::linear(0.0, end_of(self.0)),
            y: loss_axis(self.0),
            text: 11.5,
        };
        canvas.text(
            axis_name(&axes.y),
            (12.0, 14.0),
            Align::Left,
            12.5,
            INK,
            true,
        )?;
        axes.y_grid(canvas, 6)?;
        axes.x_ticks(canvas, 6)?;
        canvas.text(
            "Iteration",
            (axes.right, 419.0),
            Align::Right,
            11.5,
            MUTED,
            false,
        )?;
        if self.0.is_empty() {
            let middle = axes.middle();
            return canvas.text("no losses yet", middle, Align::Centre, 13.0, MUTED, false);
        }
        for curve in self.0 {
            raw(&axes, canvas, curve, 0.22)?;
        }
        for curve in self.0 {
            band(&axes, canvas, curve)?;
        }
        for curve in self.0 {
            for piece in curve.pieces() {
                let path = axes.path(piece);
                canvas.dashed(&path, pattern(curve.place), colour(curve.place), 2.0)?;
            }
            stage_rings(&axes, canvas, curve)?;
        }
        legend(canvas, self.0)
    }
}

fn legend<DB: DrawingBackend>(canvas: &Canvas<DB>, curves: &[Curve]) -> Result<()> {
    let mut y = 44.0;
    for curve in curves {
        let line = [(662.0, y), (700.0, y)];
        canvas.dashed(&line, pattern(curve.place), colour(curve.place), 2.4)?;
        let title = canvas.fitting(&curve.title, 11.5, false, 243.0)?;
        canvas.text(&title, (709.0, y), Align::Left, 11.5, INK, false)?;
        y += 23.0;
    }
    y += 10.0;
    canvas.line(&[(662.0, y), (700.0, y)], MUTED, 0.45, 0.6)?;
    canvas.text(
        "every iteration",
        (709.0, y),
        Align::Left,
        11.0,
        MUTED,
        false,
    )?;
    y += 20.0;
    canvas.line(&[(662.0, y), (700.0, y)], MUTED, 1.0, 2.0)?;
    canvas.text(
        "moving mean within a stage",
        (709.0, y),
        Align::Left,
        11.0,
        MUTED,
        false,
    )?;
    if curves.iter().any(|c| !c.band.is_empty()) {
        y += 20.0;
        canvas.bar([662.0, y - 5.0], [700.0, y + 5.0], MUTED, 0.25)?;
        canvas.text(
            "lowest to highest training",
            (709.0, y),
            Align::Left,
            11.0,
            MUTED,
            false,
        )?;
    }
    if curves.iter().any(|c| c.stages.len() > 1) {
        y += 20.0;
        canvas.disc((681.0, y), 4.0, MUTED, 1.0)?;
        canvas.disc((681.0, y), 2.3, PAPER, 1.0)?;
        canvas.text(
            "a later stage begins",
            (709.0, y),
            Align::Left,
            11.0,
            MUTED,
            false,
        )?;
    }
    Ok(())
}

/// Width and height of a small plot with its labels, and how many stand in a row.
const SMALL: (f64, f64, usize) = (316.0, 196.0, 3);

impl Drawing for LossGrid<'_> {
    fn size(&self) -> (u32, u32) {
        let rows = self.0.len().div_ceil(SMALL.2).max(1);
        (960, (SMALL.1 * rows as f64) as u32 + 12)
    }

    fn title(&self) -> String {
        "Training loss of each variant with its stages, the other variants in grey".into()
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Result<()> {
        let (x, y) = (Axis::linear(0.0, end_of(self.0)), loss_axis(self.0));
        for (i, curve) in self.0.iter().enumerate() {
            let (column, row) = ((i % SMALL.2) as f64, (i / SMALL.2) as f64);
            let axes = Axes {
                left: column * SMALL.0 + 46.0,
                right: (column + 1.0) * SMALL.0 - 8.0,
                top: row * SMALL.1 + 44.0,
                bottom: row * SMALL.1 + 168.0,
                x,
                y,
                text: 10.0,
            };
            canvas.text(
                &canvas.fitting(&curve.title, 11.5, true, SMALL.0 - 54.0)?,
                (axes.left, axes.top - 30.0),
                Align::Left,
                11.5,
                INK,
                true,
            )?;
            axes.y_grid(canvas, 6)?;
            axes.x_ticks(canvas, 4)?;
            for other in self.0.iter().filter(|other| other.place != curve.place) {
                for piece in other.pieces() {
                    canvas.line(&axes.path(piece), MUTED, 0.28, 0.9)?;
                }
            }
            raw(&axes, canvas, curve, 0.35)?;
            band(&axes, canvas, curve)?;
            for piece in curve.pieces() {
                canvas.line(&axes.path(piece), colour(curve.place), 1.0, 2.0)?;
            }
            stage_lines(canvas, &axes, curve)?;
        }
        Ok(())
    }
}

/// A line where every later stage begins, and the name of each where there is room for it.
fn stage_lines<DB: DrawingBackend>(canvas: &Canvas<DB>, axes: &Axes, curve: &Curve) -> Result<()> {
    for (i, (start, name)) in curve.stages.iter().enumerate() {
        let from = axes.x(*start);
        let to = curve
            .stages
            .get(i + 1)
            .map_or(axes.right, |next| axes.x(next.0));
        if i > 0 {
            let line = [(from, axes.top - 16.0), (from, axes.bottom)];
            canvas.dashed(&line, &[2.0, 2.0], MUTED, 0.75)?;
        }
        // DejaVu Sans sets about 0.62 em a letter.
        if to - from > name.chars().count() as f64 * 9.5 * 0.62 + 4.0 {
            canvas.text(
                name,
                (from + 4.0, axes.top - 11.0),
                Align::Left,
                9.5,
                MUTED,
                false,
            )?;
        }
    }
    Ok(())
}
