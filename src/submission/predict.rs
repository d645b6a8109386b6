use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use hdbench_algorithm::{CaseInput, Taken};
use serde::{Deserialize, Serialize};

use crate::artifact::{FileRecord, FileState, Look, create_dir, json_if_there, write_atomic};
use crate::cell::{ExternalModel, Model};
use crate::dataset::Case;
use crate::error::{Error, Result};
use crate::progress::{Progress, Step};
use crate::study::LockedScan;
use crate::text::Shown as _;
use crate::volume::HeaderTemplate;

/// Beside the predictions: what each was made from.
pub(super) const RECORD: &str = "made.json";

/// `made.json`.
#[derive(Default, Serialize, Deserialize)]
struct Made {
    /// Hash of the weights of the network and of the coarse net.
    model: String,
    cases: BTreeMap<String, MadeCase>,
    /// The case whose file is being written, and may be there without an entry above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    begun: Option<String>,
}

/// One finished prediction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MadeCase {
    /// The test volume it was made from.
    input: LockedScan,
    /// The prediction; none in a record of an older version, whose predictions are made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<FileRecord>,
    /// Whether the coarse stage found a liver; if not, the whole volume was searched. True of an algorithm without one.
    pub coarse_liver: bool,
    /// Wall time of the coarse stage, s; 0 of an algorithm without one.
    pub coarse_seconds: f64,
    /// Wall time of the network over the region of the liver, post-processing included, s; all of another algorithm's.
    pub segment_seconds: f64,
}

/// What predicts test volumes.
#[derive(Clone, Copy)]
pub enum Predictor<'a> {
    /// A network of ours.
    Network(&'a Model),
    /// Any other algorithm of a study.
    External(&'a ExternalModel<'a>),
}

impl Predictor<'_> {
    /// Hash of what its predictions follow from.
    fn key(self) -> String {
        match self {
            Self::Network(model) => model.weights().to_owned(),
            Self::External(model) => model.key().to_owned(),
        }
    }
}

/// The predictions of a set of test volumes.
#[derive(Clone, Debug, PartialEq)]
pub struct Predicted {
    /// By the name of the test volume.
    pub cases: BTreeMap<String, MadeCase>,
    /// How many of them an earlier start had made.
    pub kept: usize,
}

/// The file of a test volume's prediction in a folder of predictions: `test-volume-3` becomes
/// `test-segmentation-3.nii.gz`, `liver_132` stays what it is.
pub fn prediction_file(folder: &Path, case: &Case) -> PathBuf {
    file_of(folder, &case.name)
}

fn file_of(folder: &Path, volume: &str) -> PathBuf {
    let name = match volume.strip_prefix("test-volume-") {
        Some(number) => format!("test-segmentation-{number}.nii.gz"),
        None => format!("{volume}.nii.gz"),
    };
    folder.join(name)
}

/// Predicts test volumes into a folder, one file a case: `uint8` labels in the order of the volume's
/// voxels under the volume's own header. A case that was predicted from the same volume by the same
/// model is not predicted again, so that a run that was killed goes on; what another model left
/// behind is taken away first.
///
/// # Errors
/// What reading a volume or writing a prediction gives, with the other cases left undone;
/// `Error::Interrupted` once a signal came.
pub fn predict_all(
    predictor: Predictor<'_>,
    cases: &[Case],
    folder: &Path,
    progress: &dyn Progress,
) -> Result<Predicted> {
    create_dir(folder)?;
    let mut made = Made::open(folder, &predictor.key())?;
    progress.stage("", "looking at the test volumes");
    let mut open = Vec::new();
    for case in cases {
        let before = made.cases.get(&case.name);
        let input = LockedScan::of(case, before.map(|made| &made.input))?;
        let same = before.is_some_and(|made| made.input.is_same(&input));
        let file = prediction_file(folder, case);
        let output = before.and_then(|made| made.output.as_ref());
        let whole = output.is_some_and(|made| made.look(&file, Look::Quick) == FileState::Equal);
        if same && !whole && file.exists() {
            progress.note(&format!(
                "{} is not as it was made: predicted again",
                file.shown()
            ));
        }
        if !(same && whole) {
            made.refuse_other(&file, &case.name)?;
            open.push((case, input, units(case.read_geometry()?.len())));
        }
    }
    let kept = cases.len() - open.len();
    match predictor {
        Predictor::Network(model) => by_network(model, open, folder, &mut made, progress)?,
        Predictor::External(model) => made = by_algorithm(model, &open, folder, made, progress)?,
    }
    let asked = |name: &str| cases.iter().any(|case| case.name == name);
    made.cases.retain(|name, _| asked(name));
    Ok(Predicted {
        cases: made.cases,
        kept,
    })
}

/// A case without a prediction yet, what it is made from, and the progress that it is worth.
type Open<'a> = (&'a Case, LockedScan, u64);

fn by_network(
    model: &Model,
    open: Vec<Open<'_>>,
    folder: &Path,
    made: &mut Made,
    progress: &dyn Progress,
) -> Result<()> {
    progress.plan(open.iter().map(|(.., units)| units).sum());
    for (case, input, units) in open {
        let step = Step::of(progress, &case.name, units);
        made.begun = Some(case.name.clone());
        made.write(folder)?;
        let one = predict(model, case, input, &prediction_file(folder, case), &step)?;
        made.cases.insert(case.name.clone(), one);
        made.begun = None;
        made.write(folder)?;
        step.end();
    }
    Ok(())
}

