//! The paper's claims about its own ablation, each with what this study says of it.

use hdbench_table::{Cell, Column, Table, TableRow, Unit};

use crate::analysis::Claim;
use crate::analysis::published::claims as published_claims;
use crate::error::Result;

/// The claims as a table.
///
/// # Errors
/// Only if the embedded file of claims does not parse.
pub(super) fn table(claims: &[Claim], phantoms: bool) -> Result<Table> {
    let published = published_claims()?;
    let rows = published.claims.iter().filter_map(|said| {
        let claim = claims.iter().find(|claim| claim.id == said.id)?;
        let ours = match claim.ours {
            Some(value) => Cell::Number {
                value,
                sd: None,
                n: claim.n,
                interval: claim.interval,
                mark: None,
            },
            None => Cell::Missing,
        };
        let theirs = said
            .published
            .as_ref()
            .map_or(Cell::Missing, |value| Cell::Number {
                value: value.value,
                sd: None,
                n: None,
                interval: None,
                mark: None,
            });
        Some(TableRow {
            cells: vec![
                Cell::Text {
                    text: said.claim.clone(),
                    note: Some(format!("{}; {}", said.measure, said.place)),
                },
                theirs,
                ours,
                Cell::Text {
                    text: claim.verdict.words().into(),
                    note: claim.remark.clone(),
                },
            ],
            ..TableRow::default()
        })
    });
    let mut caption = String::from(
        "What the paper says, its number, and this study's with a 95 % interval over cases or over pieces of \
         the training. Reproduced: the interval lies on the claimed side of 0, and for Dice the signed-rank \
         test, corrected over these claims by Holm, agrees; not reproduced: it lies on the other side. Dice \
         and losses as fractions.",
    );
    if phantoms {
        caption = format!(
            "These verdicts speak of generated phantoms at a small scale, not of patients and not of the \
             paper. {caption}"
        );
    }
    Ok(Table {
        id: "claims".into(),
        title: "The paper's claims".into(),
        caption,
        columns: vec![
            Column::words("claim", "Claim"),
            Column::numbers("published", "Published", Unit::None, 3),
            Column::numbers("ours", "Ours", Unit::None, 3),
            Column::words("verdict", "Verdict"),
        ],
        rows: rows.collect(),
        notes: vec![format!("Published: {}.", published.source)],
        ..Table::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::ClaimVerdict;

    #[test]
    fn verdicts_over_phantoms_say_so() {
        let claim = Claim {
            id: "time-hybrid".into(),
            ours: Some(2.86),
            interval: None,
            n: None,
            verdict: ClaimVerdict::NotReproduced,
            remark: None,
        };
        let made = table(&[claim], true).unwrap();
        assert_eq!(made.rows.len(), 1);
        let said = "These verdicts speak of generated phantoms";
        assert!(made.caption.starts_with(said));
    }
}
