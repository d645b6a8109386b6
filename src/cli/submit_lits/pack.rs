use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};

use super::challenge::ChallengeChoice;
use super::submission::{Order, Submission, beside, other_cell};
use crate::artifact::{create_dir, refuse_input};
use crate::cell::model_folder;
use crate::cli::model_options::{ModelOptions, current};
use crate::cli::output::{print, print_json, tell};
use crate::cli::progress::Reporter;
use crate::cli::study_options::{cores, side_by_side};
use crate::dataset::Case;
use crate::error::{Error, Result};
use crate::evaluation::{DEFAULT_JOBS, LabelMapChoice};
use crate::progress::Progress;
use crate::study::{Role, Study};
use crate::submission::{CaseNumbers, Challenge, Options, Predictor, TestSet};

/// A model or predictions in, archive out.
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("source").required(true).args(["model", "study", "from"])))]
pub struct Pack {
    /// Predict with a trained model: a study's folder, a cell's folder, or a model/ folder
    #[arg(long, value_name = "RUN")]
    model: Option<PathBuf>,
    /// One archive for each trained network and other algorithm of a study; --out is a folder then
    #[arg(long, value_name = "RUN")]
    study: Option<PathBuf>,
    /// Of the study --model, this other algorithm instead of a network
    #[arg(
        long,
        value_name = "NAME",
        requires = "model",
        conflicts_with = "variant"
    )]
    algorithm: Option<String>,
    /// Pack predictions (.nii, .nii.gz) of any model: a folder of any depth, or a zip archive; names
    /// end with the numbers of the test volumes
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// The folder of the challenge's test volumes: test-volume-N, or liver_N of the Decathlon, .nii or .nii.gz
    #[arg(long, value_name = "DIR", required = true)]
    test: Option<PathBuf>,
    /// The archive to write
    #[arg(long, value_name = "ZIP", required = true)]
    out: Option<PathBuf>,
    /// Where predictions are kept, so that the same command goes on after a kill (default: beside
    /// the archive, lits-predictions for lits.zip)
    #[arg(long, value_name = "DIR", conflicts_with_all = ["study", "from"])]
    predictions: Option<PathBuf>,
    /// These test volumes alone, such as 3,7-9: a trial, packed only with --allow-partial
    #[arg(long, value_name = "N,...")]
    only: Option<CaseNumbers>,
    /// Pack what is there even if test volumes have no prediction; the challenge refuses that
    #[arg(long)]
    allow_partial: bool,
    /// What the labels of --from are: auto (a dataset.json beside the files, else lits), lits (0
    /// background, 1 liver, 2 tumour), nnunet, msd, or FROM=TO,...
    #[arg(long, value_name = "MAP", default_value = "auto")]
    label_map: LabelMapChoice,
    /// Score the archive as LiTS would, against reference label maps of your own
    #[arg(long, value_name = "REF_DIR")]
    score: Option<PathBuf>,
    #[command(flatten)]
    challenge: ChallengeChoice,
    #[command(flatten)]
    network: ModelOptions,
    #[command(flatten)]
    jobs: Jobs,
    /// JSON instead of text (also when standard output is no terminal)
    #[arg(long)]
    json: bool,
}

/// How many segmentations are worked on at a time.
#[derive(Args, Debug)]
pub struct Jobs {
    /// Segmentations checked or packed at a time (default: up to 4); each takes a few bytes a voxel
    #[arg(long, value_name = "N", value_parser = side_by_side)]
    jobs: Option<usize>,
}

impl Jobs {
    pub fn get(&self) -> usize {
        self.jobs.unwrap_or_else(|| cores().min(DEFAULT_JOBS))
    }
}

impl Pack {
    pub fn exec(self) -> Result<()> {
        let challenge = self.challenge.open()?;
        let reporter = Reporter::new()?;
        let made = self.make(&challenge, &reporter);
        reporter.finish();
        let Made { archives, missing } = made?;
        if self.json || !std::io::stdout().is_terminal() {
            match (&self.study, &archives[..]) {
                (None, [one]) => print_json(one)?,
                _ => print_json(&archives)?,
            }
        } else {
            let texts: Vec<String> = archives.iter().map(Submission::text).collect();
            print(&texts.join("\n"))?;
        }
        if let Some(closed) = &challenge.closed {
            tell(&format!("note: {closed}"));
        }
        let total = archives.len() + missing.len();
        archives.into_iter().try_for_each(Submission::verdict)?;
        if missing.is_empty() {
            return Ok(());
        }
        Err(Error::Partial {
            what: "algorithms",
            failed: missing.len(),
            total,
            names: missing.join(", "),
        })
    }

