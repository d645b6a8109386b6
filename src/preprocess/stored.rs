use std::io::Write;
use std::path::{Path, PathBuf};

use ndarray::Array3;
use serde::{Deserialize, Serialize};

use super::prepared::{Prepared, canonical_box, labels_at, resample_hu};
use crate::artifact::{
    FileRecords, FileState, Look, MaybeGzip, Owned, ReopenedFile, Same, gzip_writer, hash_bytes,
    read_file, record_files, replace_dir, settle, unlike, write_atomic,
};
use crate::dataset::Pair;
use crate::error::{Error, Result};
use crate::recipe::{Recipe, Scale};
use crate::volume::{Geometry, LabelBox, Orientation, Volume, resample_nearest};

/// Raised when the bytes of a cached case change their meaning.
const FORMAT: u32 = 2;

const DESCRIPTION: &str = "case.json";

/// Where the working grid has other voxels than the file: the case on the file's own, packed, for what looks at
/// every voxel once.
const OWN_IMAGE: &str = "own.image.gz";
const OWN_LABELS: &str = "own.labels.gz";

/// Fast, and a third of the size for a CT clipped to the window.
const LEVEL: u32 = 1;

const OF_OLD: &str = "was prepared by an older version";

const DELETE_IT: &str = "delete this folder of the cache";

/// What a prepared case's folder holds; the fingerprint is the audit's.
const FOLDER: Owned<'_> = Owned::files(
    "a prepared case",
    &[
        "working.image",
        "working.labels",
        "coarse.image",
        "coarse.labels",
        OWN_IMAGE,
        OWN_LABELS,
        DESCRIPTION,
        "fingerprint",
    ],
);

/// Which of a case's two grids is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grid {
    /// The one that networks train on.
    Working,
    /// The coarse liver net's.
    Coarse,
}

/// What a case is prepared on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grids {
    /// HU are clipped to it.
    pub hu_window: [f64; 2],
    /// See [`Prepared::working_shape`].
    pub working_matrix: Option<usize>,
    /// mm, `[z, y, x]`.
    pub coarse_mm: [f64; 3],
}

impl Grids {
    /// Those of a recipe and a scale.
    pub fn of(recipe: &Recipe, scale: &Scale) -> Self {
        Self {
            hu_window: recipe.hu_window,
            working_matrix: scale.working_matrix,
            coarse_mm: scale.coarse_spacing_mm,
        }
    }
}

/// What training needs to know of one grid of a case without reading its voxels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredFacts {
    /// Voxels `[z, y, x]`, canonical order.
    pub shape: [usize; 3],
    /// mm, `[z, y, x]`.
    pub spacing_mm: [f64; 3],
    /// Voxels of liver alone (label 1) in each slice.
    pub liver: Vec<u32>,
    /// Voxels of lesion (label 2) in each slice.
    pub lesion: Vec<u32>,
    /// Box around the liver and its lesions, `[[first, end]; z, y, x]`; none in a case without.
    pub organ_box: Option<[[usize; 2]; 3]>,
}

/// A labelled case in the cache: patches are read from disk, so that memory does not grow with
/// the number or the size of the cases.
#[derive(Debug)]
pub struct Stored {
    pub name: String,
    content: String,
    /// What was odd about the files.
    pub warnings: Vec<String>,
    has_lesion: bool,
    file: Geometry,
    working: Layer,
    coarse: Layer,
    folder: PathBuf,
}

#[derive(Debug)]
struct Layer {
    facts: StoredFacts,
    image: ReopenedFile,
    labels: ReopenedFile,
    folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Description {
    format: u32,
    name: String,
    warnings: Vec<String>,
    /// On the file's own grid.
    has_lesion: bool,
    /// The file's own grid; none in one of an older version.
    #[serde(default)]
    file: Option<Geometry>,
    working: StoredFacts,
    coarse: StoredFacts,
    /// Everything that lies beside this file; empty in one of an older version.
    #[serde(default)]
    files: FileRecords,
}

impl Description {
    fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(DESCRIPTION);
        let text = read_file(&path).map_err(Error::read(&path))?;
        let description: Self = serde_json::from_slice(&text)
            .map_err(|e| Error::malformed(&path, e.to_string(), DELETE_IT))?;
        if description.format != FORMAT {
            return Err(Error::malformed(
                &path,
                format!("cache format {} instead of {FORMAT}", description.format),
                DELETE_IT,
            ));
        }
        Ok(description)
    }

    fn write(&self, folder: &Path) -> Result<()> {
        let json = serde_json::to_vec_pretty(self).map_err(|e| Error::Internal(e.to_string()))?;
        write_atomic(&folder.join(DESCRIPTION), &json)
    }

