//! Which cases and panels stand together in a picture: the paper's Figures 4, 5 and 6, and the worst cases.

use super::overlay::{self, Shown};
use crate::error::Result;
use crate::recipe::Variant;
use crate::report::content::{CaseOverlay, Content, StudyKind};

/// Number of the worst cases that are shown.
const WORST: usize = 6;

/// A picture of several cases.
pub(crate) struct Sheet {
    /// Name of its file in `overlays/`, without ending.
    pub(crate) file: &'static str,
    /// What it is.
    pub(crate) title: &'static str,
    /// What it shows.
    pub(crate) caption: String,
    /// The picture.
    pub(crate) png: Vec<u8>,
}

/// All pictures for which there are predictions.
///
/// # Errors
/// As [`overlay::sheet`].
pub(crate) fn sheets(content: &Content) -> Result<Vec<Sheet>> {
    let mut made = Vec::new();
    let Some(main) = main_network(content) else {
        return Ok(made);
    };
    let ranked = ranked(content, main);
    if ranked.is_empty() {
        return Ok(made);
    }
    let examples = examples(&ranked);
    let (flat, hybrid) = (Variant::DenseUNet2d.id(), Variant::HDenseUNet.id());
    let both: Vec<(&CaseOverlay, Vec<Shown>)> = examples
        .iter()
        .filter_map(|case| {
            let panels = [of(case, flat)?, of(case, hybrid)?];
            Some((*case, [vec![Shown::Reference], panels.to_vec()].concat()))
        })
        .collect();
    if !both.is_empty() {
        made.push(Sheet {
            file: "figure-4",
            title: "2D DenseUNet beside H-DenseUNet",
            caption: format!(
                "As the paper's Figure 4: reference, {} and {}. The cases with the best, the middle and the \
                 worst lesion Dice of {main}.",
                Variant::DenseUNet2d.title(),
                Variant::HDenseUNet.title()
            ),
            png: overlay::sheet(&both)?,
        });
    }
    let with = |cases: &[&'_ CaseOverlay]| -> Result<Vec<u8>> {
        let rows: Vec<(&CaseOverlay, Vec<Shown>)> = cases
            .iter()
            .filter_map(|case| Some((*case, vec![Shown::Ct, Shown::Reference, of(case, main)?])))
            .collect();
        overlay::sheet(&rows)
    };
    let (file, title, figure) = match content.kind {
        StudyKind::Ablation => ("figure-5", "Examples", "5"),
        StudyKind::CrossValidation => ("figure-6", "Examples", "6"),
    };
    made.push(Sheet {
        file,
        title,
        caption: format!(
            "As the paper's Figure {figure}: image, reference and result of {main}, in the cases with the \
             best, the middle and the worst lesion Dice."
        ),
        png: with(&examples)?,
    });
    let worst: Vec<&CaseOverlay> = ranked.iter().rev().take(WORST).copied().collect();
    made.push(Sheet {
        file: "worst-cases",
        title: "Worst cases",
        caption: format!(
            "The {} cases with the lowest lesion Dice of {main}, the worst first, in the slice with most of \
             the reference's lesions.",
            worst.len()
        ),
        png: with(&worst)?,
    });
    Ok(made)
}

/// H-DenseUNet, or the last network that has predicted something.
fn main_network(content: &Content) -> Option<&str> {
    let titles = || {
        content
            .overlays
            .iter()
            .flat_map(|case| &case.predictions)
            .map(|p| &p.title)
    };
    let hybrid = titles().find(|title| *title == Variant::HDenseUNet.id());
    hybrid.or_else(|| titles().next_back()).map(String::as_str)
}

fn of(case: &CaseOverlay, network: &str) -> Option<Shown> {
    let place = case.predictions.iter().position(|p| p.title == network)?;
    Some(Shown::Prediction(place))
}

/// The cases with lesions in the reference that the network has predicted, the best first; all cases where
/// none has lesions.
fn ranked<'a>(content: &'a Content, network: &str) -> Vec<&'a CaseOverlay> {
    let dice = |case: &CaseOverlay| {
        let own = case.predictions.iter().find(|p| p.title == network);
        own.map_or(f64::NAN, |p| p.lesion_dice)
    };
    let predicted = || {
        content
            .overlays
            .iter()
            .filter(|case| of(case, network).is_some())
    };
    let with_lesions = predicted().filter(|case| case.truth.iter().any(|label| *label == 2));
    let mut cases: Vec<&CaseOverlay> = with_lesions.filter(|case| dice(case).is_finite()).collect();
    if cases.is_empty() {
        cases = predicted().collect();
    }
    cases.sort_by(|a, b| dice(b).total_cmp(&dice(a)));
    cases
}

/// Best, middle and worst.
fn examples<'a>(ranked: &[&'a CaseOverlay]) -> Vec<&'a CaseOverlay> {
    let mut places = vec![0, ranked.len() / 2, ranked.len() - 1];
    places.dedup();
    places.into_iter().map(|place| ranked[place]).collect()
}