    fn make(&self, challenge: &Challenge, reporter: &Reporter) -> Result<Made> {
        // Optional only so that a verb may stand in their place.
        let (Some(test), Some(out)) = (&self.test, &self.out) else {
            return Err(Error::usage(
                "nothing to submit",
                "give --test and --out, or a verb such as check",
            ));
        };
        let cases = challenge.find_test(test)?;
        let volumes = cases.iter().map(|case| case.image.as_path());
        refuse_input(out, volumes.chain(self.from.as_deref()))?;
        let test = TestSet::read(challenge, &cases, self.only.as_ref())?;
        let asked = |case: &Case| test.volumes.contains_key(&case.id);
        let cases: Vec<Case> = cases.into_iter().filter(asked).collect();
        let mut options = Options {
            allow_partial: self.allow_partial,
            jobs: self.jobs.get(),
            ..Options::default()
        };
        if !(test.others.is_empty() || self.allow_partial || self.from.is_some()) {
            reporter.note(&format!(
                "note: --only leaves out {} test volumes: predictions are kept, but no archive is \
                 written without --allow-partial",
                test.others.len()
            ));
        }
        if let Some(from) = &self.from {
            let (label_map, note) = self.label_map.resolve(from)?;
            note.iter()
                .for_each(|note| reporter.note(&format!("note: {note}")));
            options.label_map = label_map;
        }
        let order = Order {
            cases: &cases,
            test: &test,
            options: &options,
            out,
            score: self.score.as_deref().map(|dir| (dir, LabelMapChoice::Auto)),
        };
        let one = match (&self.from, &self.model, &self.study) {
            (Some(from), _, _) => order.pack(from, reporter)?,
            (None, Some(model), _) => self.predict(model, &order, reporter)?,
            (None, None, Some(study)) => return self.every_variant(study, &order, reporter),
            (None, None, None) => {
                return Err(Error::usage(
                    "nothing to submit",
                    "give --model, --study or --from",
                ));
            }
        };
        Ok(Made {
            archives: vec![one],
            missing: Vec::new(),
        })
    }

    fn predict(&self, model: &Path, order: &Order<'_>, reporter: &Reporter) -> Result<Submission> {
        let predictions = self.predictions.clone();
        let predictions = predictions.unwrap_or_else(|| beside(order.out, "predictions"));
        if let Some(name) = &self.algorithm {
            let study = Study::read(model)?;
            let cell = other_cell(&study, name, self.network.cell)?;
            return order.predict_other(model, &study, cell, &predictions, reporter);
        }
        let folder = self.network.current(model)?;
        let compute = &self.network.compute;
        compute.with(&folder, |model| {
            order.predict(Predictor::Network(model), &predictions, reporter)
        })
    }

    fn every_variant(&self, run: &Path, order: &Order<'_>, reporter: &Reporter) -> Result<Made> {
        let study = Study::read(run)?;
        create_dir(order.out)?;
        let cell = self.network.cell;
        let mut made = Made::default();
        let mut reason = None;
        for &variant in study.variants_of(Role::Own) {
            let folder = match model_folder(run, variant, cell.fold, cell.seed).and_then(current) {
                Ok(folder) => folder,
                Err(error) => {
                    reporter.note(&format!("warning: {variant} is left out: {error}"));
                    made.missing.push(variant.id().to_owned());
                    reason = Some(error);
                    continue;
                }
            };
            reporter.note(&format!(
                "{variant}: predicting {} volumes",
                order.cases.len()
            ));
            let out = order.out.join(format!("{}.zip", variant.id()));
            let order = Order {
                out: &out,
                score: order.score.clone(),
                ..*order
            };
            let predictions = beside(&out, "predictions");
            let compute = &self.network.compute;
            let mut submission = compute.with(&folder, |model| {
                order.predict(Predictor::Network(model), &predictions, reporter)
            })?;
            submission.variant = Some(variant.into());
            made.archives.push(submission);
        }
        for (name, algorithm) in &study.algorithm {
            if algorithm.predictions.is_some() {
                reporter.note(&format!(
                    "note: {name} is left out: it was predicted elsewhere; pack its predictions with --from"
                ));
                continue;
            }
            let cell = other_cell(&study, name, cell)?;
            reporter.note(&format!("{name}: predicting {} volumes", order.cases.len()));
            let out = order.out.join(format!("{name}.zip"));
            let order = Order {
                out: &out,
                score: order.score.clone(),
                ..*order
            };
            let predictions = beside(&out, "predictions");
            match order.predict_other(run, &study, cell, &predictions, reporter) {
                Ok(mut submission) => {
                    submission.variant = Some(cell.algorithm);
                    made.archives.push(submission);
                }
                Err(stop @ Error::Interrupted { .. }) => return Err(stop),
                Err(error) => {
                    reporter.note(&format!("warning: {name} is left out: {error}"));
                    made.missing.push(name.clone());
                    reason = Some(error);
                }
            }
        }
        match reason.filter(|_| made.archives.is_empty()) {
            Some(error) => Err(error),
            None => Ok(made),
        }
    }
}

/// What came of it.
#[derive(Default)]
struct Made {
    archives: Vec<Submission>,
    /// Networks of the study that are not trained, and other algorithms that failed.
    missing: Vec<String>,
}
