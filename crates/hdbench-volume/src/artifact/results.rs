use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;

use super::atomic::{create_dir, sync_dir, sync_tree, temporary_dir, write_atomic};

/// Files that a verb puts side by side into a folder of the user's, and replaces there the next time.
/// Other files in it are the user's: they stay, and none of them is written over.
pub struct Results<'a> {
    /// What the verb may write; of these, what an earlier start wrote and this one does not, goes.
    pub names: &'a [&'a str],
    /// What else an earlier start says in the folder that it wrote.
    pub wrote: &'a dyn Fn(&Path) -> Vec<String>,
    /// The file by which the others are known: it is put in place before them.
    pub first: &'a str,
    /// Whether the file of this name in the folder is one that hdbench wrote, by what is in it.
    pub is_ours: &'a dyn Fn(&Path, &str) -> bool,
}

impl Results<'_> {
    /// Refuses a folder in which a file of the user's has one of the names. Nothing is written.
    ///
    /// # Errors
    /// `Error::Usage` naming it.
    pub fn check(&self, folder: &Path) -> Result<()> {
        self.refuse_others(folder, self.names.iter().copied())
    }

    /// Lets `fill` write into a temporary folder and puts its files into the folder one by one, once all
    /// are there: what goes wrong before that changes nothing.
    ///
    /// # Errors
    /// As [`Results::check`]; `Error::Write`; what `fill` gives.
    pub fn replace<T>(&self, folder: &Path, fill: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
        create_dir(folder)?;
        self.check(folder)?;
        let wrote = (self.wrote)(folder);
        let temporary = temporary_dir(folder).map_err(Error::write(folder))?;
        let result = fill(temporary.path())?;
        sync_tree(temporary.path())?;
        let mut new = BTreeSet::new();
        for entry in fs::read_dir(temporary.path()).map_err(Error::read(folder))? {
            let entry = entry.map_err(Error::read(folder))?;
            new.insert(entry.file_name().to_string_lossy().into_owned());
        }
        self.refuse_others(folder, new.iter().map(String::as_str))?;
        let is_first = |name: &&String| name.as_str() == self.first;
        let order = new.iter().filter(is_first);
        for name in order.chain(new.iter().filter(|name| !is_first(name))) {
            put(&temporary.path().join(name), &folder.join(name))?;
        }
        // The first one last: it tells whose the others are.
        let known = self.names.iter().copied();
        let known = known.chain(wrote.iter().map(String::as_str));
        let stale = known.filter(|name| !new.contains(*name));
        let (last, others): (Vec<&str>, Vec<&str>) = stale.partition(|name| *name == self.first);
        for name in others.into_iter().chain(last) {
            let path = folder.join(name);
            match fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::write(&path)(e));
                }
                _ => {}
            }
        }
        sync_dir(folder)?;
        Ok(result)
    }

    fn refuse_others<'b>(
        &self,
        folder: &Path,
        mut names: impl Iterator<Item = &'b str>,
    ) -> Result<()> {
        let is_there = |name: &str| fs::symlink_metadata(folder.join(name)).is_ok();
        match names.find(|name| is_there(name) && !(self.is_ours)(folder, name)) {
            None => Ok(()),
            Some(name) => Err(Error::usage(
                format!(
                    "{}: holds a {name} that hdbench did not write; nothing was written",
                    folder.shown()
                ),
                "name a folder of its own for the results, or move the file away",
            )),
        }
    }
}

/// Moves a file to its place; where a link stands there, the file behind it gets the bytes.
fn put(from: &Path, to: &Path) -> Result<()> {
    if to.is_symlink() || to.is_dir() {
        return write_atomic(to, &fs::read(from).map_err(Error::read(from))?);
    }
    fs::rename(from, to).map_err(Error::write(to))
}

/// Whether a file begins with this text.
pub fn begins_with(path: &Path, text: &str) -> bool {
    let mut begin = vec![0; text.len()];
    path.is_file()
        && fs::File::open(path)
            .and_then(|mut file| file.read_exact(&mut begin))
            .is_ok()
        && begin == text.as_bytes()
}

/// Whether a file is a JSON object in which this key has this value.
pub fn json_says(path: &Path, key: &str, value: &str) -> bool {
    let text = path.is_file().then(|| fs::read(path).ok()).flatten();
    let json: Option<serde_json::Value> = text.and_then(|text| serde_json::from_slice(&text).ok());
    json.is_some_and(|json| json.pointer(key).and_then(|found| found.as_str()) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 3] = ["scores.csv", "lesions.csv", "summary.json"];

    fn write(dir: &Path, files: &[&str], text: &str) -> Result<()> {
        let results = Results {
            names: &NAMES,
            wrote: &|_| Vec::new(),
            first: "scores.csv",
            is_ours: &|folder, name| begins_with(&folder.join(name), "ours"),
        };
        results.replace(dir, |to| {
            files
                .iter()
                .try_for_each(|name| write_atomic(&to.join(name), text.as_bytes()))
        })
    }

    fn read(dir: &Path) -> Vec<(String, String)> {
        let mut all: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                let text = fs::read_to_string(entry.path()).unwrap();
                (entry.file_name().into_string().unwrap(), text)
            })
            .collect();
        all.sort();
        all
    }

    fn expected(files: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        files.iter().map(owned).collect()
    }

    #[test]
    fn only_what_was_written_before_is_replaced_or_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        fs::write(path.join("notes.txt"), "mine").unwrap();
        write(path, &["lesions.csv", "scores.csv"], "ours 1").unwrap();
        write(path, &["scores.csv", "other.md"], "ours 2").unwrap();
        let now = [
            ("notes.txt", "mine"),
            ("other.md", "ours 2"),
            ("scores.csv", "ours 2"),
        ];
        assert_eq!(read(path), expected(&now));
        // The user's own file of a name of ours.
        fs::write(path.join("summary.json"), "mine").unwrap();
        let before = read(path);
        for files in [["scores.csv"], ["summary.json"]] {
            let refused = write(path, &files, "ours 3").unwrap_err();
            assert!(matches!(refused, Error::Usage { .. }), "{refused}");
            assert!(refused.to_string().contains("summary.json"), "{refused}");
        }
        assert_eq!(read(path), before);
        fs::remove_file(path.join("summary.json")).unwrap();
        // A name that is known only when it is written.
        assert!(write(path, &["notes.txt"], "ours 3").is_err());
        assert_eq!(read(path), expected(&now));
    }

    #[test]
    fn what_fails_half_way_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        write(path, &["scores.csv"], "ours 1").unwrap();
        let results = Results {
            names: &NAMES,
            wrote: &|_| Vec::new(),
            first: "scores.csv",
            is_ours: &|_, _| true,
        };
        let failed = results.replace(path, |to| {
            write_atomic(&to.join("scores.csv"), b"ours 2")?;
            Err::<(), _>(Error::Internal("stopped".into()))
        });
        assert!(failed.is_err());
        assert_eq!(read(path), expected(&[("scores.csv", "ours 1")]));
    }
}
