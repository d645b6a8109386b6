use std::fmt;

use hdbench_ground::text::composed;
use hdbench_volume::{ImageFormat, split_image_name};

/// A case as its file's name tells it. Sorts LiTS cases by number, then all others by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CaseKey {
    /// `volume-N` or `segmentation-N`, of the training or the test set.
    Lits {
        /// Whether the name begins with `test-`.
        test: bool,
        /// `N`.
        number: u32,
    },
    /// Any other name, without the ending of an image.
    Stem(String),
}

/// What a file's name says.
pub(super) struct Named {
    pub key: CaseKey,
    /// Whether it is LiTS's name of the CT volume (and of what this toolkit predicts for it).
    pub is_volume: bool,
    /// What the ending says.
    pub format: ImageFormat,
}

/// Reads a path's last part; none for a file that is no image by name. Upper and lower case
/// matter for names that are not those of LiTS.
pub(super) fn case_key(path: &str) -> Option<Named> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let (stem, format) = split_image_name(name)?;
    let lower = stem.to_ascii_lowercase();
    let (test, rest) = match lower.strip_prefix("test-") {
        Some(rest) => (true, rest),
        None => (false, lower.as_str()),
    };
    for (prefix, is_volume) in [("volume-", true), ("segmentation-", false)] {
        if let Some(number) = rest.strip_prefix(prefix).and_then(number) {
            let key = CaseKey::Lits { test, number };
            return Some(Named {
                key,
                is_volume,
                format,
            });
        }
    }
    Some(Named {
        key: CaseKey::Stem(composed(stem)),
        is_volume: false,
        format,
    })
}

fn number(digits: &str) -> Option<u32> {
    // `parse` alone would take a sign.
    let all = digits.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| digits.parse().ok())?
}

impl CaseKey {
    /// `CASE` of `CASE_0000`, which is how nnU-Net names a case's images by channel.
    pub fn without_channel(&self) -> Option<Self> {
        let Self::Stem(stem) = self else { return None };
        let (case, channel) = stem.rsplit_once('_')?;
        let digits = channel.len() == 4 && channel.bytes().all(|byte| byte.is_ascii_digit());
        (digits && !case.is_empty()).then(|| Self::Stem(case.to_owned()))
    }

    /// LiTS's number, or the digits that any other name ends with.
    pub fn number(&self) -> Option<u32> {
        match self {
            Self::Lits { number, .. } => Some(*number),
            Self::Stem(stem) => {
                let before = stem.trim_end_matches(|c: char| c.is_ascii_digit());
                number(&stem[before.len()..])
            }
        }
    }

    /// Whether a LiTS case is one of the test set.
    pub fn is_test(&self) -> Option<bool> {
        match self {
            Self::Lits { test, .. } => Some(*test),
            Self::Stem(_) => None,
        }
    }

    /// The same number of LiTS's other set.
    pub fn other_set(self) -> Self {
        match self {
            Self::Lits { test, number } => Self::Lits {
                test: !test,
                number,
            },
            stem @ Self::Stem(_) => stem,
        }
    }
}

impl fmt::Display for CaseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lits {
                test: false,
                number,
            } => write!(f, "volume-{number}"),
            Self::Lits { test: true, number } => write!(f, "test-volume-{number}"),
            Self::Stem(stem) => f.write_str(stem),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(path: &str) -> Option<String> {
        case_key(path).map(|found| found.key.to_string())
    }

    #[test]
    fn names_become_cases() {
        for (path, case) in [
            ("a/segmentation-3.nii", "volume-3"),
            ("Volume-003.NII.GZ", "volume-3"),
            ("test-segmentation-69.nii", "test-volume-69"),
            ("labelsTr/liver_12.nii.gz", "liver_12"),
            ("Case_A.nii.gz", "Case_A"),
            ("segmentation-x.nii", "segmentation-x"),
            ("volume-+1.nii", "volume-+1"),
            ("Lo\u{308}we_1.nii.gz", "L\u{f6}we_1"),
            ("L\u{f6}we_1.nii.gz", "L\u{f6}we_1"),
            ("out/segmentation-3.mha", "volume-3"),
            ("Case_A.MHD", "Case_A"),
            ("Case_A.nrrd", "Case_A"),
            ("Case_A.nhdr", "Case_A"),
        ] {
            assert_eq!(name(path).as_deref(), Some(case), "{path}");
        }
        for other in ["volume-3.raw", "a.nii.gz/b", "summary.json", "volume-3"] {
            assert_eq!(name(other), None, "{other}");
        }
    }

    #[test]
    fn other_names_may_end_with_a_number() {
        for (stem, expected) in [
            ("liver_012", Some(12)),
            ("7", Some(7)),
            ("liver", None),
            ("case_3a", None),
            ("case_99999999999", None),
        ] {
            assert_eq!(CaseKey::Stem(stem.into()).number(), expected, "{stem}");
        }
    }

    #[test]
    fn channels_of_images_are_told_from_numbers_of_cases() {
        let channel = |stem: &str| {
            let key = CaseKey::Stem(stem.into()).without_channel()?;
            Some(key.to_string())
        };
        assert_eq!(channel("liver_3_0000").as_deref(), Some("liver_3"));
        assert_eq!(channel("liver_3"), None);
        assert_eq!(channel("_0000"), None);
    }
}