/// Where several may come at once, and one that ends badly stops no other.
fn by_algorithm(
    model: &ExternalModel<'_>,
    open: &[Open<'_>],
    folder: &Path,
    made: Made,
    progress: &dyn Progress,
) -> Result<Made> {
    if open.is_empty() {
        return Ok(made);
    }
    progress.stage("", "predicting");
    progress.plan(open.len() as u64);
    let made = Mutex::new(made);
    let keep = |name: &str, taken: Taken, seconds: Option<f64>| {
        let found = open.iter().find(|(case, ..)| case.name == name);
        let (case, input, _) =
            found.ok_or_else(|| Error::Internal(format!("{name} was not asked for")))?;
        let file = prediction_file(folder, case);
        let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
        made.begun = Some(name.to_owned());
        made.write(folder)?;
        HeaderTemplate::read(&case.image)?.write_labels(&file, taken.labels.voxels.view())?;
        let one = MadeCase {
            input: input.clone(),
            output: Some(FileRecord::of(&file)?),
            coarse_liver: true,
            coarse_seconds: 0.0,
            segment_seconds: seconds.unwrap_or_default(),
        };
        made.cases.insert(name.to_owned(), one);
        made.begun = None;
        made.write(folder)
    };
    let inputs: Vec<CaseInput> = open
        .iter()
        .map(|(case, ..)| CaseInput {
            name: case.name.clone(),
            image: case.image.clone(),
        })
        .collect();
    let failed = model.predict(&inputs, folder, 1, progress, &keep)?;
    for (case, why) in &failed {
        progress.note(&format!("error: {case}: {why}"));
    }
    if let Some((first, _)) = failed.first() {
        return Err(Error::malformed(
            folder,
            format!(
                "{} of {} test volumes have no prediction, {first} first",
                failed.len(),
                open.len()
            ),
            "the reasons stand above; the same command asks for these again",
        ));
    }
    Ok(made.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn predict(
    model: &Model,
    case: &Case,
    input: LockedScan,
    file: &Path,
    progress: &dyn Progress,
) -> Result<MadeCase> {
    if progress.interrupted() {
        return Err(interrupted());
    }
    let segmented = model.segment(&case.image, &case.read_image()?, progress)?;
    HeaderTemplate::read(&case.image)?.write_labels(file, segmented.labels.voxels.view())?;
    Ok(MadeCase {
        input,
        output: Some(FileRecord::of(file)?),
        coarse_liver: segmented.coarse_liver,
        coarse_seconds: segmented.coarse_seconds,
        segment_seconds: segmented.segment_seconds,
    })
}

/// Progress that a volume of `voxels` voxels is worth.
fn units(voxels: usize) -> u64 {
    (voxels / 100_000).clamp(1, 1_500) as u64
}

fn interrupted() -> Error {
    Error::Interrupted {
        hint: "run the same command again: finished predictions are kept".into(),
    }
}

/// Whether a name in a record leads nowhere but into its folder.
fn is_plain(name: &str) -> bool {
    !name.contains(['/', '\\'])
}

impl Made {
    /// What is there of this model.
    fn open(folder: &Path, model: &str) -> Result<Self> {
        let mut made = Self::read(folder)?;
        if made.model == model {
            return Ok(made);
        }
        // Files first: a record without its files says nothing wrong, files without one do.
        for name in made.cases.keys().filter(|name| is_plain(name)) {
            let file = file_of(folder, name);
            match std::fs::remove_file(&file) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::write(&file)(e));
                }
                _ => {}
            }
        }
        made = Self {
            model: model.to_owned(),
            ..Self::default()
        };
        made.write(folder)?;
        Ok(made)
    }

    /// Refuses to predict over a file that is not known to be ours.
    fn refuse_other(&self, file: &Path, case: &str) -> Result<()> {
        let is_ours = self.cases.contains_key(case) || self.begun.as_deref() == Some(case);
        if is_ours || std::fs::symlink_metadata(file).is_err() {
            return Ok(());
        }
        Err(Error::usage(
            format!(
                "{}: somebody else's prediction; it would be replaced",
                file.shown()
            ),
            "name another folder with --predictions, or move the file away",
        ))
    }

    fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(RECORD);
        let hint = "name another folder with --predictions, or delete this one; its cases are predicted again";
        Ok(json_if_there(&path, "the record of predictions", hint)?.unwrap_or_default())
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
    fn what_another_model_predicted_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let case = Case::nifti(59, "test-volume-59", "x/test-volume-59.nii", None);
        let image = folder.path().join("ct.nii");
        std::fs::write(&image, b"ct").unwrap();
        let input = LockedScan::of(&Case::nifti(59, "ct", &image, None), None).unwrap();
        let file = prediction_file(folder.path(), &case);
        assert!(file.ends_with("test-segmentation-59.nii.gz"));
        let mut made = Made::open(folder.path(), "a").unwrap();
        made.cases.insert(
            case.name.clone(),
            MadeCase {
                input,
                output: None,
                coarse_liver: true,
                coarse_seconds: 1.0,
                segment_seconds: 2.0,
            },
        );
        made.write(folder.path()).unwrap();
        std::fs::write(&file, b"labels").unwrap();
        let theirs = folder.path().join("test-segmentation-3.nii.gz");
        std::fs::write(&theirs, b"somebody else's").unwrap();
        let mut open = Made::open(folder.path(), "a").unwrap();
        assert_eq!(open.cases.len(), 1);
        open.refuse_other(&file, "test-volume-59").unwrap();
        let refused = open.refuse_other(&theirs, "test-volume-3").unwrap_err();
        assert!(matches!(refused, Error::Usage { .. }), "{refused}");
        // Killed while it was written.
        open.begun = Some("test-volume-3".into());
        open.refuse_other(&theirs, "test-volume-3").unwrap();
        assert!(file.is_file());
        assert!(Made::open(folder.path(), "b").unwrap().cases.is_empty());
        assert!(!file.is_file() && theirs.is_file());
    }
}
