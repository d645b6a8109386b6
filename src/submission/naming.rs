//! Which test volume a file is for, by its name.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::evaluation::CaseKey;

/// The numbers of files from their names: `test-segmentation-3`, `segmentation-3`, `volume-3`, with
/// or without zeros in front, or whatever else ends with a number (`liver_3`, `LiTS_0003`). Where
/// all files are named after nnU-Net's images (`liver_3_0000`), the channel is no number.
pub(super) fn numbers(keys: &[&CaseKey]) -> Vec<Option<u32>> {
    let channel = |key: &CaseKey| {
        let CaseKey::Stem(stem) = key else {
            return None;
        };
        let case = key.without_channel().filter(|_| stem.ends_with("_0000"))?;
        // What is left of `test-volume-3_0000` is a name of LiTS that nobody took for one.
        case.number()
    };
    let channels: Option<Vec<u32>> = keys.iter().map(|key| channel(key)).collect();
    match channels {
        Some(numbers) => numbers.into_iter().map(Some).collect(),
        None => keys.iter().map(|key| key.number()).collect(),
    }
}

/// Numbers of cases, as `3,7-9`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaseNumbers(BTreeSet<u32>);

/// More than any challenge has, so that `0-4000000000` is a mistake and no list.
const MOST: u32 = 100_000;

impl CaseNumbers {
    /// Whether a number is among them.
    pub fn contains(&self, number: u32) -> bool {
        self.0.contains(&number)
    }

    /// In ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.iter().copied()
    }
}

impl FromStr for CaseNumbers {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut numbers = BTreeSet::new();
        for part in text.split(',') {
            let range = range(part.trim()).ok_or_else(|| {
                Error::usage(
                    format!("{part:?} is no number of a case and no range of them"),
                    "give numbers and ranges such as 3,7-9",
                )
            })?;
            numbers.extend(range);
        }
        Ok(Self(numbers))
    }
}

fn range(text: &str) -> Option<RangeInclusive<u32>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last && last <= MOST).then_some(first..=last)
}

impl fmt::Display for CaseNumbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&numbers.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_numbers_are_read_or_refused() {
        let read = |text: &str| text.parse::<CaseNumbers>().map(|n| n.to_string()).ok();
        assert_eq!(read("3, 7-9,8").as_deref(), Some("3,7,8,9"));
        assert_eq!(read("0").as_deref(), Some("0"));
        for text in ["", "a", "3-", "-3", "9-7", "3,,4", "0-4000000000"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_come_from_the_end_of_names() {
        let found = |names: &[&str]| {
            let keys: Vec<CaseKey> = names.iter().map(|&n| CaseKey::Stem(n.into())).collect();
            numbers(&keys.iter().collect::<Vec<_>>())
        };
        assert_eq!(found(&["liver_12", "LiTS_0003"]), [Some(12), Some(3)]);
        assert_eq!(found(&["liver_3_0000", "liver_4_0000"]), [Some(3), Some(4)]);
        assert_eq!(found(&["test-volume-3_0000"]), [Some(3)]);
        // Case 0 among others that are no channels.
        assert_eq!(found(&["LiTS_0000", "LiTS_0001"]), [Some(0), Some(1)]);
        assert_eq!(found(&["liver", "case_3a"]), [None, None]);
    }
}
