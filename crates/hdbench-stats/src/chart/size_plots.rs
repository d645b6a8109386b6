//! Tumours by their size: the volumes of the cases with the line between their groups (the paper's Figure
//! 7), and how many lesions of each size are found.

use hdbench_ground::error::Result;
use hdbench_table::chart::{Align, Axes, Axis, Canvas, Drawing, INK, MUTED, colour};
use plotters::prelude::DrawingBackend;

use crate::{CaseGroups, LesionBins};

/// Figure 7.
#[derive(Clone, Debug, PartialEq)]
pub struct TumourSizes(pub CaseGroups);

impl Drawing for TumourSizes {
    fn size(&self) -> (u32, u32) {
        (960, 330)
    }

    fn title(&self) -> String {
        "Tumour volume of every case with tumours, in ascending order, and the line between small and large"
            .into()
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Result<()> {
        let mut cases: Vec<(&str, f64)> = self
            .0
            .volumes_ml
            .iter()
            .map(|(case, ml)| (case.as_str(), *ml))
            .collect();
        cases.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(b.0)));
        let low = cases
            .first()
            .map_or(0.1, |case| case.1)
            .min(self.0.boundary_ml);
        let high = cases
            .last()
            .map_or(1.0, |case| case.1)
            .max(self.0.boundary_ml);
        let axes = Axes {
            left: 64.0,
            right: 940.0,
            top: 40.0,
            bottom: 284.0,
            x: Axis::linear(0.0, cases.len().max(1) as f64),
            y: Axis::logarithmic(low / 1.6, high * 1.4),
            text: 11.0,
        };
        let Axes {
            left,
            right,
            bottom,
            ..
        } = axes;
        let head = "Tumour volume of a case, mL, logarithmic";
        canvas.text(head, (12.0, 14.0), Align::Left, 12.5, INK, true)?;
        axes.y_grid(canvas, 6)?;
        let step = (right - left) / cases.len().max(1) as f64;
        let half = (step * 0.36).min(14.0);
        for (place, (_, ml)) in cases.iter().enumerate() {
            let x = axes.x(place as f64 + 0.5);
            let large = *ml >= self.0.boundary_ml;
            let (shade, alpha) = if large {
                (colour(6), 0.9)
            } else {
                (colour(5), 0.55)
            };
            canvas.bar([x - half, axes.y(*ml)], [x + half, bottom], shade, alpha)?;
        }
        let line = axes.y(self.0.boundary_ml);
        canvas.dashed(&[(left, line), (right, line)], &[7.0, 4.0], INK, 1.5)?;
        let how = if self.0.found {
            "the largest gap"
        } else {
            "given"
        };
        let said = format!("large from {:.2} mL ({how})", self.0.boundary_ml);
        canvas.text(
            &said,
            (left + 6.0, line - 10.0),
            Align::Left,
            11.0,
            INK,
            false,
        )?;
        axes.base(canvas)?;
        // Names where there is room for them.
        if step > 74.0 {
            for (place, (case, _)) in cases.iter().enumerate() {
                let at = (axes.x(place as f64 + 0.5), bottom + 14.0);
                canvas.text(case, at, Align::Centre, 10.0, MUTED, false)?;
            }
        }
        let large = cases
            .iter()
            .filter(|case| case.1 >= self.0.boundary_ml)
            .count();
        let below = format!(
            "{} cases in ascending order: {} small, {large} large",
            cases.len(),
            cases.len() - large
        );
        canvas.text(
            &below,
            (right, bottom + 34.0),
            Align::Right,
            11.0,
            MUTED,
            false,
        )
    }
}

/// Recall by lesion size, a panel a bin, a line a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection(pub Vec<LesionBins>);

const LINE: f64 = 24.0;

impl Detection {
    fn bins(&self) -> usize {
        self.0.iter().map(|own| own.bins.len()).max().unwrap_or(0)
    }
}

impl Drawing for Detection {
    fn size(&self) -> (u32, u32) {
        (960, (62.0 + LINE * self.0.len().max(1) as f64) as u32 + 40)
    }

    fn title(&self) -> String {
        "Share of the reference lesions that are found, by their size and network, with 95 % intervals".into()
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Result<()> {
        let (first, end, top) = (270.0, 946.0, 62.0);
        let bottom = top + LINE * self.0.len().max(1) as f64;
        let head = "Recall of lesions at any overlap, %, by diameter";
        canvas.text(head, (12.0, 14.0), Align::Left, 12.5, INK, true)?;
        let width = (end - first) / self.bins().max(1) as f64;
        for panel in 0..self.bins() {
            let axes = Axes {
                left: first + width * panel as f64,
                right: first + width * (panel as f64 + 1.0) - 26.0,
                top,
                bottom,
                x: Axis::linear(0.0, 100.0),
                y: Axis::linear(0.0, 1.0),
                text: 10.5,
            };
            let x = |recall: f64| axes.x(100.0 * recall);
            let bin = self.0.iter().find_map(|own| own.bins.get(panel));
            if let Some(bin) = bin {
                let title = format!("{}, {} lesions", bin.range, bin.lesions);
                canvas.text(&title, (axes.left, 40.0), Align::Left, 11.0, MUTED, false)?;
            }
            axes.x_grid(canvas, 4)?;
            for (place, own) in self.0.iter().enumerate() {
                let y = top + LINE * (place as f64 + 0.5);
                let Some(bin) = own.bins.get(panel) else {
                    continue;
                };
                if let Some([low, high]) = bin.recall_interval {
                    canvas.line(&[(x(low), y), (x(high), y)], colour(place), 1.0, 1.6)?;
                }
                match bin.recall {
                    Some(recall) => canvas.mark(place, (x(recall), y), 4.6, colour(place))?,
                    None => canvas.text("—", (axes.left, y), Align::Left, 11.0, MUTED, false)?,
                }
            }
        }
        for (place, own) in self.0.iter().enumerate() {
            let y = top + LINE * (place as f64 + 0.5);
            let name = canvas.fitting(&own.algorithm, 11.0, false, 246.0)?;
            canvas.text(&name, (258.0, y), Align::Right, 11.0, INK, false)?;
        }
        Ok(())
    }
}
