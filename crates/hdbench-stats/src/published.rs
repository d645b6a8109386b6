//! The tables of the H-DenseUNet paper, with how sure we are of every number.
//!
//! They stand beside our own as a reference only: other cases, other hardware, another scorer.

use std::collections::BTreeMap;
use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_table::Cell;
use hdbench_volume::artifact::read_text;
use serde::{Deserialize, Serialize};

/// Mark of a number that the user has added.
const ADDED: &str = "added";

/// The tables that are embedded in the binary, by their number in the paper.
const TABLES: [(u8, &str, &str); 5] = [
    (
        2,
        "datasets/published/table2.toml",
        include_str!("../../../datasets/published/table2.toml"),
    ),
    (
        3,
        "datasets/published/table3.toml",
        include_str!("../../../datasets/published/table3.toml"),
    ),
    (
        4,
        "datasets/published/table4.toml",
        include_str!("../../../datasets/published/table4.toml"),
    ),
    (
        5,
        "datasets/published/table5.toml",
        include_str!("../../../datasets/published/table5.toml"),
    ),
    (
        6,
        "datasets/published/table6.toml",
        include_str!("../../../datasets/published/table6.toml"),
    ),
];

/// A table as the paper prints it, as far as its numbers are known.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedTable {
    /// Its number in the paper (Table II is 2).
    pub number: u8,
    /// What it shows.
    pub title: String,
    /// The publication.
    pub source: String,
    /// The cases its numbers are over.
    pub test_set: String,
    /// Its columns.
    #[serde(rename = "column")]
    pub columns: Vec<PublishedColumn>,
    /// Its rows in the paper's order.
    #[serde(rename = "row")]
    pub rows: Vec<PublishedRow>,
}

/// One column of a published table.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedColumn {
    /// Name in the cells of a row; the key of our own score where there is one.
    pub key: String,
    /// Head of the column.
    pub title: String,
    /// `fraction` or `mm`.
    pub unit: String,
}

/// One row of a published table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedRow {
    /// The method.
    pub label: String,
    /// Our variant that stands for it, if there is one.
    pub variant: Option<String>,
    /// What a reader must know about the row.
    pub note: Option<String>,
    /// Keys of columns that the publication has no number for.
    #[serde(default)]
    pub not_reported: Vec<String>,
    /// Known numbers by column key; an unknown one is absent.
    pub cells: BTreeMap<String, PublishedValue>,
}

/// A published number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedValue {
    /// The number; fractions in 0..=1.
    pub value: f64,
    /// The standard deviation that is printed with it.
    pub sd: Option<f64>,
    /// How sure we are of it; of a user's number the user knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certainty: Option<Certainty>,
    /// Where it is from, if not from the table itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Whether a user has added it.
    #[serde(skip)]
    pub added: bool,
}

/// Published numbers that a user adds to one of the paper's tables, with their own source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddedNumbers {
    /// The table that they are shown in: 2 (ablation), 4 or 5 (tumours and livers of 3DIRCADb).
    pub number: u8,
    /// Where the numbers are from.
    pub source: String,
    /// A row of a variant that the table has takes its numbers, others come behind.
    #[serde(rename = "row")]
    pub rows: Vec<PublishedRow>,
}

/// Tables that a user's numbers can be added to.
const ADDED_TO: [u8; 3] = [2, 4, 5];

impl AddedNumbers {
    /// Reads and checks a file of numbers; `is_network` says which ids of variants there are.
    ///
    /// # Errors
    /// `Error::Read`; `Error::Malformed` naming the row and what it takes.
    pub fn read(path: &Path, is_network: impl Fn(&str) -> bool) -> Result<Self> {
        let text = read_text(path).map_err(Error::read(path))?;
        let wrong = |problem: String| {
            Error::malformed(
                path,
                problem,
                "`hdbench report --help` shows a file of published numbers",
            )
        };
        let added: Self = toml::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        added
            .problem(is_network)?
            .map_or(Ok(added), |p| Err(wrong(p)))
    }

    fn problem(&self, is_network: impl Fn(&str) -> bool) -> Result<Option<String>> {
        if !ADDED_TO.contains(&self.number) {
            return Ok(Some(format!(
                "number {}: numbers are added to tables 2, 4 and 5",
                self.number
            )));
        }
        if self.source.trim().is_empty() {
            return Ok(Some(
                "source is empty: a number without one is no number".into(),
            ));
        }
        let columns = table(self.number)?.columns;
        for row in &self.rows {
            match &row.variant {
                Some(id) if !is_network(id) => {
                    return Ok(Some(format!("{}: {id} is no network", row.label)));
                }
                None if self.number == 2 => {
                    return Ok(Some(format!(
                        "{}: a row of table 2 stands beside a network: give its variant",
                        row.label
                    )));
                }
                _ => {}
            }
            for (key, cell) in &row.cells {
                let Some(column) = columns.iter().find(|column| column.key == *key) else {
                    let keys: Vec<&str> = columns.iter().map(|c| c.key.as_str()).collect();
                    return Ok(Some(format!(
                        "{}: {key} is no column; they are {}",
                        row.label,
                        keys.join(", ")
                    )));
                };
                let numbers = [Some(cell.value), cell.sd].into_iter().flatten();
                let most = if column.unit == "fraction" && key.contains("dice") {
                    1.0
                } else {
                    1e6
                };
                if let Some(value) = numbers.into_iter().find(|v| !(-most..=most).contains(v)) {
                    return Ok(Some(format!(
                        "{}: {key} {value} is no {}; fractions are in 0 to 1, not percent",
                        row.label, column.unit
                    )));
                }
            }
        }
        Ok(None)
    }
}

