//! Changes with their intervals against the margin that is accepted, a line a metric.

use hdbench_ground::error::Result;
use plotters::prelude::{DrawingBackend, RGBColor};

use super::axes::Axes;
use super::axis::Axis;
use super::canvas::{Align, Canvas, Drawing, INK, MUTED, PAPER};

/// A change to be drawn; gains lie to the right.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeLine {
    /// Its name.
    pub name: String,
    /// The gain, in the metric's unit; none where there is nothing to compare.
    pub gain: Option<f64>,
    /// Interval of the gain.
    pub interval: Option<[f64; 2]>,
    /// The loss that is accepted.
    pub margin: f64,
    /// In a word.
    pub verdict: &'static str,
    /// How it is drawn.
    pub sign: ChangeSign,
}

/// What a change is, which decides its colour and its mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeSign {
    /// A filled mark in orange.
    Worse,
    /// A filled mark in green.
    Better,
    /// A ring.
    Open,
    /// No mark.
    Unknown,
}

const LINE: f64 = 24.0;
const TOP: f64 = 40.0;
const LEFT: f64 = 300.0;
const RIGHT: f64 = 600.0;

/// Metrics of different units share no axis, so each line is drawn in margins: the accepted loss is 1, whatever the
/// unit.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangePlot(pub Vec<ChangeLine>);

impl ChangePlot {
    /// A value in margins; without a margin, in hundredths.
    fn scaled(line: &ChangeLine, value: f64) -> f64 {
        value / if line.margin > 0.0 { line.margin } else { 0.01 }
    }

    fn reach(&self) -> f64 {
        let ends = self.0.iter().flat_map(|line| {
            let ends = line
                .interval
                .unwrap_or_else(|| [line.gain.unwrap_or(0.0); 2]);
            ends.map(|end| Self::scaled(line, end).abs())
        });
        ends.fold(2.0, f64::max).min(40.0) * 1.05
    }
}

impl Drawing for ChangePlot {
    fn size(&self) -> (u32, u32) {
        (720, (TOP + LINE * self.0.len().max(1) as f64) as u32 + 40)
    }

    fn title(&self) -> String {
        "Change of every metric against the baseline with its interval, in margins".into()
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Result<()> {
        let reach = self.reach();
        let bottom = TOP + LINE * self.0.len().max(1) as f64;
        let axes = Axes {
            left: LEFT,
            right: RIGHT,
            top: TOP,
            bottom,
            x: Axis::linear(-reach, reach),
            y: Axis::linear(0.0, 1.0),
            text: 10.5,
        };
        let x = |value: f64| axes.x(value);
        let head = "Change against the baseline, in accepted losses: worse to the left";
        canvas.text(head, (12.0, 14.0), Align::Left, 12.0, INK, true)?;
        axes.x_grid(canvas, 6)?;
        canvas.line(&[(x(0.0), TOP - 8.0), (x(0.0), bottom)], MUTED, 1.0, 1.0)?;
        let margin = [(x(-1.0), TOP - 8.0), (x(-1.0), bottom)];
        canvas.dashed(&margin, &[4.0, 3.0], INK, 1.0)?;
        let said = (x(-1.0), bottom + 27.0);
        canvas.text("accepted loss", said, Align::Centre, 10.5, MUTED, false)?;
        for (place, line) in self.0.iter().enumerate() {
            let y = TOP + LINE * (place as f64 + 0.5);
            canvas.text(&line.name, (LEFT - 14.0, y), Align::Right, 10.5, INK, false)?;
            let colour = colour(line.sign);
            if let Some(ends) = line.interval {
                let [low, high] = ends.map(|end| x(Self::scaled(line, end)));
                canvas.line(&[(low, y), (high, y)], colour, 1.0, 2.0)?;
            }
            if let (Some(gain), true) = (line.gain, line.sign != ChangeSign::Unknown) {
                let at = (x(Self::scaled(line, gain)), y);
                canvas.disc(at, 4.5, colour, 1.0)?;
                if line.sign == ChangeSign::Open {
                    canvas.disc(at, 2.6, PAPER, 1.0)?;
                }
            }
            let verdict = (RIGHT + 12.0, y);
            canvas.text(line.verdict, verdict, Align::Left, 10.5, MUTED, false)?;
        }
        Ok(())
    }
}

fn colour(sign: ChangeSign) -> RGBColor {
    match sign {
        ChangeSign::Worse => RGBColor(0xd5, 0x5e, 0x00),
        ChangeSign::Better => RGBColor(0x00, 0x9e, 0x73),
        ChangeSign::Open | ChangeSign::Unknown => MUTED,
    }
}
