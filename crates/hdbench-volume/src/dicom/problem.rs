//! Why bytes are no slice, and the ways out that more than one place names.

/// Why bytes are no data set.
#[derive(Debug, PartialEq)]
pub(super) enum Problem {
    NotDicom,
    /// The bytes end in the middle of this.
    CutOff(String),
    Damaged(String),
    UnknownSyntax(String),
}

pub(super) type Parsed<T> = Result<T, Problem>;

pub(super) const COPY_AGAIN: &str =
    "copy or download the file again and compare its size with the source";

pub(super) const DECOMPRESS: &str = "decompress the series first, for example with `gdcmconv --raw IN OUT` or dcmtk's `dcmdjpeg`, `dcmdjpls`";
