//! The slices of the test cases that the page shows.

use std::collections::BTreeSet;
use std::path::Path;

use super::row::RowPlan;
use crate::cell::prediction_path;
use crate::error::{Error, Result};
use crate::preprocess::Stored;
use crate::report::content::{
    CaseOverlay, CaseScore, NetworkRow, Predicted, RowStatus, Stack, fold_name,
};
use crate::report::picture::overlay::{axial, choose_slice};
use crate::report::picture::viewer::{self, Whole};
use crate::study::{Fold, Role, TestCase};
use crate::volume::{Orientation, Volume, read_labels};

/// Overlays of all cases, and stacks of those that the viewer has room for.
///
/// # Errors
/// A prepared case or a prediction that cannot be read.
pub(super) fn views(
    run: &Path,
    tests: &[&TestCase],
    plans: &[RowPlan<'_>],
    rows: &[NetworkRow],
) -> Result<(Vec<CaseOverlay>, Vec<Stack>)> {
    let viewed = viewed(tests, rows);
    let bytes = viewer::BUDGET_BYTES as f64 / viewed.len().max(1) as f64;
    let (mut overlays, mut stacks) = (Vec::new(), Vec::new());
    for test in tests {
        let bytes = viewed.contains(test.case.name.as_str()).then_some(bytes);
        let (overlay, stack) = overlay(run, test, plans, rows, bytes)?;
        overlays.push(overlay);
        stacks.extend(stack);
    }
    Ok((overlays, stacks))
}

/// The cases that the viewer has room for: all, or else the worst of the last row and as many spread over
/// the others.
fn viewed<'a>(tests: &[&'a TestCase], rows: &[NetworkRow]) -> BTreeSet<&'a str> {
    let room = viewer::room(rows.len()).max(1);
    let dice = |name: &str| {
        let done = rows.iter().rev().find(|row| row.status == RowStatus::Done);
        let case = done.and_then(|row| row.per_case.iter().find(|case| case.case == name));
        case.and_then(|case| case.lesion_dice.filter(|_| case.has_lesions))
            .unwrap_or(1.0)
    };
    let mut order: Vec<&str> = tests.iter().map(|test| test.case.name.as_str()).collect();
    order.sort_by(|a, b| dice(a).total_cmp(&dice(b)));
    if order.len() <= room {
        return order.into_iter().collect();
    }
    let (worst, rest) = order.split_at(room.div_ceil(2));
    let more = room - worst.len();
    let spread = (0..more).map(|i| rest[(2 * i + 1) * rest.len() / (2 * more)]);
    worst.iter().copied().chain(spread).collect()
}

/// The slice of a case, and its stack of at most `bytes` bytes where the viewer has room for it.
fn overlay(
    run: &Path,
    test: &TestCase,
    plans: &[RowPlan<'_>],
    rows: &[NetworkRow],
    bytes: Option<f64>,
) -> Result<(CaseOverlay, Option<Stack>)> {
    let missing = || Error::Internal(format!("{}: the chosen slice is not there", test.case.name));
    let stored = Stored::open(&test.cached)?;
    let orientation = Orientation::of(stored.file());
    let truth = stored.own_labels()?;
    let image = stored.own_image()?;
    let image = Volume {
        voxels: image.voxels.mapv(f32::from),
        geometry: image.geometry,
    };
    let slice = choose_slice(&truth.voxels);
    let mut predictions = Vec::new();
    let mut whole = Vec::new();
    for (plan, row) in plans.iter().zip(rows) {
        // The first replicate of the fold that tests the case.
        let tests_it = |fold: &Fold| fold.test.iter().any(|other| other.case == test.case);
        let found = plan.cells.iter().find(|(fold, _)| tests_it(fold));
        let Some((_, cell)) = found.filter(|_| row.status == RowStatus::Done) else {
            continue;
        };
        let labels = read_labels(&prediction_path(&cell.folder(run), &test.case.name))?;
        let labels: Volume<u8> = orientation.to_canonical(&labels);
        let score = row
            .per_case
            .iter()
            .find(|score| score.case == test.case.name);
        let dice = |of: fn(&CaseScore) -> Option<f64>| score.and_then(of).unwrap_or(f64::NAN);
        let title = match row.role {
            Role::Own if !row.is_network() => row.title.clone(),
            Role::Own => row.variant.clone(),
            role => format!("{} ({})", row.variant, fold_name(0, role)),
        };
        predictions.push(Predicted {
            title: title.clone(),
            labels: axial(&labels, slice).ok_or_else(missing)?,
            liver_dice: dice(|score| score.liver_dice),
            lesion_dice: dice(|score| score.lesion_dice),
        });
        if bytes.is_some() {
            whole.push(Whole {
                title,
                labels,
                liver_dice: dice(|score| score.liver_dice),
                lesion_dice: dice(|score| score.lesion_dice),
            });
        }
    }
    let overlay = CaseOverlay {
        case: test.case.name.clone(),
        slice,
        hu: axial(&image, slice).ok_or_else(missing)?,
        truth: axial(&truth, slice).ok_or_else(missing)?,
        predictions,
    };
    let stack = bytes
        .map(|bytes| viewer::stack(&test.case.name, &image, &truth, whole, bytes))
        .transpose()?;
    Ok((overlay, stack))
}
