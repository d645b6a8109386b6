use hdbench_ground::error::{Error, Result};
use serde::Deserialize;

/// The committed description of 3DIRCADb-01.
const IRCADB: &str = include_str!("../../../../datasets/ircadb.toml");

/// What is known of a patient of 3DIRCADb-01.
#[derive(Clone, Debug, PartialEq)]
pub struct PatientFacts {
    /// N of `3Dircadb1.N`, from 1 to 20.
    pub number: u32,
    pub slices: usize,
    /// Pixel size, rounded to 0.01 mm.
    pub in_plane_mm: f64,
    pub between_slices_mm: f64,
    /// Whether there is a tumour in the liver.
    pub liver_tumour: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IrcadbFile {
    #[expect(dead_code, reason = "for readers of the file")]
    description: String,
    patients: u32,
    slices: Vec<usize>,
    in_plane_mm: Vec<f64>,
    between_slices_mm: Vec<f64>,
    tumour_free: Vec<u32>,
}

/// What is known of the 20 patients, by number.
///
/// # Errors
/// `Error::Internal` if the embedded file is broken.
pub fn facts() -> Result<Vec<PatientFacts>> {
    let broken = |problem: String| Error::Internal(format!("datasets/ircadb.toml: {problem}"));
    let file: IrcadbFile = toml::from_str(IRCADB).map_err(|e| broken(e.to_string()))?;
    (1..=file.patients)
        .zip(&file.slices)
        .zip(file.in_plane_mm.iter().zip(&file.between_slices_mm))
        .map(|((number, &slices), (&in_plane_mm, &between_slices_mm))| {
            Ok(PatientFacts {
                number,
                slices,
                in_plane_mm,
                between_slices_mm,
                liver_tumour: !file.tumour_free.contains(&number),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_published_one() {
        let facts = facts().unwrap();
        assert_eq!(facts.len(), 20);
        assert_eq!(facts.iter().map(|f| f.slices).sum::<usize>(), 2823);
        assert_eq!(facts.iter().filter(|f| f.liver_tumour).count(), 15);
        let last = &facts[19];
        assert_eq!(
            (last.number, last.slices, last.liver_tumour),
            (20, 225, false)
        );
        assert_eq!((last.in_plane_mm, last.between_slices_mm), (0.81, 2.0));
    }
}
