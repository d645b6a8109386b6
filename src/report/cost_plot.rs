//! What a network costs against what it gives: hours to train, lesion Dice.

use hdbench_table::chart::{Align, Axis, Canvas, Drawing, GRID, INK, MUTED, colour, linear_ticks};
use plotters::prelude::DrawingBackend;

use super::row::{Row, Status};
use super::score::Score;
use crate::error::Result;

/// All rows that have both.
pub(super) struct CostPlot<'a>(pub(super) &'a [Row]);

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
        rows.filter(|(_, row)| row.status == Status::Done)
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
        let (left, right, top, bottom) = (52.0, 640.0, 40.0, 314.0);
        let head = "Lesion Dice, cases with lesions, %, against hours to train, logarithmic";
        canvas.text(head, (12.0, 14.0), Align::Left, 12.5, INK, true)?;
        let Some(first) = points.first() else {
            let at = ((left + right) / 2.0, 180.0);
            return canvas.text("nothing trained yet", at, Align::Centre, 13.0, MUTED, false);
        };
        let hours = |least: bool| {
            points
                .iter()
                .map(|p| p.hours)
                .fold(first.hours, |a, b| if least { a.min(b) } else { a.max(b) })
        };
        let axis = Axis {
            low: hours(true) / 1.25,
            high: hours(false) * 1.25,
            is_log: true,
        };
        let x = |hours: f64| left + (right - left) * axis.place(hours);
        let ends = points
            .iter()
            .flat_map(|p| p.interval.unwrap_or([p.dice; 2]));
        let most = ends.fold(0.1, f64::max);
        let most = ((most * 10.0).ceil() / 10.0).min(1.0);
        let y = |dice: f64| bottom - (bottom - top) * (dice / most).clamp(0.0, 1.0);
        for (percent, label) in linear_ticks(0.0, 100.0 * most, 5) {
            let at = y(percent / 100.0);
            canvas.line(&[(left, at), (right, at)], GRID, 1.0, 0.75)?;
            canvas.text(&label, (left - 7.0, at), Align::Right, 11.0, MUTED, false)?;
        }
        for (hours, label) in axis.ticks() {
            canvas.line(
                &[(x(hours), bottom), (x(hours), bottom + 4.0)],
                MUTED,
                1.0,
                0.75,
            )?;
            canvas.text(
                &label,
                (x(hours), bottom + 14.0),
                Align::Centre,
                11.0,
                MUTED,
                false,
            )?;
        }
        canvas.line(&[(left, bottom), (right, bottom)], MUTED, 1.0, 0.75)?;
        canvas.text(
            "Hours",
            (right, bottom + 34.0),
            Align::Right,
            11.0,
            MUTED,
            false,
        )?;
        for (line, point) in points.iter().enumerate() {
            let at = (x(point.hours), y(point.dice));
            if let Some([low, high]) = point.interval {
                canvas.line(
                    &[(at.0, y(low)), (at.0, y(high))],
                    colour(point.place),
                    0.8,
                    1.4,
                )?;
            }
            canvas.mark(point.place, at, 5.4, colour(point.place))?;
            let key = (668.0, 52.0 + 24.0 * line as f64);
            canvas.mark(point.place, key, 5.0, colour(point.place))?;
            canvas.text(point.title, (684.0, key.1), Align::Left, 11.0, INK, false)?;
        }
        Ok(())
    }
}
