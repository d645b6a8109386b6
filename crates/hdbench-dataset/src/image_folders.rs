//! Data sets with `imagesTr`, `labelsTr`, `imagesTs` and `dataset.json` beside each other: the
//! Medical Segmentation Decathlon (Task03) and nnU-Net v2 raw.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::{Shown as _, composed};
use hdbench_volume::LabelMap;
use hdbench_volume::dataset_json::{self, Convention};

use super::Case;
use super::dataset::{Dataset, Layout};
use super::listing::{nifti_stem, same_file};

/// The folders of such a data set.
const FOLDERS: [&str; 3] = ["imagesTr", "labelsTr", "imagesTs"];

const DESCRIPTION: &str = "mend it: the Decathlon writes \"labels\": {\"1\": \"liver\", \"2\": \"cancer\"}, nnU-Net \
     \"labels\": {\"liver\": 1, \"tumor\": 2}";

const NAMES: &str = "nnU-Net names images CASE_0000.nii.gz and label maps CASE.nii.gz; the Decathlon names both \
     liver_N.nii.gz";

/// Which of a data set's folders a file lies in: the data set's own folder, and which one.
pub(super) fn place(file: &Path) -> Option<(&Path, &'static str)> {
    let folder = file.parent()?;
    let name = folder.file_name()?.to_str()?;
    let which = FOLDERS.into_iter().find(|&known| known == name)?;
    nifti_stem(file)?;
    Some((folder.parent()?, which))
}

/// The cases of the data set at `root` among files below it.
///
/// # Errors
/// `Error::Malformed` for a `dataset.json` that is none, for several channels, for label maps
/// without image and for two files of one name.
pub(super) fn find(root: &Path, files: &[PathBuf]) -> Result<Dataset> {
    let [training, mut labels, test] = FOLDERS.map(|folder| {
        let inside = files
            .iter()
            .filter(|file| place(file) == Some((root, folder)));
        inside.map(PathBuf::as_path).collect::<Vec<_>>()
    });
    let path = root.join("dataset.json");
    let description = match path.is_file() {
        true => dataset_json::read(&path, DESCRIPTION)?,
        false => None,
    };
    let named_by_channel = training.iter().chain(&test).all(|file| is_channel(file))
        && !labels.iter().any(|file| is_channel(file));
    let mut warnings = Vec::new();
    let (layout, map) = match &description {
        Some(found) => {
            if let Some(channels) = found.channels.filter(|&channels| channels != 1) {
                return Err(Error::malformed(
                    &path,
                    format!("describes {channels} images a case, expected 1: a CT"),
                    "keep the CT channel alone",
                ));
            }
            // nnU-Net's first version wrote its labels as the Decathlon does.
            let layout = match found.convention {
                Convention::Msd if !named_by_channel => Layout::Msd,
                _ => Layout::NnUnet,
            };
            if let Some(ending) = &found.file_ending {
                labels.retain(|file| file.to_string_lossy().ends_with(ending.as_str()));
            }
            (layout, found.map.clone())
        }
        None => {
            let layout = match named_by_channel {
                true => Layout::NnUnet,
                false => Layout::Msd,
            };
            warnings.push(format!(
                "{}: no dataset.json says what the labels are; taken as 0 background, 1 liver, \
                 2 tumour",
                root.shown()
            ));
            (layout, LabelMap::lits())
        }
    };
    let identifier = |file: &Path| match layout {
        Layout::NnUnet => without_channel(file),
        _ => Ok(stem(file)),
    };
    let mut labels = by_name(&labels, |file| Ok(stem(file)))?;
    let cases = by_name(&training, identifier)?
        .into_values()
        .map(|(name, image)| {
            let labels = labels.remove(&order(&name)).map(|(_, file)| file);
            (name, image, labels)
        });
    let cases = numbered(cases.collect(), &map);
    if let Some((name, orphan)) = labels.into_values().next() {
        return Err(Error::malformed(
            &orphan,
            format!("the label map {name} has no image in imagesTr"),
            NAMES,
        ));
    }
    let test = by_name(&test, identifier)?;
    let test = test.into_values().map(|(name, image)| (name, image, None));
    Ok(Dataset {
        layout,
        cases,
        test_cases: numbered(test.collect(), &map),
        description: description.map(|found| found.path),
        warnings,
    })
}

/// Names in natural order, each with its file.
type Named = BTreeMap<(String, u64, String), (String, PathBuf)>;

fn by_name(files: &[&Path], name: impl Fn(&Path) -> Result<String>) -> Result<Named> {
    let mut named = Named::new();
    for &file in files {
        let name = name(file)?;
        let key = order(&name);
        if let Some((_, first)) = named.get(&key)
            && !same_file(first, file)?
        {
            return Err(Error::malformed(
                file,
                format!("{name} occurs twice, also as {}", first.shown()),
                "keep one of the two files",
            ));
        }
        named.entry(key).or_insert((name, file.to_path_buf()));
    }
    Ok(named)
}

/// `liver_2` before `liver_10`.
fn order(name: &str) -> (String, u64, String) {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = name[stem.len()..].parse().unwrap_or(0);
    (stem.to_owned(), number, name.to_owned())
}

/// Cases with the number at the end of their names, or their place where the names have none.
fn numbered(cases: Vec<(String, PathBuf, Option<PathBuf>)>, map: &LabelMap) -> Vec<Case> {
    let ids: Vec<u32> = (0..)
        .zip(&cases)
        .map(|(place, (name, ..))| {
            let digits = name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
            name[digits..].parse().unwrap_or(place)
        })
        .collect();
    ids.into_iter()
        .zip(cases)
        .map(|(id, (name, image, labels))| {
            Case::nifti(id, name, image, labels).with_label_map(map.clone())
        })
        .collect()
}

fn stem(file: &Path) -> String {
    composed(nifti_stem(file).unwrap_or_default())
}

fn channel(file: &Path) -> Option<(&str, &str)> {
    let (case, channel) = nifti_stem(file)?.rsplit_once('_')?;
    let digits = channel.len() == 4 && channel.bytes().all(|byte| byte.is_ascii_digit());
    (digits && !case.is_empty()).then_some((case, channel))
}

fn is_channel(file: &Path) -> bool {
    channel(file).is_some()
}

/// `CASE` of `CASE_0000.nii.gz`.
fn without_channel(file: &Path) -> Result<String> {
    match channel(file) {
        Some((case, "0000")) => Ok(composed(case)),
        Some((case, channel)) => Err(Error::malformed(
            file,
            format!("channel {channel} of {case}: a CT has one channel, 0000"),
            "keep the CT channel alone, as CASE_0000",
        )),
        None => Err(Error::malformed(
            file,
            "expected an image named CASE_0000.nii.gz",
            NAMES,
        )),
    }
}
