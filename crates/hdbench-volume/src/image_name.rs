//! The names of image files: their endings, and what stands before them.

use std::path::Path;

use super::layout::ImageFormat;

/// Endings of the files that are read.
const ENDINGS: [(&str, ImageFormat); 6] = [
    (".nii.gz", ImageFormat::Nifti),
    (".nii", ImageFormat::Nifti),
    (".mha", ImageFormat::MetaImage),
    (".mhd", ImageFormat::MetaImage),
    (".nrrd", ImageFormat::Nrrd),
    (".nhdr", ImageFormat::Nrrd),
];

/// The endings in words, for messages.
pub const IMAGE_ENDINGS: &str = ".nii, .nii.gz, .mha, .mhd, .nrrd or .nhdr";

/// A file's name without its ending, in upper or lower case, and the format that the ending says; none for a name
/// that is no image's.
pub fn split_image_name(name: &str) -> Option<(&str, ImageFormat)> {
    ENDINGS.iter().find_map(|&(ending, format)| {
        let begin = name.len().checked_sub(ending.len())?;
        let stem = name.get(..begin)?;
        name[begin..]
            .eq_ignore_ascii_case(ending)
            .then_some((stem, format))
    })
}

/// The format that a file's name says.
pub(crate) fn format_by_name(path: &Path) -> Option<ImageFormat> {
    let name = path.file_name()?.to_string_lossy();
    split_image_name(&name).map(|(_, format)| format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_says_the_format() {
        for (name, stem, format) in [
            ("a.nii", "a", ImageFormat::Nifti),
            ("a.b.NII.gz", "a.b", ImageFormat::Nifti),
            ("Case.MHA", "Case", ImageFormat::MetaImage),
            ("a.mhd", "a", ImageFormat::MetaImage),
            ("a.seg.nrrd", "a.seg", ImageFormat::Nrrd),
            ("L\u{f6}we.nhdr", "L\u{f6}we", ImageFormat::Nrrd),
        ] {
            assert_eq!(split_image_name(name), Some((stem, format)), "{name}");
        }
        for other in ["a.raw", "a.zraw", "nii.gz", "a.mha.gz", "\u{f6}", ""] {
            assert_eq!(split_image_name(other), None, "{other}");
        }
    }
}
