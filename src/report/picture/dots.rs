//! Dice of every test case as a dot, one line a variant: the spread behind the means.

use hdbench_table::chart::{Align, Axes, Axis, Canvas, Drawing, INK, MUTED, colour};
use plotters::prelude::DrawingBackend;

use crate::analysis::statistics::quantile;
use crate::error::Result;
use crate::report::content::{CaseScore, NetworkRow};

/// The dots of lesion and liver Dice side by side.
pub(crate) struct DicePlot<'a>(pub(crate) &'a [NetworkRow]);

/// Number of cases from which on the dots get a box.
const BOXED: usize = 5;
const LINE: f64 = 27.0;
const TOP: f64 = 46.0;

/// One of the two halves.
struct Half {
    title: &'static str,
    left: f64,
    right: f64,
    low: f64,
    dice: fn(&CaseScore) -> Option<f64>,
}

impl Half {
    /// Down to `bottom`; Dice in percent.
    fn axes(&self, bottom: f64) -> Axes {
        Axes {
            left: self.left,
            right: self.right,
            top: TOP,
            bottom,
            x: Axis::linear(100.0 * self.low, 100.0),
            y: Axis::linear(0.0, 1.0),
            text: 11.0,
        }
    }

    /// In percent, in ascending order.
    fn values(&self, row: &NetworkRow) -> Vec<f64> {
        let dice = row.per_case.iter().filter_map(self.dice);
        let mut values: Vec<f64> = dice.filter(|v| v.is_finite()).map(|v| 100.0 * v).collect();
        values.sort_by(f64::total_cmp);
        values
    }
}

fn lesion(case: &CaseScore) -> Option<f64> {
    case.lesion_dice.filter(|_| case.has_lesions)
}

fn liver(case: &CaseScore) -> Option<f64> {
    case.liver_dice
}

impl DicePlot<'_> {
    fn halves(&self) -> [Half; 2] {
        // The liver's scores crowd at the top: its axis begins at the ten below the worst.
        let worst = self
            .0
            .iter()
            .flat_map(|row| &row.per_case)
            .filter_map(liver)
            .fold(1.0, f64::min);
        let low = ((worst * 10.0).floor() / 10.0).clamp(0.0, 0.9);
        [
            Half {
                title: "Lesion Dice, cases with lesions, %",
                left: 272.0,
                right: 590.0,
                low: 0.0,
                dice: lesion,
            },
            Half {
                title: "Liver Dice, all cases, %",
                left: 632.0,
                right: 946.0,
                low,
                dice: liver,
            },
        ]
    }
}

impl Drawing for DicePlot<'_> {
    fn size(&self) -> (u32, u32) {
        (960, (TOP + LINE * self.0.len().max(1) as f64) as u32 + 34)
    }

    fn title(&self) -> String {
        "Dice of every test case with quartiles, median and mean, by variant".into()
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Result<()> {
        let bottom = TOP + LINE * self.0.len().max(1) as f64;
        for half in self.halves() {
            canvas.text(half.title, (half.left, 16.0), Align::Left, 12.0, INK, true)?;
            let axes = half.axes(bottom);
            axes.x_grid(canvas, 5)?;
            for (place, row) in self.0.iter().enumerate() {
                let y = TOP + LINE * (place as f64 + 0.5);
                let mut values = half.values(row);
                if values.len() >= BOXED {
                    let [low, middle, high] =
                        [0.25, 0.5, 0.75].map(|part| axes.x(quantile(&mut values, part)));
                    canvas.bar([low, y - 9.0], [high, y + 9.0], MUTED, 0.16)?;
                    canvas.line(&[(middle, y - 9.0), (middle, y + 9.0)], MUTED, 1.0, 1.2)?;
                }
                for value in &values {
                    canvas.disc((axes.x(*value), y), 4.0, colour(place), 0.45)?;
                }
                if values.is_empty() {
                    canvas.text("—", (half.left + 8.0, y), Align::Left, 11.0, MUTED, false)?;
                } else {
                    let mean = axes.x(values.iter().sum::<f64>() / values.len() as f64);
                    canvas.line(&[(mean, y - 9.0), (mean, y + 9.0)], INK, 1.0, 2.0)?;
                }
            }
        }
        for (place, row) in self.0.iter().enumerate() {
            let y = TOP + LINE * (place as f64 + 0.5);
            let title = canvas.fitting(&row.title, 11.5, false, 246.0)?;
            canvas.text(&title, (258.0, y), Align::Right, 11.5, INK, false)?;
        }
        Ok(())
    }
}
