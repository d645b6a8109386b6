//! How often each network has which place in bootstrap draws of the cases: challengeR's heat map.

use hdbench_ground::error::Result;
use hdbench_table::chart::{Align, Canvas, Drawing, INK, MUTED, PAPER, colour};
use plotters::prelude::DrawingBackend;

use crate::Ranking;

/// The draws of one method.
#[derive(Clone, Debug, PartialEq)]
pub struct RankMap {
    /// The metric that is ranked.
    pub metric: String,
    pub ranking: Ranking,
}

const LINE: f64 = 30.0;
const TOP: f64 = 62.0;
const LEFT: f64 = 270.0;
/// Cells that are narrower have no number.
const NARROW: f64 = 24.0;

impl Drawing for RankMap {
    fn size(&self) -> (u32, u32) {
        (
            960,
            (TOP + LINE * self.ranking.algorithms.len().max(1) as f64) as u32 + 16,
        )
    }

    fn title(&self) -> String {
        "Share of the bootstrap draws of the cases in which each algorithm has each place".into()
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Result<()> {
        let ranking = &self.ranking;
        let head = format!(
            "{}, {}: % of the draws in which an algorithm has a place",
            self.metric,
            ranking.method.name()
        );
        canvas.text(&head, (12.0, 14.0), Align::Left, 12.5, INK, true)?;
        let count = ranking.algorithms.len();
        let width = (940.0 - LEFT) / count.max(1) as f64;
        let step = (NARROW / width).ceil().max(1.0) as usize;
        for place in (0..count).step_by(step) {
            let at = (LEFT + width * (place as f64 + 0.5), 44.0);
            canvas.text(
                &(place + 1).to_string(),
                at,
                Align::Centre,
                11.0,
                MUTED,
                false,
            )?;
        }
        let order = ranking.order();
        for (line, &algorithm) in order.iter().enumerate() {
            let y = TOP + LINE * line as f64;
            let name = &ranking.algorithms[algorithm];
            canvas.text(
                &canvas.fitting(name, 11.0, false, LEFT - 24.0)?,
                (LEFT - 12.0, y + LINE / 2.0),
                Align::Right,
                11.0,
                INK,
                false,
            )?;
            let draws: usize = ranking.drawn[algorithm].iter().sum();
            for (place, &times) in ranking.drawn[algorithm].iter().enumerate() {
                let share = times as f64 / draws.max(1) as f64;
                let (left, right) = (
                    LEFT + width * place as f64,
                    LEFT + width * (place as f64 + 1.0),
                );
                let (from, to) = ([left + 1.0, y + 1.0], [right - 1.0, y + LINE - 1.0]);
                canvas.bar(from, to, colour(5), 0.06 + 0.94 * share)?;
                let ink = if share > 0.55 { PAPER } else { INK };
                let own = ranking.places[algorithm] == place + 1;
                if width >= NARROW && (times > 0 || own) {
                    let percent = match 100.0 * share {
                        few if few > 0.0 && few < 0.5 => "< 1".to_owned(),
                        percent => format!("{percent:.0}"),
                    };
                    let text = if own { format!("[{percent}]") } else { percent };
                    let at = ((left + right) / 2.0, y + LINE / 2.0);
                    canvas.text(&text, at, Align::Centre, 11.0, ink, own)?;
                }
            }
        }
        Ok(())
    }
}
