//! Which label map the user asks for, and which one lies beside the files.

use std::path::Path;
use std::str::FromStr;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;
use hdbench_volume::LabelMap;
use hdbench_volume::dataset_json::{self, Convention};

/// What the user asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LabelMapChoice {
    /// A `dataset.json` beside the files if there is one, else LiTS.
    #[default]
    Auto,
    /// 0 background, 1 liver, 2 tumour, whatever lies beside the files.
    Lits,
    /// By the `dataset.json` of an nnU-Net data set (`"labels": {"liver": 1}`); LiTS without one.
    NnUnet,
    /// By the `dataset.json` of the Decathlon (`"labels": {"1": "liver"}`); LiTS without one, which
    /// is what its Task03 has.
    Msd,
    /// Value by value.
    Listed(LabelMap),
}

impl FromStr for LabelMapChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Self::Auto),
            "lits" => Ok(Self::Lits),
            "nnunet" => Ok(Self::NnUnet),
            "msd" => Ok(Self::Msd),
            listed => LabelMap::parse(listed).map(Self::Listed),
        }
    }
}

impl LabelMapChoice {
    /// The map for the label maps at a path, and what was recognised, to be shown to the user.
    ///
    /// # Errors
    /// `Error::Malformed` for a `dataset.json` that is none, that names no liver and no tumour, or
    /// that is written in the other convention than the one asked for; `Error::Read`.
    pub fn resolve(&self, root: &Path) -> Result<(LabelMap, Option<String>)> {
        let wanted = match self {
            Self::Auto => None,
            Self::NnUnet => Some(Convention::NnUnet),
            Self::Msd => Some(Convention::Msd),
            Self::Lits => return Ok(against(&LabelMap::lits(), root)),
            Self::Listed(map) => return Ok(against(map, root)),
        };
        let Some(found) = dataset_json::beside(root)? else {
            return Ok((LabelMap::lits(), None));
        };
        if let Some(wanted) = wanted.filter(|&wanted| wanted != found.convention) {
            return Err(Error::malformed(
                &found.path,
                format!(
                    "writes its labels as {}, not as {wanted} does",
                    found.convention
                ),
                "leave --label-map out: both conventions are recognised",
            ));
        }
        let note = format!(
            "{}: labels of {} ({}): {}",
            root.shown(),
            found.path.shown(),
            found.convention,
            found.map
        );
        Ok((found.map, Some(note)))
    }
}

/// A map that the user gave, with a warning where the files' own description says otherwise.
fn against(map: &LabelMap, root: &Path) -> (LabelMap, Option<String>) {
    // One that cannot be read is what the user goes round.
    let described = dataset_json::beside(root).ok().flatten();
    let note = described.filter(|found| found.map != *map).map(|found| {
        format!(
            "{}: labels are taken as {map}, as asked, though {} says {}",
            root.shown(),
            found.path.shown(),
            found.map
        )
    });
    (map.clone(), note)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_against_the_description_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let json = r#"{"labels": {"background": 0, "tumor": 1, "liver": 2}}"#;
        std::fs::write(dir.path().join("dataset.json"), json).unwrap();
        let note = |text: &str| {
            let choice: LabelMapChoice = text.parse().unwrap();
            choice.resolve(dir.path()).unwrap().1
        };
        for text in ["lits", "1=liver,2=tumour"] {
            let note = note(text).unwrap();
            assert!(
                note.contains("though") && note.contains("1=tumour"),
                "{note}"
            );
        }
        assert_eq!(note("1=tumour,2=liver"), None);
    }

    #[test]
    fn names_of_conventions_are_told_from_listed_maps() {
        assert_eq!(
            "msd".parse::<LabelMapChoice>().unwrap(),
            LabelMapChoice::Msd
        );
        assert_eq!(
            "1=liver".parse::<LabelMapChoice>().unwrap().to_owned(),
            LabelMapChoice::Listed(LabelMap::parse("1=liver").unwrap())
        );
        assert!("3d".parse::<LabelMapChoice>().is_err());
    }
}
