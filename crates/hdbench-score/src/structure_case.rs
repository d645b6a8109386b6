//! Cases of any structures: label maps of 16 bits, an ignore label, structures by their values.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;
use hdbench_volume::{Geometry, LabelBox, LabelValues, OnGrid, StoredLabels, on_grid};
use ndarray::{Array3, Zip};

use super::case::{CaseScores, StructureScores};
use super::label::Label;
use super::masks::{Masks, Value};
use super::name::Name;
use super::options::Options;
use super::pairing::CasePair;
use super::run::{StrictCase, notes_of, scored};
use super::scored_structure::ScoredStructure;
use super::source::Source;

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
/// naming the prediction where its grid is not the reference's; `Error::Interrupted` once the stop of `metrics` is asked.
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
    let (reference, prediction) = (reference?, prediction?);
    metrics.stop.check()?;
    score_stored(pair, prediction, reference, options, metrics)
}

/// The same of label maps that are read.
pub(super) fn score_stored(
    pair: &CasePair,
    prediction: StoredLabels,
    reference: StoredLabels,
    options: &StructureOptions,
    metrics: &Options,
) -> Result<StrictCase> {
    match (reference, prediction) {
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
pub(super) fn of_values(
    values: [&LabelValues; 2],
    options: &StructureOptions,
    metrics: &Options,
) -> Options {
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
    let values = [&prediction, &reference].map(LabelBox::values);
    let metrics = &match options.every_value {
        true => Cow::Owned(of_values([&values[0], &values[1]], options, metrics)),
        false => Cow::Borrowed(metrics),
    };
    let mut notes = notes_of(pair, [&prediction, &reference]);
    notes.extend(notes_of_values(pair, &values, options, metrics));
    let geometry = reference.geometry.clone();
    refuse_growth(pair, &geometry, metrics)?;
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
    metrics.stop.check()?;
    let [mut prediction, mut reference] = prediction.windows(&reference);
    mask(&mut prediction, &mut reference, &options.ignore);
    let (planar, structures) = (geometry.is_planar, &metrics.structures);
    let masks = Masks::of_structures(
        prediction.view(),
        reference.view(),
        planar,
        structures,
        &metrics.stop,
    )?;
    // The masks are all that is needed.
    drop((prediction, reference));
    Ok(StrictCase {
        scored: scored(pair, masks, &geometry, metrics)?,
        apart,
        notes,
    })
}

/// Refuses instances that grow by a distance where the axes are not perpendicular.
pub(super) fn refuse_growth(pair: &CasePair, geometry: &Geometry, metrics: &Options) -> Result<()> {
    let grows = metrics.structures.iter().find(|own| own.grows_by_mm());
    match grows.filter(|_| geometry.is_sheared()) {
        None => Ok(()),
        Some(structure) => Err(Error::malformed(
            &pair.reference.path(),
            format!(
                "its axes are not perpendicular, and instances of {} grow by millimetres",
                structure.label
            ),
            "give steps in place of millimetres: dilation = 3, consolidation = 3",
        )),
    }
}

/// What to say of values of prediction and reference that are in no structure.
pub(super) fn notes_of_values(
    pair: &CasePair,
    values: &[LabelValues; 2],
    options: &StructureOptions,
    metrics: &Options,
) -> Vec<String> {
    let sides = [&pair.prediction, &pair.reference].into_iter().zip(values);
    let note = |(source, values): (&Source, &LabelValues)| {
        let others = undeclared(values, options, metrics)?;
        let file = source.path();
        Some(format!(
            "{}: values {others} are in no structure",
            file.shown()
        ))
    };
    sides.filter_map(note).collect()
}

/// The values of a map that are in no structure, as a list for a note; none where there is none.
fn undeclared(
    values: &LabelValues,
    options: &StructureOptions,
    metrics: &Options,
) -> Option<String> {
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