/// What the paper says of its ablation.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedClaims {
    /// The publication.
    pub source: String,
    /// In the order of the text.
    #[serde(rename = "claim")]
    pub claims: Vec<PublishedClaim>,
}

/// One of its claims.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedClaim {
    /// Its name in files.
    pub id: String,
    /// In a sentence.
    pub claim: String,
    /// By what it is judged, in words.
    pub measure: String,
    /// What of the two networks is compared.
    pub judged_by: ClaimKind,
    /// Id of the network that the claim is about.
    pub network: String,
    /// Id of the network it is compared with.
    pub against: String,
    /// What a reader of the verdict must know.
    #[serde(default)]
    pub remark: Option<String>,
    /// The paper's number, where one is known.
    pub published: Option<PublishedValue>,
    /// Where the paper says so.
    #[serde(rename = "where")]
    pub place: String,
}

/// What of two networks a claim compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimKind {
    /// The share of its iterations after which a network has the loss that the other ends with.
    LossReached,
    /// The difference of the mean losses of the last tenth.
    FinalLoss,
    /// The mean difference of lesion Dice over cases, a fraction.
    LesionDice,
    /// That difference over the cases with large tumours less that over the others.
    LargeTumours,
    /// The ratio of the hours of training.
    Hours,
    /// That ratio less 1: what one costs beyond the other that it starts from.
    HoursAdded,
}

/// How sure we are of a published number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Certainty {
    /// In the paper's text.
    A,
    /// In an independent text that quotes the paper.
    B,
    /// Derived by arithmetic from the paper's text.
    C,
}

impl PublishedRow {
    /// The number under a column's key, as a cell of our tables; missing where it is not known.
    pub fn cell(&self, key: &str) -> Cell {
        self.cells
            .get(key)
            .map_or(Cell::Missing, |cell| Cell::Number {
                value: cell.value,
                sd: cell.sd,
                n: None,
                interval: None,
                mark: cell.added.then(|| ADDED.into()),
            })
    }
}

impl PublishedTable {
    /// The same with a user's numbers, which count before its own.
    pub fn with(mut self, added: &[AddedNumbers]) -> Self {
        for numbers in added.iter().filter(|numbers| numbers.number == self.number) {
            self.source += &format!("; added by the user: {}", numbers.source);
            for row in &numbers.rows {
                let mut row = row.clone();
                row.cells.values_mut().for_each(|cell| cell.added = true);
                let same =
                    |own: &&mut PublishedRow| own.variant.is_some() && own.variant == row.variant;
                match self.rows.iter_mut().find(same) {
                    Some(own) => own.cells.extend(row.cells),
                    None => self.rows.push(row),
                }
            }
        }
        self
    }

    /// The row our variant is compared with.
    pub fn row_of(&self, variant: &str) -> Option<&PublishedRow> {
        self.rows
            .iter()
            .find(|row| row.variant.as_deref() == Some(variant))
    }
}

/// Table `number` (2 to 6) of the paper.
///
/// # Errors
/// A number without a table, or an embedded file that does not parse.
pub fn table(number: u8) -> Result<PublishedTable> {
    let (_, path, text) = TABLES.iter().find(|(n, ..)| *n == number).ok_or_else(|| {
        Error::usage(
            format!("the paper has no table {number} that hdbench knows"),
            "tables 2 to 6 are there",
        )
    })?;
    toml::from_str(text).map_err(|e| {
        Error::malformed(
            Path::new(path),
            format!("not a published table: {e}"),
            "compare it with table2.toml, then build again",
        )
    })
}

