use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::Path;
use std::time::UNIX_EPOCH;

use hdbench_ground::error::{Error, Result, is_absent};
use serde::{Deserialize, Serialize};

use super::hash::hash_file;

/// A file as it was when somebody finished it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRecord {
    bytes: u64,
    /// Since 1970, ns: while size and time hold, the content is not read again.
    modified_ns: u64,
    blake3: String,
}

/// Files by their path below a folder, with `/` between its parts.
pub type FileRecords = BTreeMap<String, FileRecord>;

/// How closely a file is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The content is read where size or time are others.
    Quick,
    /// The content is read.
    Whole,
}

/// What a recorded file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileState {
    Equal,
    /// Other contents than were recorded.
    Other,
    Missing,
}

impl FileRecord {
    /// Records a file as it is now.
    ///
    /// # Errors
    /// `Error::Read`.
    pub fn of(path: &Path) -> Result<Self> {
        let metadata = std::fs::metadata(path).map_err(Error::read(path))?;
        Ok(Self {
            bytes: metadata.len(),
            modified_ns: modified_ns(&metadata),
            blake3: hash_file(path)?,
        })
    }

    /// Hash of the content.
    pub fn blake3(&self) -> &str {
        &self.blake3
    }

    /// Whether the file is still what was recorded. What cannot be read is no longer.
    pub fn look(&self, path: &Path, look: Look) -> FileState {
        self.found(path, look).0
    }

    /// A quick look that takes over the time of a file whose content it had to read and found as recorded,
    /// so that a copied folder is read whole once.
    pub fn settle(&mut self, path: &Path) -> FileState {
        let (state, modified_ns) = self.found(path, Look::Quick);
        if state == FileState::Equal {
            self.modified_ns = modified_ns;
        }
        state
    }

    /// With the time of the file that was found.
    fn found(&self, path: &Path, look: Look) -> (FileState, u64) {
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => metadata,
            Err(e) if is_absent(&e) => return (FileState::Missing, 0),
            _ => return (FileState::Other, 0),
        };
        let modified_ns = modified_ns(&metadata);
        let equal = metadata.len() == self.bytes
            && (look == Look::Quick && modified_ns == self.modified_ns
                || hash_file(path).is_ok_and(|hash| hash == self.blake3));
        let state = match equal {
            true => FileState::Equal,
            false => FileState::Other,
        };
        (state, modified_ns)
    }
}

fn modified_ns(metadata: &Metadata) -> u64 {
    let since = metadata.modified().ok();
    let since = since.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(0))
}

/// Records files below a folder.
///
/// # Errors
/// `Error::Read`.
pub fn record_files(
    folder: &Path,
    names: impl IntoIterator<Item = impl Into<String>>,
) -> Result<FileRecords> {
    names
        .into_iter()
        .map(|name| {
            let name = name.into();
            let record = FileRecord::of(&folder.join(&name))?;
            Ok((name, record))
        })
        .collect()
}

/// The files below a folder that are no longer as recorded.
pub fn unlike(folder: &Path, files: &FileRecords, look: Look) -> Vec<(String, FileState)> {
    files
        .iter()
        .map(|(name, record)| (name.clone(), record.look(&folder.join(name), look)))
        .filter(|(_, found)| *found != FileState::Equal)
        .collect()
}

/// The same by a quick look that takes over the times of equal files ([`FileRecord::settle`]).
pub fn settle(folder: &Path, files: &mut FileRecords) -> Vec<(String, FileState)> {
    files
        .iter_mut()
        .map(|(name, record)| (name.clone(), record.settle(&folder.join(name))))
        .filter(|(_, found)| *found != FileState::Equal)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn a_file_is_equal_other_or_missing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("table.csv");
        fs::write(&path, b"a,b").unwrap();
        let record = FileRecord::of(&path).unwrap();
        let looks = || [Look::Quick, Look::Whole].map(|look| record.look(&path, look));
        assert_eq!(looks(), [FileState::Equal; 2]);
        // Copied, touched or written again: the content decides.
        let touch = |time| {
            let file = File::options().write(true).open(&path).unwrap();
            file.set_modified(time).unwrap();
        };
        touch(SystemTime::now() + Duration::from_secs(9));
        assert_eq!(looks(), [FileState::Equal; 2]);
        fs::write(&path, b"a,c").unwrap();
        assert_eq!(looks(), [FileState::Other; 2]);
        fs::write(&path, b"a,b,c").unwrap();
        assert_eq!(looks(), [FileState::Other; 2]);
        fs::remove_file(&path).unwrap();
        assert_eq!(looks(), [FileState::Missing; 2]);
        fs::create_dir(&path).unwrap();
        assert_eq!(looks(), [FileState::Other; 2]);
    }

    #[test]
    fn a_copied_file_is_read_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("weights");
        let write_at = |bytes: &[u8], seconds| {
            fs::write(&path, bytes).unwrap();
            let file = File::options().write(true).open(&path).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds))
                .unwrap();
        };
        write_at(b"0000", 1);
        let mut files = record_files(dir.path(), ["weights"]).unwrap();
        let recorded = files.clone();
        write_at(b"0000", 2);
        assert_eq!(settle(dir.path(), &mut files), []);
        assert_ne!(files, recorded);
        // By its size and time alone.
        write_at(b"0100", 2);
        assert_eq!(settle(dir.path(), &mut files), []);
        let settled = files.clone();
        write_at(b"0100", 3);
        let other = [("weights".to_owned(), FileState::Other)];
        assert_eq!(settle(dir.path(), &mut files), other);
        assert_eq!(files, settled);
    }

    #[test]
    fn a_change_that_keeps_size_and_time_is_seen_by_reading() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("weights");
        fs::write(&path, b"0000").unwrap();
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        let files = record_files(dir.path(), ["weights"]).unwrap();
        fs::write(&path, b"0100").unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(time).unwrap();
        assert_eq!(unlike(dir.path(), &files, Look::Quick), []);
        let other = [("weights".to_owned(), FileState::Other)];
        assert_eq!(unlike(dir.path(), &files, Look::Whole), other);
    }
}
