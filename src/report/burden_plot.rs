//! Agreement of the predicted tumour burden with the reference (Bland and Altman, Lancet 1, 1986), a small
//! plot a network.

use hdbench_table::chart::{Align, Canvas, Drawing, GRID, INK, MUTED, colour, linear_ticks};
use plotters::prelude::DrawingBackend;

use super::evidence::Burdens;
use crate::error::Result;

/// All networks on common axes.
pub(super) struct BurdenPlot<'a>(pub(super) &'a [Burdens]);

/// Width and height of a small plot, and how many stand in a row.
const SMALL: (f64, f64, usize) = (316.0, 216.0, 3);

/// Limits of agreement: so many standard deviations about the bias.
const LIMITS: f64 = 1.96;

impl BurdenPlot<'_> {
    /// Largest mean of both, and largest size of a difference or limit, in percent of the liver.
    fn ends(&self) -> (f64, f64) {
        let (mut mean, mut difference) = (1.0_f64, 1.0_f64);
        for own in self.0 {
            for [truth, predicted] in &own.cases {
                mean = mean.max(50.0 * (truth + predicted));
                difference = difference.max((100.0 * (predicted - truth)).abs());
            }
            if let Some((bias, Some(sd))) = agreement(own) {
                difference = difference.max((100.0 * bias).abs() + LIMITS * 100.0 * sd);
            }
        }
        (mean * 1.05, difference * 1.1)
    }
}

/// Mean difference and its standard deviation over cases.
fn agreement(own: &Burdens) -> Option<(f64, Option<f64>)> {
    let differences: Vec<f64> = own
        .cases
        .iter()
        .map(|[truth, predicted]| predicted - truth)
        .collect();
    let n = differences.len() as f64;
    if differences.is_empty() {
        return None;
    }
    let bias = differences.iter().sum::<f64>() / n;
    let squares: f64 = differences.iter().map(|d| (d - bias).powi(2)).sum();
    Some((bias, (n > 1.0).then(|| (squares / (n - 1.0)).sqrt())))
}

impl Drawing for BurdenPlot<'_> {
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
            let (left, right) = (column * SMALL.0 + 46.0, (column + 1.0) * SMALL.0 - 12.0);
            let (top, bottom) = (row * SMALL.1 + 64.0, row * SMALL.1 + 216.0);
            let x = |mean: f64| left + (right - left) * (mean / end).clamp(0.0, 1.0);
            let y =
                |d: f64| (top + bottom) / 2.0 - (bottom - top) / 2.0 * (d / reach).clamp(-1.0, 1.0);
            canvas.text(
                &own.algorithm,
                (left, top - 26.0),
                Align::Left,
                11.0,
                INK,
                true,
            )?;
            for (d, label) in linear_ticks(-reach, reach, 4) {
                canvas.line(&[(left, y(d)), (right, y(d))], GRID, 1.0, 0.75)?;
                canvas.text(&label, (left - 6.0, y(d)), Align::Right, 10.0, MUTED, false)?;
            }
            for (mean, label) in linear_ticks(0.0, end, 4) {
                let at = (x(mean), bottom + 12.0);
                canvas.text(&label, at, Align::Centre, 10.0, MUTED, false)?;
            }
            canvas.line(&[(left, y(0.0)), (right, y(0.0))], MUTED, 1.0, 1.0)?;
            let told = match agreement(own) {
                None => "no case".into(),
                Some((bias, sd)) => {
                    let bias = 100.0 * bias;
                    canvas.line(&[(left, y(bias)), (right, y(bias))], INK, 1.0, 1.6)?;
                    match sd {
                        None => format!("bias {bias:+.2}"),
                        Some(sd) => {
                            for limit in [bias - LIMITS * 100.0 * sd, bias + LIMITS * 100.0 * sd] {
                                let line = [(left, y(limit)), (right, y(limit))];
                                canvas.dashed(&line, &[5.0, 3.0], INK, 1.0)?;
                            }
                            format!("bias {bias:+.2}, limits ± {:.2}", LIMITS * 100.0 * sd)
                        }
                    }
                }
            };
            let told = told.replace('-', "−");
            canvas.text(&told, (left, top - 11.0), Align::Left, 10.0, MUTED, false)?;
            for [truth, predicted] in &own.cases {
                let at = (
                    x(50.0 * (truth + predicted)),
                    y(100.0 * (predicted - truth)),
                );
                canvas.disc(at, 3.6, colour(place), 0.75)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bias_and_its_spread() {
        let own = Burdens {
            algorithm: "a".into(),
            cases: vec![[0.1, 0.2], [0.2, 0.2], [0.3, 0.5]],
        };
        let (bias, sd) = agreement(&own).unwrap();
        assert!((bias - 0.1).abs() < 1e-12 && (sd.unwrap() - 0.1).abs() < 1e-12);
        let none = Burdens {
            cases: Vec::new(),
            ..own
        };
        assert_eq!(agreement(&none), None);
    }
}
