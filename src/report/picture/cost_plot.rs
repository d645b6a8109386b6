//! What a network costs against what it gives: hours to train, lesion Dice.

use hdbench_table::chart::{Align, Axes, Axis, Canvas, Drawing, INK, MUTED, colour};
use plotters::prelude::DrawingBackend;

use crate::error::Result;
use crate::report::content::{NetworkRow, RowStatus, Score};

/// All rows that have both.
pub(crate) struct CostPlot<'a>(pub(crate) &'a [NetworkRow]);

struct Point<'a> {
    place: usize,
    title: &'a str,
    hours: f64,
    dice: f64,
    interval: Option<[f64; 2]>,
}

impl CostPlot<'_> {
    fn points(&self) -> Vec<Point<'_>> {
        let rows = self.0.iter().enumerate();
        rows.filter(|(_, row)| row.status == RowStatus::Done)
            .filter_map(|(place, row)| {
                let dice = row.scores.get(&Score::LesionDiceWithLesions)?;
                Some(Point {
                    place,
                    title: &row.title,
                    hours: row.cost.hours_to_end.filter(|hours| *hours > 0.0)?,
                    dice: Some(dice.mean).filter(|mean| mean.is_finite())?,
                    interval: dice.interval,
                })
            })
            .collect()
    }
}

impl Drawing for CostPlot<'_> {
    fn size(&self) -> (u32, u32) {
        (960, 360)
    }

    fn title(&self) -> String {
        "Lesion Dice against the hours to train, by network, with 95 % intervals".into()
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Result<()> {
        let points = self.points();
        let head = "Lesion Dice, cases with lesions, %, against hours to train, logarithmic";
        canvas.text(head, (12.0, 14.0), Align::Left, 12.5, INK, true)?;
        let (least, longest) = points
            .iter()
            .fold((f64::INFINITY, 0.0_f64), |(least, most), p| {
                (least.min(p.hours), most.max(p.hours))
            });
        let ends = points
            .iter()
            .flat_map(|p| p.interval.unwrap_or([p.dice; 2]));
        let most = ends.fold(0.1, f64::max);
        let axes = Axes {
            left: 52.0,
            right: 640.0,
            top: 40.0,
            bottom: 314.0,
            x: Axis::logarithmic(least / 1.25, longest * 1.25),
            y: Axis::linear(0.0, 100.0 * ((most * 10.0).ceil() / 10.0).min(1.0)),
            text: 11.0,
        };
        if points.is_empty() {
            let said = "nothing trained yet";
            return canvas.text(said, axes.middle(), Align::Centre, 13.0, MUTED, false);
        }
        axes.y_grid(canvas, 5)?;
        axes.x_ticks(canvas, 5)?;
        let below = (axes.right, axes.bottom + 34.0);
        canvas.text("Hours", below, Align::Right, 11.0, MUTED, false)?;
        for (line, point) in points.iter().enumerate() {
            let at = axes.at((point.hours, 100.0 * point.dice));
            if let Some(interval) = point.interval {
                let line = interval.map(|end| (at.0, axes.y(100.0 * end)));
                canvas.line(&line, colour(point.place), 0.8, 1.4)?;
            }
            canvas.mark(point.place, at, 5.4, colour(point.place))?;
            let key = (668.0, 52.0 + 24.0 * line as f64);
            canvas.mark(point.place, key, 5.0, colour(point.place))?;
            let title = canvas.fitting(point.title, 11.0, false, 268.0)?;
            canvas.text(&title, (684.0, key.1), Align::Left, 11.0, INK, false)?;
        }
        Ok(())
    }
}
