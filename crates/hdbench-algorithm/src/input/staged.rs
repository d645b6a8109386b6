//! The input folder of a run: one entry a case, named as the algorithm expects.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_volume::artifact::create_dir;

use super::convert::{Link, Source, as_dicom, as_metaimage, as_nifti, refuse_as_dicom};
use crate::job::CaseInput;
use crate::system::{allow_emptying, allow_removing, forbid_writing_into};
use crate::table::algorithm::{Algorithm, InputLayout};

/// The names that cases have in the input folder, without endings: what `{case}` stands for and outputs are called by.
///
/// A case keeps its name where that is safe as a file's and as an argument; others are `case-N` by their place in the
/// list. With `input = "lits"` they are `volume-N`, unless every case has such a name (or `test-volume-N`) already.
pub fn staged_names(layout: InputLayout, cases: &[CaseInput]) -> Vec<String> {
    let numbered = |word: &str| {
        (0..cases.len())
            .map(|i| format!("{word}-{i}"))
            .collect::<Vec<_>>()
    };
    if layout == InputLayout::Lits {
        let kept = cases.iter().all(|case| lits_number(&case.name).is_some());
        return match kept && is_unique(cases.iter().map(|case| case.name.as_str())) {
            true => cases.iter().map(|case| case.name.clone()).collect(),
            false => numbered("volume"),
        };
    }
    let names: Vec<String> = cases
        .iter()
        .enumerate()
        .map(|(i, case)| match is_safe(&case.name) {
            true => case.name.clone(),
            false => format!("case-{i}"),
        })
        .collect();
    match is_unique(names.iter().map(String::as_str)) {
        true => names,
        false => numbered("case"),
    }
}

/// The number of `volume-N` and `test-volume-N`.
pub(crate) fn lits_number(name: &str) -> Option<&str> {
    let name = name.strip_prefix("test-").unwrap_or(name);
    let number = name.strip_prefix("volume-")?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(number)
}

fn is_safe(name: &str) -> bool {
    let sound =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '=' | '@');
    !name.is_empty()
        && name.len() <= 200
        && name.chars().all(sound)
        && !name.starts_with(['-', '.'])
}

/// Whether no two are the same, also where capitals do not count.
fn is_unique<'a>(names: impl Iterator<Item = &'a str>) -> bool {
    let mut seen = BTreeSet::new();
    names
        .into_iter()
        .all(|name| seen.insert(name.to_ascii_lowercase()))
}

/// Refuses cases that cannot be laid out as an algorithm wants them; only names are looked at.
///
/// # Errors
/// `Error::Usage` for files where a DICOM series is asked for; `Error::Read` and `Error::Malformed` for a CT that is
/// not there or is no image by its name.
pub fn refuse_inputs(algorithm: &Algorithm, cases: &[CaseInput]) -> Result<()> {
    for case in cases {
        let source = Source::of(&case.image)?;
        if algorithm.input == InputLayout::Dicom {
            refuse_as_dicom(&case.image, source)?;
        }
    }
    Ok(())
}

/// The file or folder of a case in the input folder.
fn entry_name(layout: InputLayout, stem: &str) -> String {
    match layout {
        InputLayout::Nifti => format!("{stem}.nii.gz"),
        InputLayout::Nnunet => format!("{stem}_0000.nii.gz"),
        InputLayout::Lits => format!("{stem}.nii"),
        InputLayout::Mha => format!("{stem}.mha"),
        InputLayout::Dicom => stem.to_owned(),
    }
}

/// Fills the input folder. A CT that has the right format already is linked or copied, others are converted; the folder,
/// but no file of the user's, is made read-only then.
///
/// # Errors
/// What reading and writing gives; what `go_on` gives, which is asked before each case.
pub(crate) fn stage(
    layout: InputLayout,
    cases: &[(&CaseInput, &str)],
    folder: &Path,
    link: Link,
    go_on: &dyn Fn() -> Result<()>,
) -> Result<()> {
    create_dir(folder)?;
    for (case, stem) in cases {
        go_on()?;
        stage_case(
            layout,
            &case.image,
            &folder.join(entry_name(layout, stem)),
            link,
        )?;
    }
    forbid_writing_into(folder).map_err(Error::write(folder))
}

fn stage_case(layout: InputLayout, image: &Path, to: &Path, link: Link) -> Result<()> {
    let source = Source::of(image)?;
    match layout {
        InputLayout::Nifti | InputLayout::Nnunet => as_nifti(image, source, true, to, link),
        InputLayout::Lits => as_nifti(image, source, false, to, link),
        InputLayout::Mha => as_metaimage(image, source, to, link),
        InputLayout::Dicom => as_dicom(image, source, to, link),
    }
}

/// Removes a folder of a job with what is read-only in it; none is fine.
pub(crate) fn remove_folder(folder: &Path) -> Result<()> {
    let Ok(found) = fs::symlink_metadata(folder) else {
        return Ok(());
    };
    if !found.is_dir() {
        return fs::remove_file(folder).map_err(Error::write(folder));
    }
    open_up(folder);
    fs::remove_dir_all(folder).map_err(Error::write(folder))
}

/// Lets folders be emptied, as far as that is allowed; links are not followed.
fn open_up(folder: &Path) {
    let _ = allow_emptying(folder);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => open_up(&entry.path()),
            Ok(kind) if kind.is_file() => {
                let _ = allow_removing(&entry.path());
            }
            _ => {}
        }
    }
}
