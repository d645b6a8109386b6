//! What of two folders is scored, and under which names: as `hdbench evaluate` decides it.

use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::{Shown as _, name_of};
use hdbench_volume::nnunet_folder::{Fold, TrainedFold};
use hdbench_volume::{dataset_json, split_image_name};

use super::label_map_choice::LabelMapChoice;
use super::options::Options;
use super::pairing::{CasePair, Pairing};
use super::run::{Failure, PairOptions, StrictCase, score_strict};
use super::scored_structure::ScoredStructure;
use super::structure_case::score_structures;
use super::structures::{self, StructureSet};
use super::structures_plan::StructuresPlan;
use super::tidy::Origin;

/// Names in one message.
const NAMES_SHOWN: usize = 10;

/// What is asked of two folders.
#[derive(Clone, Debug)]
pub struct FolderOptions {
    /// The structures; none for those of a `dataset.json` beside the files, else liver and lesion.
    pub structures: Option<StructureSet>,
    /// What the numbers of predictions and references mean, where no structures are named.
    pub label_maps: [LabelMapChoice; 2],
    /// Compare voxels by index though the files place them elsewhere.
    pub ignore_geometry: bool,
    /// The definitions.
    pub metrics: Options,
}

/// What of two folders is scored.
#[derive(Clone, Debug)]
pub enum FolderPlan {
    /// Label maps of liver and tumour.
    LiverAndLesion(PairOptions, Options),
    /// Any structures.
    Structures(StructuresPlan),
}

impl FolderPlan {
    /// Of predictions and references at two paths; with what is to be shown to the user.
    ///
    /// # Errors
    /// Those of finding and reading a `dataset.json`; `Error::Usage` where the label maps have no label in common.
    pub fn of(roots: [&Path; 2], options: FolderOptions) -> Result<(Self, Vec<String>)> {
        let mut notes = Vec::new();
        let is_auto = options
            .label_maps
            .iter()
            .all(|map| *map == LabelMapChoice::Auto);
        let set = match options.structures {
            None if is_auto => described_structures(roots)?.map(|(path, set)| {
                let count = set.structures.len();
                notes.push(format!("{count} structures of {} are scored", path.shown()));
                set
            }),
            set => set,
        };
        if let Some(set) = set {
            let mut plan = StructuresPlan::of(&set, options.metrics);
            plan.reading.ignore_geometry = options.ignore_geometry;
            notes.append(&mut plan.left_out);
            return Ok((Self::Structures(plan), notes));
        }
        let (reading, told) = pair_options(roots, &options.label_maps, options.ignore_geometry)?;
        notes.extend(told);
        let metrics = Options {
            structures: liver_and_lesion(&reading, &mut notes)?,
            ..options.metrics
        };
        Ok((Self::LiverAndLesion(reading, metrics), notes))
    }

    /// Scores a case; errors as [`score_structures`] and [`score_strict`].
    pub fn score(&self, pair: &CasePair) -> Result<StrictCase> {
        match self {
            Self::LiverAndLesion(reading, metrics) => score_strict(pair, reading, metrics),
            Self::Structures(plan) => score_structures(pair, &plan.reading, &plan.metrics),
        }
    }
}

/// How label maps of liver and tumour at two paths are read; with what was recognised, to be shown to the user.
///
/// # Errors
/// As of [`LabelMapChoice::resolve`].
pub fn pair_options(
    roots: [&Path; 2],
    [prediction, reference]: &[LabelMapChoice; 2],
    ignore_geometry: bool,
) -> Result<(PairOptions, Vec<String>)> {
    let (prediction_map, of_prediction) = prediction.resolve(roots[0])?;
    let (reference_map, of_reference) = reference.resolve(roots[1])?;
    let reading = PairOptions {
        prediction_map,
        reference_map,
        ignore_geometry,
    };
    let notes = of_prediction.into_iter().chain(of_reference).collect();
    Ok((reading, notes))
}

