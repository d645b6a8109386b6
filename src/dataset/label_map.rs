//! What the numbers of a label map mean: other conventions into 0 background, 1 liver, 2 tumour.

use std::fmt;
use std::path::Path;

use ndarray::Array3;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::text::Shown as _;

/// The classes by value, as DESIGN.md has them.
pub const CLASSES: [&str; 3] = ["background", "liver", "tumour"];

/// A class for some of the values from 0 to 255; the others are refused.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LabelMap {
    class: Box<[Option<u8>; 256]>,
}

impl LabelMap {
    /// 0, 1 and 2 stand for themselves.
    pub fn lits() -> Self {
        let mut map = Self::background();
        map.set(1, 1);
        map.set(2, 2);
        map
    }

    /// 0 is background and nothing else has a meaning yet.
    pub(super) fn background() -> Self {
        let mut class = Box::new([None; 256]);
        class[0] = Some(0);
        Self { class }
    }

    pub(super) fn set(&mut self, value: u8, class: u8) {
        self.class[usize::from(value)] = Some(class);
    }

    /// `FROM=TO,...` with FROM from 0 to 255 and TO 0, 1, 2 or `background`, `liver`, `tumour`
    /// (`tumor`, `lesion`). 0 is background unless it is listed.
    ///
    /// # Errors
    /// `Error::Usage` for anything else and for a value that is listed twice.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |problem: String| {
            Error::usage(
                problem,
                "a label map is lits, nnunet, msd, or FROM=TO,... such as 1=liver,2=tumour,3=background",
            )
        };
        let mut map = Self::background();
        let mut listed = [false; 256];
        for pair in text.split(',') {
            let parsed = pair.split_once('=').and_then(|(from, to)| {
                Some((from.trim().parse::<u8>().ok()?, class_of(to.trim())?))
            });
            let Some((from, to)) = parsed else {
                return Err(wrong(format!(
                    "{pair:?} in the label map {text:?} is not understood"
                )));
            };
            if std::mem::replace(&mut listed[usize::from(from)], true) {
                return Err(wrong(format!("the label map {text:?} lists {from} twice")));
            }
            map.set(from, to);
        }
        Ok(map)
    }

    /// Whether it leaves 0, 1 and 2 as they are and knows nothing else.
    pub fn is_lits(&self) -> bool {
        *self == Self::lits()
    }

    /// The class that a value stands for.
    pub fn class(&self, value: u8) -> Option<u8> {
        self.class[usize::from(value)]
    }

    /// Replaces every value by its class.
    ///
    /// # Errors
    /// `Error::Malformed` naming the values without a class, how often they occur, and the remedy;
    /// `path` is how it names the file.
    pub fn apply(&self, voxels: &mut Array3<u8>, path: &Path) -> Result<()> {
        let Some(values) = voxels.as_slice_memory_order_mut() else {
            return Err(Error::Internal(format!(
                "{}: voxels are not contiguous",
                path.shown()
            )));
        };
        if self.is_lits() {
            // Most maps need no other look than this one, which runs many voxels at once.
            let largest = values.par_chunks(PIECE).map(largest).max();
            if largest.unwrap_or(0) <= 2 {
                return Ok(());
            }
        }
        let counts = count(values);
        let unknown: Vec<(usize, u64)> = (0..256)
            .map(|value| (value, counts[value]))
            .filter(|&(value, count)| count > 0 && self.class[value].is_none())
            .collect();
        if !unknown.is_empty() {
            return Err(self.refuse(path, &unknown));
        }
        let class = self.class.map(Option::unwrap_or_default);
        values.par_chunks_mut(PIECE).for_each(|piece| {
            for value in piece {
                *value = class[usize::from(*value)];
            }
        });
        Ok(())
    }

    fn refuse(&self, path: &Path, unknown: &[(usize, u64)]) -> Error {
        const SHOWN: usize = 8;
        let mut found: Vec<String> = unknown
            .iter()
            .take(SHOWN)
            .map(|(value, count)| format!("{value} ({count} voxels)"))
            .collect();
        if unknown.len() > SHOWN {
            found.push(format!("{} more", unknown.len() - SHOWN));
        }
        let rest: Vec<String> = unknown
            .iter()
            .take(SHOWN)
            .map(|(value, _)| format!("{value}=background"))
            .collect();
        Error::malformed(
            path,
            format!(
                "has labels outside the label map ({self}): {}",
                found.join(", ")
            ),
            format!(
                "say what they are, for example --label-map {self},{} (or --pred-label-map, \
                 --ref-label-map for one side)",
                rest.join(",")
            ),
        )
    }
}

