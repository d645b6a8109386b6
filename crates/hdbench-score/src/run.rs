//! Many cases side by side, in bounded memory: some may fail, the others are scored.

use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::progress::Progress;
use hdbench_ground::text::Shown as _;
use hdbench_ground::{memory, workers};
use hdbench_volume::{Apart, Geometry, Label, LabelBox, LabelMap, OnGrid, on_grid};
use ndarray::Array3;

use super::case::{CaseScores, Cost, ScoredCase, score_masks};
use super::masks::Masks;
use super::options::Options;
use super::pairing::CasePair;
use super::source::Source;

/// Cases in flight unless the user says otherwise: more seldom helps, because one case keeps
/// several cores busy, but each holds two label maps.
pub const DEFAULT_JOBS: usize = 4;

/// A case without scores.
#[derive(Debug)]
pub struct Failure {
    /// The case's name.
    pub case: String,
    /// Why.
    pub error: Error,
}

/// What became of the cases.
#[derive(Debug)]
pub struct CaseResults<T> {
    /// Those that were scored, in the order given.
    pub scored: Vec<T>,
    /// Those that failed, in the order given.
    pub failures: Vec<Failure>,
}

/// Scores cases in `threads` threads, at most `jobs` cases at a time: memory is that of `jobs`
/// pairs, 2 bytes a voxel each and a little for the border voxels, and at most 40 bytes a voxel for maps
/// of noise; a case that does not fit is scored when the others are done, or fails. The order of the
/// results does not depend on either number.
///
/// # Errors
/// `Error::Interrupted` once a signal came; nothing that happens to a single case.
pub fn evaluate<T: Send>(
    pairs: &[CasePair],
    jobs: usize,
    pool: &rayon::ThreadPool,
    progress: &dyn Progress,
    score: impl Fn(&CasePair) -> Result<T> + Sync,
) -> Result<CaseResults<T>> {
    progress.plan(pairs.len() as u64);
    progress.stage("", &format!("scoring {} cases", pairs.len()));
    let mut results = workers::each(
        pairs,
        jobs,
        || progress.interrupted(),
        |pair| {
            let result = pool.install(|| score(pair));
            progress.advance(1);
            result
        },
    );
    // What did not fit beside others may fit alone.
    for (pair, result) in pairs.iter().zip(&mut results) {
        if jobs > 1 && matches!(result, Some(Err(Error::Memory { .. }))) && !progress.interrupted()
        {
            *result = Some(pool.install(|| score(pair)));
        }
    }
    let mut outcome = CaseResults {
        scored: Vec::new(),
        failures: Vec::new(),
    };
    for (pair, result) in pairs.iter().zip(results) {
        match result {
            Some(Ok(scores)) => outcome.scored.push(scores),
            Some(Err(stop @ Error::Interrupted { .. })) => return Err(stop),
            Some(Err(error)) => outcome.failures.push(Failure {
                case: pair.case.clone(),
                error,
            }),
            None => {
                return Err(Error::Interrupted {
                    hint: "scores are written when all cases are done: start again".into(),
                });
            }
        }
    }
    Ok(outcome)
}

/// How label maps are read and brought together.
#[derive(Clone, Debug)]
pub struct PairOptions {
    /// What the numbers of the predictions mean.
    pub prediction_map: LabelMap,
    /// What the numbers of the references mean.
    pub reference_map: LabelMap,
    /// Compare voxels by index though the files place them elsewhere; shapes still have to agree.
    pub ignore_geometry: bool,
}

impl Default for PairOptions {
    fn default() -> Self {
        Self {
            prediction_map: LabelMap::lits(),
            reference_map: LabelMap::lits(),
            ignore_geometry: false,
        }
    }
}

/// Both label maps of a case on one grid, 0 background, 1 liver, 2 tumour.
#[derive(Debug)]
pub struct LoadedPair {
    /// The part of the map that holds every label of both, `[z, y, x]`.
    pub prediction: Array3<u8>,
    /// The same part, `[z, y, x]`.
    pub reference: Array3<u8>,
    /// The reference's, of the whole map.
    pub geometry: Geometry,
    /// How the two files place voxels apart, if `--ignore-geometry` let that pass.
    pub apart: Option<Apart>,
    /// What was odd about the files; to be shown to the user.
    pub notes: Vec<String>,
}

