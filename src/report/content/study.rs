//! What a report is made from: plain data, filled from a run folder by the caller.

use serde::{Deserialize, Serialize};

use super::row::{NetworkRow, RowStatus};
use super::views::{CaseOverlay, Stack};
use crate::analysis::published::AddedNumbers;
use crate::analysis::{Claim, Evidence};
use crate::study::Role;

/// Everything a report shows. It holds no date and no machine path, so that the same study gives
/// the same bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// What kind of study it is.
    #[serde(default)]
    pub kind: StudyKind,
    /// Name of the study, e.g. `ablation-demo`.
    pub study: String,
    /// `paper` or `released`.
    pub recipe: String,
    /// `demo`, `quick` or `full`.
    pub scale: String,
    /// What the data are and what they can and cannot show, one or two sentences.
    pub data: String,
    /// Name of the test set.
    pub test_set: String,
    /// Number of training cases, of the first fold where there are several.
    pub n_train: usize,
    /// The folds, in the order of their numbers.
    #[serde(default)]
    pub folds: Vec<FoldFacts>,
    /// Pairs of a training case and a test case that are one scan, fold by fold.
    #[serde(default)]
    pub leaks: Vec<LeakFacts>,
    /// Number of test cases.
    pub n_test: usize,
    /// Number of test cases whose reference has at least one lesion voxel.
    pub n_test_with_lesions: usize,
    /// Mean liver Dice over the test cases that a threshold and the largest component give
    /// ([`threshold_liver`](crate::study::threshold_liver)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold_liver: Option<f64>,
    /// Published numbers that the user has added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub published: Vec<AddedNumbers>,
    /// The study's master seed.
    pub master_seed: u64,
    /// Version of hdbench, with the commit where it is known, e.g. `0.1.0 (3f2c1ab)`.
    pub hdbench: String,
    /// Processor or device, threads and memory in one line.
    pub hardware: String,
    /// The command line that makes this report again.
    pub command: String,
    /// Remarks on the method of this run that a reader must know.
    pub notes: Vec<String>,
    /// One row a variant, in the order of the tables.
    pub rows: Vec<NetworkRow>,
    /// Paired tests and tumour sizes over the study's own test cases; their tables are part of
    /// `report.json`.
    #[serde(skip)]
    pub evidence: Option<Evidence>,
    /// What the study says of the paper's claims.
    #[serde(default)]
    pub claims: Vec<Claim>,
    /// Whether the cases are generated phantoms.
    #[serde(default)]
    pub phantoms: bool,
    /// One picture a test case; not part of `report.json`.
    #[serde(skip)]
    pub overlays: Vec<CaseOverlay>,
    /// Slices for the page's viewer; not part of `report.json`.
    #[serde(skip)]
    pub stacks: Vec<Stack>,
}

/// What a study is, and so which tables it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StudyKind {
    /// All variants on one held-out split, as the paper's Table II.
    #[default]
    Ablation,
    /// Folds over patients, as the paper's Tables IV and V.
    CrossValidation,
}

/// What a fold trains and tests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoldFacts {
    /// Its number in the names of cells.
    pub index: usize,
    /// What it is for.
    pub role: Role,
    /// How it came about.
    pub description: String,
    /// Number of training cases.
    pub n_train: usize,
    /// Names of the test cases.
    pub test: Vec<String>,
}

/// A training case that is the same scan as a test case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeakFacts {
    /// Number of the fold.
    pub fold: usize,
    /// What the fold is for.
    pub role: Role,
    /// Name of the training case.
    pub train: String,
    /// Name of the test case.
    pub test: String,
    /// How much they share, and how one lies in the other.
    pub evidence: String,
    /// Whether the fold trains without it.
    pub left_out: bool,
}

impl Content {
    /// Whether a row that is taken for a result was trained on test scans.
    pub fn is_leaked(&self) -> bool {
        self.leaks
            .iter()
            .any(|leak| leak.role == Role::Own && !leak.left_out)
    }

    /// One line for every row that is not there, with the reason, and for whatever the others rest on.
    pub(crate) fn row_notes(&self) -> impl Iterator<Item = String> {
        let missing = self.rows.iter().filter_map(|row| match &row.status {
            RowStatus::Done => None,
            RowStatus::Missing { reason } => Some(format!("Missing: {} ({reason}).", row.title)),
        });
        missing.chain(self.remarks())
    }

    /// What the scores of rows rest on beside outputs as they were.
    pub(crate) fn remarks(&self) -> impl Iterator<Item = String> {
        let of_row = |row: &'_ NetworkRow| {
            let title = row.title.clone();
            row.remarks
                .clone()
                .into_iter()
                .map(move |remark| format!("{title}: {remark}."))
        };
        self.rows.iter().flat_map(of_row)
    }

    /// Whether the study trains networks of ours.
    pub(crate) fn has_networks(&self) -> bool {
        self.rows.is_empty() || self.rows.iter().any(NetworkRow::is_network)
    }

    /// What its rows are, one and many, and what is done with them.
    pub(crate) fn rows_in_words(&self) -> [&'static str; 3] {
        // Somebody else's training is nothing that a study could tell.
        match (self.kind, self.rows.iter().all(NetworkRow::is_network)) {
            (StudyKind::CrossValidation, true) => {
                ["row", "rows of the tables", "trained and scored"]
            }
            (StudyKind::CrossValidation, false) => ["row", "rows of the tables", "scored"],
            (StudyKind::Ablation, true) => ["network", "networks", "trained and scored"],
            (StudyKind::Ablation, false) => ["algorithm", "algorithms", "scored"],
        }
    }

    /// "8 test cases, 6 of them with lesions".
    pub(crate) fn cases_in_words(&self) -> String {
        format!(
            "{} test {}, {} of them with lesions",
            self.n_test,
            if self.n_test == 1 { "case" } else { "cases" },
            self.n_test_with_lesions
        )
    }
}