/// Values worked on at a time.
const PIECE: usize = 1 << 20;

fn largest(values: &[u8]) -> u8 {
    values.iter().fold(0, |largest, &value| largest.max(value))
}

fn count(values: &[u8]) -> [u64; 256] {
    values
        .par_chunks(PIECE)
        .map(|piece| {
            let mut counts = [0_u64; 256];
            for &value in piece {
                counts[usize::from(value)] += 1;
            }
            counts
        })
        .reduce(
            || [0; 256],
            |a, b| std::array::from_fn(|value| a[value] + b[value]),
        )
}

fn class_of(text: &str) -> Option<u8> {
    match text {
        "0" | "background" => Some(0),
        "1" | "liver" => Some(1),
        "2" | "tumour" | "tumor" | "lesion" => Some(2),
        _ => None,
    }
}

/// In the form that [`LabelMap::parse`] reads.
impl fmt::Display for LabelMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (value, class) in self.class.iter().enumerate() {
            if let Some(class) = class {
                write!(f, "{separator}{value}={}", CLASSES[usize::from(*class)])?;
                separator = ",";
            }
        }
        Ok(())
    }
}

impl fmt::Debug for LabelMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LabelMap({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_map_reads_back_and_moves_values() {
        let map = LabelMap::parse("1=tumour, 2=liver,7=1").unwrap();
        assert_eq!(map.to_string(), "0=background,1=tumour,2=liver,7=liver");
        assert_eq!(LabelMap::parse(&map.to_string()).unwrap(), map);
        let mut voxels = Array3::from_shape_vec((1, 1, 4), vec![0, 1, 2, 7]).unwrap();
        map.apply(&mut voxels, Path::new("a.nii")).unwrap();
        assert_eq!(voxels.as_slice().unwrap(), [0, 2, 1, 1]);
    }

    #[test]
    fn what_is_no_map_is_refused() {
        for text in [
            "",
            "1",
            "1=5",
            "256=1",
            "a=liver",
            "1=liver,1=tumour",
            "-1=0",
            "3d",
        ] {
            let error = LabelMap::parse(text).unwrap_err();
            assert!(matches!(error, Error::Usage { .. }), "{text}: {error}");
        }
    }

    #[test]
    fn a_value_without_a_class_is_named_with_its_count_and_the_remedy() {
        let mut voxels = Array3::from_shape_vec((1, 1, 5), vec![0, 3, 3, 9, 2]).unwrap();
        let error = LabelMap::lits()
            .apply(&mut voxels, Path::new("p.nii"))
            .unwrap_err();
        let text = error.to_string();
        for part in [
            "p.nii",
            "3 (2 voxels), 9 (1 voxels)",
            "3=background,9=background",
        ] {
            assert!(text.contains(part), "{text}");
        }
        let remedy = "0=background,1=liver,2=tumour,3=background,9=background";
        assert!(text.contains(remedy));
        LabelMap::parse(remedy)
            .unwrap()
            .apply(&mut voxels, Path::new("p.nii"))
            .unwrap();
        assert_eq!(voxels.as_slice().unwrap(), [0, 0, 0, 0, 2]);
    }
}
