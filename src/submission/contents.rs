use std::path::Path;
use std::sync::Arc;

use super::challenge::Challenge;
use super::predict::RECORD;
use crate::artifact::{Archive, Refused, is_zip};
use crate::error::{Error, Result};
use crate::evaluation::{Listing, Source, list};

/// The files of a submission, each with its name in it.
pub(super) struct Contents {
    /// Sorted by name.
    pub files: Vec<(String, Source)>,
    /// Whether they lie in an archive, not in a folder.
    pub archive: bool,
    /// Entries of an archive that are folders.
    pub folders: Vec<String>,
}

/// Lists what is in an archive or a folder; nothing but an archive's directory is read.
///
/// The inner error is an archive that is refused.
///
/// # Errors
/// `Error::Read` for what the system refuses, `Error::Malformed` where nothing is.
pub(super) fn open(root: &Path, challenge: &Challenge) -> Result<Result<Contents, Refused>> {
    if root.is_dir() || !root.exists() {
        return match list(root)? {
            Listing::Many(mut files) => {
                // Our own record beside predictions of ours.
                files.retain(|(name, _)| name.rsplit('/').next() != Some(RECORD));
                Ok(Ok(Contents {
                    files,
                    archive: false,
                    folders: Vec::new(),
                }))
            }
            Listing::Single(_) => Err(Error::Internal("a folder is no single file".into())),
        };
    }
    if !is_zip(root)? {
        return Ok(Err(Refused::from(Error::malformed(
            root,
            "is no zip archive",
            format!(
                "pack {} into a zip archive, or name the folder that holds them",
                challenge.entry_name_of("N")
            ),
        ))));
    }
    let archive = match Archive::examine(root) {
        Ok(archive) => Arc::new(archive),
        Err(Refused {
            error: error @ Error::Read { .. },
            ..
        }) => return Err(error),
        Err(refused) => return Ok(Err(refused)),
    };
    let folders = archive.folders().to_vec();
    let files = archive.entries().iter().enumerate();
    let files = files.map(|(index, entry)| {
        let archive = Arc::clone(&archive);
        (entry.name.clone(), Source::Entry { archive, index })
    });
    Ok(Ok(Contents {
        files: files.collect(),
        archive: true,
        folders,
    }))
}

/// Whether a source is an entry that promises more bytes than it can hold.
pub(super) fn overpromises(source: &Source) -> bool {
    match source {
        Source::File(_) => false,
        Source::Entry { archive, index } => archive.entries()[*index].overpromises(),
    }
}