/// What the paper says of its ablation, in numbers.
///
/// # Errors
/// An embedded file that does not parse.
pub fn claims() -> Result<PublishedClaims> {
    const PATH: &str = "datasets/published/claims.toml";
    toml::from_str(include_str!("../../../datasets/published/claims.toml"))
        .map_err(|e| Error::malformed(Path::new(PATH), e.to_string(), "mend it, then build again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_belongs_to_a_column_and_fractions_stay_fractions() {
        for (number, path, _) in TABLES {
            let table = table(number).unwrap();
            assert_eq!(table.number, number);
            for row in &table.rows {
                assert!(!row.cells.is_empty(), "{path}: {}", row.label);
                for key in &row.not_reported {
                    assert!(table.columns.iter().any(|c| c.key == *key), "{path}: {key}");
                    assert!(!row.cells.contains_key(key), "{path}: {key}");
                }
                for (key, cell) in &row.cells {
                    let column = table.columns.iter().find(|c| c.key == *key);
                    let column = column.unwrap_or_else(|| panic!("{path}: {key}"));
                    assert!(cell.certainty.is_some(), "{path}: {key}");
                    assert!(["fraction", "mm"].contains(&column.unit.as_str()));
                    assert!(
                        column.unit == "mm" || cell.value.abs() <= 1.0,
                        "{path}: {key}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_papers_own_arithmetic_holds() {
        let ablation = table(2).unwrap();
        let best = ablation.row_of("hdenseunet").unwrap();
        for row in &ablation.rows {
            for (key, cell) in &row.cells {
                assert!(cell.value <= best.cells[key].value, "{} {key}", row.label);
                assert!(row.variant.is_some(), "{}", row.label);
            }
        }
        // Text of section IV: tumour Dice in cross-validation is 14.0 points above the U-Net.
        let tumour = table(4).unwrap();
        let dice = |variant| tumour.row_of(variant).unwrap().cells["dice"].value;
        assert!((dice("hdenseunet") - dice("unet") - 0.14).abs() < 1e-12);
        // Table VI: +1.48, +2.35 and +1.10 points.
        let groups = table(6).unwrap();
        let cell = |variant, key: &str| groups.row_of(variant).unwrap().cells[key].value;
        for (key, gain) in [("total", 1.48), ("large", 2.35), ("small", 1.10)] {
            let key = format!("lesion_dice_{key}");
            let difference = cell("hdenseunet", &key) - cell("denseunet2d", &key);
            assert!((100.0 * difference - gain).abs() < 1e-9, "{key}");
        }
    }

    #[test]
    fn claims_are_the_differences_of_the_tables() {
        let claims = claims().unwrap().claims;
        let of = |id: &str| {
            let claim = claims.iter().find(|claim| claim.id == id).unwrap();
            claim.published.as_ref().unwrap().value
        };
        let groups = table(6).unwrap();
        let gain = |key: &str| {
            let cell = |variant| groups.row_of(variant).unwrap().cells[key].value;
            cell("hdenseunet") - cell("denseunet2d")
        };
        let most = gain("lesion_dice_large") - gain("lesion_dice_small");
        assert!((of("fusion-large") - most).abs() < 1e-9);
        assert!((of("fusion-lesions") - gain("lesion_dice_total")).abs() < 1e-9);
        // 21 hours for the 2-D net, 9 more for the rest, 60 for the 3-D net alone.
        for (id, ratio) in [
            ("time-fusion", 9.0 / 21.0),
            ("time-hybrid", 30.0 / 21.0),
            ("time-volume", 2.0),
        ] {
            assert!((of(id) - ratio).abs() < 1e-4, "{id}");
        }
    }

    #[test]
    fn a_users_numbers_count_before_the_tables_own() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mine.toml");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            AddedNumbers::read(&path, |id| id == "unet").map_err(|e| e.to_string())
        };
        let row = "[[row]]\nlabel = \"mine\"\nvariant = \"unet\"\n[row.cells]\n";
        let text = format!(
            "number = 2\nsource = \"Me, 2026\"\n{row}lesion_dice_per_case = {{ value = 0.5 }}\n\
             liver_dice_per_case = {{ value = 0.9, sd = 0.1 }}\n"
        );
        let added = read(&text).unwrap();
        let table = table(2).unwrap().with(&[added]);
        let cells = &table.row_of("unet").unwrap().cells;
        assert_eq!(cells["lesion_dice_per_case"].value, 0.5);
        assert!(cells["liver_dice_per_case"].added);
        assert!(!table.row_of("hdenseunet").unwrap().cells["lesion_dice_per_case"].added);
        assert!(table.source.contains("Me, 2026"));
        for (from, to, said) in [
            ("number = 2", "number = 3", "tables 2, 4 and 5"),
            ("Me, 2026", " ", "source is empty"),
            ("\"unet\"", "\"vnet\"", "vnet is no network"),
            (
                "lesion_dice_per_case",
                "dice",
                "dice is no column; they are lesion_dice_per_case",
            ),
            ("0.5", "50.0", "50 is no fraction"),
            ("0.5", "nan", "NaN is no fraction"),
            ("value", "valeu", "valeu"),
        ] {
            let told = read(&text.replacen(from, to, 1)).unwrap_err();
            assert!(told.contains(said) && told.contains("mine.toml"), "{told}");
        }
    }

    #[test]
    fn a_table_that_is_not_there_is_refused_with_a_hint() {
        let message = table(9).unwrap_err().to_string();
        assert!(
            message.contains("table 9") && message.contains("hint:"),
            "{message}"
        );
    }
}
