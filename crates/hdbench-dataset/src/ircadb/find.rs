use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;
use hdbench_volume::artifact::{Tree, TreeFile};

use super::layout::{
    IMAGE, MASKS, Part, Structure, is_collection, part, patient_number, stem, structure_name,
};

/// Patients may lie this many folders below the one that is named.
const MAX_FOLDERS: usize = 3;

const EXPECTED: &str = "expected the folder of 3DIRCADb-01 with 3Dircadb1.N/PATIENT_DICOM and 3Dircadb1.N/MASKS_DICOM, \
                        folders or zip archives, as it is downloaded";

/// A patient of 3DIRCADb-01: a CT series and the masks of structures in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Patient {
    /// N of `3Dircadb1.N`.
    pub number: u32,
    /// `3Dircadb1.N`.
    pub name: String,
    place: Place,
    labelled: bool,
    files: Vec<PathBuf>,
}

/// Where the parts of a patient lie.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// A folder, or an archive.
    on_disk: PathBuf,
    /// Archives to open one after the other, by their paths inside.
    archives: Vec<String>,
    /// The folder in the last of them; may be empty.
    folder: String,
}

/// Finds the patients of 3DIRCADb-01, by number. `path` is the folder with `3Dircadb1.N` folders,
/// up to three folders down, or one of them, or archives of either (`3Dircadb1.zip`,
/// `3Dircadb1.N.zip`), names in any case of letters. A patient that is there both as a folder and as
/// an archive is taken from the folder.
///
/// # Errors
/// `Error::Read`; `Error::Malformed` if there is no patient, if one is there twice, and for archives
/// that are damaged or refused.
pub fn find(path: &Path) -> Result<Vec<Patient>> {
    let mut found = FoundPatient::default();
    let named = path.canonicalize().map_err(Error::read(path))?;
    let name = named.file_name().unwrap_or_default().to_string_lossy();
    let tree = Tree::open(path)?;
    let place = Place {
        on_disk: path.to_path_buf(),
        archives: Vec::new(),
        folder: String::new(),
    };
    if path.is_dir() {
        match patient_number(&name) {
            Some(number) => found.folders.entry(number).or_default().push(place),
            None => found.search(&tree, &place)?,
        }
    } else {
        found.archive(&tree, &place, stem(&name).and_then(patient_number))?;
    }
    let patients = found.resolve(path)?;
    if patients.is_empty() {
        return Err(Error::malformed(
            path,
            "no patients of 3DIRCADb-01 found",
            EXPECTED,
        ));
    }
    patients.into_iter().map(Patient::complete).collect()
}

/// Candidates by number, folders before archives.
#[derive(Default)]
struct FoundPatient {
    folders: BTreeMap<u32, Vec<Place>>,
    archives: BTreeMap<u32, Vec<Place>>,
}

impl FoundPatient {
    /// Takes patients' folders and archives from a tree.
    fn search(&mut self, tree: &Tree, place: &Place) -> Result<()> {
        let mut folders: BTreeMap<&str, u32> = BTreeMap::new();
        for file in tree.files() {
            match patient_folder(file) {
                Some((folder, number)) => {
                    folders.insert(folder, number);
                }
                None if file.path.split('/').count() > MAX_FOLDERS + 1 => {}
                None => {
                    let number = stem(file.name()).and_then(patient_number);
                    if number.is_some() || is_collection(file.name()) {
                        let inner = place.entering(tree, file);
                        match number {
                            Some(number) => self.archives.entry(number).or_default().push(inner),
                            None => self.archive(&tree.enter(file)?, &inner, None)?,
                        }
                    }
                }
            }
        }
        for (folder, number) in folders {
            let inner = place.below(folder);
            // A folder on disk counts more than the same one in an archive beside it.
            let side = if inner.folder.is_empty() {
                &mut self.folders
            } else {
                &mut self.archives
            };
            side.entry(number).or_default().push(inner);
        }
        Ok(())
    }

    /// Takes the patients of an archive; one that is named after a patient may be the patient itself.
    fn archive(&mut self, tree: &Tree, place: &Place, number: Option<u32>) -> Result<()> {
        match number {
            Some(number) => self.archives.entry(number).or_default().push(place.clone()),
            None => self.search(tree, place)?,
        }
        Ok(())
    }

