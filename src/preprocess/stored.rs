use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use ndarray::Array3;
use serde::{Deserialize, Serialize};

use super::prepared::{Prepared, canonical_box, resample_hu};
use crate::artifact::{Owned, hash_bytes, replace_dir, write_atomic};
use crate::dataset::Pair;
use crate::error::{Error, Result};
use crate::volume::{Orientation, resample_nearest};

/// Raised when the bytes of a cached case change their meaning.
const FORMAT: u32 = 1;

/// What a prepared case's folder holds; the fingerprint is the audit's.
const FOLDER: Owned<'_> = Owned::files(
    "a prepared case",
    &[
        "original.image",
        "original.labels",
        "coarse.image",
        "coarse.labels",
        "case.json",
        "fingerprint",
    ],
);

/// Which of a case's two grids is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grid {
    /// The file's own voxels.
    Original,
    /// The coarse liver net's.
    Coarse,
}

/// What training needs to know of one grid of a case without reading its voxels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Voxels `[z, y, x]`, canonical order.
    pub shape: [usize; 3],
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
    /// What was odd about the files.
    pub warnings: Vec<String>,
    original: Layer,
    coarse: Layer,
}

#[derive(Debug)]
struct Layer {
    facts: Facts,
    image: File,
    labels: File,
    folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Description {
    format: u32,
    name: String,
    warnings: Vec<String>,
    original: Facts,
    coarse: Facts,
}

impl Stored {
    /// The cache folder's name for these inputs; `read` is the hash of a case's files and how they
    /// are taken.
    pub fn key(read: &str, hu_window: [f64; 2], coarse_mm: [f64; 3]) -> String {
        let text = format!("{FORMAT} {read} {hu_window:?} {coarse_mm:?}");
        hash_bytes(text.as_bytes())[..24].to_owned()
    }

    /// Writes a case's two grids into `folder`, whole or not at all.
    pub fn write(
        folder: &Path,
        name: &str,
        pair: &Pair,
        hu_window: [f64; 2],
        coarse_mm: [f64; 3],
    ) -> Result<()> {
        let prepared = Prepared::new(Path::new(name), &pair.image, hu_window)?;
        let labels = Orientation::of(&pair.labels.geometry)
            .to_canonical(&pair.labels)
            .voxels;
        let coarse_shape = prepared.shape_at(coarse_mm)?;
        let coarse_image = resample_hu(&prepared.image, coarse_shape);
        let coarse_labels = resample_nearest(&labels, coarse_shape);
        let description = Description {
            format: FORMAT,
            name: name.to_owned(),
            warnings: pair.warnings.clone(),
            original: Facts::of(&labels),
            coarse: Facts::of(&coarse_labels),
        };
        replace_dir(folder, &FOLDER, |dir| {
            write_layer(dir, "original", &prepared.image, &labels)?;
            write_layer(dir, "coarse", &coarse_image, &coarse_labels)?;
            let json = serde_json::to_vec_pretty(&description)
                .map_err(|e| Error::Internal(e.to_string()))?;
            write_atomic(&dir.join("case.json"), &json)
        })
    }

    /// Opens a cached case; an incomplete or older one is an error (delete the folder).
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("case.json");
        let text = std::fs::read(&path).map_err(Error::read(&path))?;
        let description: Description = serde_json::from_slice(&text).map_err(|e| {
            Error::malformed(&path, e.to_string(), "delete this folder of the cache")
        })?;
        if description.format != FORMAT {
            return Err(Error::malformed(
                &path,
                format!("cache format {} instead of {FORMAT}", description.format),
                "delete this folder of the cache",
            ));
        }
        Ok(Self {
            name: description.name,
            warnings: description.warnings,
            original: Layer::open(folder, "original", description.original)?,
            coarse: Layer::open(folder, "coarse", description.coarse)?,
        })
    }

    /// Whether the folder holds a finished case.
    pub fn exists(folder: &Path) -> bool {
        folder.join("case.json").is_file()
    }

    /// What is known of a grid.
    pub fn facts(&self, grid: Grid) -> &Facts {
        &self.layer(grid).facts
    }

    /// Rows `[first, end)` of a slice's image, HU, `x` fastest.
    pub fn image_rows(&self, grid: Grid, z: usize, rows: [usize; 2]) -> Result<Vec<i16>> {
        let layer = self.layer(grid);
        let bytes = layer.rows(&layer.image, "image", 2, z, rows)?;
        Ok(bytes
            .chunks_exact(2)
            .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
            .collect())
    }

    /// Rows `[first, end)` of a slice's labels, `x` fastest.
    pub fn label_rows(&self, grid: Grid, z: usize, rows: [usize; 2]) -> Result<Vec<u8>> {
        let layer = self.layer(grid);
        layer.rows(&layer.labels, "labels", 1, z, rows)
    }

    fn layer(&self, grid: Grid) -> &Layer {
        match grid {
            Grid::Original => &self.original,
            Grid::Coarse => &self.coarse,
        }
    }
}

impl Layer {
    fn open(folder: &Path, grid: &str, facts: Facts) -> Result<Self> {
        let voxels: usize = facts.shape.iter().product();
        let open = |kind: &str, size: usize| {
            let path = folder.join(format!("{grid}.{kind}"));
            let file = File::open(&path).map_err(Error::read(&path))?;
            let found = file.metadata().map_err(Error::read(&path))?.len();
            if found != size as u64 {
                return Err(Error::malformed(
                    &path,
                    format!("{found} bytes instead of {size}"),
                    "delete this folder of the cache",
                ));
            }
            Ok(file)
        };
        Ok(Self {
            image: open("image", 2 * voxels)?,
            labels: open("labels", voxels)?,
            facts,
            folder: folder.to_path_buf(),
        })
    }

    fn rows(
        &self,
        file: &File,
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

impl Facts {
    /// Counts of a label map in canonical order.
    pub fn of(labels: &Array3<u8>) -> Self {
        let count = |label: u8| {
            labels
                .outer_iter()
                .map(|slice| slice.iter().filter(|&&v| v == label).count() as u32)
                .collect()
        };
        let (depth, height, width) = labels.dim();
        Self {
            shape: [depth, height, width],
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

fn write_layer(dir: &Path, grid: &str, image: &Array3<i16>, labels: &Array3<u8>) -> Result<()> {
    let bytes: Vec<u8> = image.iter().flat_map(|hu| hu.to_le_bytes()).collect();
    write_atomic(&dir.join(format!("{grid}.image")), &bytes)?;
    let bytes: Vec<u8> = labels.iter().copied().collect();
    write_atomic(&dir.join(format!("{grid}.labels")), &bytes)
}
