//! From the first byte of an image to its first voxel, whatever the format: the header decides, and what it promises
//! is held against what is there.

use std::path::{Component, Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::shown;

use super::image_name::format_by_name;
use super::layout::{Encoding, ImageFormat, Layout, Skip};
use super::nifti_header::{self, HEADER_BYTES, NIFTI};
use super::text_header::{is_metaimage, is_nrrd, read_metaimage, read_nrrd};
use crate::artifact::MaybeGzip;

/// Zero bytes that some writers add after the voxels to fill a block.
const MAX_PADDING: usize = 4096;

const COPY_AGAIN: &str = "copy or download the file again and compare its size with the source";

/// Reads and checks the header at the start of `content`; its first bytes tell the format.
pub(super) fn read_layout(path: &Path, content: &mut MaybeGzip) -> Result<Layout> {
    let mut bytes = [0; HEADER_BYTES];
    let read = content.fill(&mut bytes)?;
    let start = &bytes[..read];
    if is_nrrd(start) {
        read_nrrd(path, content, start)
    } else if is_metaimage(path, start) {
        read_metaimage(path, content, start)
    } else {
        nifti_header::layout_of(path, start, expected(path))
    }
}

/// What a file of this name should be.
fn expected(path: &Path) -> &'static str {
    match format_by_name(path) {
        Some(ImageFormat::MetaImage) => "a MetaImage file (.mha or .mhd)",
        Some(ImageFormat::Nrrd) => "an NRRD file (.nrrd or .nhdr)",
        Some(ImageFormat::Nifti) => NIFTI,
        None => "a NIfTI-1 (.nii, .nii.gz), MetaImage (.mha, .mhd) or NRRD (.nrrd, .nhdr) file",
    }
}

/// Reads and checks the header, and hands on content that stands at the first voxel.
pub(super) fn with_content<T>(
    path: &Path,
    content: &mut MaybeGzip,
    voxels: impl FnOnce(&mut MaybeGzip, &Layout) -> Result<T>,
) -> Result<T> {
    let layout = read_layout(path, content)?;
    match &layout.place.file {
        None => {
            go_to_voxels(content, &layout, layout.place.header_bytes)?;
            voxels(content, &layout)
        }
        Some(name) => {
            let mut beside = open_beside(path, content, name)?;
            go_to_voxels(&mut beside, &layout, 0)?;
            voxels(&mut beside, &layout)
        }
    }
}

/// The file of voxels that a header names. It has to lie beside the header: what a header says may not
/// lead anywhere else.
fn open_beside(path: &Path, header: &MaybeGzip, name: &str) -> Result<MaybeGzip> {
    // Without the `./` that some writers put in front, so that messages name the file as it is.
    let beside: Option<PathBuf> = Path::new(name)
        .components()
        .filter(|part| *part != Component::CurDir)
        .map(|part| matches!(part, Component::Normal(_)).then_some(part))
        .collect();
    let Some(beside) = beside else {
        return Err(Error::malformed(
            path,
            format!(
                "its voxels are said to lie in {}, outside of the folder of their header",
                shown(name)
            ),
            "put both files into one folder and let the header name the other one without a folder",
        ));
    };
    if !header.is_file() {
        return Err(Error::malformed(
            path,
            format!(
                "its voxels lie in another file ({}), which only a header in a folder can have",
                shown(name)
            ),
            "re-save it as one file (.mha, .nrrd or .nii.gz)",
        ));
    }
    let file = path.parent().unwrap_or(Path::new("")).join(beside);
    MaybeGzip::open_plain(&file).map_err(|error| {
        Error::malformed(
            path,
            format!("its voxels lie in {}, which cannot be read: {error}", shown(name)),
            "keep the header and the file of its voxels in one folder, under the names that they were written with",
        )
    })
}