/// The structures of the `dataset.json` beside the references, else beside the predictions, where it names others
/// than liver and tumour. Predictions of a network that knows more than the references may be scored by liver and
/// tumour alone, and are where their `dataset.json` names these.
///
/// # Errors
/// Those of finding and reading the file.
pub fn described_structures(
    [prediction, reference]: [&Path; 2],
) -> Result<Option<(PathBuf, StructureSet)>> {
    Ok(match structures::beside(reference)? {
        Some((path, set)) => {
            let is_other = !structures::is_of_liver_and_tumour(&path, &set);
            is_other.then_some((path, set))
        }
        None => structures::beside(prediction)?
            .filter(|(path, _)| !matches!(dataset_json::read(path, ""), Ok(Some(_)))),
    })
}

/// Liver and lesion, as far as both sides can hold them; what a side cannot is left out, and that is said.
///
/// # Errors
/// `Error::Usage` where nothing is left.
pub fn liver_and_lesion(
    pairs: &PairOptions,
    notes: &mut Vec<String>,
) -> Result<Vec<ScoredStructure>> {
    let maps = [
        ("predictions", &pairs.prediction_map),
        ("references", &pairs.reference_map),
    ];
    let mut structures = Vec::new();
    let [liver, lesion] = [ScoredStructure::liver(), ScoredStructure::lesion()];
    for (structure, class, word) in [(liver, 1, "liver"), (lesion, 2, "tumour")] {
        match maps.iter().find(|(_, map)| !map.has(class)) {
            None => structures.push(structure),
            Some((side, map)) => notes.push(format!(
                "{} is not scored: the label map of the {side} ({map}) knows no {word}",
                structure.label
            )),
        }
    }
    match structures.is_empty() {
        false => Ok(structures),
        true => Err(Error::usage(
            "no label is in the label maps of both sides",
            "name the values of liver and tumour, for example 1=liver,2=tumour, or structures of your own",
        )),
    }
}

/// The references that have no prediction, as failures; none where these are the validation cases of a fold, which
/// are a part of the references by nature. With what is to be shown to the user.
pub fn missing_predictions(
    pairing: &Pairing,
    predictions: &Path,
) -> (Vec<Failure>, Option<String>) {
    if pairing.missing.is_empty() {
        return (Vec::new(), None);
    }
    let names: Vec<&str> = pairing
        .missing
        .iter()
        .map(|one| one.case.as_str())
        .collect();
    let text = format!(
        "{} of {} references have no prediction: {}",
        names.len(),
        names.len() + pairing.pairs.len(),
        shortened(&names)
    );
    if is_of_fold(predictions) {
        return (
            Vec::new(),
            Some(format!("{text}; they are taken for those of other folds")),
        );
    }
    let failures = pairing.missing.iter().map(|one| Failure {
        case: one.case.clone(),
        error: Error::malformed(
            predictions,
            format!("has no prediction for {}", one.reference.path().shown()),
            "add it, or leave such cases out",
        ),
    });
    (failures.collect(), Some(text))
}

/// Whether predictions are the validation cases of a fold: a part of the references by nature.
pub fn is_of_fold(predictions: &Path) -> bool {
    let trained = TrainedFold::of(predictions);
    trained.is_some_and(|trained| trained.fold != Fold::All)
}

