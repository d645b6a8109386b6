//! Mean ranks on a line, those that are not told apart under one bar: Demšar's critical-difference diagram.

use hdbench_ground::error::Result;
use hdbench_table::chart::{Align, Axis, Canvas, Drawing, INK, MUTED, colour};
use plotters::prelude::DrawingBackend;

use crate::CriticalDifference;

/// The diagram of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct CriticalPlot(pub CriticalDifference);

const WIDTH: f64 = 960.0;
const LEFT: f64 = 250.0;
const LINE: f64 = 22.0;
const TOP: f64 = 92.0;
const BAR: f64 = 9.0;

impl CriticalPlot {
    /// Bars of more than one algorithm.
    fn bars(&self) -> Vec<Vec<usize>> {
        let groups = self.0.groups();
        groups.into_iter().filter(|group| group.len() > 1).collect()
    }

    fn bottom(&self) -> f64 {
        TOP + LINE * self.0.algorithms.len() as f64
    }
}

impl Drawing for CriticalPlot {
    fn size(&self) -> (u32, u32) {
        let bars = self.bars().len() as f64;
        (WIDTH as u32, (self.bottom() + BAR * bars) as u32 + 26)
    }

    fn title(&self) -> String {
        "Mean ranks, and which algorithms are not told apart".into()
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Result<()> {
        let Self(found) = self;
        let head = format!(
            "{}: mean rank over {} cases, 1 the best; bars join what is not told apart (Nemenyi, 0.05)",
            found.metric, found.test.n
        );
        canvas.text(&head, (12.0, 14.0), Align::Left, 12.5, INK, true)?;
        let algorithms = found.algorithms.len();
        let axis = Axis::linear(1.0, algorithms as f64);
        let x = |rank: f64| LEFT + (WIDTH - 60.0 - LEFT) * axis.place(rank);
        let y = 66.0;
        canvas.line(&[(x(1.0), y), (x(algorithms as f64), y)], INK, 1.0, 1.2)?;
        let step = algorithms.div_ceil(12).max(1);
        for rank in (1..=algorithms).step_by(step) {
            let at = x(rank as f64);
            canvas.line(&[(at, y - 4.0), (at, y)], INK, 1.0, 1.0)?;
            canvas.text(
                &rank.to_string(),
                (at, y - 13.0),
                Align::Centre,
                11.0,
                MUTED,
                false,
            )?;
        }
        let difference = found.test.critical_difference.min(algorithms as f64 - 1.0);
        let ends = [(x(1.0), 38.0), (x(1.0 + difference), 38.0)];
        canvas.line(&ends, colour(5), 1.0, 2.0)?;
        let words = format!("critical difference {:.2}", found.test.critical_difference);
        canvas.text(
            &words,
            (LEFT - 12.0, 38.0),
            Align::Right,
            11.0,
            MUTED,
            false,
        )?;
        let order = found.order();
        for (line, &algorithm) in order.iter().enumerate() {
            let (at, below) = (x(found.test.ranks[algorithm]), TOP + LINE * line as f64);
            canvas.line(
                &[(at, y), (at, below), (LEFT - 6.0, below)],
                MUTED,
                1.0,
                0.8,
            )?;
            canvas.disc((at, y), 3.0, INK, 1.0)?;
            let name = canvas.fitting(&found.algorithms[algorithm], 11.0, false, LEFT - 70.0)?;
            let name = format!("{name}  {:.2}", found.test.ranks[algorithm]);
            canvas.text(&name, (LEFT - 12.0, below), Align::Right, 11.0, INK, false)?;
        }
        for (line, group) in self.bars().iter().enumerate() {
            let ranks = group.iter().map(|&algorithm| found.test.ranks[algorithm]);
            let (low, high) = ranks.fold((f64::INFINITY, 0.0), |(low, high), rank| {
                (rank.min(low), rank.max(high))
            });
            let at = self.bottom() + BAR * line as f64;
            canvas.line(
                &[(x(low) - 3.0, at), (x(high) + 3.0, at)],
                colour(5),
                1.0,
                3.5,
            )?;
        }
        Ok(())
    }
}