/// Passes over what lies before the first voxel and unpacks what follows. `passed` bytes of the content
/// were read.
fn go_to_voxels(content: &mut MaybeGzip, layout: &Layout, passed: u64) -> Result<()> {
    let place = &layout.place;
    let lines = skip_lines(content, place.lines)?;
    let passed = passed + lines;
    let gap = match place.skip {
        Skip::Bytes(gap) => gap,
        Skip::UpToLast => up_to_last(content, layout, passed)?,
    };
    match place.encoding {
        Encoding::Raw => {
            check_promise(content, layout, passed.saturating_add(gap))?;
        }
        // Packed twice, a few bytes could hold more than any memory.
        Encoding::Packed(_) if content.is_packed() => {
            return Err(Error::malformed(
                content.path(),
                "its voxels are packed, and the whole file once more",
                "unpack the file once (gzip -d)",
            ));
        }
        Encoding::Packed(packing) => {
            content.unpack_rest(packing);
            check_promise(content, layout, gap)?;
        }
        Encoding::Text => {
            content.parse_rest(layout.voxels());
            check_promise(content, layout, gap)?;
        }
    }
    if content.skip(gap)? < gap {
        return Err(truncated(content, 0, layout.voxel_bytes()));
    }
    Ok(())
}

/// Reads past lines and returns their bytes; fewer lines where the content ends.
fn skip_lines(content: &mut MaybeGzip, count: u64) -> Result<u64> {
    let mut chunk = [0; 4096];
    let (mut lines, mut passed) = (0, 0);
    while lines < count {
        let read = content.fill(&mut chunk)?;
        if read == 0 {
            break;
        }
        let mut used = 0;
        for &byte in &chunk[..read] {
            if lines == count {
                break;
            }
            used += 1;
            lines += u64::from(byte == b'\n');
        }
        content.give_back(&chunk[used..read]);
        passed += used as u64;
    }
    Ok(passed)
}

/// How many bytes lie before the voxels where these are the last of the file.
fn up_to_last(content: &MaybeGzip, layout: &Layout, passed: u64) -> Result<u64> {
    let len = content.file_len().filter(|_| !content.is_packed());
    let Some(len) = len else {
        return Err(Error::malformed(
            content.path(),
            "its voxels are the last bytes of a file whose length is not known before it is read",
            "unpack the file first",
        ));
    };
    let first = len.checked_sub(layout.voxel_bytes());
    first
        .and_then(|first| first.checked_sub(passed))
        .ok_or_else(|| promise(content, passed + layout.voxel_bytes(), len))
}

/// Compares what the header asks for with the most that the file's length can hold; `before` bytes lie
/// before the voxels.
fn check_promise(content: &MaybeGzip, layout: &Layout, before: u64) -> Result<()> {
    let asked = before.saturating_add(layout.voxel_bytes());
    match (content.content_at_most(), content.file_len()) {
        (Some(most), Some(file_len)) if most < asked => match layout.place.encoding {
            Encoding::Text => Err(Error::malformed(
                content.path(),
                format!(
                    "the header promises {} numbers but the file has only {file_len} bytes: \
                     it is truncated or its header is wrong",
                    layout.voxels()
                ),
                COPY_AGAIN,
            )),
            Encoding::Raw | Encoding::Packed(_) => Err(promise(content, asked, file_len)),
        },
        _ => Ok(()),
    }
}

fn promise(content: &MaybeGzip, asked: u64, file_len: u64) -> Error {
    let packed = if content.is_packed() { " packed" } else { "" };
    Error::malformed(
        content.path(),
        format!(
            "the header promises {asked} bytes but the file has only {file_len}{packed}: \
             it is truncated or its header is wrong"
        ),
        COPY_AGAIN,
    )
}

pub(super) fn truncated(content: &MaybeGzip, found: u64, expected: u64) -> Error {
    Error::malformed(
        content.path(),
        format!("the voxels are truncated: expected {expected} bytes, found {found}"),
        COPY_AGAIN,
    )
}

/// After the voxels there may be a little zero padding and nothing else.
pub(super) fn check_end(content: &mut MaybeGzip) -> Result<()> {
    let mut rest = [0; MAX_PADDING + 1];
    let len = content.fill(&mut rest)?;
    if len <= MAX_PADDING && rest[..len].iter().all(|&byte| byte == 0) {
        return Ok(());
    }
    let more = if len > MAX_PADDING {
        "more than 4096"
    } else {
        &len.to_string()
    };
    Err(Error::malformed(
        content.path(),
        format!("the file goes on after the voxels its header describes, by {more} bytes"),
        "header and voxels do not belong together: export the image again",
    ))
}
