//! `dataset.json` of nnU-Net and of the Medical Segmentation Decathlon.

use std::fmt;
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use serde_json::{Map, Value};

use crate::LabelMap;
use crate::artifact::read_file;
use crate::nnunet_folder::TrainedFold;

/// How `labels` is written: the two are each other's inverse, a classic mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Convention {
    /// `{"background": 0, "liver": 1, "tumor": 2}`; a region is a list of values.
    NnUnet,
    /// `{"0": "background", "1": "liver", "2": "cancer"}`.
    Msd,
}

impl fmt::Display for Convention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NnUnet => "nnU-Net (name to value)",
            Self::Msd => "the Decathlon (value to name)",
        })
    }
}

/// A `dataset.json` that was found and understood.
#[derive(Debug)]
pub struct FoundDatasetJson {
    pub path: PathBuf,
    pub convention: Convention,
    pub map: LabelMap,
    /// nnU-Net's `file_ending`, such as `.nii.gz`.
    pub file_ending: Option<String>,
    /// How many images a case has: entries of nnU-Net's `channel_names` or of the Decathlon's
    /// `modality`.
    pub channels: Option<usize>,
}

/// Reads the `dataset.json` of the label maps at a path, which [`path_beside`] finds. A file without `labels` is
/// another program's and is left alone.
pub fn beside(root: &Path) -> Result<Option<FoundDatasetJson>> {
    let Some(path) = path_beside(root)? else {
        return Ok(None);
    };
    read(
        &path,
        "mend or remove it, or say what the labels are: --label-map lits, or FROM=TO,...",
    )
}

/// Folders of label maps that have their `dataset.json` above them: nnU-Net's raw and preprocessed data, and the
/// Decathlon.
const OF_LABELS: [&str; 2] = ["labels", "gt_segmentations"];

/// Where the `dataset.json` of the label maps at a path lies: in the folder itself, above a folder of label maps
/// (`labelsTr/`, `gt_segmentations/`), or in the trainer's folder above the validation cases of a fold. nnU-Net puts
/// one into every folder it predicts into.
///
/// # Errors
/// `Error::Read` for a path that cannot be made absolute.
pub fn path_beside(root: &Path) -> Result<Option<PathBuf>> {
    let absolute = std::path::absolute(root).map_err(Error::read(root))?;
    let folder = if absolute.is_dir() {
        Some(absolute.as_path())
    } else {
        absolute.parent()
    };
    let Some(folder) = folder else {
        return Ok(None);
    };
    let of_labels = folder.file_name().is_some_and(|name| {
        let name = name.to_string_lossy();
        OF_LABELS.iter().any(|begin| name.starts_with(begin))
    });
    let above = folder.parent().filter(|_| of_labels);
    let trained = TrainedFold::of(folder).map(|fold| fold.trainer);
    let folders = [Some(folder), above, trained.as_deref()].into_iter();
    let mut paths = folders.flatten().map(|folder| folder.join("dataset.json"));
    Ok(paths.find(|path| path.is_file()))
}

/// Where the one of a `summary.json` lies, which nnU-Net writes into `fold_N/validation` of a trained model: in its
/// folder or up to three above.
///
/// # Errors
/// `Error::Read` for a path that cannot be made absolute.
pub fn path_above(file: &Path) -> Result<Option<PathBuf>> {
    const LEVELS: usize = 4;
    let absolute = std::path::absolute(file).map_err(Error::read(file))?;
    let folders = absolute.ancestors().skip(1).take(LEVELS);
    let mut paths = folders.map(|folder| folder.join("dataset.json"));
    Ok(paths.find(|path| path.is_file()))
}

/// How many training cases a `dataset.json` says that the data set has (`numTraining`).
pub fn training_cases(path: &Path) -> Option<usize> {
    let json: Value = serde_json::from_slice(&read_file(path).ok()?).ok()?;
    json.get("numTraining")?.as_u64()?.try_into().ok()
}

/// Reads one; none if it has no `labels`. `hint` is the way out where it is wrong.
pub fn read(path: &Path, hint: &str) -> Result<Option<FoundDatasetJson>> {
    let wrong = |problem: String| Error::malformed(path, problem, hint);
    let bytes = read_file(path).map_err(Error::read(path))?;
    let json: Value =
        serde_json::from_slice(&bytes).map_err(|e| wrong(format!("is no JSON: {e}")))?;
    let Some(labels) = json.get("labels").and_then(Value::as_object) else {
        return Ok(None);
    };
    let (convention, pairs) = pairs(labels).map_err(wrong)?;
    let map = map_of(&pairs).map_err(|problem| {
        Error::malformed(
            path,
            problem,
            format!("name it liver, tumor or another organ in this file; or {hint}"),
        )
    })?;
    Ok(Some(FoundDatasetJson {
        path: path.to_path_buf(),
        convention,
        map,
        file_ending: json
            .get("file_ending")
            .and_then(Value::as_str)
            .map(ToOwned::to_owned),
        channels: ["channel_names", "modality"]
            .iter()
            .find_map(|key| json.get(key)?.as_object().map(Map::len)),
    }))
}

