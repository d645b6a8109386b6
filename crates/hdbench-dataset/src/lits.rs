//! The LiTS layout: `volume-N.nii[.gz]` and `segmentation-N.nii[.gz]`, test volumes
//! `test-volume-N.nii[.gz]`, in any folders below one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;

use super::Case;
use super::listing::{files, nifti_stem, same_file};

const EXPECTED: &str = "expected volume-N.nii or volume-N.nii.gz with segmentation-N.nii or .nii.gz, \
     in this folder or below it; `hdbench datasets synth --out DIR` writes phantoms in this layout";

/// Finds the training cases below a folder, sorted by number; links are followed and the case of
/// letters does not matter.
///
/// A volume without segmentation is a case without labels.
///
/// # Errors
/// `Error::Malformed` when nothing is found, when a number occurs twice (both files are named), or
/// for a segmentation without its volume; `Error::Read` for folders that cannot be read.
pub fn find(dir: &Path) -> Result<Vec<Case>> {
    found(dir, "LiTS volumes", cases(dir, &files(dir, EXPECTED)?)?)
}

/// Finds the test volumes (`test-volume-N`) below a folder, sorted by number; they have no labels.
///
/// # Errors
/// As [`find`].
pub fn find_test(dir: &Path) -> Result<Vec<Case>> {
    found(
        dir,
        "LiTS test volumes (test-volume-N.nii or .nii.gz)",
        test_cases(&files(dir, EXPECTED)?)?,
    )
}

/// Finds scans named `prefix`, a number, `.nii` or `.nii.gz` below a folder, sorted by number; they have no labels, and
/// nothing odd of LiTS is mended in them. Errors as [`find`].
pub fn find_named(dir: &Path, prefix: &str) -> Result<Vec<Case>> {
    let expected = format!("expected {prefix}N.nii or .nii.gz, in this folder or below it");
    let scans = numbered(&files(dir, &expected)?, &prefix.to_ascii_lowercase())?;
    if scans.is_empty() {
        let problem = format!("no test volumes ({prefix}N.nii or .nii.gz) found");
        return Err(Error::malformed(dir, problem, expected));
    }
    let named = |(id, image)| Case::nifti(id, format!("{prefix}{id}"), image, None);
    Ok(scans.into_iter().map(named).collect())
}

/// Whether a file is named as one of LiTS.
pub(super) fn is_named(path: &Path) -> bool {
    ["volume-", "segmentation-", "test-volume-"]
        .iter()
        .any(|prefix| number(path, prefix).is_some())
}

/// The training cases among files below `dir`; errors as [`find`], but for nothing found.
pub(super) fn cases(dir: &Path, files: &[PathBuf]) -> Result<Vec<Case>> {
    let volumes = numbered(files, "volume-")?;
    let mut segmentations = numbered(files, "segmentation-")?;
    let cases = volumes
        .into_iter()
        .map(|(id, image)| {
            Case::nifti(id, format!("volume-{id}"), image, segmentations.remove(&id)).of_lits()
        })
        .collect();
    if let Some((id, orphan)) = segmentations.first_key_value() {
        return Err(Error::malformed(
            orphan,
            format!(
                "segmentation {id} has no volume-{id}.nii or volume-{id}.nii.gz in {}",
                dir.shown()
            ),
            "add the volume, or move the segmentation elsewhere",
        ));
    }
    Ok(cases)
}

/// The test volumes among files; errors as [`find_test`], but for nothing found.
pub(super) fn test_cases(files: &[PathBuf]) -> Result<Vec<Case>> {
    Ok(numbered(files, "test-volume-")?
        .into_iter()
        .map(|(id, image)| Case::nifti(id, format!("test-volume-{id}"), image, None).of_lits())
        .collect())
}

fn found(dir: &Path, what: &str, cases: Vec<Case>) -> Result<Vec<Case>> {
    if cases.is_empty() {
        return Err(Error::malformed(dir, format!("no {what} found"), EXPECTED));
    }
    Ok(cases)
}

/// All files named prefix, number, `.nii` or `.nii.gz`, by number.
fn numbered(files: &[PathBuf], prefix: &str) -> Result<BTreeMap<u32, PathBuf>> {
    let mut numbers = BTreeMap::new();
    for path in files {
        if let Some(id) = number(path, prefix) {
            insert(&mut numbers, id, path.clone())?;
        }
    }
    Ok(numbers)
}

fn insert(numbers: &mut BTreeMap<u32, PathBuf>, id: u32, path: PathBuf) -> Result<()> {
    let Some(first) = numbers.get(&id) else {
        numbers.insert(id, path);
        return Ok(());
    };
    // One file reached by two links is no contradiction.
    if same_file(first, &path)? {
        return Ok(());
    }
    Err(Error::malformed(
        &path,
        format!("number {id} occurs twice, also as {}", first.shown()),
        "keep one of the two files, or point to a folder that holds one of them",
    ))
}

/// The number in a file name that is prefix, digits, `.nii` or `.nii.gz`, in any case of letters.
fn number(path: &Path, prefix: &str) -> Option<u32> {
    let stem = nifti_stem(path)?.to_ascii_lowercase();
    let digits = stem.strip_prefix(prefix)?;
    // `parse` alone would take a sign.
    digits
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_matched_whole() {
        let volume = |name: &str| number(Path::new(name), "volume-");
        assert_eq!(volume("a/volume-0.nii"), Some(0));
        assert_eq!(volume("Volume-130.NII.GZ"), Some(130));
        assert_eq!(volume("volume-007.nii"), Some(7));
        for other in [
            "test-volume-1.nii",
            "._volume-1.nii",
            "volume-1.nii.bak",
            "volume-.nii",
            "volume-+1.nii",
            "volume-1",
            "volume-1.gz",
            "volume-1_seg.nii",
            "volume-99999999999.nii",
        ] {
            assert_eq!(volume(other), None, "{other}");
        }
    }
}
