//! Which folders a study may take for its own.

use std::path::{Component, Path, PathBuf};

use super::definition::{Study, own_cache, without_dots};
use super::kernels::KERNELS;
use super::lock::is_locked;
use crate::error::{Error, Result};
use crate::network::NetworkKind;
use crate::text::Shown as _;

/// In the study's folder: failures that the cells' own folders could not take.
pub(crate) const UNRECORDED: &str = "unrecorded.json";

/// What a study writes beside its cells' folders.
const FOLDERS: [&str; 4] = ["report", "cache", "slurm", KERNELS];
const FILES: [&str; 3] = ["study.lock", "splits_final.json", UNRECORDED];

/// Letters and digits of a prepared case's folder.
const CACHED_NAME: usize = 24;

/// Refuses a folder in which somebody else has what a study would write there. Nothing is written.
///
/// # Errors
/// `Error::Usage` naming what is there.
pub fn refuse_foreign(run: &Path) -> Result<()> {
    let path = Study::path(run);
    if path.exists() {
        return refuse_study_file(&path);
    }
    // It has lost its study.toml alone.
    if is_locked(run) || has_arms(run) {
        return Ok(());
    }
    let folders = FOLDERS
        .into_iter()
        .chain(NetworkKind::all().map(NetworkKind::id));
    let holds = |folder: &Path| std::fs::read_dir(folder).is_ok_and(|mut all| all.next().is_some());
    let found: Vec<&str> = folders
        .filter(|name| holds(&run.join(name)))
        .chain(FILES.into_iter().filter(|name| run.join(name).exists()))
        .collect();
    if found.is_empty() {
        return Ok(());
    }
    Err(Error::usage(
        format!(
            "{}: holds no study, but {}, where a study would write; nothing was written",
            run.shown(),
            found.join(", ")
        ),
        "give a new or empty folder with --out",
    ))
}

/// A file for `hdbench study run` may be called study.toml, too.
fn refuse_study_file(path: &Path) -> Result<()> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let table: Option<toml::Table> = toml::from_str(&text).ok();
    if table.is_some_and(|table| table.contains_key("study")) {
        return Err(Error::usage(
            format!(
                "{}: is a file for `hdbench study run`, no study's folder; it would be replaced",
                path.shown()
            ),
            "give another folder as out",
        ));
    }
    Ok(())
}

/// Whether a sweep has begun here.
fn has_arms(run: &Path) -> bool {
    let entries = std::fs::read_dir(run).into_iter().flatten().flatten();
    entries
        .filter(|entry| Study::path(&entry.path()).is_file())
        .any(|entry| Study::read(&entry.path()).is_ok_and(|study| study.is_arm()))
}

/// The folder of a study's prepared cases.
///
/// Inside the study's own folder, beside it for an arm of a sweep; any other place only where prepared
/// cases lie already, as where a cell is run again.
///
/// # Errors
/// `Error::Malformed` for another place: a study's folder may come from somebody else.
pub fn cache_folder(run: &Path, study: &Study) -> Result<PathBuf> {
    let folder = run.join(&study.cache);
    let inside = study
        .cache
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let shared = study.cache == Path::new("..").join(own_cache());
    let cases = cached(&folder);
    if inside || (shared && cases.is_some()) || cases.is_some_and(|cases| cases > 0) {
        return Ok(folder);
    }
    Err(Error::malformed(
        &Study::path(run),
        format!(
            "cache = {:?} names {}, outside of the study's folder, where no prepared cases lie",
            study.cache.shown(),
            without_dots(&std::path::absolute(&folder).unwrap_or(folder)).shown()
        ),
        "delete the key: cases are prepared anew inside the study's folder",
    ))
}

/// How many prepared cases a folder holds, if it holds nothing else; none in one that is not there.
fn cached(folder: &Path) -> Option<usize> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return (!folder.exists()).then_some(0);
    };
    let mut cases = 0;
    for entry in entries {
        let entry = entry.ok()?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // What is only just being written, and what systems leave.
        if name.starts_with('.') {
            continue;
        }
        let is_named = name.len() == CACHED_NAME && name.bytes().all(|c| c.is_ascii_hexdigit());
        if !(is_named && entry.path().is_dir()) {
            return None;
        }
        cases += 1;
    }
    Some(cases)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_folder_with_names_of_ours_that_is_no_study_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        refuse_foreign(&at("not there")).unwrap();
        fs::create_dir_all(at("report")).unwrap();
        fs::write(at("notes.txt"), "x").unwrap();
        refuse_foreign(dir.path()).unwrap();
        fs::create_dir_all(at("report/plots")).unwrap();
        fs::create_dir_all(at("unet/fold_0")).unwrap();
        fs::write(at("splits_final.json"), "[]").unwrap();
        let refused = refuse_foreign(dir.path()).unwrap_err();
        assert!(matches!(refused, Error::Usage { .. }), "{refused}");
        let said = refused.to_string();
        assert!(said.contains("report, unet, splits_final.json"), "{said}");
        // A study's folder that has lost its study.toml.
        fs::write(
            at("study.lock"),
            "[cases.x]\nfiles = 1\nbytes = 1\nstamp = \"a\"\nblake3 = \"b\"\n",
        )
        .unwrap();
        refuse_foreign(dir.path()).unwrap();
        fs::write(at("study.lock"), "mine").unwrap();
        assert!(refuse_foreign(dir.path()).is_err());
        fs::write(at("study.toml"), "study = \"ablation\"\nout = \".\"\n").unwrap();
        let refused = refuse_foreign(dir.path()).unwrap_err().to_string();
        assert!(refused.contains("it would be replaced"), "{refused}");
    }

    #[test]
    fn prepared_cases_lie_in_the_study_or_where_there_are_some() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for (name, holds, count) in [
            ("new", None, Some(0)),
            ("empty", Some(""), Some(0)),
            ("cases", Some("0123456789abcdef01234567"), Some(1)),
            ("theirs", Some("photos"), None),
        ] {
            if let Some(holds) = holds {
                fs::create_dir_all(at(name)).unwrap();
                fs::create_dir_all(at(name).join(holds)).unwrap();
            }
            assert_eq!(cached(&at(name)), count, "{name}");
        }
        fs::write(at("file"), "x").unwrap();
        assert_eq!(cached(&at("file")), None);
    }
}