/// Each name with its values.
type Pairs = Vec<(String, Vec<u8>)>;

fn pairs(labels: &Map<String, Value>) -> Result<(Convention, Pairs), String> {
    let value_of = |value: &Value| value.as_u64().and_then(|value| u8::try_from(value).ok());
    let mut pairs = Vec::new();
    let msd = labels
        .iter()
        .all(|(key, value)| key.parse::<u8>().is_ok() && value.is_string());
    for (key, value) in labels {
        let pair = if msd {
            key.parse()
                .ok()
                .zip(value.as_str())
                .map(|(value, name)| (name.to_owned(), vec![value]))
        } else {
            let values = match value {
                Value::Array(values) => values.iter().map(value_of).collect(),
                value => value_of(value).map(|value| vec![value]),
            };
            values.map(|values| (key.clone(), values))
        };
        pairs.push(
            pair.ok_or_else(|| {
                format!("does not say a label's name and value in {key:?}: {value}")
            })?,
        );
    }
    let convention = if msd {
        Convention::Msd
    } else {
        Convention::NnUnet
    };
    Ok((convention, pairs))
}

/// Parts of the names of organs other than the liver, and of what belongs to them: tumours of these are none
/// of the liver. English and what TotalSegmentator, AMOS, BTCV, FLARE and CHAOS call them.
const OTHER_ORGANS: [&str; 70] = [
    "kidney",
    "renal",
    "lung",
    "pulmo",
    "pancrea",
    "colon",
    "colorect",
    "rectum",
    "rectal",
    "brain",
    "breast",
    "prostate",
    "stomach",
    "gastric",
    "spleen",
    "splen",
    "adrenal",
    "bladder",
    "urinary",
    "gall",
    "esophag",
    "oesophag",
    "duoden",
    "bowel",
    "intestin",
    "jejun",
    "ileum",
    "aorta",
    "aortic",
    "vena",
    "cava",
    "ivc",
    "svc",
    "artery",
    "heart",
    "cardiac",
    "atri",
    "ventric",
    "myocard",
    "bone",
    "vertebra",
    "rib",
    "femur",
    "hip",
    "sacrum",
    "sternum",
    "clavic",
    "scapula",
    "humer",
    "skull",
    "costal",
    "muscle",
    "gluteus",
    "iliopsoas",
    "autochthon",
    "psoas",
    "spine",
    "spinal",
    "uter",
    "ovar",
    "thyroid",
    "trache",
    "bronch",
    "lymph",
    "skin",
    "body",
    "fat",
    "adipose",
    "head",
    "neck",
];

/// What a tumour of the liver is called. Metastases and carcinomas of a liver data set are in it.
const TUMOURS: [&str; 9] = [
    "tumo",
    "lesion",
    "cancer",
    "metasta",
    "carcinom",
    "hcc",
    "malign",
    "neoplas",
    "hepatoblast",
];

/// What is inside the liver and is neither tumour nor all of it, so that nobody can say which of the two
/// it counts as.
const PARTS: [&str; 7] = [
    "vessel", "vein", "portal", "artery", "cyst", "segment", "duct",
];

/// What a label's name means; none for nnU-Net's `ignore`, which is no class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Class(u8),
    Ignored,
    /// Nothing that is known here.
    Unknown,
}

fn meaning_of(name: &str) -> Meaning {
    let name = name.to_ascii_lowercase();
    let has = |part: &&str| name.contains(part);
    let is_liver = name.contains("liver") || name.contains("hepat");
    if name == "ignore" {
        Meaning::Ignored
    } else if name == "background" || (!is_liver && OTHER_ORGANS.iter().any(has)) {
        Meaning::Class(0)
    } else if TUMOURS.iter().any(has) {
        Meaning::Class(2)
    } else if is_liver && !PARTS.iter().any(has) {
        Meaning::Class(1)
    } else if !is_liver && PARTS.iter().any(has) {
        // Vessels of a data set of vessels.
        Meaning::Class(0)
    } else {
        Meaning::Unknown
    }
}

