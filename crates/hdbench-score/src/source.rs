//! Where label maps come from: a file, the files below a folder, or the entries of a zip archive.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::name_of;
use hdbench_volume::artifact::{Archive, MaybeGzip, is_same_file, is_zip};
use hdbench_volume::{
    IMAGE_ENDINGS, LabelBox, LabelMap, StoredLabels, Volume, label_box_of, read_header_from,
    read_labels_from, stored_labels_of,
};
use walkdir::WalkDir;

/// One label map, not read yet.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file of its own.
    File(PathBuf),
    /// An entry of a zip archive, read as a stream: nothing is unpacked to disk, so that neither
    /// free space nor a temporary folder has to be there and no name in the archive becomes a path.
    Entry {
        /// The archive.
        archive: Arc<Archive>,
        /// Among [`Archive::entries`].
        index: usize,
    },
}

impl Source {
    /// How messages and tables name it; of an entry, the archive's path and the entry's name.
    pub fn path(&self) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::Entry { archive, index } => archive.path_of(&archive.entries()[*index]),
        }
    }

    /// Its bytes, gzip unpacked.
    ///
    /// # Errors
    /// `Error::Read` and `Error::Malformed`, as [`MaybeGzip::open`] and [`Archive::read`].
    pub fn open(&self) -> Result<MaybeGzip> {
        match self {
            Self::File(path) => MaybeGzip::open(path),
            Self::Entry { archive, index } => archive.read(&archive.entries()[*index]),
        }
    }

    /// Its labels without the background around them; errors as [`read_label_box`].
    ///
    /// [`read_label_box`]: hdbench_volume::read_label_box
    pub fn read_label_box(&self) -> Result<LabelBox> {
        label_box_of(&self.path(), &mut self.open()?)
    }

    /// Its labels without the background around them, of as many bits as they are stored in; errors as
    /// [`stored_labels_of`].
    pub fn read_stored_labels(&self) -> Result<StoredLabels> {
        stored_labels_of(&self.path(), &mut self.open()?)
    }

    /// All its voxels; errors as [`read_labels`].
    ///
    /// [`read_labels`]: hdbench_volume::read_labels
    pub fn read_labels(&self) -> Result<Volume<u8>> {
        read_labels_from(&self.path(), self.open()?)
    }

    /// Its labels with every value replaced by its class.
    ///
    /// # Errors
    /// Those of the reader and of [`LabelMap::apply`].
    pub(super) fn read_mapped(&self, map: &LabelMap) -> Result<LabelBox> {
        // Where 0 stands for something, there is no background to leave out.
        let mut labels = match map.class(0) {
            Some(0) => self.read_label_box()?,
            _ => {
                let header = read_header_from(&self.path(), &mut self.open()?)?;
                LabelBox::whole(self.read_labels()?, header.notes)
            }
        };
        map.apply(&mut labels.voxels, &self.path())?;
        Ok(labels)
    }

    /// Whether both are the same file, reached in two ways: by a link, a hard link, or another path.
    pub(super) fn is_same_file(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(a), Self::File(b)) => is_same_file(a, b),
            (
                Self::Entry { archive, index },
                Self::Entry {
                    archive: other,
                    index: place,
                },
            ) => index == place && is_same_file(archive.path(), other.path()),
            _ => false,
        }
    }
}

/// What a path of the command line stands for.
#[derive(Debug)]
pub enum Listing {
    /// One label map.
    Single(Source),
    /// All files below a folder or in an archive, each with its path from there, parts separated
    /// by `/`, sorted.
    Many(Vec<(String, Source)>),
}

/// Lists what is at a path; nothing but an archive's directory is read.
///
/// # Errors
/// `Error::Malformed` if nothing is there and for what [`Archive::open`] refuses; `Error::Read` for
/// a folder that cannot be listed.
pub fn list(root: &Path) -> Result<Listing> {
    if root.is_dir() {
        return list_folder(root).map(Listing::Many);
    }
    if !root.exists() {
        return Err(Error::malformed(
            root,
            "no such file or folder",
            format!(
                "expected a label map ({IMAGE_ENDINGS}), a folder of them, or a zip archive of them"
            ),
        ));
    }
    if !is_zip(root)? {
        return Ok(Listing::Single(Source::File(root.to_path_buf())));
    }
    let archive = Arc::new(Archive::open(root)?);
    let entries = archive.entries().iter().enumerate();
    let entries = entries.map(|(index, entry)| {
        let archive = Arc::clone(&archive);
        (entry.name.clone(), Source::Entry { archive, index })
    });
    Ok(Listing::Many(entries.collect()))
}

fn list_folder(root: &Path) -> Result<Vec<(String, Source)>> {
    let mut files = Vec::new();
    for entry in WalkDir::new(root).follow_links(true).sort_by_file_name() {
        let path = match entry {
            Ok(entry) if entry.file_type().is_dir() => continue,
            Ok(entry) => entry.into_path(),
            // A link back to a folder above leads to nothing new.
            Err(error) if error.loop_ancestor().is_some() => continue,
            Err(error) => {
                let path = error.path().unwrap_or(root).to_path_buf();
                let kind = error.io_error().map(std::io::Error::kind);
                if kind != Some(ErrorKind::NotFound) || path == root {
                    return Err(Error::read(&path)(error.into()));
                }
                // A link to nowhere: if its name says that it is a case, that case will fail.
                path
            }
        };
        let relative = path.strip_prefix(root).unwrap_or(&path);
        let parts: Vec<_> = relative
            .components()
            .map(|part| name_of(part.as_os_str()))
            .collect();
        files.push((parts.join("/"), Source::File(path)));
    }
    Ok(files)
}