    fn resolve(mut self, path: &Path) -> Result<Vec<Patient>> {
        for (number, places) in self.archives {
            self.folders.entry(number).or_insert(places);
        }
        self.folders
            .into_iter()
            .map(|(number, places)| {
                let name = format!("3Dircadb1.{number}");
                let [place] = <[Place; 1]>::try_from(places).map_err(|places| {
                    let listed: Vec<String> = places.iter().map(Place::to_string).collect();
                    Error::malformed(
                        path,
                        format!(
                            "{name} is there {} times: {}",
                            places.len(),
                            listed.join(", ")
                        ),
                        "keep one of them, or name a folder that holds one of them",
                    )
                })?;
                Ok(Patient {
                    number,
                    name,
                    place,
                    labelled: false,
                    files: Vec::new(),
                })
            })
            .collect()
    }
}

/// The folder of a patient that a file lies in, and the patient's number.
fn patient_folder(file: &TreeFile) -> Option<(&str, u32)> {
    let mut end = 0;
    let (folders, _) = file.path.rsplit_once('/')?;
    for part in folders.split('/').take(MAX_FOLDERS) {
        end += part.len();
        if let Some(number) = patient_number(part) {
            return Some((&file.path[..end], number));
        }
        end += 1;
    }
    None
}

impl Place {
    fn below(&self, folder: &str) -> Self {
        let mut place = self.clone();
        // Still on disk: nothing was entered, so the folder is named directly.
        if self.archives.is_empty() && self.on_disk.is_dir() {
            place.on_disk = self.on_disk.join(folder);
        } else {
            place.folder = folder.to_owned();
        }
        place
    }

    fn entering(&self, tree: &Tree, file: &TreeFile) -> Self {
        let mut place = self.clone();
        if self.archives.is_empty() && self.on_disk.is_dir() {
            place.on_disk = tree.on_disk(file).to_path_buf();
        } else {
            place.archives.push(file.path.clone());
        }
        place
    }

    fn open(&self) -> Result<Tree> {
        let mut tree = Tree::open(&self.on_disk)?;
        for archive in &self.archives {
            let file = tree
                .files()
                .iter()
                .find(|file| file.path == *archive)
                .ok_or_else(|| {
                    Error::malformed(
                        tree.path(),
                        format!("{archive} is no longer there"),
                        "start again when nothing writes to the folder any more",
                    )
                })?;
            tree = tree.enter(file)?;
        }
        if self.folder.is_empty() {
            Ok(tree)
        } else {
            Ok(tree.under(&self.folder))
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut path = self.on_disk.clone();
        path.extend(&self.archives);
        if !self.folder.is_empty() {
            path.push(&self.folder);
        }
        write!(f, "{}", path.shown())
    }
}

impl Patient {
    /// The files below `3Dircadb1.N`.
    pub(super) fn tree(&self) -> Result<Tree> {
        let tree = self.place.open()?;
        // An archive of a patient holds the patient's folder, or what lies in it.
        let inner = tree.files().iter().find_map(|file| {
            let (folder, number) = patient_folder(file)?;
            (number == self.number).then_some(folder)
        });
        Ok(match inner {
            Some(folder) if part(&tree, IMAGE).is_none() => tree.under(folder),
            _ => tree,
        })
    }

    fn complete(mut self) -> Result<Self> {
        let tree = self.tree()?;
        let masks = part(&tree, MASKS);
        self.labelled = masks.is_some();
        if let Some(image) = part(&tree, IMAGE) {
            self.files.extend(on_disk(&tree, image, |_| true));
        }
        if let Some(masks) = masks {
            let is_used = |file: &TreeFile| {
                let folder = if file.is_archive() {
                    Some(file.path.as_str())
                } else {
                    file.path.rsplit_once('/').map(|(folder, _)| folder)
                };
                folder.is_some_and(|folder| Structure::named(structure_name(folder)).is_some())
            };
            self.files.extend(on_disk(&tree, masks, is_used));
        }
        self.files.sort();
        self.files.dedup();
        Ok(self)
    }

    /// The files that change when image or labels change: the slices of the image, the liver and
    /// its tumours, or the archives that hold them. Sorted.
    pub fn files_on_disk(&self) -> Vec<PathBuf> {
        self.files.clone()
    }

    /// Whether there is a `MASKS_DICOM`.
    pub fn has_labels(&self) -> bool {
        self.labelled
    }
}

fn on_disk(patient: &Tree, part: Part, is_used: impl Fn(&TreeFile) -> bool) -> Vec<PathBuf> {
    match part {
        Part::Folder(tree) => tree
            .files()
            .iter()
            .filter(|file| is_used(file))
            .map(|file| tree.on_disk(file).to_path_buf())
            .collect(),
        Part::Archive(file) => vec![patient.on_disk(&file).to_path_buf()],
    }
}