/// What the values stand for; an error in words where that is not known.
fn map_of(pairs: &Pairs) -> Result<LabelMap, String> {
    let meant = || {
        pairs
            .iter()
            .map(|(name, values)| (meaning_of(name), values))
    };
    let is_ours = |meaning: Meaning| matches!(meaning, Meaning::Class(1 | 2));
    if !meant().any(|(meaning, _)| is_ours(meaning)) {
        let names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        return Err(format!(
            "names neither liver nor tumour among its labels ({})",
            names.join(", ")
        ));
    }
    let unknown = pairs
        .iter()
        .find(|(name, _)| meaning_of(name) == Meaning::Unknown);
    if let Some((name, values)) = unknown {
        let values: Vec<String> = values.iter().map(u8::to_string).collect();
        return Err(format!(
            "calls label {} {name:?}, which may be tumour, liver or neither",
            values.join(", ")
        ));
    }
    let mut map = LabelMap::background();
    // A value can lie in several regions (the whole liver and the tumour in it): the innermost
    // class is the largest.
    for class in 0..=2 {
        for (_, values) in meant().filter(|(meaning, _)| *meaning == Meaning::Class(class)) {
            for &value in values {
                map.set(value, class);
            }
        }
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(json: &str) -> Result<Option<FoundDatasetJson>> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("dataset.json"), json).unwrap();
        let labels = dir.path().join("labelsTr");
        std::fs::create_dir(&labels).unwrap();
        let above = beside(&labels).map(|found| found.map(|found| found.map));
        let inside = beside(dir.path());
        assert_eq!(
            above.ok(),
            inside
                .as_ref()
                .ok()
                .map(|found| found.as_ref().map(|found| found.map.clone()))
        );
        inside
    }

    #[test]
    fn it_lies_where_nnunet_keeps_it() {
        let dir = tempfile::tempdir().unwrap();
        let trainer = "T__P__C/fold_0/validation";
        for (folder, above) in [
            ("gt_segmentations", ""),
            ("labelsTr", ""),
            (trainer, "T__P__C"),
            ("T__P__C/fold_1", "T__P__C"),
        ] {
            let root = dir.path().join(folder);
            std::fs::create_dir_all(&root).unwrap();
            assert_eq!(path_beside(&root).unwrap(), None, "{folder}");
            let path = dir.path().join(above).join("dataset.json");
            std::fs::write(&path, r#"{"numTraining": 7}"#).unwrap();
            assert_eq!(
                path_beside(&root).unwrap().as_ref(),
                Some(&path),
                "{folder}"
            );
            assert_eq!(training_cases(&path), Some(7));
            std::fs::remove_file(path).unwrap();
        }
        let summary = dir.path().join(trainer).join("summary.json");
        let path = dir.path().join("T__P__C/dataset.json");
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(path_above(&summary).unwrap(), Some(path));
    }

    #[test]
    fn both_conventions_are_told_apart() {
        for (json, convention, map) in [
            (
                r#"{"labels": {"0": "background", "1": "liver", "2": "cancer"}}"#,
                Convention::Msd,
                "0=background,1=liver,2=tumour",
            ),
            (
                r#"{"labels": {"background": 0, "tumor": 1, "liver": 2}}"#,
                Convention::NnUnet,
                "0=background,1=tumour,2=liver",
            ),
            (
                r#"{"labels": {"background": 0, "liver": [1, 2], "liver_tumor": 2, "kidney_tumor": 3, "ignore": 4}}"#,
                Convention::NnUnet,
                "0=background,1=liver,2=tumour,3=background",
            ),
        ] {
            let found = found(json).unwrap().unwrap();
            assert_eq!(found.convention, convention);
            assert_eq!(found.map.to_string(), map);
        }
    }

    #[test]
    fn names_are_taken_for_what_they_say_or_asked_about() {
        let map = |names: &[&str]| {
            let pairs: Pairs = (0..)
                .zip(names)
                .map(|(value, name)| ((*name).to_owned(), vec![value]))
                .collect();
            map_of(&pairs).map(|map| map.to_string())
        };
        for (names, expected) in [
            (
                &["background", "liver", "HCC"][..],
                "0=background,1=liver,2=tumour",
            ),
            (
                &["background", "liver", "stomach cancer", "liver metastases"],
                "0=background,1=liver,2=background,3=tumour",
            ),
            (
                &[
                    "background",
                    "spleen",
                    "right kidney",
                    "gallbladder",
                    "esophagus",
                    "liver",
                    "adrenal tumour",
                ],
                "0-4=background,5=liver,6=background",
            ),
            (
                &["background", "vessel", "hepatic tumour"],
                "0=background,1=background,2=tumour",
            ),
        ] {
            assert_eq!(map(names).as_deref(), Ok(expected), "{names:?}");
        }
        for names in [
            &["background", "liver", "class 2"][..],
            &["background", "liver", "liver vessels"],
            &["background", "liver", "hepatic cyst"],
            &["background", "liver", "FNH"],
        ] {
            let problem = map(names).unwrap_err();
            assert!(problem.contains(names[2]), "{problem}");
        }
    }

    #[test]
    fn what_it_does_not_say_is_not_guessed() {
        assert!(found(r#"{"name": "another program's"}"#).unwrap().is_none());
        for json in [
            "{",
            r#"{"labels": {"background": 0, "spleen": 1}}"#,
            r#"{"labels": {"liver": 300}}"#,
            r#"{"labels": {"liver": "one"}}"#,
        ] {
            let text = found(json).unwrap_err().to_string();
            assert!(
                text.contains("dataset.json") && text.contains("hint:"),
                "{text}"
            );
        }
    }
}