    /// Hash of everything but times.
    fn content(&self) -> Result<String> {
        let hashes: Vec<(&String, &str)> = self
            .files
            .iter()
            .map(|(name, file)| (name, file.blake3()))
            .collect();
        let whole = (
            &self.name,
            &self.warnings,
            self.has_lesion,
            &self.working,
            &self.coarse,
            hashes,
        );
        let json = serde_json::to_vec(&whole).map_err(|e| Error::Internal(e.to_string()))?;
        Ok(hash_bytes(&json))
    }
}

impl Stored {
    /// The cache folder's name for these inputs; `read` is the hash of a case's files and how they
    /// are taken.
    pub fn key(read: &str, grids: &Grids) -> String {
        let text = format!("{FORMAT} {read} {grids:?}");
        hash_bytes(text.as_bytes())[..24].to_owned()
    }

    /// Writes a case's two grids into `folder`, whole or not at all. `beside` adds files of its own.
    pub fn write(
        folder: &Path,
        name: &str,
        pair: &Pair,
        grids: &Grids,
        beside: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<()> {
        let prepared = Prepared::new(Path::new(name), &pair.image, grids.hu_window)?;
        let labels = Orientation::of(&pair.labels.geometry)
            .to_canonical(&pair.labels)
            .voxels;
        let working_shape = prepared.working_shape(grids.working_matrix);
        let working_image = prepared.image_at(working_shape);
        let working_labels = labels_at(&labels, working_shape);
        let coarse_shape = prepared.shape_at(grids.coarse_mm)?;
        let coarse_image = resample_hu(&prepared.image, coarse_shape);
        let coarse_labels = resample_nearest(&labels, coarse_shape);
        replace_dir(folder, &FOLDER, |dir| {
            write_layer(dir, "working", &working_image, &working_labels)?;
            write_layer(dir, "coarse", &coarse_image, &coarse_labels)?;
            if working_shape != <[usize; 3]>::from(prepared.image.dim()) {
                write_packed(&dir.join(OWN_IMAGE), le_bytes(&prepared.image))?;
                write_packed(&dir.join(OWN_LABELS), labels.iter().copied().collect())?;
            }
            beside(dir)?;
            let description = Description {
                format: FORMAT,
                name: name.to_owned(),
                warnings: pair.warnings.clone(),
                has_lesion: labels.iter().any(|&label| label == 2),
                file: Some(prepared.file.clone()),
                working: StoredFacts::of(&working_labels, prepared.spacing_at(working_shape)),
                coarse: StoredFacts::of(&coarse_labels, prepared.spacing_at(coarse_shape)),
                files: record_files(dir, names_in(dir)?)?,
            };
            description.write(dir)
        })
    }

    /// Opens a cached case; an incomplete or older one is an error (delete the folder).
    pub fn open(folder: &Path) -> Result<Self> {
        let description = Description::read(folder)?;
        let of_old = || Error::malformed(folder, OF_OLD, DELETE_IT);
        Ok(Self {
            file: description.file.clone().ok_or_else(of_old)?,
            folder: folder.to_path_buf(),
            content: description.content()?,
            name: description.name,
            warnings: description.warnings,
            has_lesion: description.has_lesion,
            working: Layer::open(folder, "working", description.working)?,
            coarse: Layer::open(folder, "coarse", description.coarse)?,
        })
    }

    /// Hash of everything that was prepared of the case.
    pub fn content(&self) -> &str {
        &self.content
    }

    /// Why a folder does not hold a finished case with everything as it was written, `file` among it;
    /// nothing where it does. `content` is the hash that it has to have, if one is known.
    pub fn problem(folder: &Path, file: &str, content: &str, look: Look) -> Option<String> {
        if !folder.exists() {
            return Some("is not there".into());
        }
        let mut description = match Description::read(folder) {
            Ok(description) => description,
            Err(error) => return Some(error.to_string()),
        };
        if !description.files.contains_key(file) || description.file.is_none() {
            return Some(OF_OLD.into());
        }
        if !content.is_empty() && description.content().ok().as_deref() != Some(content) {
            return Some("is another than was prepared for this study".into());
        }
        let recorded = description.files.clone();
        let unlike = match look {
            Look::Quick => settle(folder, &mut description.files),
            Look::Whole => unlike(folder, &description.files, look),
        };
        if let Some((name, state)) = unlike.first() {
            return Some(match state {
                FileState::Missing => format!("{name} is missing"),
                _ => format!("{name} is not as it was written"),
            });
        }
        if description.files != recorded {
            // Where it cannot be written, it is read whole again the next time.
            let _ = description.write(folder);
        }
        None
    }

    /// Whether the case has a lesion, on its file's own grid.
    pub fn has_lesion(&self) -> bool {
        self.has_lesion
    }

    /// The file's own grid.
    pub fn file(&self) -> &Geometry {
        &self.file
    }

    /// HU of the file's own voxels within the recipe's window, `[z, y, x]` in canonical order.
    ///
    /// # Errors
    /// `Error::Read`, `Error::Malformed`.
    pub fn own_image(&self) -> Result<Volume<i16>> {
        let voxels = match self.is_on_own_grid() {
            true => self.read_image(Grid::Working)?,
            false => {
                let bytes = self.unpacked(OWN_IMAGE, 2)?;
                self.shaped(self.own_shape(), i16s(&bytes))?
            }
        };
        Ok(self.on_own_grid(voxels))
    }

    /// Labels of the file's own voxels, `[z, y, x]` in canonical order.
    ///
    /// # Errors
    /// As [`Self::own_image`].
    pub fn own_labels(&self) -> Result<Volume<u8>> {
        let voxels = match self.is_on_own_grid() {
            true => self.read_labels(Grid::Working)?,
            false => self.shaped(self.own_shape(), self.unpacked(OWN_LABELS, 1)?)?,
        };
        Ok(self.on_own_grid(voxels))
    }

    /// The labels as the file has them, without the background around them.
    ///
    /// # Errors
    /// As [`Self::own_image`].
    pub fn file_labels(&self) -> Result<LabelBox> {
        let canonical = self.own_labels()?.voxels;
        Ok(LabelBox::of(&Volume {
            voxels: Orientation::of(&self.file).from_canonical(&canonical),
            geometry: self.file.clone(),
        }))
    }

    /// Of the file's own voxels in canonical order.
    fn own_geometry(&self) -> Geometry {
        Orientation::of(&self.file).geometry_to_canonical(&self.file)
    }

    /// Voxels `[z, y, x]` of the file's own grid in canonical order.
    pub fn own_shape(&self) -> [usize; 3] {
        self.own_geometry().shape
    }

    /// mm, `[z, y, x]` of the file's own grid in canonical order.
    pub fn own_spacing_mm(&self) -> [f64; 3] {
        self.own_geometry().spacing_mm
    }

    fn is_on_own_grid(&self) -> bool {
        self.facts(Grid::Working).shape == self.own_shape()
    }

    fn on_own_grid<T>(&self, voxels: Array3<T>) -> Volume<T> {
        let geometry = self.own_geometry();
        Volume { voxels, geometry }
    }

    /// A packed file with `bytes` a voxel of the file's own grid.
    fn unpacked(&self, name: &str, bytes: usize) -> Result<Vec<u8>> {
        let path = self.folder.join(name);
        let size = bytes * self.file.len();
        let mut content = vec![0; size];
        let mut packed = MaybeGzip::open(&path)?;
        if packed.fill(&mut content)? != size {
            return Err(Error::malformed(&path, "is too short", DELETE_IT));
        }
        Ok(content)
    }

    fn shaped<T>(&self, [depth, height, width]: [usize; 3], voxels: Vec<T>) -> Result<Array3<T>> {
        Array3::from_shape_vec((depth, height, width), voxels)
            .map_err(|e| Error::Internal(e.to_string()))
    }

    /// What is known of a grid.
    pub fn facts(&self, grid: Grid) -> &StoredFacts {
        &self.layer(grid).facts
    }

    /// Image, HU, and labels of a whole grid, `[z, y, x]`.
    ///
    /// # Errors
    /// `Error::Read`.
    pub fn read(&self, grid: Grid) -> Result<(Array3<i16>, Array3<u8>)> {
        Ok((self.read_image(grid)?, self.read_labels(grid)?))
    }

    /// Image of a whole grid, HU, `[z, y, x]`.
    ///
    /// # Errors
    /// `Error::Read`.
    pub fn read_image(&self, grid: Grid) -> Result<Array3<i16>> {
        let shape = self.facts(grid).shape;
        let mut image = Vec::with_capacity(shape.iter().product());
        for z in 0..shape[0] {
            image.extend(self.image_rows(grid, z, [0, shape[1]])?);
        }
        self.shaped(shape, image)
    }

    /// Labels of a whole grid, `[z, y, x]`.
    ///
    /// # Errors
    /// `Error::Read`.
    pub fn read_labels(&self, grid: Grid) -> Result<Array3<u8>> {
        let shape = self.facts(grid).shape;
        let mut labels = Vec::with_capacity(shape.iter().product());
        for z in 0..shape[0] {
            labels.extend(self.label_rows(grid, z, [0, shape[1]])?);
        }
        self.shaped(shape, labels)
    }

    /// Rows `[first, end)` of a slice's image, HU, `x` fastest.
    pub fn image_rows(&self, grid: Grid, z: usize, rows: [usize; 2]) -> Result<Vec<i16>> {
        let layer = self.layer(grid);
        let bytes = layer.rows(&layer.image, "image", 2, z, rows)?;
        Ok(i16s(&bytes))
    }

    /// Rows `[first, end)` of a slice's labels, `x` fastest.
    pub fn label_rows(&self, grid: Grid, z: usize, rows: [usize; 2]) -> Result<Vec<u8>> {
        let layer = self.layer(grid);
        layer.rows(&layer.labels, "labels", 1, z, rows)
    }

    fn layer(&self, grid: Grid) -> &Layer {
        match grid {
            Grid::Working => &self.working,
            Grid::Coarse => &self.coarse,
        }
    }
}

impl Layer {
    fn open(folder: &Path, grid: &str, facts: StoredFacts) -> Result<Self> {
        // A shape that is none overflows, and no file has that length.
        let shape = facts.shape.iter();
        let voxels = shape.fold(1_u64, |all, &n| all.saturating_mul(n as u64));
        let open = |kind: &str, size: u64| {
            let path = folder.join(format!("{grid}.{kind}"));
            // Another start may make the same content anew while this one trains.
            let file = ReopenedFile::open(&path, Same::Length).map_err(Error::read(&path))?;
            let found = file.bytes();
            if found != size {
                return Err(Error::malformed(
                    &path,
                    format!("{found} bytes instead of {size}"),
                    DELETE_IT,
                ));
            }
            Ok(file)
        };
        Ok(Self {
            image: open("image", voxels.saturating_mul(2))?,
            labels: open("labels", voxels)?,
            facts,
            folder: folder.to_path_buf(),
        })
    }

