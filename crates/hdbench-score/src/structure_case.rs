//! Cases of any structures: label maps of 16 bits, an ignore label, structures by their values.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::memory;
use hdbench_ground::text::Shown as _;
use hdbench_volume::{LabelBox, OnGrid, StoredLabels, on_grid};
use ndarray::{Array3, Zip};

use super::case::{CaseScores, Cost, ScoredCase, StructureScores, score_masks};
use super::label::Label;
use super::masks::{Masks, Value};
use super::name::Name;
use super::options::Options;
use super::pairing::CasePair;
use super::run::{StrictCase, notes_of};
use super::scored_structure::ScoredStructure;

/// Values without a structure that a note names.
const NAMED_VALUES: usize = 12;

/// How label maps of any structures are read and brought together.
#[derive(Clone, Debug, Default)]
pub struct StructureOptions {
    /// Where the reference has one of these values, nothing is scored: neither map counts there.
    pub ignore: Vec<u16>,
    /// Score every value that one of the two maps holds, those to be ignored apart, as a structure that is named by
    /// its number, in place of the structures that are named.
    pub every_value: bool,
    /// Compare voxels by index though the files place them elsewhere; shapes still have to agree.
    pub ignore_geometry: bool,
}

/// Reads and scores one case of the structures that `metrics` names.
///
/// # Errors
/// Those of the reader, for label maps with other values than whole numbers from 0 to 65,535; `Error::Malformed`
/// naming the prediction where its grid is not the reference's.
pub fn score_structures(
    pair: &CasePair,
    options: &StructureOptions,
    metrics: &Options,
) -> Result<StrictCase> {
    let (reference, prediction) = rayon::join(
        || pair.reference.read_stored_labels(),
        || pair.prediction.read_stored_labels(),
    );
    // One after the other, so that the same error is reported whichever thread was faster.
    match (reference?, prediction?) {
        // Labels of eight bits take half the memory, and so half the time.
        (StoredLabels::Bytes(reference), StoredLabels::Bytes(prediction)) => {
            score_labels(pair, prediction, reference, options, metrics)
        }
        (reference, prediction) => score_labels(
            pair,
            prediction.into_words(),
            reference.into_words(),
            options,
            metrics,
        ),
    }
}

/// Gives every case that was scored by its values the structures of all of them: where neither map of a case holds
/// a value, both masks of its structure are empty.
pub fn with_every_structure(cases: &mut [StrictCase], metrics: &Options) {
    let scores = |case: &StrictCase| {
        let structures = case.scored.scores.structures.iter();
        structures
            .map(|own| (own.label, own.nnunet_key))
            .collect::<Vec<_>>()
    };
    let all: BTreeMap<Label, Name> = cases.iter().flat_map(scores).collect();
    for case in cases {
        let CaseScores {
            structures, voxels, ..
        } = &mut case.scored.scores;
        // Those of a case are in the order of all.
        let mut own = std::mem::take(structures).into_iter().peekable();
        let of = |(&label, &key)| {
            let found = own.next_if(|own| own.label == label);
            found.unwrap_or_else(|| StructureScores::of_nothing(label, key, *voxels, metrics))
        };
        *structures = all.iter().map(of).collect();
    }
}

/// The options with a structure for every value of the maps.
fn of_values<T: Value>(
    maps: [&LabelBox<T>; 2],
    options: &StructureOptions,
    metrics: &Options,
) -> Options {
    let values = maps.map(LabelBox::values);
    let values: BTreeSet<u16> = values.iter().flat_map(|own| own.iter()).collect();
    let is_scored = |value: &u16| !options.ignore.contains(value);
    let values = values.into_iter().filter(is_scored);
    Options {
        structures: values.map(ScoredStructure::of_value).collect(),
        ..metrics.clone()
    }
}

fn score_labels<T: Value>(
    pair: &CasePair,
    prediction: LabelBox<T>,
    reference: LabelBox<T>,
    options: &StructureOptions,
    metrics: &Options,
) -> Result<StrictCase> {
    let metrics = &match options.every_value {
        true => Cow::Owned(of_values([&prediction, &reference], options, metrics)),
        false => Cow::Borrowed(metrics),
    };
    let mut notes = notes_of(pair, [&prediction, &reference]);
    for (source, map) in [
        (&pair.prediction, &prediction),
        (&pair.reference, &reference),
    ] {
        if let Some(others) = undeclared(map, options, metrics) {
            let file = source.path();
            notes.push(format!(
                "{}: values {others} are in no structure",
                file.shown()
            ));
        }
    }
    let geometry = reference.geometry.clone();
    let grows = metrics.structures.iter().find(|own| own.grows_by_mm());
    if let Some(structure) = grows.filter(|_| geometry.is_sheared()) {
        return Err(Error::malformed(
            &pair.reference.path(),
            format!(
                "its axes are not perpendicular, and instances of {} grow by millimetres",
                structure.label
            ),
            "give steps in place of millimetres: dilation = 3, consolidation = 3",
        ));
    }
    let OnGrid {
        prediction,
        apart,
        note,
    } = on_grid(
        [&pair.prediction.path(), &pair.reference.path()],
        prediction,
        &geometry,
        options.ignore_geometry,
    )?;
    notes.extend(note);
    let [mut prediction, mut reference] = prediction.windows(&reference);
    mask(&mut prediction, &mut reference, &options.ignore);
    let (planar, structures) = (geometry.is_planar, &metrics.structures);
    let masks = Masks::of_structures(prediction.view(), reference.view(), planar, structures);
    // The masks are all that is needed.
    drop((prediction, reference));
    let cost = Cost::of(&masks, &geometry);
    let _claim = memory::claim(&pair.prediction.path(), cost.bytes())?;
    Ok(StrictCase {
        scored: ScoredCase {
            case: pair.case.clone(),
            prediction_file: pair.prediction.path().display().to_string(),
            reference_file: pair.reference.path().display().to_string(),
            scores: score_masks(masks, &cost, &geometry, metrics),
        },
        apart,
        notes,
    })
}

/// The values of a map that are in no structure, as a list for a note; none where there is none.
fn undeclared<T: Value>(
    map: &LabelBox<T>,
    options: &StructureOptions,
    metrics: &Options,
) -> Option<String> {
    let values = map.values();
    let is_known = |value: u16| {
        let structures = metrics.structures.iter();
        options.ignore.contains(&value)
            || structures
                .map(|own| &own.values)
                .any(|own| own.holds(value))
    };
    let others: Vec<u16> = values.iter().filter(|value| !is_known(*value)).collect();
    if others.is_empty() {
        return None;
    }
    let named = others.iter().take(NAMED_VALUES);
    let mut list = named.map(u16::to_string).collect::<Vec<_>>().join(", ");
    if others.len() > NAMED_VALUES {
        list += &format!(" and {} more", others.len() - NAMED_VALUES);
    }
    Some(list)
}

/// Makes background of what the reference ignores.
fn mask<T: Value>(prediction: &mut Array3<T>, reference: &mut Array3<T>, ignore: &[u16]) {
    if ignore.is_empty() {
        return;
    }
    Zip::from(prediction).and(reference).par_for_each(|p, r| {
        if ignore.contains(&(*r).into()) {
            (*p, *r) = (T::default(), T::default());
        }
    });
}
