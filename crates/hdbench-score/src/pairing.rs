//! Which prediction belongs to which reference: by name, whatever the layout.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::{Shown as _, name_of, shown};
use hdbench_volume::case_name::refuse_name_of_all;
use hdbench_volume::{IMAGE_ENDINGS, ImageFormat};

use super::case_name::{CaseKey, case_key};
use super::grand_challenge::{PREDICTIONS, PhaseOutput, phase_outputs};
use super::source::{Listing, Source, list};

/// Number of names that are shown as examples.
const EXAMPLES: usize = 3;

/// A prediction and the reference it is scored against.
#[derive(Clone, Debug)]
pub struct CasePair {
    /// The case's name in every table: `volume-3` for LiTS numbers, else the file's name without its
    /// ending.
    pub case: String,
    /// The predicted label map.
    pub prediction: Source,
    /// The reference label map.
    pub reference: Source,
}

/// A reference without a prediction.
#[derive(Clone, Debug)]
pub struct MissingCase {
    /// The case's name.
    pub case: String,
    /// Its reference.
    pub reference: Source,
}

/// What pairing found.
#[derive(Clone, Debug, Default)]
pub struct Pairing {
    /// In the order of the case names, numbers by value.
    pub pairs: Vec<CasePair>,
    /// References without a prediction, in the same order.
    pub missing: Vec<MissingCase>,
    /// Predictions without a reference.
    pub extra: Vec<Source>,
    /// What was left out or is odd; to be shown to the user.
    pub notes: Vec<String>,
    /// What makes the scores worth little; to be shown likewise.
    pub warnings: Vec<String>,
}

/// Pairs predictions with references. Each side is a label map, a folder (links are followed, any
/// depth) or a zip archive.
///
/// Two files always are a pair. Otherwise names decide: without the endings of NIfTI, MetaImage or NRRD they
/// have to be equal, but for LiTS, where `volume-3`, `segmentation-3` and `3` padded with zeros are one case,
/// and so are `test-volume-3` and `test-segmentation-3`. CT images beside the label maps are left
/// out: `volume-N` where there is a `segmentation-N`, `CASE_0000` where there is a `CASE`, and
/// whatever lies in `imagesTr` or `imagesTs`. A single prediction is scored against its own
/// reference out of a folder.
///
/// # Errors
/// `Error::Malformed` if a side has no label map, if two files are one case (all of them are
/// listed), or if no name is on both sides; the errors of listing a folder or an archive.
pub fn pair(prediction: &Path, reference: &Path) -> Result<Pairing> {
    checked(pair_by_name(prediction, reference)?, reference)
}

/// Pairs the outputs of a grand-challenge phase with references, by the names of the images that its jobs were given:
/// `folder` holds `predictions.json` and the jobs' folders. `slug` names the output where jobs have several images.
///
/// # Errors
/// As of [`pair`]; `Error::Malformed` for a `predictions.json` of another shape, or a job without one image where
/// it says.
pub fn pair_jobs(folder: &Path, reference: &Path, slug: Option<&str>) -> Result<Pairing> {
    let mut notes = Vec::new();
    let outputs = job_outputs(folder, slug, &mut notes)?;
    let predicted = Side {
        cases: one_each(folder, outputs)?,
        notes,
    };
    let truth = Side::new(reference, list(reference)?)?;
    checked(
        pair_sides([folder, reference], predicted, truth)?,
        reference,
    )
}

/// The label maps that the jobs wrote.
fn job_outputs(
    folder: &Path,
    slug: Option<&str>,
    notes: &mut Vec<String>,
) -> Result<Vec<Candidate>> {
    let outputs = phase_outputs(folder, slug, notes)?;
    let candidate = |output: PhaseOutput| {
        let found = case_key(&output.image).ok_or_else(|| no_image(folder, &output.image))?;
        Ok(Candidate {
            key: found.key,
            volume: false,
            name: output.file.display().to_string(),
            source: Source::File(output.file),
        })
    };
    outputs.into_iter().map(candidate).collect()
}

fn no_image(folder: &Path, name: &str) -> Error {
    Error::malformed(
        &folder.join(PREDICTIONS),
        format!("names an input {name:?}, which is no image by its name, expected {IMAGE_ENDINGS}"),
        "references are found by the names of the images that the jobs were given",
    )
}