    fn rows(
        &self,
        file: &ReopenedFile,
        kind: &str,
        bytes: usize,
        z: usize,
        [first, end]: [usize; 2],
    ) -> Result<Vec<u8>> {
        let [_, height, width] = self.facts.shape;
        let mut buffer = vec![0; (end - first) * width * bytes];
        let offset = (z * height + first) * width * bytes;
        file.read_exact_at(&mut buffer, offset as u64)
            .map_err(Error::read(&self.folder.join(kind)))?;
        Ok(buffer)
    }
}

impl StoredFacts {
    /// Counts of a label map in canonical order.
    pub fn of(labels: &Array3<u8>, spacing_mm: [f64; 3]) -> Self {
        let count = |label: u8| {
            labels
                .outer_iter()
                .map(|slice| slice.iter().filter(|&&v| v == label).count() as u32)
                .collect()
        };
        let (depth, height, width) = labels.dim();
        Self {
            shape: [depth, height, width],
            spacing_mm,
            liver: count(1),
            lesion: count(2),
            organ_box: canonical_box(labels.view(), |label| label > 0),
        }
    }

    /// Whether the case has a lesion on this grid.
    pub fn has_lesion(&self) -> bool {
        self.lesion.iter().any(|&n| n > 0)
    }
}

fn le_bytes(image: &Array3<i16>) -> Vec<u8> {
    image.iter().flat_map(|hu| hu.to_le_bytes()).collect()
}

fn i16s(bytes: &[u8]) -> Vec<i16> {
    let pairs = bytes.chunks_exact(2);
    pairs
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

fn write_packed(path: &Path, bytes: Vec<u8>) -> Result<()> {
    let mut out = gzip_writer(Vec::new(), LEVEL);
    let packed = out.write_all(&bytes).and_then(|()| out.finish());
    write_atomic(path, &packed.map_err(Error::write(path))?)
}

/// The names of the files in a folder.
fn names_in(dir: &Path) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(dir).map_err(Error::read(dir))?;
    entries
        .map(|entry| {
            let entry = entry.map_err(Error::read(dir))?;
            Ok(entry.file_name().to_string_lossy().into_owned())
        })
        .collect()
}

fn write_layer(dir: &Path, grid: &str, image: &Array3<i16>, labels: &Array3<u8>) -> Result<()> {
    write_atomic(&dir.join(format!("{grid}.image")), &le_bytes(image))?;
    let bytes: Vec<u8> = labels.iter().copied().collect();
    write_atomic(&dir.join(format!("{grid}.labels")), &bytes)
}