/// What was odd about the files of a pair.
pub(super) fn notes_of(pair: &CasePair, maps: [&LabelBox<impl Label>; 2]) -> Vec<String> {
    let sources = [&pair.prediction, &pair.reference];
    let sides = sources.into_iter().zip(maps);
    let lines = sides.flat_map(|(source, map)| {
        let file = source.path().shown().to_string();
        map.notes.iter().map(move |note| format!("{file}: {note}"))
    });
    lines.collect()
}

/// Reads a case's label maps, both at once.
///
/// # Errors
/// Those of the reader and of [`LabelMap::apply`]; `Error::Malformed` naming the prediction if the
/// grids differ in shape, or in the place of a voxel unless that is to be ignored; a prediction whose grid is the
/// reference's with its axes flipped or permuted is turned, with a note.
pub fn load_maps(pair: &CasePair, options: &PairOptions) -> Result<LoadedPair> {
    let (reference, prediction) = rayon::join(
        || pair.reference.read_mapped(&options.reference_map),
        || pair.prediction.read_mapped(&options.prediction_map),
    );
    // One after the other, so that the same error is reported whichever thread was faster.
    let (reference, prediction): (LabelBox, LabelBox) = (reference?, prediction?);
    let mut notes = notes_of(pair, [&prediction, &reference]);
    let OnGrid {
        prediction,
        apart,
        note,
    } = on_grid(
        [&pair.prediction.path(), &pair.reference.path()],
        prediction,
        &reference.geometry,
        options.ignore_geometry,
    )?;
    notes.extend(note);
    let [prediction, reference_part] = prediction.windows(&reference);
    Ok(LoadedPair {
        prediction,
        reference: reference_part,
        geometry: reference.geometry,
        apart,
        notes,
    })
}

/// A case scored by profile `strict`.
#[derive(Debug)]
pub struct StrictCase {
    /// Its scores, with names for the tables.
    pub scored: ScoredCase,
    /// As [`LoadedPair::apart`].
    pub apart: Option<Apart>,
    /// As [`LoadedPair::notes`].
    pub notes: Vec<String>,
}

/// Reads and scores one case by profile `strict`; errors as [`load_maps`], and `Error::Interrupted` once the stop of
/// `metrics` is asked.
pub fn score_strict(
    pair: &CasePair,
    options: &PairOptions,
    metrics: &Options,
) -> Result<StrictCase> {
    let LoadedPair {
        prediction,
        reference,
        geometry,
        apart,
        notes,
    } = load_maps(pair, options)?;
    let (planar, structures) = (geometry.is_planar, &metrics.structures);
    metrics.stop.check()?;
    let masks = Masks::of_structures(
        prediction.view(),
        reference.view(),
        planar,
        structures,
        &metrics.stop,
    )?;
    // The masks are all that is needed, an eighth of the maps.
    drop((prediction, reference));
    Ok(StrictCase {
        scored: scored(pair, masks, &geometry, metrics)?,
        apart,
        notes,
    })
}

/// Scores the masks of a pair, as far as memory allows.
pub(super) fn scored(
    pair: &CasePair,
    masks: Vec<Option<Masks>>,
    geometry: &Geometry,
    metrics: &Options,
) -> Result<ScoredCase> {
    let cost = Cost::of(&masks, geometry, &metrics.stop)?;
    let _claim = memory::claim(&pair.prediction.path(), cost.bytes())?;
    Ok(ScoredCase {
        case: pair.case.clone(),
        prediction_file: pair.prediction.path().display().to_string(),
        reference_file: pair.reference.path().display().to_string(),
        scores: score_masks(masks, &cost, geometry, metrics)?,
    })
}

/// Scores a predicted label map file against a reference by profile `strict`, both with 0 background,
/// 1 liver, 2 tumour; errors as [`load_maps`].
pub fn score_files(prediction: &Path, reference: &Path, metrics: &Options) -> Result<CaseScores> {
    let [prediction, reference] = [prediction, reference].map(|path| Source::File(path.into()));
    let pair = CasePair {
        case: String::new(),
        prediction,
        reference,
    };
    Ok(score_strict(&pair, &PairOptions::default(), metrics)?
        .scored
        .scores)
}
