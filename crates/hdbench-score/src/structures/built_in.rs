//! Sets of structures that are built in, a TOML file each.

use super::set::StructureSet;
use super::toml;

macro_rules! sets {
    ($($name:literal),* $(,)?) => {
        /// Each name with its text.
        const SETS: &[(&str, &str)] = &[$(($name, include_str!(concat!("sets/", $name, ".toml")))),*];
    };
}

sets!(
    "all",
    "strict",
    "lits",
    "msd-task03",
    "kits23",
    "amos",
    "totalsegmentator",
    "brats-gli",
    "brats-goat",
    "brats-menpre",
    "brats-menrt",
    "brats-mets",
    "brats-ped",
    "brats-2023-gli",
    "brats-2023-men",
    "brats-2023-mets",
    "autopet",
);

/// Their names, in the order of the help.
pub fn built_in_names() -> Vec<&'static str> {
    SETS.iter().map(|(name, _)| *name).collect()
}

/// The text of one, with its source in comments.
pub fn built_in_text(name: &str) -> Option<&'static str> {
    let found = SETS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, text)| *text)
}

/// One of them.
pub fn built_in(name: &str) -> Option<StructureSet> {
    let text = built_in_text(name)?;
    Some(toml::read(text, name).expect("a test reads every built-in set"))
}
