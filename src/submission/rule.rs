use serde::{Serialize, Serializer};

use crate::artifact::Refusal;

/// What a submission may be checked for, in the order in which it is reported; which of them a challenge holds, its
/// [`super::Challenge`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    ArchiveReadable,
    SafeNames,
    UniqueNames,
    NoBomb,
    NoLinks,
    NotEncrypted,
    Compression,
    Flat,
    InFolder,
    FileNames,
    OneEach,
    Complete,
    NoExtras,
    ChallengeSet,
    NotGzipped,
    Gzipped,
    NiftiReadable,
    ThreeDimensional,
    Shape,
    Spacing,
    Affine,
    WholeLabels,
    LabelRange,
    LesionCount,
    StoredType,
    LiverPresent,
    LesionInLiver,
    NoGaps,
    PlausibleVolume,
}

impl Rule {
    /// All, in order.
    pub const ALL: [Self; 29] = [
        Self::ArchiveReadable,
        Self::SafeNames,
        Self::UniqueNames,
        Self::NoBomb,
        Self::NoLinks,
        Self::NotEncrypted,
        Self::Compression,
        Self::Flat,
        Self::InFolder,
        Self::FileNames,
        Self::OneEach,
        Self::Complete,
        Self::NoExtras,
        Self::ChallengeSet,
        Self::NotGzipped,
        Self::Gzipped,
        Self::NiftiReadable,
        Self::ThreeDimensional,
        Self::Shape,
        Self::Spacing,
        Self::Affine,
        Self::WholeLabels,
        Self::LabelRange,
        Self::LesionCount,
        Self::StoredType,
        Self::LiverPresent,
        Self::LesionInLiver,
        Self::NoGaps,
        Self::PlausibleVolume,
    ];

    /// A name for programs, which does not change, and what holds where it is kept.
    fn described(self) -> (&'static str, &'static str) {
        match self {
            Self::ArchiveReadable => ("archive-readable", "it is a sound zip archive"),
            Self::SafeNames => ("archive-safe-names", "no entry leads out of the archive"),
            Self::UniqueNames => ("archive-unique-names", "no entry occurs twice"),
            Self::NoBomb => (
                "archive-no-bomb",
                "entries share no bytes and unpack to no more than they can",
            ),
            Self::NoLinks => ("archive-no-links", "no entry is a link"),
            Self::NotEncrypted => ("archive-not-encrypted", "no entry is encrypted"),
            Self::Compression => (
                "archive-compression",
                "every entry is packed by Deflate or stored",
            ),
            Self::Flat => ("flat", "no file lies in a folder"),
            Self::InFolder => ("in-folder", "every segmentation lies in the task's folder"),
            Self::FileNames => (
                "file-names",
                "every segmentation has the name of its test volume",
            ),
            Self::OneEach => ("one-each", "no test volume has two segmentations"),
            Self::Complete => ("complete", "every test volume has a segmentation"),
            Self::NoExtras => ("no-extras", "there is nothing else in it"),
            Self::ChallengeSet => ("challenge-set", "the test volumes are the challenge's"),
            Self::NotGzipped => ("not-gzipped", "files are not packed once more by gzip"),
            Self::Gzipped => ("gzipped", "files are packed by gzip"),
            Self::NiftiReadable => ("nifti-readable", "files are whole NIfTI-1 images"),
            Self::ThreeDimensional => ("three-dimensional", "images have three axes"),
            Self::Shape => ("shape", "the shape is that of the test volume"),
            Self::Spacing => ("spacing", "the voxel spacing is that of the test volume"),
            Self::Affine => ("affine", "voxels lie where those of the test volume lie"),
            Self::WholeLabels => ("whole-labels", "labels are whole numbers"),
            Self::LabelRange => ("label-range", "labels are 0, 1 or 2"),
            Self::LesionCount => (
                "lesion-count",
                "the official scorer can number the lesions (at most 32767)",
            ),
            Self::StoredType => ("stored-type", "labels are stored as integers, unscaled"),
            Self::LiverPresent => ("liver-present", "there is a liver"),
            Self::LesionInLiver => ("lesion-in-liver", "every lesion touches the liver"),
            Self::NoGaps => ("no-gaps", "no slice inside the liver is empty"),
            Self::PlausibleVolume => (
                "plausible-volume",
                "liver and tumour have sizes that occur in patients",
            ),
        }
    }

    /// A name for programs, which does not change: `file-names`.
    pub fn id(self) -> &'static str {
        self.described().0
    }

    /// What holds where it is kept, whatever the challenge; [`super::Challenge::statement`] has the challenge's names.
    pub(super) fn statement(self) -> &'static str {
        self.described().1
    }

    /// Those that only an archive can break, a folder cannot.
    pub(super) const OF_ARCHIVES: [Self; 7] = [
        Self::ArchiveReadable,
        Self::SafeNames,
        Self::UniqueNames,
        Self::NoBomb,
        Self::NoLinks,
        Self::NotEncrypted,
        Self::Compression,
    ];
}

/// The rule that an archive breaks which is not even opened.
impl From<Refusal> for Rule {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unreadable => Self::ArchiveReadable,
            Refusal::UnsafeName => Self::SafeNames,
            Refusal::DuplicateName => Self::UniqueNames,
            Refusal::Bomb => Self::NoBomb,
            Refusal::Link => Self::NoLinks,
            Refusal::Encrypted => Self::NotEncrypted,
            Refusal::Compression => Self::Compression,
        }
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_kebab_case_and_differ() {
        let mut ids: Vec<&str> = Rule::ALL.iter().map(|rule| rule.id()).collect();
        let kebab = |id: &&str| id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        assert!(ids.iter().all(kebab));
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Rule::ALL.len());
        assert!(Rule::ALL.is_sorted());
    }
}
