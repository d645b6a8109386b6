use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;

use super::atomic::{
    aside_of, create_dir, is_temporary, set_aside, sync_dir, sync_tree, temporary_dir,
};
use super::system::{self, is_in_the_way, is_unsupported};
use super::target::parent_of;

/// Two processes that replace the same folder at once get in each other's way at most so often.
const MOST_TRIES: usize = 8;

/// What hdbench makes in a folder: only this is ever replaced or removed. Anything else is somebody's.
#[derive(Clone, Copy)]
pub struct Owned<'a> {
    /// As a message names such a folder: `a model folder`.
    what: &'a str,
    rule: Rule<'a>,
    keeps: bool,
}

#[derive(Clone, Copy)]
enum Rule<'a> {
    Names(&'a [&'a str]),
    By(&'a dyn Fn(&Path, FileType) -> bool),
}

impl<'a> Owned<'a> {
    /// Files of these names, at any depth.
    pub const fn files(what: &'a str, names: &'a [&'a str]) -> Self {
        Self {
            what,
            rule: Rule::Names(names),
            keeps: false,
        }
    }

    /// Files of which `is_ours` says so, asked with the path inside the folder.
    pub const fn by(what: &'a str, is_ours: &'a dyn Fn(&Path, FileType) -> bool) -> Self {
        Self {
            what,
            rule: Rule::By(is_ours),
            keeps: false,
        }
    }

    /// What is not ours does not stand in the way: it stays where it is.
    #[must_use]
    pub const fn keeping_others(self) -> Self {
        Self {
            keeps: true,
            ..self
        }
    }

    fn holds(&self, inside: &Path, kind: FileType) -> bool {
        let name = inside.file_name().unwrap_or_default().to_string_lossy();
        // What systems leave in any folder is nobody's loss.
        if is_temporary(&name) || name == ".DS_Store" || name.starts_with(".nfs") {
            return true;
        }
        match self.rule {
            Rule::Names(names) => names.contains(&&*name),
            Rule::By(is_ours) => is_ours(inside, kind),
        }
    }

    /// What is in a folder, by its path inside: ours, and others'.
    fn sort(&self, folder: &Path) -> Result<Sorted> {
        let mut sorted = Sorted::default();
        self.sort_into(&mut sorted, folder, Path::new(""))?;
        Ok(sorted)
    }

    fn sort_into(&self, sorted: &mut Sorted, folder: &Path, inside: &Path) -> Result<()> {
        let at = folder.join(inside);
        let mut is_empty = true;
        for entry in fs::read_dir(&at).map_err(Error::read(&at))? {
            let entry = entry.map_err(Error::read(&at))?;
            is_empty = false;
            let path = inside.join(entry.file_name());
            let kind = entry.file_type().map_err(Error::read(&at))?;
            if kind.is_dir() && !is_temporary(&entry.file_name().to_string_lossy()) {
                self.sort_into(sorted, folder, &path)?;
            } else if self.holds(&path, kind) {
                sorted.ours.push(path);
            } else {
                sorted.others.push(path);
            }
        }
        if is_empty && !inside.as_os_str().is_empty() {
            sorted.empty.push(inside.to_path_buf());
        }
        Ok(())
    }

    fn refuse(&self, path: &Path, other: &Path) -> Error {
        Error::usage(
            format!(
                "{}: holds {}, which is no part of {}; nothing was written",
                path.shown(),
                other.shown(),
                self.what
            ),
            "name a new or empty folder, or move away what is yours",
        )
    }

    /// Refuses a folder that may not be replaced; nothing is written. For what comes before long work.
    ///
    /// # Errors
    /// As [`replace_dir`].
    pub fn check(&self, path: &Path) -> Result<()> {
        let path = resolved(path)?;
        if !path.exists() || self.keeps {
            return Ok(());
        }
        let sorted = self.sort(&path)?;
        match sorted.others.iter().chain(&sorted.empty).next() {
            Some(other) => Err(self.refuse(&path, other)),
            None => Ok(()),
        }
    }
}

#[derive(Default)]
struct Sorted {
    ours: Vec<PathBuf>,
    others: Vec<PathBuf>,
    /// Folders without anything in them.
    empty: Vec<PathBuf>,
}

/// Fills a temporary folder and puts it in the place of `path`, so that the folder is there whole or
/// not at all: at every instant either what was there or what is new has that name. Returns what
/// `fill` does.
///
/// What is there already is replaced only as far as it is `owned`: with something else in it, it is
/// refused, or what is somebody else's is taken over.
///
/// # Errors
/// `Error::Usage` for a folder that holds what is not ours, a file, or the current folder and those
/// around it; `Error::Write`; what `fill` gives.
pub fn replace_dir<T>(
    path: &Path,
    owned: &Owned<'_>,
    fill: impl FnOnce(&Path) -> Result<T>,
) -> Result<T> {
    replace_with(path, owned, fill, system::exchange)
}

fn replace_with<T>(
    path: &Path,
    owned: &Owned<'_>,
    fill: impl FnOnce(&Path) -> Result<T>,
    exchange: fn(&Path, &Path) -> io::Result<()>,
) -> Result<T> {
    let path = &resolved(path)?;
    let folder = parent_of(path);
    create_dir(folder)?;
    recover(&aside_of(path))?;
    owned.check(path)?;
    // Dropped at the end with what it holds: what could not be put in place, or what lay there before.
    let temporary = temporary_dir(folder).map_err(Error::write(path))?;
    let new = temporary.path();
    let result = fill(new)?;
    if let Ok(old) = fs::metadata(path) {
        if owned.keeps {
            take_over(path, new, owned)?;
        }
        fs::set_permissions(new, old.permissions()).map_err(Error::write(path))?;
    }
    sync_tree(new)?;
    stand(new, path, exchange).map_err(Error::write(path))?;
    sync_dir(folder)?;
    Ok(result)
}

/// Gives `new` the name `path`; what had it before is then called `new`, or is gone.
fn stand(new: &Path, path: &Path, exchange: fn(&Path, &Path) -> io::Result<()>) -> io::Result<()> {
    let mut tries = 0;
    loop {
        tries += 1;
        // Takes the place of nothing and of an empty folder.
        match fs::rename(new, path) {
            Err(e) if is_in_the_way(&e) => {}
            done => return done,
        }
        match exchange(new, path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound && tries < MOST_TRIES => {}
            Err(e) if is_unsupported(&e) => return swap_aside(new, path),
            done => return done,
        }
    }
}

/// The same in two steps; between them the folder waits under a name from which [`recover`] brings
/// it back.
fn swap_aside(new: &Path, path: &Path) -> io::Result<()> {
    let aside = aside_of(path);
    if aside.exists() {
        // The folder itself is there: this is what a start before did not come to remove.
        fs::remove_dir_all(&aside)?;
    }
    fs::rename(path, &aside)?;
    fs::rename(new, path).inspect_err(|_| {
        let _ = fs::rename(&aside, path);
    })?;
    fs::remove_dir_all(&aside)
}

/// Gives a folder that was set aside its name back, if a kill came before another had that name, and
/// removes it if the other has.
fn recover(aside: &Path) -> Result<()> {
    let Some(path) = set_aside(aside).filter(|_| aside.is_dir()) else {
        return Ok(());
    };
    match fs::symlink_metadata(&path) {
        Ok(_) => fs::remove_dir_all(aside),
        Err(_) => fs::rename(aside, &path),
    }
    .map_err(Error::write(aside))
}

/// The folder that a path means, links followed; refused where replacing it would be a mistake.
fn resolved(path: &Path) -> Result<PathBuf> {
    let refuse = |what: &str| {
        Err(Error::usage(
            format!("{}: {what}", path.shown()),
            "name a folder of its own",
        ))
    };
    let Ok(found) = fs::metadata(path) else {
        // A link to nothing is not to be replaced by a folder; a name that ends in dots is none.
        return match (fs::symlink_metadata(path), path.file_name()) {
            (Err(_), Some(_)) => Ok(path.to_path_buf()),
            (Ok(_), _) => refuse("is a link that leads nowhere"),
            (Err(_), None) => refuse("no such folder"),
        };
    };
    if !found.is_dir() {
        return refuse("is a file; a folder was to be written here");
    }
    let real = path.canonicalize().map_err(Error::write(path))?;
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    if here.is_ok_and(|here| here.starts_with(&real)) {
        return refuse("is the current folder, or one around it; it is not replaced");
    }
    Ok(real)
}

/// Copies what is somebody else's into the folder that takes the old one's place.
fn take_over(old: &Path, new: &Path, owned: &Owned<'_>) -> Result<()> {
    let sorted = owned.sort(old)?;
    for folder in &sorted.empty {
        create_dir(&new.join(folder))?;
    }
    for other in &sorted.others {
        let (from, to) = (old.join(other), new.join(other));
        // Of a name that is ours now: only a kill leaves such a file, which no record names yet.
        if fs::symlink_metadata(&to).is_ok() {
            continue;
        }
        create_dir(parent_of(&to))?;
        let kind = fs::symlink_metadata(&from).map_err(Error::read(&from))?;
        let copied = if kind.is_symlink() {
            fs::read_link(&from).and_then(|link| system::symlink(&link, &to))
        } else if kind.is_file() {
            // Under a second name where the file system has such: the same file, not a copy.
            fs::hard_link(&from, &to).or_else(|_| fs::copy(&from, &to).map(drop))
        } else {
            return Err(owned.refuse(old, other));
        };
        copied.map_err(Error::write(&to))?;
    }
    Ok(())
}

/// Removes what is ours of a folder, and the folders that are empty then. Nothing is removed where
/// something else lies in it, unless that is to be kept. No folder is fine; of a link only the link
/// goes.
///
/// # Errors
/// `Error::Usage` as [`replace_dir`]; `Error::Write`.
pub fn remove_owned(path: &Path, owned: &Owned<'_>) -> Result<()> {
    let gone = |e: &io::Error| e.kind() == io::ErrorKind::NotFound;
    let removed = |path: &Path, result: io::Result<()>| match result {
        Err(e) if !gone(&e) => Err(Error::write(path)(e)),
        _ => Ok(()),
    };
    match fs::symlink_metadata(path) {
        Err(e) if gone(&e) => return Ok(()),
        Ok(found) if found.is_symlink() => return removed(path, fs::remove_file(path)),
        _ => {}
    }
    owned.check(path)?;
    let sorted = owned.sort(path)?;
    for ours in &sorted.ours {
        let ours = path.join(ours);
        // What systems leave may be a folder, too.
        let result = match ours.is_dir() && !ours.is_symlink() {
            true => fs::remove_dir_all(&ours),
            false => fs::remove_file(&ours),
        };
        removed(&ours, result)?;
    }
    remove_empty(path, &sorted, Path::new(""))
}

/// Removes the folders that held nothing but what was ours.
fn remove_empty(path: &Path, sorted: &Sorted, inside: &Path) -> Result<()> {
    let is_kept = |at: &Path| {
        let mut kept = sorted.others.iter().chain(&sorted.empty);
        kept.any(|other| other.starts_with(at))
    };
    let at = path.join(inside);
    for entry in fs::read_dir(&at).map_err(Error::read(&at))? {
        let entry = entry.map_err(Error::read(&at))?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_empty(path, sorted, &inside.join(entry.file_name()))?;
        }
    }
    if is_kept(inside) {
        return Ok(());
    }
    match fs::remove_dir(&at) {
        // Somebody has put something there meanwhile: it stays.
        Err(e) if !is_in_the_way(&e) => Err(Error::write(&at)(e)),
        _ => Ok(()),
    }
}

