//! The LiTS layout: `volume-N.nii[.gz]` and `segmentation-N.nii[.gz]`, test volumes
//! `test-volume-N.nii[.gz]`, in any folders below one.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::Case;
use crate::error::{Error, Result};

const EXPECTED: &str = "expected volume-N.nii or volume-N.nii.gz with segmentation-N.nii or .nii.gz, \
     in this folder or below it; `hdbench datasets synth` writes phantoms in this layout";

/// Finds the training cases below a folder, sorted by number; links are followed and the case of
/// letters does not matter.
///
/// A volume without segmentation is a case without labels.
///
/// # Errors
/// `Error::Malformed` when nothing is found, when a number occurs twice (both files are named), or
/// for a segmentation without its volume; `Error::Read` for folders that cannot be read.
pub fn find(dir: &Path) -> Result<Vec<Case>> {
    let [volumes, mut segmentations] = scan(dir, ["volume-", "segmentation-"])?;
    let cases: Vec<Case> = volumes
        .into_iter()
        .map(|(id, image)| Case {
            id,
            name: format!("volume-{id}"),
            image,
            labels: segmentations.remove(&id),
        })
        .collect();
    if let Some((id, orphan)) = segmentations.first_key_value() {
        return Err(Error::malformed(
            orphan,
            format!(
                "segmentation {id} has no volume-{id}.nii or volume-{id}.nii.gz in {}",
                dir.display()
            ),
            "add the volume, or move the segmentation elsewhere",
        ));
    }
    found(dir, "LiTS volumes", cases)
}

/// Finds the test volumes (`test-volume-N`) below a folder, sorted by number; they have no labels.
///
/// # Errors
/// As [`find`].
pub fn find_test(dir: &Path) -> Result<Vec<Case>> {
    let [volumes] = scan(dir, ["test-volume-"])?;
    let cases = volumes
        .into_iter()
        .map(|(id, image)| Case {
            id,
            name: format!("test-volume-{id}"),
            image,
            labels: None,
        })
        .collect();
    found(
        dir,
        "LiTS test volumes (test-volume-N.nii or .nii.gz)",
        cases,
    )
}

fn found(dir: &Path, what: &str, cases: Vec<Case>) -> Result<Vec<Case>> {
    if cases.is_empty() {
        return Err(Error::malformed(dir, format!("no {what} found"), EXPECTED));
    }
    Ok(cases)
}

/// All files named prefix, number, `.nii` or `.nii.gz`, by prefix and number.
fn scan<const N: usize>(dir: &Path, prefixes: [&str; N]) -> Result<[BTreeMap<u32, PathBuf>; N]> {
    if !std::fs::metadata(dir).map_err(Error::read(dir))?.is_dir() {
        return Err(Error::malformed(
            dir,
            "expected a folder, found a file",
            EXPECTED,
        ));
    }
    let mut found: [BTreeMap<u32, PathBuf>; N] = std::array::from_fn(|_| BTreeMap::new());
    for entry in WalkDir::new(dir).follow_links(true).sort_by_file_name() {
        let path = match entry {
            Ok(entry) if entry.file_type().is_dir() => continue,
            Ok(entry) => entry.into_path(),
            Err(error) if may_be_skipped(&error, &prefixes) => continue,
            Err(error) => {
                let path = error.path().unwrap_or(dir).to_path_buf();
                return Err(Error::read(&path)(error.into()));
            }
        };
        for (numbers, prefix) in found.iter_mut().zip(prefixes) {
            if let Some(id) = number(&path, prefix) {
                insert(numbers, id, path.clone())?;
            }
        }
    }
    Ok(found)
}

/// A link back to a folder above leads to nothing new, and a link to nowhere matters only if its
/// name says that it should be a volume.
fn may_be_skipped(error: &walkdir::Error, prefixes: &[&str]) -> bool {
    let nowhere = error
        .io_error()
        .is_some_and(|e| e.kind() == ErrorKind::NotFound);
    let named = error
        .path()
        .is_some_and(|path| prefixes.iter().any(|prefix| number(path, prefix).is_some()));
    error.loop_ancestor().is_some() || (nowhere && error.depth() > 0 && !named)
}

fn insert(numbers: &mut BTreeMap<u32, PathBuf>, id: u32, path: PathBuf) -> Result<()> {
    let Some(first) = numbers.get(&id) else {
        numbers.insert(id, path);
        return Ok(());
    };
    // One file reached by two links is no contradiction.
    let real = |path: &Path| path.canonicalize().map_err(Error::read(path));
    if real(first)? == real(&path)? {
        return Ok(());
    }
    Err(Error::malformed(
        &path,
        format!("number {id} occurs twice, also as {}", first.display()),
        "keep one of the two files, or point to a folder that holds one of them",
    ))
}

/// The number in a file name that is prefix, digits, `.nii` or `.nii.gz`, in any case of letters.
fn number(path: &Path, prefix: &str) -> Option<u32> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let stem = name
        .strip_suffix(".nii.gz")
        .or_else(|| name.strip_suffix(".nii"))?;
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