fn checked(mut pairing: Pairing, reference: &Path) -> Result<Pairing> {
    let pairs = pairing.pairs.iter().map(|pair| pair.case.as_str());
    let missing = pairing.missing.iter().map(|missing| missing.case.as_str());
    refuse_name_of_all(reference, pairs.chain(missing))?;
    pairing
        .warnings
        .extend(scored_against_itself(&pairing.pairs));
    Ok(pairing)
}

/// A reference that stands in for its own prediction scores 1 and says nothing.
fn scored_against_itself(pairs: &[CasePair]) -> Option<String> {
    let same = |pair: &&CasePair| pair.prediction.is_same_file(&pair.reference);
    let names: Vec<String> = pairs
        .iter()
        .filter(same)
        .map(|pair| pair.case.clone())
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "prediction and reference are one file in {} of {} cases ({}): their scores are those of a file \
             against itself",
            names.len(),
            pairs.len(),
            examples(&names)
        )
    })
}

fn pair_by_name(prediction: &Path, reference: &Path) -> Result<Pairing> {
    let (predicted, truth) = (list(prediction)?, list(reference)?);
    let alone = matches!(predicted, Listing::Single(_));
    if let (Listing::Single(predicted), Listing::Single(truth)) = (&predicted, &truth) {
        return Ok(Pairing {
            pairs: vec![CasePair {
                case: name_of_single(reference),
                prediction: predicted.clone(),
                reference: truth.clone(),
            }],
            ..Pairing::default()
        });
    }
    let predicted = Side::new(prediction, predicted)?;
    let truth = Side::new(reference, truth)?;
    let mut pairing = pair_sides([prediction, reference], predicted, truth)?;
    if alone {
        // One file that is named asks for its case.
        pairing.missing.clear();
    }
    Ok(pairing)
}

fn pair_sides(
    [prediction, reference]: [&Path; 2],
    mut predicted: Side,
    mut truth: Side,
) -> Result<Pairing> {
    let mut notes = Vec::new();
    for side in [&mut predicted, &mut truth] {
        notes.append(&mut side.notes);
    }
    notes.extend(predicted.warn_of_folders_in_archive());
    notes.extend(forget_test_set(&mut predicted, &truth));
    notes.extend(forget_channel(prediction, &mut predicted, &truth)?);
    let mut pairing = Pairing {
        notes,
        ..Pairing::default()
    };
    for (key, reference) in &truth.cases {
        let case = key.to_string();
        let reference = reference.clone();
        match predicted.cases.remove(key) {
            Some(prediction) => pairing.pairs.push(CasePair {
                case,
                prediction,
                reference,
            }),
            None => pairing.missing.push(MissingCase { case, reference }),
        }
    }
    if pairing.pairs.is_empty() {
        return Err(nothing_in_common(prediction, reference, &predicted, &truth));
    }
    pairing.extra = predicted.cases.into_values().collect();
    Ok(pairing)
}

fn name_of_single(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    let name = name_of(name);
    case_key(&name).map_or_else(|| name.into_owned(), |found| found.key.to_string())
}

/// The label maps of one side by case.
struct Side {
    cases: BTreeMap<CaseKey, Source>,
    notes: Vec<String>,
}

impl Side {
    fn new(root: &Path, listing: Listing) -> Result<Self> {
        let files = match listing {
            Listing::Single(source) => {
                let key = case_key(&name_of(root.as_os_str()));
                let key = key.map_or_else(|| CaseKey::Stem(name_of_single(root)), |key| key.key);
                return Ok(Self {
                    cases: BTreeMap::from([(key, source)]),
                    notes: Vec::new(),
                });
            }
            Listing::Many(files) => files,
        };
        let total = files.len();
        let mut left_out = LeftOut::default();
        let files = left_out.filter(files, |_| true);
        if files.is_empty() {
            return Err(no_label_maps(root, total, &left_out));
        }
        let cases = one_each(root, files)?;
        Ok(Self {
            cases,
            notes: left_out.notes(root),
        })
    }

