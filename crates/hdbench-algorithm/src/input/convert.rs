//! A case's CT as the file that an algorithm takes.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;
use hdbench_volume::artifact::{MaybeGzip, create_dir, gzip_writer, symlink, write_atomic_with};
use hdbench_volume::{
    IMAGE_ENDINGS, ImageFormat, Volume, read_dicom_series, read_image, split_image_name, write_hu,
    write_hu_metaimage,
};

use crate::system::{forbid_writing_into, forbid_writing_to};

/// zlib's effort for files that are read once.
const EFFORT: u32 = 1;

/// What is copied at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// What lies where a case's CT is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Nifti,
    /// `.mha`: header and voxels in one file.
    MetaImage,
    /// MetaImage in two files, or NRRD.
    OtherImage,
    DicomFolder,
    DicomArchive,
}

impl Source {
    /// By its name; nothing is opened.
    ///
    /// # Errors
    /// `Error::Read` where nothing is there; `Error::Malformed` for a name that is no image's.
    pub fn of(path: &Path) -> Result<Self> {
        let found = fs::metadata(path).map_err(Error::read(path))?;
        if found.is_dir() {
            return Ok(Self::DicomFolder);
        }
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        if name.ends_with(".zip") {
            return Ok(Self::DicomArchive);
        }
        match split_image_name(&name) {
            Some((_, ImageFormat::Nifti)) => Ok(Self::Nifti),
            Some((_, ImageFormat::MetaImage)) if name.ends_with(".mha") => Ok(Self::MetaImage),
            Some((_, ImageFormat::MetaImage | ImageFormat::Nrrd)) => Ok(Self::OtherImage),
            None => Err(Error::malformed(
                path,
                format!("is no image by its name, expected {IMAGE_ENDINGS}"),
                "name the CT volume's file, or the folder with its DICOM series",
            )),
        }
    }

    fn read(self, path: &Path) -> Result<Volume<f32>> {
        match self {
            Self::DicomFolder | Self::DicomArchive => {
                read_dicom_series(path).map(|(volume, _)| volume)
            }
            Self::Nifti | Self::MetaImage | Self::OtherImage => read_image(path),
        }
    }
}

/// How a file gets to where a program finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// A symbolic link, through which the user's file can be written to: see [`super::originals`].
    Symbolic,
    /// A hard link, or a copy where the file system has none: what a container sees has to lie in its folder, which is
    /// mounted read-only.
    Real,
    /// A copy that is read-only. File systems that can, let it share the original's blocks.
    Copied,
}

/// Puts a CT at `to`, NIfTI and packed or not: as a link where it is so already.
pub(crate) fn as_nifti(
    from: &Path,
    source: Source,
    packed: bool,
    to: &Path,
    link: Link,
) -> Result<()> {
    if source != Source::Nifti {
        return write_hu(to, &source.read(from)?);
    }
    let mut content = MaybeGzip::open(from)?;
    if content.is_packed() == packed {
        return linked(from, to, link);
    }
    // The header stays as it is, with all that it says.
    write_atomic_with(to, |out| match packed {
        true => {
            let mut encoder = gzip_writer(out, EFFORT);
            copy(&mut content, |bytes| {
                encoder.write_all(bytes).map_err(Error::write(to))
            })?;
            encoder.finish().map(drop).map_err(Error::write(to))
        }
        false => copy(&mut content, |bytes| {
            out.write_all(bytes).map_err(Error::write(to))
        }),
    })
}

/// Puts a CT at `to`, MetaImage.
pub(crate) fn as_metaimage(from: &Path, source: Source, to: &Path, link: Link) -> Result<()> {
    match source {
        Source::MetaImage => linked(from, to, link),
        _ => write_hu_metaimage(to, &source.read(from)?),
    }
}

/// Puts a DICOM series at `to`, a folder of its own whose files are links or copies: what is written beside them is not
/// beside the user's.
///
/// # Errors
/// `Error::Usage` for what is no folder with a series.
pub(crate) fn as_dicom(from: &Path, source: Source, to: &Path, link: Link) -> Result<()> {
    refuse_as_dicom(from, source)?;
    linked_tree(from, to, link)
}

/// # Errors
/// `Error::Usage` for what is no folder with a series.
pub(crate) fn refuse_as_dicom(from: &Path, source: Source) -> Result<()> {
    let hint = match source {
        Source::DicomFolder => return Ok(()),
        Source::DicomArchive => "unpack the archive, and name the folder",
        _ => "give it input = \"nifti\", or a data set of DICOM series",
    };
    Err(Error::usage(
        format!(
            "{}: is no folder with a DICOM series, and input = \"dicom\" asks for one",
            from.shown()
        ),
        hint,
    ))
}

fn linked(from: &Path, to: &Path, link: Link) -> Result<()> {
    let real = from.canonicalize().map_err(Error::read(from))?;
    match link {
        Link::Symbolic => symlink(&real, to).map_err(Error::write(to)),
        Link::Real => match fs::hard_link(&real, to) {
            Ok(()) => Ok(()),
            Err(_) => fs::copy(&real, to).map(drop).map_err(Error::write(to)),
        },
        Link::Copied => {
            // One that cannot be read is told as that.
            fs::File::open(&real).map_err(Error::read(from))?;
            fs::copy(&real, to).map_err(Error::write(to))?;
            // Never of a hard link: its mode is the original's.
            forbid_writing_to(to).map_err(Error::write(to))
        }
    }
}

fn linked_tree(from: &Path, to: &Path, link: Link) -> Result<()> {
    create_dir(to)?;
    for entry in fs::read_dir(from).map_err(Error::read(from))? {
        let entry = entry.map_err(Error::read(from))?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match fs::metadata(&from).map_err(Error::read(&from))?.is_dir() {
            true => linked_tree(&from, &to, link)?,
            false => linked(&from, &to, link)?,
        }
    }
    forbid_writing_into(to).map_err(Error::write(to))
}

fn copy(content: &mut MaybeGzip, mut write: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        match content.fill(&mut buffer)? {
            0 => return Ok(()),
            filled => write(&buffer[..filled])?,
        }
    }
}
