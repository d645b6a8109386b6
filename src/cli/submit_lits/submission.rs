//! One archive from its predictions to its scores.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::table;
use crate::cell::ExternalModel;
use crate::cli::evaluate::Evaluate;
use crate::cli::model_options::CellOptions;
use crate::cli::progress::Reporter;
use crate::dataset::Case;
use crate::error::{Error, Result};
use crate::evaluation::{ALL_CASES, LabelMapChoice};
use crate::progress::Progress;
use crate::study::{Algorithm, Cell, Study};
use crate::submission::{
    Options, Predicted, Predictor, TestSet, WrittenArchive, pack, predict_all,
};
use crate::text::Shown as _;

/// What is to be made.
pub struct Order<'a> {
    /// The test volumes to predict.
    pub cases: &'a [Case],
    /// What the archive is held against.
    pub test: &'a TestSet,
    pub options: &'a Options,
    pub out: &'a Path,
    /// References to score against, and what their labels are.
    pub score: Option<(&'a Path, LabelMapChoice)>,
}

/// One archive and how it came about.
#[derive(Debug, Serialize)]
pub struct Submission {
    /// The network or other algorithm, where a study's are packed one by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<Algorithm>,
    /// Where the predictions are kept.
    #[serde(serialize_with = "crate::text::path_as_text")]
    pub predictions: PathBuf,
    /// How many were made in this start, and how many before; none where they are somebody else's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicted: Option<Counts>,
    #[serde(flatten)]
    pub written: WrittenArchive,
    /// Metrics of the official scorer by label and metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scores: Option<BTreeMap<String, f64>>,
    /// The same for people.
    #[serde(skip)]
    headline: String,
    /// Why some cases have no score.
    #[serde(skip)]
    unscored: Option<Error>,
}

/// Numbers of predicted test volumes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Counts {
    pub made: usize,
    pub kept: usize,
    /// Of all: in how many the coarse stage found no liver, so that the whole volume was searched.
    pub without_coarse_liver: usize,
}

impl Counts {
    fn of(predicted: &Predicted) -> Self {
        let bare = predicted.cases.values().filter(|case| !case.coarse_liver);
        Self {
            made: predicted.cases.len() - predicted.kept,
            kept: predicted.kept,
            without_coarse_liver: bare.count(),
        }
    }
}

impl Order<'_> {
    /// Predicts, then packs and scores.
    pub fn predict(
        &self,
        predictor: Predictor<'_>,
        predictions: &Path,
        reporter: &Reporter,
    ) -> Result<Submission> {
        let predicted = predict_all(predictor, self.cases, predictions, reporter)?;
        let counts = Counts::of(&predicted);
        if counts.without_coarse_liver > 0 {
            reporter.note(&format!(
                "warning: the coarse stage found no liver in {} of {} volumes; those were searched \
                 whole",
                counts.without_coarse_liver,
                predicted.cases.len()
            ));
        }
        Ok(Submission {
            predicted: Some(counts),
            ..self.pack(predictions, reporter)?
        })
    }

    /// The same by an algorithm that is no network of ours.
    pub fn predict_other(
        &self,
        run: &Path,
        study: &Study,
        cell: Cell,
        predictions: &Path,
        reporter: &Reporter,
    ) -> Result<Submission> {
        if let Some(algorithm) = study.external(cell.algorithm) {
            let title = study.title(cell.algorithm);
            reporter.note(&format!("note: {title}: {}", algorithm.trained_on_words()));
        }
        let model = ExternalModel::open(run, study, cell)?;
        self.predict(Predictor::External(&model), predictions, reporter)
    }

    /// Packs what is there, and scores it.
    pub fn pack(&self, predictions: &Path, reporter: &Reporter) -> Result<Submission> {
        let written = pack(predictions, self.test, self.options, self.out, reporter)?;
        let mut submission = Submission {
            variant: None,
            predictions: predictions.to_path_buf(),
            predicted: None,
            written,
            scores: None,
            headline: String::new(),
            unscored: None,
        };
        if let (Some((reference, map)), Some(archive)) = (&self.score, &submission.written.archive)
        {
            let evaluate = Evaluate::as_challenge(
                archive,
                reference,
                map.clone(),
                &beside(self.out, "scores"),
                self.options.allow_partial,
            );
            let scored = evaluate.score(reporter)?;
            let rows = scored.rows.into_iter();
            let pooled = rows.filter(|row| row.case == ALL_CASES);
            let metrics = pooled.map(|row| {
                let label = row.label.map_or(String::new(), |label| format!("{label}_"));
                (format!("{label}{}", row.metric), row.value)
            });
            submission.scores = Some(metrics.collect());
            submission.headline = evaluate.headline(&scored);
            submission.unscored = scored.verdict().err();
        }
        Ok(submission)
    }
}

impl Submission {
    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if let Some(variant) = self.variant {
            text += &format!("{variant}\n");
        }
        if let Some(counts) = self.predicted {
            text += &format!(
                "{}: {} predictions made, {} kept from before\n",
                self.predictions.shown(),
                counts.made,
                counts.kept
            );
        }
        text += &table::packed(&self.written);
        if !self.headline.is_empty() {
            text += &format!("\n{}", self.headline);
        }
        text
    }

    /// An error where the archive is refused or a case has no score.
    pub fn verdict(self) -> Result<()> {
        self.written.last().verdict()?;
        self.unscored.map_or(Ok(()), Err)
    }
}

/// The cell of an algorithm that is no network of ours.
///
/// # Errors
/// `Error::Usage` naming those that the study has.
pub fn other_cell(study: &Study, name: &str, of: CellOptions) -> Result<Cell> {
    Ok(Cell {
        algorithm: study.other_named(name)?,
        fold: of.fold,
        seed: of.seed,
    })
}

/// What belongs to an archive, beside it: `lits-scores` of `lits.zip`.
pub fn beside(archive: &Path, what: &str) -> PathBuf {
    let stem = archive.file_stem().unwrap_or_default().to_string_lossy();
    archive.with_file_name(format!("{stem}-{what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_an_archive_lies_beside_it() {
        assert_eq!(
            beside(Path::new("a/lits.zip"), "scores"),
            Path::new("a/lits-scores")
        );
    }
}
