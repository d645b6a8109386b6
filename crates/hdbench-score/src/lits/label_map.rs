use std::fmt;
use std::path::Path;

use hdbench_ground::error::Result;
use hdbench_volume::artifact::MaybeGzip;
use hdbench_volume::{LabelBox, boxed};

/// Number of different values that are kept for the warning; of the others only the voxels are counted.
const LISTED: usize = 16;

/// A label map as the official scorer has it in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct LitsMap {
    /// Labels after its cast to int8, in file order `[z, y, x]`.
    pub labels: LabelBox<i8>,
    /// What the file holds besides 0, 1 and 2.
    pub odd: OddLabels,
}

/// A stored value other than 0, 1 and 2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OddLabel {
    /// The value in the file, slope and intercept applied.
    pub value: f64,
    /// What the cast to int8 makes of it.
    pub taken_as: i8,
    /// Number of voxels.
    pub voxels: u64,
}

/// All values of a file other than 0, 1 and 2.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OddLabels {
    /// The first sixteen different ones, by value.
    pub listed: Vec<OddLabel>,
    /// Voxels that hold yet other values.
    pub unlisted_voxels: u64,
}

impl OddLabels {
    /// Whether the file holds nothing but 0, 1 and 2.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    fn add(&mut self, value: f64, taken_as: i8) {
        let order = |odd: &OddLabel| odd.value.total_cmp(&value);
        match self.listed.binary_search_by(order) {
            Ok(at) => self.listed[at].voxels += 1,
            Err(at) if self.listed.len() < LISTED => self.listed.insert(
                at,
                OddLabel {
                    value,
                    taken_as,
                    voxels: 1,
                },
            ),
            Err(_) => self.unlisted_voxels += 1,
        }
    }
}

/// The body of a warning, without the file: `holds labels other than 0, 1 and 2, taken as the
/// official scorer takes them: 255 as -1 (background) in 12 voxels`.
impl fmt::Display for OddLabels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "holds labels other than 0, 1 and 2, taken as the official scorer takes them: ",
        )?;
        for (i, odd) in self.listed.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            let meaning = match odd.taken_as {
                2 => "lesion",
                1.. => "liver",
                _ => "background",
            };
            let (value, taken_as) = (odd.value, odd.taken_as);
            let voxels = voxels(odd.voxels);
            write!(f, "{comma}{value} as {taken_as} ({meaning}) in {voxels}")?;
        }
        if self.unlisted_voxels > 0 {
            let voxels = voxels(self.unlisted_voxels);
            write!(f, ", and further values in {voxels}")?;
        }
        Ok(())
    }
}

fn voxels(count: u64) -> String {
    match count {
        1 => "1 voxel".to_owned(),
        count => format!("{count} voxels"),
    }
}

/// Reads a label map the way the official scorer does: slope and intercept applied in f64, then a
/// cast to int8 that refuses nothing.
///
/// # Errors
/// `Error::Read` or `Error::Malformed` if the file is no sound NIfTI-1 volume; never for a value.
pub fn read_lits_map(path: &Path) -> Result<LitsMap> {
    read_lits_map_from(path, &mut MaybeGzip::open(path)?)
}

/// [`read_lits_map`] for content that is no file of its own, such as an entry of an archive; `path`
/// is how errors name it.
pub fn read_lits_map_from(path: &Path, content: &mut MaybeGzip) -> Result<LitsMap> {
    let mut odd = OddLabels::default();
    let labels = boxed(path, content, |header| {
        let integer = header.stores_integers();
        let odd = &mut odd;
        move |_, value| {
            let label = if integer {
                int8_of_integer(value)
            } else {
                int8_of_float(value)
            };
            if f64::from(label) != value || !(0..=2).contains(&label) {
                odd.add(value, label);
            }
            label
        }
    })?;
    Ok(LitsMap { labels, odd })
}

/// NumPy's cast of a float to int8 on x86-64: the fraction is cut off, the result is wrapped modulo
/// 256. What no int32 holds (NaN, infinities, 2^31 and above, below -2^31) becomes 0, because the
/// processor converts to int32 first and answers -2^31 there, whose low byte is 0.
pub fn int8_of_float(value: f64) -> i8 {
    let truncated = value.trunc();
    // NaN lies in no range.
    if (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&truncated) {
        truncated as i32 as i8
    } else {
        0
    }
}

/// NumPy's cast of an integer to int8: wrapped modulo 256. `value` is the integer as f64; of 64-bit
/// ones beyond 2^53 the low bits are lost before.
pub fn int8_of_integer(value: f64) -> i8 {
    value as i128 as i8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_cast_as_numpy_casts_them() {
        // numpy 2.2.6 and 2.4.6 on x86-64, np.array(values).astype(np.int8)
        for (value, expected) in [
            (1.9, 1),
            (-1.9, -1),
            (-0.5, 0),
            (255.0, -1),
            (128.0, -128),
            (129.7, -127),
            (256.0, 0),
            (258.0, 2),
            (-129.0, 127),
            (2147483647.0, -1),
            (2147483647.5, -1),
            (2147483648.0, 0),
            (-2147483648.0, 0),
            (-2147483647.0, 1),
            (-2147483648.9, 0),
            (-2147483649.0, 0),
            (4294967298.0, 0),
            (1099511627779.0, 0),
            (1e20, 0),
            (f64::NAN, 0),
            (f64::INFINITY, 0),
            (f64::NEG_INFINITY, 0),
        ] {
            assert_eq!(int8_of_float(value), expected, "{value}");
        }
    }

    #[test]
    fn integers_are_cast_as_numpy_casts_them() {
        for (value, expected) in [
            (2.0, 2),
            (255.0, -1),
            (258.0, 2),
            (-1.0, -1),
            (4294967295.0, -1),
            (4294967298.0, 2),
            (18446744073709549568.0, 0),
        ] {
            assert_eq!(int8_of_integer(value), expected, "{value}");
        }
    }
}