/// Removes what a killed process left half written below a folder, and brings back what it had set
/// aside. Only for folders that nobody else writes: a file that is being written looks the same.
///
/// # Errors
/// `Error::Write` for what cannot be removed.
pub fn sweep(dir: &Path) -> Result<()> {
    let mut entries = walkdir::WalkDir::new(dir).into_iter();
    while let Some(entry) = entries.next() {
        // What vanishes meanwhile, or cannot be listed, is nothing to sweep.
        let Ok(entry) = entry else { continue };
        let path = entry.path();
        if entry.depth() == 0 {
            continue;
        }
        if entry.file_type().is_dir() && set_aside(path).is_some() {
            entries.skip_current_dir();
            recover(path)?;
            continue;
        }
        if !is_temporary(&entry.file_name().to_string_lossy()) {
            continue;
        }
        let removed = if entry.file_type().is_dir() {
            entries.skip_current_dir();
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path)
        };
        removed.map_err(Error::write(path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;
    use crate::artifact::write_atomic;

    const MODEL: Owned<'_> = Owned::files("a model folder", &["old", "new"]);

    /// Every file below a folder with what it holds.
    fn files(dir: &Path) -> Vec<(String, String)> {
        let entries = walkdir::WalkDir::new(dir).sort_by_file_name().into_iter();
        let files = entries.map(|entry| entry.unwrap().into_path());
        files
            .filter(|path| !path.is_dir())
            .map(|path| {
                let name = path.strip_prefix(dir).unwrap().display().to_string();
                (name, fs::read_to_string(&path).unwrap())
            })
            .collect()
    }

    fn unsupported(_: &Path, _: &Path) -> io::Result<()> {
        Err(Errno::INVAL.into())
    }

    #[test]
    fn only_half_written_files_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("report");
        fs::create_dir_all(inside.join(".hdbench-AbC.tmp")).unwrap();
        fs::write(inside.join(".hdbench-AbC.tmp/half"), b"x").unwrap();
        for name in [
            ".hdbench-dEf.tmp",
            "index.html",
            "notes.tmp",
            ".hdbench-readme",
        ] {
            fs::write(inside.join(name), b"x").unwrap();
        }
        sweep(dir.path()).unwrap();
        let left: Vec<String> = files(&inside).into_iter().map(|(name, _)| name).collect();
        assert_eq!(left, [".hdbench-readme", "index.html", "notes.tmp"]);
        sweep(&dir.path().join("not there")).unwrap();
    }

    #[test]
    fn a_replaced_folder_holds_only_the_new_files() {
        for exchange in [system::exchange, unsupported] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("model");
            for name in ["old", "new"] {
                let fill = |tmp: &Path| write_atomic(&tmp.join(name), b"x");
                replace_with(&path, &MODEL, fill, exchange).unwrap();
            }
            assert_eq!(files(dir.path()), [("model/new".into(), "x".into())]);
        }
    }

    #[test]
    fn the_old_folder_stays_until_the_new_one_stands() {
        fn refused(_: &Path, _: &Path) -> io::Result<()> {
            Err(Errno::IO.into())
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("old"), "kept").unwrap();
        let fill = |tmp: &Path| write_atomic(&tmp.join("new"), b"x");
        assert!(replace_with(&path, &MODEL, fill, refused).is_err());
        assert!(replace_dir(&path, &MODEL, |_| Err::<(), _>(Error::Internal("x".into()))).is_err());
        assert_eq!(files(dir.path()), [("model/old".into(), "kept".into())]);
    }

    #[test]
    fn a_folder_set_aside_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoints/latest");
        let aside = aside_of(&path);
        let set = |folder: &Path, text: &str| {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join("old"), text).unwrap();
        };
        // A kill between the two renames: the next start sweeps, or writes at once.
        set(&aside, "was");
        sweep(dir.path()).unwrap();
        let left = [("checkpoints/latest/old".into(), "was".into())];
        assert_eq!(files(dir.path()), left);
        fs::rename(&path, &aside).unwrap();
        let fill = |_: &Path| Err::<(), _>(Error::Internal("stopped".into()));
        assert!(replace_with(&path, &MODEL, fill, unsupported).is_err());
        assert_eq!(files(dir.path()), left);
        // A kill after the second one.
        set(&aside, "spent");
        sweep(dir.path()).unwrap();
        assert_eq!(files(dir.path()), left);
    }

    #[test]
    fn a_folder_with_something_else_in_it_is_refused_whole() {
        let fill = |tmp: &Path| write_atomic(&tmp.join("new"), b"x");
        for other in ["thesis", "old.txt", "sub/deep/thesis", ".hidden"] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("mine");
            fs::create_dir_all(path.join(other).parent().unwrap()).unwrap();
            fs::write(path.join("old"), "x").unwrap();
            fs::write(path.join(other), "x").unwrap();
            let before = files(dir.path());
            let refused = replace_dir(&path, &MODEL, fill).unwrap_err();
            assert!(matches!(refused, Error::Usage { .. }), "{refused}");
            assert!(refused.to_string().contains(other), "{refused}");
            assert!(remove_owned(&path, &MODEL).is_err());
            assert_eq!(files(dir.path()), before);
        }
    }

    #[test]
    fn a_file_and_a_dangling_link_are_no_folder_to_replace() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "x").unwrap();
        std::os::unix::fs::symlink("nowhere", at("link")).unwrap();
        for (name, said) in [("file", "is a file"), ("link", "leads nowhere")] {
            let refused = replace_dir(&at(name), &MODEL, |_| Ok(())).unwrap_err();
            assert!(refused.to_string().contains(said), "{refused}");
        }
        for name in [".", "..", "/"] {
            let refused = replace_dir(Path::new(name), &MODEL, |_| Ok(())).unwrap_err();
            assert!(refused.to_string().contains("current folder"), "{refused}");
        }
    }

    #[test]
    fn behind_a_link_the_folder_is_replaced_and_the_link_stays() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("real")).unwrap();
        fs::write(at("real/old"), "x").unwrap();
        std::os::unix::fs::symlink("real", at("link")).unwrap();
        replace_dir(&at("link"), &MODEL, |tmp| {
            write_atomic(&tmp.join("new"), b"x")
        })
        .unwrap();
        assert!(at("link").is_symlink());
        assert_eq!(files(&at("real")), [("new".into(), "x".into())]);
        remove_owned(&at("link"), &MODEL).unwrap();
        assert!(at("real/new").is_file() && !at("link").is_symlink());
    }

    #[test]
    fn what_is_somebody_elses_is_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plots");
        fs::create_dir_all(path.join("mine/empty")).unwrap();
        for (name, text) in [
            ("old", "ours"),
            ("mine/notes", "theirs"),
            ("a.txt", "theirs"),
        ] {
            fs::write(path.join(name), text).unwrap();
        }
        let owned = MODEL.keeping_others();
        replace_dir(&path, &owned, |tmp| write_atomic(&tmp.join("new"), b"x")).unwrap();
        let theirs = ["a.txt", "mine/notes"].map(|name| (name.to_owned(), "theirs".to_owned()));
        let new = ("new".to_owned(), "x".to_owned());
        assert_eq!(files(&path), [&theirs[..], &[new]].concat());
        assert!(path.join("mine/empty").is_dir());
        remove_owned(&path, &owned).unwrap();
        assert_eq!(files(&path), theirs);
        assert!(path.join("mine/empty").is_dir());
    }

    #[test]
    fn a_folder_of_ours_is_removed_with_its_folders() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model");
        fs::create_dir_all(path.join("sub/.hdbench-x.tmp")).unwrap();
        fs::write(path.join("sub/old"), "x").unwrap();
        remove_owned(&path, &MODEL).unwrap();
        assert!(!path.exists());
        remove_owned(&path, &MODEL).unwrap();
    }
}
