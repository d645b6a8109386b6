use std::path::PathBuf;

use clap::Args;
use hdbench_algorithm::Algorithm as External;
use toml::{Table, Value};

use super::leased::leased;
use super::output::remark;
use super::progress::Reporter;
use super::report::render;
use super::study_options::{pool, writable_name};
use crate::cell::run_cell;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::schedule::discard;
use crate::study::{Inputs, Study};
use crate::text::Shown as _;

/// Take predictions that were made elsewhere as a row of a study, and render its report.
///
/// The test cases of every fold are looked for by name: CASE.nii.gz, .nii, .mha or .nrrd, CASE_0000, segmentation-N of
/// volume-N. Time and memory of such a row are unknown.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hdbench study add runs/lits --algorithm nnunet --predictions imagesTs_pred
  hdbench study add runs/lits --algorithm totalseg --predictions out --labels 5=liver

Exit codes: 0 the row is there; 2 its name is taken; 4 cases have no prediction, or one on another grid: a new\nrow is then none.")]
pub struct Add {
    /// The study's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The row's name in files: letters, digits, - and _
    #[arg(long, value_name = "NAME")]
    algorithm: String,
    /// The folder with the predictions
    #[arg(long, value_name = "DIR")]
    predictions: PathBuf,
    /// Its name in tables (default: --algorithm)
    #[arg(long, value_name = "TITLE")]
    name: Option<String>,
    /// What its numbers mean
    #[arg(long, value_name = "N=TISSUE,...", default_value = "1=liver,2=lesion")]
    labels: String,
    /// Numbers that --labels does not name are background instead of an error
    #[arg(long)]
    other_labels_are_background: bool,
    /// What it was trained on, printed with the row
    #[arg(long, value_name = "TEXT", default_value = External::UNKNOWN_TRAINING)]
    trained_on: String,
    /// Count test cases without a prediction as empty instead of failing
    #[arg(long)]
    missing_are_empty: bool,
}

impl Add {
    pub fn exec(self) -> Result<()> {
        let reporter = Reporter::new()?;
        let page = self.add(&reporter);
        reporter.finish();
        remark(&format!("report: {}", page?.shown()));
        Ok(())
    }

    fn add(&self, reporter: &Reporter) -> Result<PathBuf> {
        let algorithm = self.definition()?;
        let mut study = Study::read(&self.run)?;
        let before = study.algorithm.get(&self.algorithm);
        if before.is_some_and(|before| before.predictions.is_none()) {
            return Err(Error::usage(
                format!(
                    "{}: {} is an algorithm that the study runs",
                    self.run.shown(),
                    self.algorithm
                ),
                "give the row another name with --algorithm",
            ));
        }
        study.algorithm.insert(self.algorithm.clone(), algorithm);
        study.check()?;
        let _lease = leased(&self.run, reporter)?;
        let kept = Study::read(&self.run)?;
        let study = study.write(&self.run, false)?;
        let inputs = Inputs::prepare(&self.run, &study, reporter)?;
        let own = inputs.cells_of(&study, study.other_named(&self.algorithm)?);
        let mut failed = Vec::new();
        let pool = pool(study.threads)?;
        for cell in &own {
            let result = pool.install(|| run_cell(&self.run, &study, &inputs, *cell, reporter));
            match result {
                Ok(()) => {}
                Err(stop @ Error::Interrupted { .. }) => return Err(stop),
                Err(error) => {
                    reporter.note(&format!("error: {}: {error}", cell.name()));
                    failed.push(cell.name());
                }
            }
        }
        // A row that cannot be had is none; one that was there before stays, as it is told now.
        let is_new = !kept.algorithm.contains_key(&self.algorithm);
        if !failed.is_empty() && is_new {
            kept.save(&self.run)?;
            discard(&self.run, &own)?;
            reporter.note(&format!("{} is no row of the study", self.algorithm));
        }
        let study = Study::read(&self.run)?;
        let (_, page) = render(&self.run, &study, &inputs, true, reporter)?;
        match failed.is_empty() {
            true => Ok(page),
            false => Err(Error::Partial {
                what: "cells",
                failed: failed.len(),
                total: own.len(),
                names: failed.join(", "),
            }),
        }
    }

    /// The table that a study's file would have.
    fn definition(&self) -> Result<External> {
        let folder = &self.predictions;
        if !folder.is_dir() {
            let hint = "--predictions names the folder that an algorithm filled";
            return Err(Error::malformed(folder, "no such folder", hint));
        }
        let whole = std::path::absolute(folder).map_err(Error::read(folder))?;
        writable_name(&whole)?;
        let mut table = Table::new();
        let mut set = |key: &str, value: Value| table.insert(key.to_owned(), value);
        set("predictions", text(&whole.display().to_string()));
        set("trained_on", text(&self.trained_on));
        set("labels", Value::Table(self.labels()?));
        if let Some(name) = &self.name {
            set("name", text(name));
        }
        if self.other_labels_are_background {
            set("other_labels", text("background"));
        }
        if self.missing_are_empty {
            set("missing", text("empty"));
        }
        External::of_table(&self.algorithm, &table)
            .map_err(|fault| Error::usage(fault.problem, fault.hint))
    }

    fn labels(&self) -> Result<Table> {
        let pairs = self.labels.split(',').map(|pair| {
            let (value, tissue) = pair.split_once('=')?;
            Some((value.trim().to_owned(), text(tissue.trim())))
        });
        pairs.collect::<Option<Table>>().ok_or_else(|| {
            Error::usage(
                format!("--labels {}: expected NUMBER=TISSUE", self.labels),
                "such as --labels 1=liver,2=lesion",
            )
        })
    }
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}