    /// A zip with folders is scored all the same, but the challenge would not.
    fn warn_of_folders_in_archive(&self) -> Option<String> {
        self.cases.values().find_map(|source| match source {
            Source::Entry { archive, index } => {
                let (folder, _) = archive.entries()[*index].name.rsplit_once('/')?;
                Some(format!(
                    "{}: its label maps lie in the folder {folder:?}; the LiTS challenge takes only \
                     files at the top level and would refuse this archive",
                    archive.path().shown()
                ))
            }
            Source::File(_) => None,
        })
    }
}

/// Files that are no label maps, for the notes.
#[derive(Default)]
pub struct LeftOut {
    /// Hidden files and what macOS leaves behind.
    pub droppings: Vec<String>,
    /// CT images beside their label maps.
    pub images: Vec<String>,
    /// No images by name.
    pub others: Vec<String>,
}

/// A file that may be a label map.
pub struct Candidate {
    /// The case that its name tells.
    pub key: CaseKey,
    /// `volume-N`: the CT, where there is also a `segmentation-N`.
    volume: bool,
    /// Its path from the root of the folder or archive.
    pub name: String,
    /// Where to read it.
    pub source: Source,
}

/// Tells the label maps in NIfTI among files, as [`pair`] does, from what lies beside them: the challenge takes no
/// other format.
pub fn nifti_label_maps_among(files: Vec<(String, Source)>) -> (Vec<Candidate>, LeftOut) {
    let mut left_out = LeftOut::default();
    let candidates = left_out.filter(files, |format| format == ImageFormat::Nifti);
    (candidates, left_out)
}

