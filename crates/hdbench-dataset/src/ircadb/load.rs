use std::path::PathBuf;

use hdbench_ground::error::{Error, Result};
use hdbench_volume::artifact::{Tree, hash_bytes};
use hdbench_volume::{DicomSeries, Geometry, Volume, read_dicom_mask};
use ndarray::Zip;

use super::find::Patient;
use super::layout::{IMAGE, MASKS, Structure, part, structure_folders, structure_name};
use crate::Pair;

const LIVER: u8 = 1;
const TUMOUR: u8 = 2;

/// A slice of a scanner has 0.5 MB.
const MOST_BYTES: u64 = 1 << 30;

impl Patient {
    /// The names of all structures that have a mask, sorted; none without `MASKS_DICOM`.
    ///
    /// # Errors
    /// `Error::Read` or `Error::Malformed` for a damaged archive.
    pub fn structures(&self) -> Result<Vec<String>> {
        let tree = self.tree()?;
        let Some(masks) = part(&tree, MASKS) else {
            return Ok(Vec::new());
        };
        let mut names: Vec<String> = structure_folders(&masks.open(&tree)?)
            .iter()
            .map(|folder| structure_name(folder).to_owned())
            .collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Shape and place of the image's voxels, from the headers of its slices.
    ///
    /// # Errors
    /// As [`DicomSeries::open`], and `Error::Malformed` without a `PATIENT_DICOM`.
    pub fn geometry(&self) -> Result<Geometry> {
        Ok(self.series(&self.tree()?)?.geometry().clone())
    }

    /// Reads the CT volume in Hounsfield units, and what is odd about it.
    ///
    /// # Errors
    /// As [`Patient::geometry`] and [`DicomSeries::read`].
    pub fn read_image(&self) -> Result<(Volume<f32>, Vec<String>)> {
        let series = self.series(&self.tree()?)?;
        Ok((series.read()?, self.named(series.notes())))
    }

    /// Reads the CT volume and its labels: 1 where the masks of liver or liver tumours are set, 2
    /// where those of liver tumours are: the structures `livertumor` and `livertumors`, with or
    /// without a number. A warning names others that sound like it.
    ///
    /// # Errors
    /// As [`Patient::read_image`] and [`read_dicom_mask`]; `Error::Malformed` without a mask of the
    /// liver.
    pub fn load(&self) -> Result<Pair> {
        let tree = self.tree()?;
        let series = self.series(&tree)?;
        let masks = part(&tree, MASKS).ok_or_else(|| {
            Error::malformed(
                tree.path(),
                format!("has no {MASKS}"),
                "training and scoring need the masks beside PATIENT_DICOM",
            )
        })?;
        let masks = masks.open(&tree)?;
        let folders = structure_folders(&masks);
        let mut warnings = self.named(series.notes());
        warnings.extend(self.passed_over(&folders));
        let (labels, odd) = self.labels(&masks, &folders, &series)?;
        warnings.extend(odd);
        Ok(Pair {
            image: series.read()?,
            labels,
            warnings,
        })
    }

    /// The hashes of all files that image and labels are read from, in the order of their names: the same
    /// however the patient is packed, in folders or in archives.
    ///
    /// # Errors
    /// `Error::Read` or `Error::Malformed` for a damaged archive.
    pub fn content_hashes(&self) -> Result<Vec<String>> {
        let tree = self.tree()?;
        let mut hashes: Vec<(PathBuf, String)> = Vec::new();
        let mut bytes = Vec::new();
        let mut add = |place: &[&str], files: &Tree| {
            for file in files.files() {
                let name: PathBuf = place.iter().copied().chain([file.name()]).collect();
                files.read_into(file, MOST_BYTES, &mut bytes)?;
                hashes.push((name, hash_bytes(&bytes)));
            }
            Ok::<_, Error>(())
        };
        if let Some(image) = part(&tree, IMAGE) {
            add(&[IMAGE], &image.open(&tree)?)?;
        }
        if let Some(masks) = part(&tree, MASKS) {
            let masks = masks.open(&tree)?;
            for folder in structure_folders(&masks) {
                let name = structure_name(&folder);
                if Structure::named(name).is_some() {
                    add(&[MASKS, name], &structure_tree(&masks, &folder)?)?;
                }
            }
        }
        hashes.sort();
        Ok(hashes.into_iter().map(|(_, hash)| hash).collect())
    }

    fn series(&self, tree: &Tree) -> Result<DicomSeries> {
        let image = part(tree, IMAGE).ok_or_else(|| {
            Error::malformed(
                tree.path(),
                format!("has no {IMAGE}"),
                "download the patient again: PATIENT_DICOM or PATIENT_DICOM.zip holds the CT volume",
            )
        })?;
        DicomSeries::open(&image.open(tree)?)
    }

    fn labels(
        &self,
        masks: &Tree,
        folders: &[String],
        series: &DicomSeries,
    ) -> Result<(Volume<u8>, Vec<String>)> {
        let taken: Vec<(&String, Structure)> = folders
            .iter()
            .filter_map(|folder| Some((folder, Structure::named(structure_name(folder))?)))
            .collect();
        if !taken.iter().any(|(_, kind)| *kind == Structure::Liver) {
            let names: Vec<&str> = folders
                .iter()
                .map(|folder| structure_name(folder))
                .collect();
            return Err(Error::malformed(
                masks.path(),
                format!("has no mask `liver`, found {}", listed(&names)),
                "download the masks again; without the liver there is nothing to train or score",
            ));
        }
        let mut labels: Option<Volume<u8>> = None;
        let mut warnings = Vec::new();
        let mut outside = 0usize;
        // The liver first, so that tumours outside it can be counted.
        for kind in [Structure::Liver, Structure::Tumour] {
            for (folder, _) in taken.iter().filter(|(_, found)| *found == kind) {
                let (mask, notes) = read_dicom_mask(&structure_tree(masks, folder)?, series)?;
                warnings.extend(self.named(&notes));
                let Some(labels) = &mut labels else {
                    labels = Some(mask);
                    continue;
                };
                let label = if kind == Structure::Liver {
                    LIVER
                } else {
                    TUMOUR
                };
                Zip::from(&mut labels.voxels)
                    .and(&mask.voxels)
                    .for_each(|to, &set| {
                        if set != 0 {
                            outside += usize::from(*to == 0 && label == TUMOUR);
                            *to = label;
                        }
                    });
            }
        }
        if outside > 0 {
            warnings.push(format!(
                "{}: {outside} tumour voxels lie outside the liver's mask; they count as liver and tumour",
                self.name
            ));
        }
        let labels = labels
            .ok_or_else(|| Error::Internal(format!("{}: the liver was not read", self.name)))?;
        Ok((labels, warnings))
    }

    fn passed_over(&self, folders: &[String]) -> Option<String> {
        let names: Vec<&str> = folders
            .iter()
            .map(|folder| structure_name(folder))
            .filter(|name| Structure::named(name).is_none())
            .filter(|name| {
                let name = name.to_ascii_lowercase();
                name.contains("tumo") || name.contains("liver")
            })
            .collect();
        (!names.is_empty()).then(|| {
            format!(
                "{}: not taken as liver or liver tumour: {}",
                self.name,
                listed(&names)
            )
        })
    }

    fn named(&self, notes: &[String]) -> Vec<String> {
        notes
            .iter()
            .map(|note| format!("{}: {note}", self.name))
            .collect()
    }
}

/// The slices of one structure, from its folder or its archive.
fn structure_tree(masks: &Tree, folder: &str) -> Result<Tree> {
    match masks.files().iter().find(|file| file.path == *folder) {
        Some(archive) => masks.enter(archive),
        None => Ok(masks.under(folder)),
    }
}

fn listed(names: &[&str]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    }
}
