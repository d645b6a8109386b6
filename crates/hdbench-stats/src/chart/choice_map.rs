//! The places of every algorithm by every choice of rules, side by side.

use hdbench_ground::error::Result;
use hdbench_table::chart::{Align, Canvas, Drawing, INK, MUTED, PAPER, colour};
use plotters::prelude::DrawingBackend;

use crate::RankingByRules;

/// The choices of a ranking.
#[derive(Clone, Debug, PartialEq)]
pub struct ChoiceMap(pub RankingByRules);

const LINE: f64 = 20.0;
const TOP: f64 = 64.0;
const LEFT: f64 = 420.0;
const WIDTH: f64 = 980.0;
/// Choices that are drawn; the table has them all.
const MOST: usize = 80;

impl Drawing for ChoiceMap {
    fn size(&self) -> (u32, u32) {
        let lines = self.0.choices.len().clamp(1, MOST) as f64;
        (WIDTH as u32, (TOP + LINE * lines) as u32 + 16)
    }

    fn title(&self) -> String {
        "Places of every algorithm by every choice of rules".into()
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<DB>) -> Result<()> {
        let Self(found) = self;
        let wins = found.wins();
        let most = wins.iter().max().copied().unwrap_or_default();
        let head = format!(
            "Places by {} choices of rules; the most frequent winner is first by {most}{}",
            found.choices.len(),
            match found.choices.len() > MOST {
                true => format!(", {MOST} are drawn"),
                false => String::new(),
            }
        );
        canvas.text(&head, (12.0, 14.0), Align::Left, 12.5, INK, true)?;
        let order = found.ranking.order();
        let width = (WIDTH - 16.0 - LEFT) / order.len().max(1) as f64;
        for (column, &algorithm) in order.iter().enumerate() {
            let middle = LEFT + width * (column as f64 + 0.5);
            let name = canvas.fitting(
                &found.ranking.algorithms[algorithm],
                11.0,
                false,
                width - 6.0,
            )?;
            canvas.text(&name, (middle, 46.0), Align::Centre, 11.0, MUTED, false)?;
        }
        let last = order.len().saturating_sub(1).max(1) as f64;
        for (line, choice) in found.choices.iter().take(MOST).enumerate() {
            let y = TOP + LINE * line as f64;
            let words = canvas.fitting(&choice.in_words(), 10.5, false, LEFT - 24.0)?;
            let own = choice.method == found.rules.method
                && choice.structures == found.rules.structures
                && choice.missing == found.rules.missing
                && choice.criteria.len() == found.criteria.len();
            canvas.text(
                &words,
                (LEFT - 10.0, y + LINE / 2.0),
                Align::Right,
                10.5,
                INK,
                own,
            )?;
            for (column, &algorithm) in order.iter().enumerate() {
                let left = LEFT + width * column as f64;
                let place = choice.places[algorithm];
                let strength = 1.0 - (place - 1) as f64 / last;
                let ends = ([left + 1.0, y + 1.0], [left + width - 1.0, y + LINE - 1.0]);
                canvas.bar(ends.0, ends.1, colour(5), 0.05 + 0.85 * strength)?;
                let ink = if strength > 0.55 { PAPER } else { INK };
                let at = (left + width / 2.0, y + LINE / 2.0);
                canvas.text(&place.to_string(), at, Align::Centre, 10.5, ink, place == 1)?;
            }
        }
        Ok(())
    }
}
