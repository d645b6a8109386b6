//! Dice of every test case as a dot, a line a network.

use crate::analysis::chart::{DotPanel, DotPlot, percent_ends};
use crate::report::content::{CaseScore, NetworkRow};

/// Lesion and liver Dice side by side.
pub(crate) fn dice_dots(rows: &[NetworkRow]) -> DotPlot {
    let of = |dice: fn(&CaseScore) -> Option<f64>| -> Vec<Vec<f64>> {
        let percent = |case: &CaseScore| dice(case).map(|dice| 100.0 * dice);
        let line = |row: &NetworkRow| row.per_case.iter().filter_map(percent).collect();
        rows.iter().map(line).collect()
    };
    let [lesion, liver] = [of(lesion), of(|case| case.liver_dice)];
    DotPlot {
        title: "Dice of every test case with quartiles, median and mean, by variant".into(),
        lines: rows.iter().map(|row| row.title.clone()).collect(),
        panels: vec![
            DotPanel {
                title: "Lesion Dice, cases with lesions, %".into(),
                ends: [0.0, 100.0],
                values: lesion,
            },
            DotPanel {
                title: "Liver Dice, all cases, %".into(),
                ends: percent_ends(&liver),
                values: liver,
            },
        ],
    }
}

fn lesion(case: &CaseScore) -> Option<f64> {
    case.lesion_dice.filter(|_| case.has_lesions)
}