impl LeftOut {
    fn filter(
        &mut self,
        files: Vec<(String, Source)>,
        is_read: impl Fn(ImageFormat) -> bool,
    ) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for (name, source) in files {
            if is_dropping(&name) {
                self.droppings.push(name);
            } else if is_in_image_folder(&name) {
                self.images.push(name);
            } else if let Some(found) = case_key(&name).filter(|found| is_read(found.format)) {
                candidates.push(Candidate {
                    key: found.key,
                    volume: found.is_volume,
                    name,
                    source,
                });
            } else {
                self.others.push(name);
            }
        }
        let segmented: BTreeSet<CaseKey> = candidates
            .iter()
            .filter(|file| !file.volume)
            .map(|file| file.key.clone())
            .collect();
        candidates.retain(|file| {
            let image = (file.volume && segmented.contains(&file.key))
                || file
                    .key
                    .without_channel()
                    .is_some_and(|key| segmented.contains(&key));
            if image {
                self.images.push(file.name.clone());
            }
            !image
        });
        candidates
    }

    fn notes(&self, root: &Path) -> Vec<String> {
        let note = |names: &[String], what: &str| {
            let (count, names) = (names.len(), examples(names));
            (count > 0).then(|| format!("{}: left out {count} {what} ({names})", root.shown()))
        };
        [
            note(&self.droppings, "hidden files, such as macOS leaves behind"),
            note(&self.images, "CT images beside the label maps"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn is_dropping(name: &str) -> bool {
    name.split('/')
        .any(|part| part == "__MACOSX" || part.starts_with('.'))
}

/// nnU-Net and the Decathlon keep images and label maps in folders beside each other.
fn is_in_image_folder(name: &str) -> bool {
    let mut folders: Vec<&str> = name.split('/').collect();
    folders.pop();
    folders
        .iter()
        .any(|folder| ["imagesTr", "imagesTs", "imagesVal"].contains(folder))
}

fn one_each(root: &Path, files: Vec<Candidate>) -> Result<BTreeMap<CaseKey, Source>> {
    let mut cases: BTreeMap<CaseKey, Vec<Candidate>> = BTreeMap::new();
    for file in files {
        let same = cases.entry(file.key.clone()).or_default();
        if !same
            .iter()
            .any(|other| other.source.is_same_file(&file.source))
        {
            same.push(file);
        }
    }
    let twice: BTreeMap<&CaseKey, Vec<String>> = cases
        .iter()
        .filter(|(_, files)| files.len() > 1)
        .map(|(key, files)| (key, files.iter().map(|file| file.name.clone()).collect()))
        .collect();
    if !twice.is_empty() {
        return Err(several(root, twice));
    }
    let first = |files: Vec<Candidate>| files.into_iter().next().map(|file| file.source);
    Ok(cases
        .into_iter()
        .filter_map(|(key, files)| Some((key, first(files)?)))
        .collect())
}

/// Files that are one case.
fn several(root: &Path, cases: BTreeMap<&CaseKey, Vec<String>>) -> Error {
    let lines = cases.into_iter().map(|(key, names)| {
        let names: Vec<_> = names.iter().map(|name| shown(name)).collect();
        format!("\n  {}: {}", shown(&key.to_string()), names.join(", "))
    });
    Error::malformed(
        root,
        format!(
            "several files are one case and nothing says which one counts:{}",
            lines.collect::<String>()
        ),
        "keep one file of each case, or name the folder that holds one of each",
    )
}

/// `test-segmentation-3` against `segmentation-3`: one case if all predictions are named in the one
/// way and all references in the other.
fn forget_test_set(predicted: &mut Side, truth: &Side) -> Option<String> {
    let sets = |side: &Side| -> BTreeSet<bool> {
        side.cases.keys().filter_map(CaseKey::is_test).collect()
    };
    let (ours, theirs) = (sets(predicted), sets(truth));
    if ours.len() != 1 || theirs.len() != 1 || ours == theirs {
        return None;
    }
    let cases = std::mem::take(&mut predicted.cases);
    predicted.cases = cases
        .into_iter()
        .map(|(key, source)| (key.other_set(), source))
        .collect();
    Some(
        "only one side is named `test-…`: test-segmentation-N and segmentation-N are taken for one \
         case"
        .into(),
    )
}

/// Predictions named after nnU-Net's images (`CASE_0000`).
fn forget_channel(root: &Path, predicted: &mut Side, truth: &Side) -> Result<Option<String>> {
    let renamed: Vec<(CaseKey, CaseKey)> = predicted
        .cases
        .keys()
        .filter(|key| !truth.cases.contains_key(key))
        .filter_map(|key| Some((key.clone(), key.without_channel()?)))
        .filter(|(_, key)| truth.cases.contains_key(key) && !predicted.cases.contains_key(key))
        .collect();
    let mut channels: BTreeMap<&CaseKey, Vec<String>> = BTreeMap::new();
    for (old, new) in &renamed {
        channels.entry(new).or_default().push(old.to_string());
    }
    channels.retain(|_, names| names.len() > 1);
    if !channels.is_empty() {
        return Err(several(root, channels));
    }
    let count = renamed.len();
    for (old, new) in renamed {
        if let Some(source) = predicted.cases.remove(&old) {
            predicted.cases.insert(new, source);
        }
    }
    Ok((count > 0).then(|| {
        format!("{count} predictions are named like images (CASE_0000) and taken for CASE")
    }))
}

fn no_label_maps(root: &Path, total: usize, left_out: &LeftOut) -> Error {
    let seen: Vec<String> = [&left_out.images, &left_out.others, &left_out.droppings]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    let problem = match total {
        0 => "is empty: no label maps in it".to_owned(),
        _ => format!(
            "none of its {total} files is a label map ({})",
            examples(&seen)
        ),
    };
    Error::malformed(
        root,
        problem,
        format!("expected files named {IMAGE_ENDINGS}, in any folders below"),
    )
}

fn nothing_in_common(prediction: &Path, reference: &Path, predicted: &Side, truth: &Side) -> Error {
    let names = |side: &Side| {
        let names: Vec<String> = side.cases.keys().map(ToString::to_string).collect();
        format!("{} cases ({})", names.len(), examples(&names))
    };
    Error::malformed(
        prediction,
        format!(
            "no prediction has the name of a reference: {} here, {} in {}",
            names(predicted),
            names(truth),
            reference.shown()
        ),
        "give the prediction of CASE.nii.gz the same name; LiTS numbers are recognised \
         (volume-N, segmentation-N, test-segmentation-N)",
    )
}

/// The first few of many names.
fn examples(names: &[String]) -> String {
    let first = &names[..names.len().min(EXAMPLES)];
    let first: Vec<_> = first.iter().map(|name| shown(name)).collect();
    let more = if names.len() > EXAMPLES { ", …" } else { "" };
    first.join(", ") + more
}
