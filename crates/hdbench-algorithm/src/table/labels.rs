//! What the numbers of an algorithm's label maps mean.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What a voxel is; in `u8` maps of this program 1 and 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tissue {
    /// Liver without its lesions.
    Liver,
    /// A lesion of the liver; `tumour` and `tumor` say the same.
    #[serde(alias = "tumour", alias = "tumor")]
    Lesion,
}

impl Tissue {
    /// The number that this program's maps have for it.
    pub fn value(self) -> u8 {
        match self {
            Self::Liver => 1,
            Self::Lesion => 2,
        }
    }
}

impl fmt::Display for Tissue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Liver => "liver",
            Self::Lesion => "lesion",
        })
    }
}

/// From the numbers of its label maps (1 to 65,535) to what they mean; a TOML table `{ 1 = "liver", 2 = "lesion" }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    try_from = "BTreeMap<String, Tissue>",
    into = "BTreeMap<String, Tissue>"
)]
pub struct LabelTable(BTreeMap<u16, Tissue>);

impl Default for LabelTable {
    /// 1 liver, 2 lesion.
    fn default() -> Self {
        Self(BTreeMap::from([(1, Tissue::Liver), (2, Tissue::Lesion)]))
    }
}

impl LabelTable {
    /// What a number means; background (0) and numbers that are not in the table mean nothing.
    pub fn tissue(&self, value: u16) -> Option<Tissue> {
        self.0.get(&value).copied()
    }

    /// All numbers in ascending order.
    pub fn values(&self) -> impl Iterator<Item = (u16, Tissue)> + '_ {
        self.0.iter().map(|(&value, &tissue)| (value, tissue))
    }

    /// Whether some number means this.
    pub fn has(&self, tissue: Tissue) -> bool {
        self.0.values().any(|own| *own == tissue)
    }
}

impl TryFrom<BTreeMap<String, Tissue>> for LabelTable {
    type Error = String;

    fn try_from(table: BTreeMap<String, Tissue>) -> Result<Self, String> {
        if table.is_empty() {
            return Err("labels is empty, expected what its numbers mean, such as { 1 = \"liver\", 2 = \"lesion\" }".to_owned());
        }
        let mut labels = BTreeMap::new();
        for (text, tissue) in table {
            let value = text
                .parse::<u16>()
                .ok()
                .filter(|&value| value > 0 && value.to_string() == text);
            let value = value.ok_or_else(|| {
                format!("labels: {text:?} is no number of a label, expected 1 to 65535 (0 is background)")
            })?;
            labels.insert(value, tissue);
        }
        Ok(Self(labels))
    }
}

impl From<LabelTable> for BTreeMap<String, Tissue> {
    fn from(labels: LabelTable) -> Self {
        labels
            .0
            .into_iter()
            .map(|(value, tissue)| (value.to_string(), tissue))
            .collect()
    }
}
