use hdbench_ground::error::{Error, Result};
use hdbench_ground::memory;
use hdbench_ground::text::{Shown as _, name_of};
use hdbench_volume::{Apart, Bounds, LabelBox, LabelMap};

use super::case::{LitsCase, LitsDeath, score_lits_case};
use super::label_map::{LitsMap, OddLabels, read_lits_map_from};
use super::totals::LitsTotals;
use crate::metrics::BitMask;
use crate::run::notes_of;
use crate::{CasePair, PairOptions, Source};

/// A case of the official scorer with its name and files.
#[derive(Clone, Debug)]
pub struct LitsScored {
    /// The case's name in every table.
    pub case: String,
    /// The reference's file name without extension: the official sums follow the order of these.
    pub file_stem: String,
    /// What it scored.
    pub scores: LitsCase,
    /// What that scorer took without a word; to be shown to the user.
    pub warnings: Vec<String>,
    /// How the two files place voxels apart, which that scorer never looks at.
    pub apart: Option<Apart>,
    /// What was odd about the files.
    pub notes: Vec<String>,
}

impl LitsScored {
    /// The metrics of scores.txt; `None` without a case.
    pub fn totals(cases: &[Self]) -> Option<LitsTotals> {
        LitsTotals::of(
            cases
                .iter()
                .map(|case| (case.file_stem.as_str(), &case.scores)),
        )
    }
}

/// Reads and scores one case as the official scorer does. Label maps other than LiTS's are applied
/// before; geometry is never compared.
///
/// # Errors
/// Those of the readers; `Error::Malformed` with the reason where that scorer would have stopped.
pub fn score_lits(pair: &CasePair, options: &PairOptions) -> Result<LitsScored> {
    let (reference, prediction) = rayon::join(
        || read(&pair.reference, &options.reference_map),
        || read(&pair.prediction, &options.prediction_map),
    );
    let (reference, prediction): (LitsMap, LitsMap) = (reference?, prediction?);
    let geometry = &reference.labels.geometry;
    let _claim = memory::claim(
        &pair.prediction.path(),
        cost(&prediction) + cost(&reference),
    )?;
    let scores = score(&prediction, &reference).map_err(|death| explain(pair, &death))?;
    let warning = |source: &Source, odd: &OddLabels| {
        (!odd.is_empty()).then(|| format!("{}: {odd}", source.path().shown()))
    };
    let warnings = [
        warning(&pair.prediction, &prediction.odd),
        warning(&pair.reference, &reference.odd),
    ];
    let file = pair.reference.path();
    let file = name_of(file.file_name().unwrap_or_default());
    let stem = file.strip_suffix(".gz").unwrap_or(&file);
    Ok(LitsScored {
        case: pair.case.clone(),
        file_stem: stem.strip_suffix(".nii").unwrap_or(stem).to_owned(),
        scores,
        warnings: warnings.into_iter().flatten().collect(),
        apart: Apart::of(&prediction.labels.geometry, geometry),
        notes: notes_of(pair, [&prediction.labels, &reference.labels]),
    })
}

/// What scoring a map may take, bytes: its window, masks and numbered lesions, and of every run of
/// lesions what joins it with others.
fn cost(map: &LitsMap) -> u64 {
    const BYTES_A_VOXEL: u64 = 8;
    const BYTES_A_RUN: u64 = 24;
    let voxels = map.labels.voxels.view();
    let whole = Bounds {
        start: [0; 3],
        end: voxels.dim().into(),
    };
    let runs = BitMask::of(voxels, whole, |label| label == 2).count_runs();
    BYTES_A_VOXEL * voxels.len() as u64 + BYTES_A_RUN * runs
}

fn score(prediction: &LitsMap, reference: &LitsMap) -> Result<LitsCase, LitsDeath> {
    let [ours, theirs] = [prediction, reference].map(|map| &map.labels.geometry);
    if ours.shape != theirs.shape {
        return Err(LitsDeath::ShapeMismatch {
            prediction: ours.shape,
            reference: theirs.shape,
        });
    }
    // Around the labels there is nothing that a metric depends on.
    let [prediction, reference] = prediction.labels.windows(&reference.labels);
    score_lits_case(
        prediction.view(),
        reference.view(),
        theirs.stored_spacing_mm.map(f64::from),
    )
}

fn read(source: &Source, map: &LabelMap) -> Result<LitsMap> {
    if map.is_lits() {
        return read_lits_map_from(&source.path(), &mut source.open()?);
    }
    let LabelBox {
        geometry,
        notes,
        start,
        voxels,
    } = source.read_mapped(map)?;
    Ok(LitsMap {
        labels: LabelBox {
            geometry,
            notes,
            start,
            // Nothing above 2 is left.
            voxels: voxels.mapv(u8::cast_signed),
        },
        odd: OddLabels::default(),
    })
}

fn explain(pair: &CasePair, death: &LitsDeath) -> Error {
    let (source, hint) = match death {
        LitsDeath::NoReferenceLiver => (
            &pair.reference,
            "leave the case out as its authors had to, or use --profile strict, which scores it",
        ),
        LitsDeath::ShapeMismatch { .. } => (
            &pair.prediction,
            "give the prediction on the grid of its CT volume",
        ),
        LitsDeath::TooManyLesions { .. } => (
            &pair.prediction,
            "use --profile strict, which has no such limit",
        ),
    };
    Error::malformed(&source.path(), death.to_string(), hint)
}
