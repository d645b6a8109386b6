//! The labels of one image, and everything about them that is not a plain 0, 1 or 2.

use std::path::Path;

use ndarray::Array3;

use super::test_set::{Fit, TestVolume};
use crate::artifact::MaybeGzip;
use crate::error::Result;
use crate::evaluation::Source;
use crate::volume::{LABEL_ROUNDING, LabelBox, LabelMap, Orientation, boxed};

/// Number of different values that are named.
const LISTED: usize = 8;

/// Labels as classes (0 background, 1 liver, 2 tumour), with what was odd about the values.
pub(super) struct Labels {
    /// In the file's own order; odd values are background.
    pub classes: LabelBox,
    /// Values within 0.001 of a label, which the official scorer would cut off.
    pub near: Values,
    /// Values that are no whole numbers.
    pub fractions: Values,
    /// Whole numbers without a meaning.
    pub unknown: Values,
}

/// Different values and how often they occur.
#[derive(Default)]
pub(super) struct Values {
    listed: Vec<(f64, u64)>,
    unlisted: u64,
}

impl Values {
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    fn add(&mut self, value: f64) {
        match self
            .listed
            .binary_search_by(|(listed, _)| listed.total_cmp(&value))
        {
            Ok(at) => self.listed[at].1 += 1,
            Err(at) if self.listed.len() < LISTED => self.listed.insert(at, (value, 1)),
            Err(_) => self.unlisted += 1,
        }
    }

    /// `3 (2 voxels), 255 (1 voxels)`.
    pub fn text(&self) -> String {
        let mut parts: Vec<String> = self
            .listed
            .iter()
            .map(|(value, count)| format!("{value} ({count} voxels)"))
            .collect();
        if self.unlisted > 0 {
            parts.push(format!("others ({} voxels)", self.unlisted));
        }
        parts.join(", ")
    }
}

/// Reads the labels of an image; `path` names it in errors, which are those of the reader.
pub(super) fn read(path: &Path, content: &mut MaybeGzip, map: &LabelMap) -> Result<Labels> {
    let (mut near, mut fractions, mut unknown) = <(Values, Values, Values)>::default();
    let mut classes = boxed(path, content, |_| {
        |_, value: f64| {
            let label = value.round();
            // NaN fails every comparison.
            let whole = (value - label).abs() < LABEL_ROUNDING;
            if !whole {
                fractions.add(value);
                return 0;
            }
            let byte = label as u8;
            if f64::from(byte) != label || map.class(byte).is_none() {
                unknown.add(value);
                return 0;
            }
            if value != label {
                near.add(value);
            }
            byte
        }
    })?;
    if map.class(0) != Some(0) {
        // 0 stands for something: there is no background to leave out.
        let shape = classes.geometry.shape;
        classes.voxels = classes.window([0; 3], shape);
        classes.start = [0; 3];
    }
    map.apply(&mut classes.voxels, path)?;
    Ok(Labels {
        classes,
        near,
        fractions,
        unknown,
    })
}

/// The file that a submission holds for a test volume: its header, and the labels of `source` in the
/// order of its voxels.
///
/// # Errors
/// Those of the reader; `Error::Internal` for an image on another grid.
pub(super) fn file_for(volume: &TestVolume, source: &Source, map: &LabelMap) -> Result<Vec<u8>> {
    let labels = read(&source.path(), &mut source.open()?, map)?.classes;
    let geometry = &labels.geometry;
    let whole = labels.window([0; 3], geometry.shape);
    let ordered: Array3<u8> = match volume.fit(geometry) {
        Fit::Turned(target) => {
            let canonical = Orientation::of(geometry).array_to_canonical(whole.view());
            target.from_canonical(&canonical)
        }
        Fit::Same | Fit::Moved { .. } | Fit::Other => whole,
    };
    volume.template.label_file(ordered.view())
}
