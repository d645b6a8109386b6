//! Names of structures in tables.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::name::Name;

/// The name of a structure in tables: `liver`, `whole_tumour`, `12`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Label(Name);

impl Label {
    /// The organ, lesions included: label 1 or more.
    pub const LIVER: Self = Self(Name::constant(&"liver"));
    /// The tumours: label 2.
    pub const LESION: Self = Self(Name::constant(&"lesion"));
    /// The organ without its lesions, label 1 alone: what nnU-Net scores where no region is declared. Never
    /// the same as [`Label::LIVER`].
    pub const LIVER_WITHOUT_LESIONS: Self = Self(Name::constant(&"liver_without_lesions"));
    /// The labels of LiTS that are scored, in the order of the tables.
    pub const LITS: [Self; 2] = [Self::LIVER, Self::LESION];

    /// The label of a name.
    pub fn new(name: &str) -> Self {
        Self(Name::new(name))
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.0.as_str()
    }

    /// Liver and lesions stand first, as they always did.
    fn rank(self) -> usize {
        match self {
            Self::LIVER => 0,
            Self::LESION => 1,
            Self::LIVER_WITHOUT_LESIONS => 2,
            _ => 3,
        }
    }
}

/// Liver, lesion, the liver without it, then by name, numbers by their value.
impl Ord for Label {
    fn cmp(&self, other: &Self) -> Ordering {
        let number = |label: &Self| label.0.parse::<u32>().unwrap_or(u32::MAX);
        (self.rank().cmp(&other.rank()))
            .then_with(|| number(self).cmp(&number(other)))
            .then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Label {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_label_wherever_it_comes_from() {
        let text = format!("whole{}", "_tumour");
        assert_eq!(Label::new(&text), Label::new("whole_tumour"));
        assert_eq!(Label::new("liver"), Label::LIVER);
        let read: Label = serde_json::from_str("\"whole_tumour\"").unwrap();
        assert!(std::ptr::eq(read.name(), Label::new("whole_tumour").name()));
        assert_eq!(serde_json::to_string(&read).unwrap(), "\"whole_tumour\"");
    }

    #[test]
    fn liver_and_lesion_come_first_and_numbers_go_by_value() {
        let mut names = ["spleen", "10", "lesion", "2", "liver", "aorta"].map(Label::new);
        names.sort();
        let names = names.map(Label::name);
        assert_eq!(names, ["liver", "lesion", "2", "10", "aorta", "spleen"]);
    }
}