fn shortened(names: &[&str]) -> String {
    let shown = names[..names.len().min(NAMES_SHOWN)].join(", ");
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

impl Origin {
    /// By the names of the folders, where none is given: validation cases of nnU-Net are of a trainer and a fold. With
    /// what is to be shown to the user.
    pub fn of_folders(
        [predictions, references]: [&Path; 2],
        task: Option<&str>,
        algorithm: Option<&str>,
    ) -> (Self, Option<String>) {
        let own =
            |given: Option<&str>, path: &Path| given.map_or_else(|| stem_of(path), str::to_owned);
        let trained = TrainedFold::of(predictions);
        let fold = match trained.as_ref().map(|trained| trained.fold) {
            Some(Fold::Number(number)) => number,
            _ => 0,
        };
        let note = trained.as_ref().and_then(|trained| match trained.fold {
            Fold::Number(_) => None,
            Fold::All => Some(format!(
                "{} are predictions of {}, whose network was trained on these cases: scores say nothing of others",
                predictions.shown(),
                trained.fold
            )),
        });
        let algorithm = match (algorithm, trained) {
            (None, Some(trained)) => trained.algorithm,
            (given, _) => own(given, predictions),
        };
        let origin = Self {
            task: own(task, references).into(),
            algorithm: algorithm.into(),
            fold,
            seed: 0,
        };
        (origin, note)
    }
}

/// A path's last part without its extensions: `submission` of `runs/submission.zip`.
fn stem_of(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let name = name_of(absolute.file_name().unwrap_or(absolute.as_os_str())).into_owned();
    let image = split_image_name(&name).map(|(stem, _)| stem);
    let stem = image.or_else(|| name.strip_suffix(".zip"));
    stem.unwrap_or(&name).to_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::label::Label;

    fn options() -> FolderOptions {
        FolderOptions {
            structures: None,
            label_maps: [LabelMapChoice::Auto, LabelMapChoice::Auto],
            ignore_geometry: false,
            metrics: Options::default(),
        }
    }

    #[test]
    fn a_dataset_json_beside_the_references_names_the_structures() {
        let folder = tempfile::tempdir().unwrap();
        let [pred, labels] = ["pred", "labelsTr"].map(|name| folder.path().join(name));
        for path in [&pred, &labels] {
            fs::create_dir(path).unwrap();
        }
        let of = |options| FolderPlan::of([&pred, &labels], options).unwrap();
        let (plan, notes) = of(options());
        assert!(notes.is_empty(), "{notes:?}");
        let FolderPlan::LiverAndLesion(_, metrics) = plan else {
            panic!("nothing says otherwise");
        };
        let labels_of = |metrics: &Options| {
            let structures = metrics.structures.iter();
            structures.map(|own| own.label).collect::<Vec<_>>()
        };
        assert_eq!(labels_of(&metrics), Label::LITS);
        let json = r#"{"labels": {"background": 0, "kidney": 1, "cyst": 2}}"#;
        fs::write(folder.path().join("dataset.json"), json).unwrap();
        let (plan, notes) = of(options());
        assert!(notes[0].starts_with("2 structures of "), "{notes:?}");
        let FolderPlan::Structures(plan) = plan else {
            panic!("others than liver and tumour");
        };
        assert_eq!(labels_of(&plan.metrics), ["kidney", "cyst"].map(Label::new));
        let listed = LabelMapChoice::Listed(hdbench_volume::LabelMap::parse("1=liver").unwrap());
        let (plan, notes) = of(FolderOptions {
            label_maps: [listed, LabelMapChoice::Lits],
            ..options()
        });
        assert!(matches!(plan, FolderPlan::LiverAndLesion(..)));
        assert!(
            notes
                .iter()
                .any(|note| note.starts_with("lesion is not scored")),
            "{notes:?}"
        );
    }

    #[test]
    fn names_are_those_of_the_folders() {
        let names = |pred: &str, task, algorithm| {
            let (origin, note) =
                Origin::of_folders([pred, "labelsTr"].map(Path::new), task, algorithm);
            (
                origin.task.as_str(),
                origin.algorithm.as_str(),
                origin.fold,
                note.is_some(),
            )
        };
        assert_eq!(
            names("runs/unet.zip", None, None),
            ("labelsTr", "unet", 0, false)
        );
        assert_eq!(
            names("a/T__P__3d/fold_2/validation", None, None),
            ("labelsTr", "T__P__3d", 2, false)
        );
        assert_eq!(
            names("T__P__3d/fold_all/validation", Some("lits"), None),
            ("lits", "T__P__3d", 0, true)
        );
        assert_eq!(
            names("T__P__3d/fold_1/validation", None, Some("mine")),
            ("labelsTr", "mine", 1, false)
        );
    }
}
