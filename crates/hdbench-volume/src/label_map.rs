//! What the numbers of a label map mean: other conventions into 0 background, 1 liver, 2 tumour.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;
use ndarray::Array3;
use rayon::prelude::*;

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

    /// `FROM=TO,...` with FROM a value from 0 to 255 or a range of them (`3-13`) and TO 0, 1, 2 or `background`,
    /// `liver`, `tumour` (`tumor`, `lesion`). 0 is background unless it is listed.
    ///
    /// # Errors
    /// `Error::Usage` for anything else and for a value that is listed twice.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |problem: String| {
            Error::usage(
                problem,
                "a label map is lits, nnunet, msd, or FROM=TO,... such as 1=liver,2=tumour,3-13=background",
            )
        };
        let mut map = Self::background();
        let mut listed = [false; 256];
        for pair in text.split(',') {
            let parsed = pair
                .split_once('=')
                .and_then(|(from, to)| Some((values_of(from.trim())?, class_of(to.trim())?)));
            let Some((values, to)) = parsed else {
                return Err(wrong(format!(
                    "{pair:?} in the label map {text:?} is not understood"
                )));
            };
            for from in values {
                if std::mem::replace(&mut listed[usize::from(from)], true) {
                    return Err(wrong(format!("the label map {text:?} lists {from} twice")));
                }
                map.set(from, to);
            }
        }
        Ok(map)
    }

    /// Whether some value stands for this class.
    pub fn has(&self, class: u8) -> bool {
        self.class.contains(&Some(class))
    }

    /// The values that stand for a class.
    pub fn values_of(&self, class: u8) -> Vec<u8> {
        (0..=u8::MAX)
            .filter(|&value| self.class(value) == Some(class))
            .collect()
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
        let mut remedy = self.clone();
        // A file of one value beside 0 is a mask, mostly of 255.
        let is_mask = matches!(unknown, [(255, _)]);
        for &(value, _) in unknown {
            remedy.set(value as u8, u8::from(is_mask));
        }
        let mask = match is_mask {
            true => "; of a mask of tumours 255=tumour",
            false => "",
        };
        let mut found: Vec<String> = unknown
            .iter()
            .take(SHOWN)
            .map(|(value, count)| format!("{value} ({count} voxels)"))
            .collect();
        if unknown.len() > SHOWN {
            found.push(format!("{} more", unknown.len() - SHOWN));
        }
        Error::malformed(
            path,
            format!(
                "has labels outside the label map ({self}): {}",
                found.join(", ")
            ),
            format!(
                "say what they are, for example --label-map {remedy}{mask} (or --pred-label-map, \
                 --ref-label-map for one side); other structures than liver and tumour are scored by \
                 `hdbench evaluate --structures all`, by a file, or by --structure NAME=VALUES"
            ),
        )
    }
}

/// `3`, or `3-13`.
fn values_of(text: &str) -> Option<RangeInclusive<u8>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let value = |text: &str| {
        // `parse` alone would take a sign.
        let all = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u8>().ok().filter(|_| all)
    };
    let (first, last) = (value(first.trim_end())?, value(last.trim_start())?);
    (first <= last).then_some(first..=last)
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
        /// From here on, values of one class are written as a range.
        const RANGE: usize = 3;
        let mut separator = "";
        let mut first = 0;
        for run in self.class.chunk_by(|a, b| a == b) {
            if let Some(class) = run[0] {
                let class = CLASSES[usize::from(class)];
                if run.len() >= RANGE {
                    write!(f, "{separator}{first}-{}={class}", first + run.len() - 1)?;
                    separator = ",";
                } else {
                    for value in first..first + run.len() {
                        write!(f, "{separator}{value}={class}")?;
                        separator = ",";
                    }
                }
            }
            first += run.len();
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
            "5-3=liver",
            "3-=liver",
            "3-256=liver",
            "3-5=liver,4=tumour",
        ] {
            let error = LabelMap::parse(text).unwrap_err();
            assert!(matches!(error, Error::Usage { .. }), "{text}: {error}");
        }
    }

    #[test]
    fn the_remedy_for_many_values_and_for_a_mask_works_as_printed() {
        let remedy_for = |values: Vec<u8>| {
            let mut voxels = Array3::from_shape_vec((1, 1, values.len()), values).unwrap();
            let text = LabelMap::lits()
                .apply(&mut voxels, Path::new("p.nii"))
                .unwrap_err()
                .to_string();
            let remedy = text.split("--label-map ").nth(1).unwrap();
            let remedy = remedy.split([' ', ';']).next().unwrap().to_owned();
            LabelMap::parse(&remedy)
                .unwrap()
                .apply(&mut voxels, Path::new("p.nii"))
                .unwrap();
            (remedy, voxels.into_raw_vec_and_offset().0)
        };
        let (remedy, left) = remedy_for((0..=104).collect());
        assert_eq!(remedy, "0=background,1=liver,2=tumour,3-104=background");
        assert_eq!(left.iter().filter(|&&label| label > 0).count(), 2);
        let (remedy, left) = remedy_for(vec![0, 255]);
        assert_eq!(remedy, "0=background,1=liver,2=tumour,255=liver");
        assert_eq!(left, [0, 1]);
        let map = LabelMap::parse("3 - 13=background,1=liver").unwrap();
        assert_eq!(map.to_string(), "0=background,1=liver,3-13=background");
        assert!(map.has(1) && !map.has(2));
        assert_eq!(map.values_of(1), [1]);
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
