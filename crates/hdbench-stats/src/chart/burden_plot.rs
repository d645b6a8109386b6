//! Agreement of the predicted tumour burden with the reference (Bland and Altman, Lancet 1, 1986), a small
//! plot a network.

use hdbench_ground::error::Result;
use hdbench_table::chart::{Align, Axes, Axis, Canvas, Drawing, INK, MUTED, colour};
use plotters::prelude::DrawingBackend;

use crate::{Agreement, Burdens};

/// All networks on common axes.
#[derive(Clone, Debug, PartialEq)]
pub struct BurdenPlot(pub Vec<Burdens>);

/// Width and height of a small plot, and how many stand in a row.
const SMALL: (f64, f64, usize) = (316.0, 216.0, 3);

impl BurdenPlot {
    /// Largest mean of both, and largest size of a difference or limit, in percent of the liver.
    fn ends(&self) -> (f64, f64) {
        let (mut mean, mut difference) = (1.0_f64, 1.0_f64);
        for own in &self.0 {
            for [truth, predicted] in &own.cases {
                mean = mean.max(50.0 * (truth + predicted));
                difference = difference.max((100.0 * (predicted - truth)).abs());
            }
            if let Some(Agreement {
                bias,
                limit: Some(limit),
            }) = own.agreement()
            {
                difference = difference.max(100.0 * (bias.abs() + limit));
            }
        }
        (mean * 1.05, difference * 1.1)
    }
}

impl Drawing for BurdenPlot {
    fn size(&self) -> (u32, u32) {
        let rows = self.0.len().div_ceil(SMALL.2).max(1);
        (960, (SMALL.1 * rows as f64) as u32 + 34)
    }

    fn title(&self) -> String {
        "Bland-Altman plots of the tumour burden: difference of prediction and reference against their mean, \
         with bias and limits of agreement"
            .into()
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Result<()> {
        let head = "Tumour burden, % of the liver: prediction − reference against the mean of both";
        canvas.text(head, (12.0, 14.0), Align::Left, 12.5, INK, true)?;
        let (end, reach) = self.ends();
        for (place, own) in self.0.iter().enumerate() {
            let (column, row) = ((place % SMALL.2) as f64, (place / SMALL.2) as f64);
            let axes = Axes {
                left: column * SMALL.0 + 46.0,
                right: (column + 1.0) * SMALL.0 - 12.0,
                top: row * SMALL.1 + 64.0,
                bottom: row * SMALL.1 + 216.0,
                x: Axis::linear(0.0, end),
                y: Axis::linear(-reach, reach),
                text: 10.0,
            };
            let title = (axes.left, axes.top - 26.0);
            let name = canvas.fitting(&own.algorithm, 11.0, true, axes.right - axes.left)?;
            canvas.text(&name, title, Align::Left, 11.0, INK, true)?;
            axes.y_grid(canvas, 6)?;
            axes.x_ticks(canvas, 4)?;
            let across = |d: f64| [(axes.left, axes.y(d)), (axes.right, axes.y(d))];
            canvas.line(&across(0.0), MUTED, 1.0, 1.0)?;
            let found = own.agreement();
            if let Some(Agreement { bias, limit }) = found {
                canvas.line(&across(100.0 * bias), INK, 1.0, 1.6)?;
                for limit in limit.into_iter().flat_map(|limit| [-limit, limit]) {
                    canvas.dashed(&across(100.0 * (bias + limit)), &[5.0, 3.0], INK, 1.0)?;
                }
            }
            let below = (axes.left, axes.top - 11.0);
            canvas.text(&words(found), below, Align::Left, 10.0, MUTED, false)?;
            for [truth, predicted] in &own.cases {
                let point = (50.0 * (truth + predicted), 100.0 * (predicted - truth));
                canvas.disc(axes.at(point), 3.6, colour(place), 0.75)?;
            }
        }
        Ok(())
    }
}

/// `bias +0.12, limits ± 0.80`, in percent of the liver.
fn words(found: Option<Agreement>) -> String {
    let said = match found {
        None => "no case".to_owned(),
        Some(Agreement { bias, limit: None }) => format!("bias {:+.2}", 100.0 * bias),
        Some(Agreement {
            bias,
            limit: Some(limit),
        }) => format!("bias {:+.2}, limits ± {:.2}", 100.0 * bias, 100.0 * limit),
    };
    said.replace('-', "−")
}
