//! Names of the layout: `3Dircadb1.N/{PATIENT_DICOM, MASKS_DICOM/<structure>}/image_K`, each
//! folder possibly a zip archive, letters in any case.

use hdbench_ground::error::Result;
use hdbench_volume::artifact::{Tree, TreeFile};

pub(super) const IMAGE: &str = "PATIENT_DICOM";
pub(super) const MASKS: &str = "MASKS_DICOM";

const PATIENT: &str = "3dircadb1.";

/// The number in `3Dircadb1.N`.
pub(super) fn patient_number(name: &str) -> Option<u32> {
    let name = name.to_ascii_lowercase();
    let digits = name.strip_prefix(PATIENT)?;
    // `parse` alone would take a sign.
    digits
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| digits.parse().ok())?
}

/// A name without `.zip`.
pub(super) fn stem(name: &str) -> Option<&str> {
    let at = name.len().checked_sub(4)?;
    let (stem, extension) = name.split_at_checked(at)?;
    extension.eq_ignore_ascii_case(".zip").then_some(stem)
}

/// Whether a name is that of an archive of all patients, `3Dircadb1.zip`.
pub(super) fn is_collection(name: &str) -> bool {
    stem(name).is_some_and(|stem| stem.eq_ignore_ascii_case("3Dircadb1"))
}

/// A structure that is the liver or a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Structure {
    Liver,
    Tumour,
}

impl Structure {
    /// `liver`, and `livertumor` or `livertumors` with or without a number. Nothing else is a liver
    /// tumour: `tumor` (patient 7) and `leftsurretumor` (5) are adrenal, `livercyst` and `liverkyste`
    /// cysts, `metastasectomie` (14) is a scar.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        if name == "liver" {
            return Some(Self::Liver);
        }
        let rest = name.strip_prefix("livertumor")?;
        let digits = rest.strip_prefix('s').unwrap_or(rest);
        digits
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then_some(Self::Tumour)
    }
}

/// A part of a patient: where its files are.
pub(super) enum Part {
    Folder(Tree),
    Archive(TreeFile),
}

/// The part of that name, a folder or else an archive, in any case of letters.
pub(super) fn part(patient: &Tree, name: &str) -> Option<Part> {
    let is_named = |found: &str| found.eq_ignore_ascii_case(name);
    let folder = patient.files().iter().find_map(|file| {
        let (first, _) = file.path.split_once('/')?;
        is_named(first).then_some(first)
    });
    if let Some(folder) = folder {
        return Some(Part::Folder(patient.under(folder)));
    }
    let archive = patient
        .files()
        .iter()
        .find(|file| stem(&file.path).is_some_and(is_named))?;
    Some(Part::Archive(archive.clone()))
}

impl Part {
    pub fn open(self, patient: &Tree) -> Result<Tree> {
        match self {
            Self::Folder(tree) => Ok(tree),
            Self::Archive(file) => patient.enter(&file),
        }
    }
}

/// The structures among the files of `MASKS_DICOM`, by path: a folder that holds slices, or an
/// archive.
pub(super) fn structure_folders(masks: &Tree) -> Vec<String> {
    let mut folders: Vec<String> = masks
        .files()
        .iter()
        .filter_map(|file| {
            if file.is_archive() {
                return Some(file.path.clone());
            }
            let (folder, _) = file.path.rsplit_once('/')?;
            Some(folder.to_owned())
        })
        .collect();
    folders.sort();
    folders.dedup();
    folders.retain(|folder| {
        !folder
            .split('/')
            .any(|part| part.starts_with('.') || part == "__MACOSX")
    });
    folders
}

/// The name of a structure from the path of its folder or archive.
pub(super) fn structure_name(folder: &str) -> &str {
    let last = folder.rsplit('/').next().unwrap_or(folder);
    stem(last).unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_liver_tumours_are_tumours() {
        for name in [
            "livertumor",
            "livertumors",
            "livertumor1",
            "LiverTumor07",
            "livertumors2",
        ] {
            assert_eq!(Structure::named(name), Some(Structure::Tumour), "{name}");
        }
        assert_eq!(Structure::named("Liver"), Some(Structure::Liver));
        for name in [
            "tumor",
            "leftsurretumor",
            "rightsurretumor",
            "livercyst",
            "liverkyst",
            "liverkyste",
            "metastasectomie",
            "livertumora",
            "livertumor1b",
            "livertumorss",
            "liver2",
            "aliver",
            "",
        ] {
            assert_eq!(Structure::named(name), None, "{name}");
        }
    }

    #[test]
    fn patients_are_known_by_their_number() {
        assert_eq!(patient_number("3Dircadb1.7"), Some(7));
        assert_eq!(patient_number("3DIRCADB1.20"), Some(20));
        for other in [
            "3Dircadb1.",
            "3Dircadb1",
            "3Dircadb1.1a",
            "3Dircadb1.+1",
            "3Dircadb2.1",
            "x3Dircadb1.1",
        ] {
            assert_eq!(patient_number(other), None, "{other}");
        }
        assert!(is_collection("3dircadb1.ZIP") && !is_collection("3Dircadb1.1.zip"));
    }
}
