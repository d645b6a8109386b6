use hdbench_ground::error::Result;
use plotters::prelude::DrawingBackend;

use super::axis::Axis;
use super::canvas::{Align, Canvas, GRID, MUTED};

/// Width of the lines of a grid, in points.
const HAIRLINE: f64 = 0.75;
/// Distance of a label from what it names, in points.
const AWAY: f64 = 7.0;
/// Length of a tick, and of a vertical grid above the frame, in points.
const TICK: f64 = 4.0;
const ABOVE: f64 = 8.0;

/// A rectangle of the page, in points from its upper left corner, and the numbers along its sides: what every
/// chart places its marks by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axes {
    /// Where the first value of `x` lies.
    pub left: f64,
    /// Where its last one lies.
    pub right: f64,
    /// Where the last value of `y` lies.
    pub top: f64,
    /// Where its first one lies.
    pub bottom: f64,
    /// From left to right.
    pub x: Axis,
    /// From the bottom to the top.
    pub y: Axis,
    /// Em of the labels in points.
    pub text: f64,
}

impl Axes {
    /// Where a value of `x` lies.
    pub fn x(&self, value: f64) -> f64 {
        self.left + (self.right - self.left) * self.x.place(value)
    }

    /// Where a value of `y` lies.
    pub fn y(&self, value: f64) -> f64 {
        self.bottom - (self.bottom - self.top) * self.y.place(value)
    }

    /// Where a point lies.
    pub fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x(x), self.y(y))
    }

    /// Where points lie.
    pub fn path(&self, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
        points.iter().map(|point| self.at(*point)).collect()
    }

    /// The middle of the frame, for a word where there is nothing to draw.
    pub fn middle(&self) -> (f64, f64) {
        (
            (self.left + self.right) / 2.0,
            (self.top + self.bottom) / 2.0,
        )
    }

    /// A line across the frame at about `count` round values of `y`, each with its number to the left.
    ///
    /// # Errors
    /// `Error::Internal` where it cannot be drawn, as of all that draws.
    pub fn y_grid<DB: DrawingBackend>(&self, canvas: &Canvas<DB>, count: usize) -> Result<()> {
        for (value, label) in self.y.ticks(count) {
            let y = self.y(value);
            canvas.line(&[(self.left, y), (self.right, y)], GRID, 1.0, HAIRLINE)?;
            let at = (self.left - AWAY, y);
            canvas.text(&label, at, Align::Right, self.text, MUTED, false)?;
        }
        Ok(())
    }

    /// A line from the top of the frame to its bottom at about `count` round values of `x`, each with its
    /// number below.
    ///
    /// # Errors
    /// As [`Axes::y_grid`].
    pub fn x_grid<DB: DrawingBackend>(&self, canvas: &Canvas<DB>, count: usize) -> Result<()> {
        for (value, label) in self.x.ticks(count) {
            let x = self.x(value);
            let line = [(x, self.top - ABOVE), (x, self.bottom)];
            canvas.line(&line, GRID, 1.0, HAIRLINE)?;
            self.below(canvas, x, &label)?;
        }
        Ok(())
    }

    /// The bottom of the frame with a tick at about `count` round values of `x`, each with its number below.
    ///
    /// # Errors
    /// As [`Axes::y_grid`].
    pub fn x_ticks<DB: DrawingBackend>(&self, canvas: &Canvas<DB>, count: usize) -> Result<()> {
        for (value, label) in self.x.ticks(count) {
            let x = self.x(value);
            let tick = [(x, self.bottom), (x, self.bottom + TICK)];
            canvas.line(&tick, MUTED, 1.0, HAIRLINE)?;
            self.below(canvas, x, &label)?;
        }
        self.base(canvas)
    }

    /// The bottom of the frame.
    ///
    /// # Errors
    /// As [`Axes::y_grid`].
    pub fn base<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Result<()> {
        let line = [(self.left, self.bottom), (self.right, self.bottom)];
        canvas.line(&line, MUTED, 1.0, HAIRLINE)
    }

    fn below<DB: DrawingBackend>(&self, canvas: &Canvas<DB>, x: f64, label: &str) -> Result<()> {
        let at = (x, self.bottom + AWAY + self.text / 2.0);
        canvas.text(label, at, Align::Centre, self.text, MUTED, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_between_the_sides_and_y_grows_upwards() {
        let axes = Axes {
            left: 10.0,
            right: 110.0,
            top: 20.0,
            bottom: 70.0,
            x: Axis::linear(0.0, 50.0),
            y: Axis::linear(-1.0, 1.0),
            text: 11.0,
        };
        assert_eq!(axes.at((25.0, 0.0)), axes.middle());
        assert_eq!(
            axes.path(&[(0.0, 1.0), (50.0, -1.0)]),
            [(10.0, 20.0), (110.0, 70.0)]
        );
        // What lies outside is put on the edge.
        assert_eq!(axes.at((99.0, -7.0)), (110.0, 70.0));
    }
}
