use ndarray::Array3;

use super::case::{LitsCase, LitsDeath, score_lits_case};
use super::label_map::{LitsMap, OddLabels, read_lits_map, read_lits_map_from};
use super::totals::LitsTotals;
use crate::error::{Error, Result};
use crate::evaluation::{CasePair, LabelMap, PairOptions, Source};
use crate::volume::Volume;

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
    /// The most by which the two files place a voxel apart, which that scorer never looks at.
    pub apart_mm: f64,
}

impl LitsScored {
    /// The figures of scores.txt; `None` without a case.
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
    let geometry = &reference.volume.geometry;
    let scores = score_lits_case(
        prediction.volume.voxels.view(),
        reference.volume.voxels.view(),
        geometry.stored_spacing_mm.map(f64::from),
    )
    .map_err(|death| explain(pair, &death))?;
    let warning = |source: &Source, odd: &OddLabels| {
        (!odd.is_empty()).then(|| format!("{}: {odd}", source.path().display()))
    };
    let warnings = [
        warning(&pair.prediction, &prediction.odd),
        warning(&pair.reference, &reference.odd),
    ];
    let file = pair.reference.path();
    let file = file.file_name().unwrap_or_default().to_string_lossy();
    let stem = file.strip_suffix(".gz").unwrap_or(&file);
    Ok(LitsScored {
        case: pair.case.clone(),
        file_stem: stem.strip_suffix(".nii").unwrap_or(stem).to_owned(),
        scores,
        warnings: warnings.into_iter().flatten().collect(),
        apart_mm: prediction.volume.geometry.displacement_mm(geometry),
    })
}

fn read(source: &Source, map: &LabelMap) -> Result<LitsMap> {
    if map.is_lits() {
        return match source {
            Source::File(path) => read_lits_map(path),
            Source::Entry { .. } => read_lits_map_from(&source.path(), source.open()?),
        };
    }
    let mut volume = source.read_labels()?;
    map.apply(&mut volume.voxels, &source.path())?;
    // Nothing above 2 is left.
    let voxels: Array3<i8> = volume.voxels.mapv(u8::cast_signed);
    Ok(LitsMap {
        volume: Volume {
            voxels,
            geometry: volume.geometry,
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
