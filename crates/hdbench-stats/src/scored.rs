use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_score::{ALL_CASES, MetricRow, Name};

use super::size_groups::SizedLesion;

/// Scores of some algorithms.
#[derive(Clone, Debug, Default)]
pub struct Scored {
    /// The tidy table.
    pub rows: Vec<MetricRow>,
    /// Lesions of both sides by algorithm, where a `lesions.csv` lies beside.
    pub lesions: BTreeMap<String, Vec<SizedLesion>>,
    /// What was left out or taken otherwise than it is named.
    pub notes: Vec<String>,
    /// What makes the scores those of less than they are named after, such as missing folds.
    pub warnings: Vec<String>,
    /// Of folds: cases that failed when the others were scored.
    pub failed: Vec<String>,
    /// Of a study: cells that were begun and whose results are not this study's, with the reason. They
    /// are in no row.
    pub unjudged: Vec<String>,
}

/// What a message suggests where there are none.
pub(super) const EXPECTED: &str = "name a study's folder, a folder that `hdbench evaluate` wrote, a \
     metrics_long.csv, nnU-Net's summary.json, or the folder above fold_0, fold_1, ... that hold one of these";

impl Scored {
    /// Refuses cases and metrics whose names say something else.
    ///
    /// # Errors
    /// `Error::Malformed`.
    pub fn named(self, path: &Path) -> Result<Self> {
        if self.rows.iter().any(MetricRow::is_of_case_named_all) {
            return Err(Error::malformed(
                path,
                format!(
                    "a case is called {ALL_CASES}, which is how tables name all cases together"
                ),
                "give the case another name and score it again",
            ));
        }
        let nameless = |row: &MetricRow| row.case.is_empty() || row.metric.is_empty();
        if self.rows.iter().any(nameless) {
            return Err(Error::malformed(
                path,
                "a case or a metric has an empty name",
                "give it its name, or leave it out",
            ));
        }
        Ok(self)
    }

    /// Adds what was scored elsewhere; a note that is there already is not repeated.
    pub fn extend(&mut self, other: Self) {
        self.rows.extend(other.rows);
        for (algorithm, lesions) in other.lesions {
            self.lesions.entry(algorithm).or_default().extend(lesions);
        }
        for (own, more) in [
            (&mut self.notes, other.notes),
            (&mut self.warnings, other.warnings),
        ] {
            for line in more {
                if !own.contains(&line) {
                    own.push(line);
                }
            }
        }
        self.failed.extend(other.failed);
        self.unjudged.extend(other.unjudged);
    }

    /// The names of the algorithms.
    pub fn algorithms(&self) -> BTreeSet<String> {
        let names: BTreeSet<Name> = self.rows.iter().map(|row| row.algorithm).collect();
        names.into_iter().map(String::from).collect()
    }

    /// The names of the cases.
    pub fn cases(&self) -> BTreeSet<Name> {
        let own = self.rows.iter().filter(|row| row.case != ALL_CASES);
        own.map(|row| row.case).collect()
    }

    /// Notes and warnings.
    pub fn told(&self) -> impl Iterator<Item = &String> {
        self.notes.iter().chain(&self.warnings)
    }

    /// Gives the algorithms other names.
    pub fn rename(&mut self, name: impl Fn(&str) -> String) {
        for row in &mut self.rows {
            row.algorithm = name(&row.algorithm).into();
        }
        self.lesions = std::mem::take(&mut self.lesions)
            .into_iter()
            .map(|(algorithm, lesions)| (name(&algorithm), lesions))
            .collect();
    }
}
