//! Every value as a dot, a line an algorithm: the spread behind the means.

use hdbench_ground::error::Result;
use hdbench_table::chart::{Align, Axes, Axis, Canvas, Drawing, INK, MUTED, colour};
use plotters::prelude::DrawingBackend;

use crate::statistics::quantile;

/// Panels with the same lines, two in a row.
#[derive(Clone, Debug, PartialEq)]
pub struct DotPlot {
    /// What a reader who cannot see it is told.
    pub title: String,
    /// Names of the lines.
    pub lines: Vec<String>,
    pub panels: Vec<DotPanel>,
}

/// One quantity.
#[derive(Clone, Debug, PartialEq)]
pub struct DotPanel {
    /// With its unit.
    pub title: String,
    /// Ends of the axis.
    pub ends: [f64; 2],
    /// Values of every line, in any order; of infinite ones their number is written.
    pub values: Vec<Vec<f64>>,
}

/// Number of values from which on the dots get a box.
const BOXED: usize = 5;
const LINE: f64 = 27.0;
const TOP: f64 = 46.0;
const BELOW: f64 = 34.0;
/// Between them the panels lie; to the left of them the names.
const SIDES: [f64; 2] = [272.0, 946.0];
/// Between two panels.
const GAP: f64 = 42.0;

impl DotPlot {
    fn columns(&self) -> usize {
        self.panels.len().clamp(1, 2)
    }

    /// From the top of a row of panels to that of the next.
    fn pitch(&self) -> f64 {
        TOP + LINE * self.lines.len().max(1) as f64 + BELOW
    }

    /// Where a panel lies.
    fn axes(&self, place: usize) -> Axes {
        let columns = self.columns();
        let [first, last] = SIDES;
        let width = (last - first + GAP) / columns as f64;
        let left = first + width * (place % columns) as f64;
        let top = TOP + self.pitch() * (place / columns) as f64;
        let [low, high] = self.panels[place].ends;
        Axes {
            left,
            right: left + width - GAP,
            top,
            bottom: top + self.pitch() - TOP - BELOW,
            x: Axis::linear(low, high),
            y: Axis::linear(0.0, 1.0),
            text: 11.0,
        }
    }
}

impl Drawing for DotPlot {
    fn size(&self) -> (u32, u32) {
        let rows = self.panels.len().div_ceil(self.columns()).max(1);
        (960, (self.pitch() * rows as f64) as u32)
    }

    fn title(&self) -> String {
        self.title.clone()
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Result<()> {
        for (place, panel) in self.panels.iter().enumerate() {
            let axes = self.axes(place);
            let head = (axes.left, axes.top - 30.0);
            let title = canvas.fitting(&panel.title, 12.0, true, axes.right - axes.left)?;
            canvas.text(&title, head, Align::Left, 12.0, INK, true)?;
            axes.x_grid(canvas, 5)?;
            for (line, values) in panel.values.iter().enumerate() {
                let y = axes.top + LINE * (line as f64 + 0.5);
                draw_line(canvas, &axes, y, line, values)?;
            }
            if place % self.columns() == 0 {
                self.draw_names(canvas, axes.top)?;
            }
        }
        Ok(())
    }
}

impl DotPlot {
    fn draw_names<DB: DrawingBackend>(&self, canvas: &Canvas<DB>, top: f64) -> Result<()> {
        let [first, _] = SIDES;
        for (line, name) in self.lines.iter().enumerate() {
            let at = (first - 14.0, top + LINE * (line as f64 + 0.5));
            let name = canvas.fitting(name, 11.5, false, first - 26.0)?;
            canvas.text(&name, at, Align::Right, 11.5, INK, false)?;
        }
        Ok(())
    }
}

fn draw_line<DB: DrawingBackend>(
    canvas: &Canvas<DB>,
    axes: &Axes,
    y: f64,
    line: usize,
    values: &[f64],
) -> Result<()> {
    let infinite = values.iter().filter(|value| value.is_infinite()).count();
    if infinite > 0 {
        let at = (axes.right + 5.0, y);
        canvas.text(
            &format!("+ {infinite} ∞"),
            at,
            Align::Left,
            10.0,
            INK,
            false,
        )?;
    }
    let mut values: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    if values.is_empty() {
        return canvas.text("—", (axes.left + 8.0, y), Align::Left, 11.0, MUTED, false);
    }
    if values.len() >= BOXED {
        let [low, middle, high] = [0.25, 0.5, 0.75].map(|part| axes.x(quantile(&mut values, part)));
        canvas.bar([low, y - 9.0], [high, y + 9.0], MUTED, 0.16)?;
        canvas.line(&[(middle, y - 9.0), (middle, y + 9.0)], MUTED, 1.0, 1.2)?;
    }
    for value in &values {
        canvas.disc((axes.x(*value), y), 4.0, colour(line), 0.45)?;
    }
    let mean = axes.x(values.iter().sum::<f64>() / values.len() as f64);
    canvas.line(&[(mean, y - 9.0), (mean, y + 9.0)], INK, 1.0, 2.0)
}
