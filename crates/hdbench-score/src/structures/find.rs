//! A set of structures by its built-in name or from a file.

use std::borrow::Cow;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::near::nearest;
use hdbench_volume::artifact::open_file;
use hdbench_volume::dataset_json;

use super::built_in::{built_in, built_in_names};
use super::import::{self, Format};
use super::set::{Structure, StructureSet};

/// The largest file in TOML or YAML, bytes: the 117 classes of TotalSegmentator, with everything that can be said of
/// each, take a tenth of it.
const LARGEST: u64 = 1 << 20;

/// The largest in JSON, bytes: a `dataset.json` lists its cases.
const LARGEST_JSON: u64 = 64 << 20;

/// The set of a built-in name, in upper or lower case, or of a file: our TOML, nnU-Net's or the Decathlon's
/// `dataset.json`, panoptica's YAML, MIST's JSON. A file that is called as a built-in set is found as `./NAME`.
///
/// # Errors
/// `Error::Usage` with the names for what is neither; `Error::Read`; `Error::Malformed` for a file that is wrong.
pub fn find(name_or_path: &str) -> Result<StructureSet> {
    if let Some(set) = built_in(name_or_path) {
        return Ok(set);
    }
    let path = Path::new(name_or_path);
    let is_path = path.exists() || path.extension().is_some() || path.components().count() > 1;
    if is_path {
        return read(path);
    }
    let names = built_in_names();
    let all = format!(
        "built in are {}; a file is given by its path",
        names.join(", ")
    );
    let hint = match nearest(name_or_path, names.iter().copied()) {
        Some(near) => format!("did you mean {near}? {all}"),
        None => all,
    };
    Err(Error::usage(
        format!("{name_or_path:?} is neither a built-in set of structures nor a file"),
        hint,
    ))
}

/// The set of a file, of whichever program; see [`find`].
///
/// # Errors
/// `Error::Read`; `Error::Malformed`, where it can be with the line.
pub fn read(path: &Path) -> Result<StructureSet> {
    let text = text_of(path)?;
    let is_yaml = path
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("yaml") || end.eq_ignore_ascii_case("yml"));
    let format = Format::of(&text, is_yaml);
    if format != Format::Json && text.len() as u64 > LARGEST {
        return Err(too_large(path, LARGEST));
    }
    import::read(format, &text, &name_of(path)).map_err(|problem| problem.of_file(path))
}

/// What a set without a name is called: its file.
fn name_of(path: &Path) -> Cow<'_, str> {
    path.file_stem().unwrap_or_default().to_string_lossy()
}

fn text_of(path: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    open_file(path)
        .and_then(|file| file.take(LARGEST_JSON + 1).read_to_end(&mut bytes))
        .map_err(Error::read(path))?;
    if bytes.len() as u64 > LARGEST_JSON {
        return Err(too_large(path, LARGEST_JSON));
    }
    let text = String::from_utf8(bytes).map_err(|_| {
        Error::malformed(
            path,
            "is no text in UTF-8",
            "a set of structures is TOML, a dataset.json, panoptica's YAML or MIST's JSON",
        )
    })?;
    match text.strip_prefix('\u{feff}') {
        Some(text) => Ok(text.to_owned()),
        None => Ok(text),
    }
}

fn too_large(path: &Path, largest: u64) -> Error {
    Error::malformed(
        path,
        format!(
            "has more than {} MB, which no set of structures has",
            largest >> 20
        ),
        "is it another file?",
    )
}

/// The set of the `dataset.json` that lies beside label maps, where [`dataset_json::path_beside`] finds it. None where there is none, and where one has no `labels`, which is another program's.
///
/// # Errors
/// As [`read`].
pub fn beside(root: &Path) -> Result<Option<(PathBuf, StructureSet)>> {
    of_dataset(dataset_json::path_beside(root)?)
}

/// The set of the `dataset.json` in the folder of a `summary.json` or up to three above; likewise.
///
/// # Errors
/// As [`read`].
pub fn above(summary: &Path) -> Result<Option<(PathBuf, StructureSet)>> {
    of_dataset(dataset_json::path_above(summary)?)
}

fn of_dataset(path: Option<PathBuf>) -> Result<Option<(PathBuf, StructureSet)>> {
    let Some(path) = path else { return Ok(None) };
    let set = import::read_dataset(&text_of(&path)?, &name_of(&path))
        .map_err(|problem| problem.of_file(&path))?;
    Ok(set.map(|set| (path, set)))
}

/// Whether all structures that a `dataset.json` names are liver and tumour, which have label maps of their own.
pub fn is_of_liver_and_tumour(path: &Path, set: &StructureSet) -> bool {
    let Ok(Some(found)) = dataset_json::read(path, "") else {
        return false;
    };
    let is_known = |value: u16| match u8::try_from(value) {
        Ok(value) => found.map.class(value).is_some_and(|class| class > 0),
        Err(_) => false,
    };
    let is_one = |own: &Structure| own.values.iter().all(is_known);
    set.ignore.is_empty() && set.structures.iter().all(is_one)
}
