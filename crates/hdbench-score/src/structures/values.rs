//! Which label values a structure holds.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Label values from 1 to 65,535, as disjoint runs in ascending order; never none. 0 is the background.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values {
    runs: Vec<(u16, u16)>,
}

impl Values {
    /// The values of these runs, which may come in any order.
    ///
    /// # Errors
    /// In words, if there are none, if a run goes down, if one holds 0, and if a value is there twice.
    pub fn new(runs: impl IntoIterator<Item = RangeInclusive<u16>>) -> Result<Self, String> {
        let mut runs: Vec<(u16, u16)> = runs.into_iter().map(RangeInclusive::into_inner).collect();
        runs.sort_unstable();
        let mut joined: Vec<(u16, u16)> = Vec::with_capacity(runs.len());
        for (first, last) in runs {
            if first == 0 {
                return Err(BACKGROUND.to_owned());
            }
            if last < first {
                return Err(format!("the range {first}-{last} goes down"));
            }
            match joined.last_mut() {
                Some(before) if before.1 >= first => return Err(format!("holds {first} twice")),
                Some(before) if before.1 + 1 == first => before.1 = last,
                _ => joined.push((first, last)),
            }
        }
        match joined.is_empty() {
            true => Err("holds no label".to_owned()),
            false => Ok(Self { runs: joined }),
        }
    }

    /// This value and all above.
    ///
    /// # Errors
    /// In words, for 0.
    pub fn at_least(first: u16) -> Result<Self, String> {
        Self::new([first..=u16::MAX])
    }

    /// Whether voxels of this value are of the structure.
    pub fn contains(&self, value: u16) -> bool {
        let after = self.runs.partition_point(|run| run.1 < value);
        self.runs.get(after).is_some_and(|run| run.0 <= value)
    }

    /// Every value, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.runs.iter().flat_map(|&(first, last)| first..=last)
    }

    /// The runs of values, ascending, of which none touches the next.
    pub fn runs(&self) -> impl Iterator<Item = RangeInclusive<u16>> + '_ {
        self.runs.iter().map(|&(first, last)| first..=last)
    }

    /// The number of values.
    pub fn count(&self) -> usize {
        self.runs()
            .map(|run| usize::from(run.end() - run.start()) + 1)
            .sum()
    }

    /// The value, if it is only one.
    pub fn single(&self) -> Option<u16> {
        match self.runs[..] {
            [(first, last)] if first == last => Some(first),
            _ => None,
        }
    }

    /// The words of a run: `4`, `4-9`, and `4-` where it goes to the end.
    pub(super) fn run_text(run: &RangeInclusive<u16>) -> String {
        match (*run.start(), *run.end()) {
            (first, last) if first == last => first.to_string(),
            (first, u16::MAX) => format!("{first}-"),
            (first, last) => format!("{first}-{last}"),
        }
    }

    /// What [`Values::run_text`] gives, and runs of two ends that are one value.
    ///
    /// # Errors
    /// In words, for what is no value or range.
    pub(super) fn run_of(text: &str) -> Result<RangeInclusive<u16>, String> {
        let text = text.trim();
        let Some((first, last)) = text.split_once('-') else {
            let value = value_of(text)?;
            return Ok(value..=value);
        };
        let first = value_of(first.trim())?;
        let last = match last.trim() {
            "" => u16::MAX,
            last => value_of(last)?,
        };
        Ok(first..=last)
    }
}

/// Why no structure holds 0.
const BACKGROUND: &str = "0 is the background, no structure";

fn value_of(text: &str) -> Result<u16, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(value) if digits => Ok(value),
        _ if digits => Err(no_value(text)),
        _ => Err(no_value(format_args!("{text:?}"))),
    }
}

/// What is said of a label value that cannot be.
pub(super) fn no_value(text: impl fmt::Display) -> String {
    format!("{text} is no label value, which are whole numbers from 1 to 65535")
}

/// A label value.
///
/// # Errors
/// In words, for what is outside of 1 to 65,535.
pub(super) fn value(number: i64) -> Result<u16, String> {
    match u16::try_from(number) {
        Ok(0) => Err(BACKGROUND.to_owned()),
        Ok(value) => Ok(value),
        Err(_) => Err(no_value(number)),
    }
}

/// `1,2,4`, with ranges `4-9` and open ones `4-`.
impl FromStr for Values {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let runs: Vec<_> = text
            .split(',')
            .map(Self::run_of)
            .collect::<Result<_, _>>()?;
        Self::new(runs)
    }
}

/// What [`Values::from_str`] reads.
impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs: Vec<String> = self.runs().map(|run| Self::run_text(&run)).collect();
        f.write_str(&runs.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_was_said() {
        for (text, shown, count) in [
            ("1", "1", 1),
            ("4, 2,1", "1-2,4", 3),
            ("1-26", "1-26", 26),
            ("1-", "1-", 65535),
            ("7-7,65535", "7,65535", 2),
        ] {
            let values: Values = text.parse().unwrap();
            assert_eq!(values.to_string(), shown);
            assert_eq!(values.count(), count);
            assert_eq!(values.iter().count(), count);
            assert!(values.iter().all(|value| values.contains(value)));
            assert!(!values.contains(0));
        }
        assert!(!"1,3".parse::<Values>().unwrap().contains(2));
    }

    #[test]
    fn what_is_no_set_of_values_is_named() {
        for (text, problem) in [
            ("1,2,1", "holds 1 twice"),
            ("1-4,3", "holds 3 twice"),
            ("0", "0 is the background, no structure"),
            ("0-3", "0 is the background, no structure"),
            ("4-2", "the range 4-2 goes down"),
            (
                "70000",
                "70000 is no label value, which are whole numbers from 1 to 65535",
            ),
            (
                "",
                "\"\" is no label value, which are whole numbers from 1 to 65535",
            ),
            (
                "+1",
                "\"+1\" is no label value, which are whole numbers from 1 to 65535",
            ),
            (
                "a",
                "\"a\" is no label value, which are whole numbers from 1 to 65535",
            ),
        ] {
            assert_eq!(text.parse::<Values>().unwrap_err(), problem);
        }
    }
}
