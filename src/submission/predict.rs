use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::artifact::{create_dir, write_atomic};
use crate::dataset::Case;
use crate::error::{Error, Result};
use crate::harness::{LockedCase, Model};
use crate::progress::Progress;
use crate::volume::write_labels;

/// Beside the predictions: what each was made from.
const RECORD: &str = "made.json";

/// `made.json`.
#[derive(Default, Serialize, Deserialize)]
struct Made {
    /// Hash of the weights of the network and of the coarse net.
    model: String,
    cases: BTreeMap<String, MadeCase>,
}

/// One finished prediction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MadeCase {
    /// The test volume it was made from.
    input: LockedCase,
    /// Whether the coarse stage found a liver; if not, the whole volume was searched.
    pub coarse_liver: bool,
    /// Wall time of the coarse stage.
    pub coarse_seconds: f64,
    /// Wall time of the network over the region of the liver, post-processing included.
    pub segment_seconds: f64,
}

/// The file of a test volume's prediction in a folder of predictions: `test-volume-3` becomes
/// `test-segmentation-3.nii.gz`.
pub fn prediction_file(folder: &Path, case: &Case) -> PathBuf {
    folder.join(format!("test-segmentation-{}.nii.gz", case.id))
}

/// Predicts test volumes into a folder, one file a case on the volume's own grid. A case that was
/// predicted from the same volume by the same model is not predicted again, so that a run that was
/// killed goes on; predictions of another model are replaced.
///
/// # Errors
/// What reading a volume or writing a prediction gives, with the other cases left undone;
/// `Error::Interrupted` once a signal came.
pub fn predict_all(
    model: &Model,
    cases: &[Case],
    folder: &Path,
    progress: &dyn Progress,
) -> Result<BTreeMap<String, MadeCase>> {
    create_dir(folder)?;
    let mut made = Made::read(folder)?;
    if made.model != model.weights() {
        made = Made {
            model: model.weights().to_owned(),
            ..Made::default()
        };
    }
    let units = cases
        .iter()
        .map(|case| Ok(units(case.read_geometry()?.len())))
        .collect::<Result<Vec<_>>>()?;
    progress.plan(units.iter().sum());
    for (case, units) in cases.iter().zip(units) {
        let before = made.cases.get(&case.name);
        let input = LockedCase::of(case, before.map(|made| &made.input))?;
        let file = prediction_file(folder, case);
        let done = before.is_some_and(|made| made.input.is_same(&input)) && file.is_file();
        if !done {
            if progress.interrupted() {
                return Err(interrupted());
            }
            progress.stage(&case.name, "predicting");
            let segmented = model.segment(&case.read_image()?, progress)?;
            write_labels(&file, &segmented.labels)?;
            let entry = MadeCase {
                input,
                coarse_liver: segmented.coarse_liver,
                coarse_seconds: segmented.coarse_seconds,
                segment_seconds: segmented.segment_seconds,
            };
            made.cases.insert(case.name.clone(), entry);
            made.write(folder)?;
            progress.ended(&case.name);
        }
        progress.advance(units);
    }
    made.cases
        .retain(|name, _| cases.iter().any(|case| case.name == *name));
    Ok(made.cases)
}

/// Progress that a volume of so many voxels is worth.
fn units(voxels: usize) -> u64 {
    (voxels / 100_000).clamp(1, 1_500) as u64
}

fn interrupted() -> Error {
    Error::Interrupted {
        hint: "run the same command again: finished predictions are kept".into(),
    }
}

impl Made {
    fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(RECORD);
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|e| {
                Error::malformed(
                    &path,
                    e.to_string(),
                    "delete it; the cases are predicted again",
                )
            }),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(e) => Err(Error::read(&path)(e)),
        }
    }

    fn write(&self, folder: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(|e| Error::Internal(e.to_string()))?;
        write_atomic(&folder.join(RECORD), &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prediction_is_named_as_the_challenge_wants_it() {
        let case = Case::nifti(59, "test-volume-59", "x/test-volume-59.nii", None);
        let file = prediction_file(Path::new("p"), &case);
        assert_eq!(file, Path::new("p/test-segmentation-59.nii.gz"));
    }
}
