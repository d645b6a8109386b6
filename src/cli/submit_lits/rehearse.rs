use std::fs::FileType;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Args;

use super::challenge::ChallengeChoice;
use super::pack::Jobs;
use super::submission::{Order, Submission, other_cell};
use crate::artifact::{Owned, replace_dir, symlink};
use crate::cli::model_options::ModelOptions;
use crate::cli::output::{print, print_json};
use crate::cli::progress::Reporter;
use crate::dataset::{self, Case};
use crate::error::{Error, Result};
use crate::evaluation::LabelMapChoice;
use crate::progress::Progress;
use crate::study::{Cell, Seen, Study, seen, study_of};
use crate::submission::{CaseNumbers, Challenge, Options, Predictor, TestSet};

/// A dry run on labelled cases: strip the labels, predict, pack, check and score.
///
/// Takes the cases that the model's study has held out, and those that it does not know. Everything
/// goes as for the challenge; the scores are the official scorer's.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hdbench submit-lits rehearse --model runs/lits --data LiTS/training --out rehearsal
  hdbench submit-lits rehearse --model runs/lits --data LiTS/training --out rehearsal --only 3,7-9

Files in DIR: test (the volumes, as links, named as the challenge names them), references,
predictions, lits.zip, lits-scores (or the name of another challenge). The same command goes on after a kill.

Exit codes: 0 packed, every binding rule kept, scored; 4 some cases have no score; 5 the archive is
refused; 75 interrupted.")]
pub struct Rehearse {
    /// A study's folder, a cell's folder, or a model/ folder
    #[arg(long, value_name = "RUN")]
    model: PathBuf,
    /// Of the study --model, this other algorithm instead of a network
    #[arg(long, value_name = "NAME", conflicts_with = "variant")]
    algorithm: Option<String>,
    /// Labelled cases: a folder in the layout of LiTS, the Decathlon or nnU-Net
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where everything goes
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// These cases, whether the model was trained on them or not, such as 3,7-9
    #[arg(long, value_name = "N,...")]
    only: Option<CaseNumbers>,
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

/// What is rehearsed with.
enum Rehearsed {
    /// Its `model/` folder.
    Network(PathBuf),
    Other(Box<Study>, Cell),
}

impl Rehearse {
    pub fn exec(self) -> Result<()> {
        let reporter = Reporter::new()?;
        let made = self.make(&reporter);
        reporter.finish();
        let submission = made?;
        if self.json || !std::io::stdout().is_terminal() {
            print_json(&submission)?;
        } else {
            print(&submission.text())?;
        }
        submission.verdict()
    }

    fn make(&self, reporter: &Reporter) -> Result<Submission> {
        let challenge = self.challenge.open()?.of_any_number();
        let predictor = match &self.algorithm {
            Some(name) => {
                let study = Study::read(&self.model)?;
                let cell = other_cell(&study, name, self.network.cell)?;
                Rehearsed::Other(Box::new(study), cell)
            }
            None => Rehearsed::Network(self.network.current(&self.model)?),
        };
        let study = match &predictor {
            Rehearsed::Other(_, cell) => Some((self.model.clone(), cell.fold)),
            Rehearsed::Network(model) => study_of(model)?,
        };
        let chosen = self.choose(study, reporter)?;
        let [test, references] = ["test", "references"].map(|name| self.out.join(name));
        strip(&chosen, &test, &references, &challenge)?;
        let map = chosen.first().and_then(Case::label_map).cloned();
        let cases = challenge.find_test(&test)?;
        let set = TestSet::read(&challenge, &cases, None)?;
        let options = Options {
            jobs: self.jobs.get(),
            ..Options::default()
        };
        let order = Order {
            cases: &cases,
            test: &set,
            options: &options,
            out: &self.out.join(format!("{}.zip", challenge.id)),
            score: Some((
                &references,
                map.map_or(LabelMapChoice::Lits, LabelMapChoice::Listed),
            )),
        };
        let predictions = self.out.join("predictions");
        let compute = &self.network.compute;
        match &predictor {
            Rehearsed::Network(model) => compute.with(model, |model| {
                order.predict(Predictor::Network(model), &predictions, reporter)
            }),
            Rehearsed::Other(study, cell) => {
                order.predict_other(&self.model, study, *cell, &predictions, reporter)
            }
        }
    }

    /// The labelled cases to rehearse with.
    fn choose(&self, study: Option<(PathBuf, usize)>, reporter: &Reporter) -> Result<Vec<Case>> {
        let found = dataset::find(&self.data)?;
        let (labelled, _): (Vec<Case>, Vec<Case>) =
            found.cases.into_iter().partition(Case::has_labels);
        let seen = match study {
            Some((run, fold)) => seen(&run, fold, &labelled)?,
            None => vec![Seen::Unknown; labelled.len()],
        };
        let asked = |case: &Case, seen: Seen| match &self.only {
            Some(only) => only.contains(case.id),
            None => seen != Seen::Trained,
        };
        let chosen: Vec<(Case, Seen)> = labelled
            .into_iter()
            .zip(seen)
            .filter(|(case, seen)| asked(case, *seen))
            .collect();
        let count = |wanted: Seen| chosen.iter().filter(|(_, seen)| *seen == wanted).count();
        let (trained, unknown) = (count(Seen::Trained), count(Seen::Unknown));
        if chosen.is_empty() {
            return Err(Error::malformed(
                &self.data,
                "holds no labelled case to rehearse with that the model was not trained on",
                "name other cases, or these with --only, whose scores then say nothing about the \
                 challenge",
            ));
        }
        if trained > 0 {
            reporter.note(&format!(
                "warning: the model was trained on {trained} of {} cases: their scores say nothing \
                 about the challenge",
                chosen.len()
            ));
        }
        if unknown > 0 {
            reporter.note(&format!(
                "note: {unknown} of {} cases are none of the model's study; whether it was trained \
                 on the same scans is for `hdbench datasets audit` to say",
                chosen.len()
            ));
        }
        Ok(chosen.into_iter().map(|(case, _)| case).collect())
    }
}

/// Links volumes and label maps under the names that the challenge gives them.
fn strip(cases: &[Case], test: &Path, references: &Path, challenge: &Challenge) -> Result<()> {
    // What the folders may hold: a volume itself is never ours.
    let reference = |number| {
        let stem = challenge.entry_stem(number);
        stem.strip_prefix("test-").unwrap_or(&stem).to_owned()
    };
    let prefixes = [challenge.volume_name(0), reference(0)];
    let is_link = |path: &Path, kind: FileType| {
        let name = path.to_string_lossy();
        let named = |prefix: &String| name.starts_with(prefix.trim_end_matches('0'));
        kind.is_symlink() && prefixes.iter().any(named)
    };
    let links = Owned::by("a rehearsal's links", &is_link);
    for folder in [test, references] {
        links.check(folder)?;
    }
    let link_all = |folder: &Path,
                    stem: &dyn Fn(u32) -> String,
                    file: fn(&Case) -> Option<&PathBuf>| {
        replace_dir(folder, &links, |inside| {
            cases.iter().try_for_each(|case| {
                let file = file(case)
                    .ok_or_else(|| Error::Internal(format!("{} has no label map", case.name)))?;
                link(file, inside, &stem(case.id))
            })
        })
    };
    link_all(test, &|number| challenge.volume_name(number), |case| {
        Some(&case.image)
    })?;
    link_all(references, &reference, |case| case.labels.as_ref())
}

fn link(file: &Path, folder: &Path, stem: &str) -> Result<()> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let endings = [".nii.gz", ".nii"];
    let ending = endings
        .iter()
        .find(|end| name.to_ascii_lowercase().ends_with(*end));
    let Some(ending) = ending.filter(|_| file.is_file()) else {
        return Err(Error::malformed(
            file,
            "is no NIfTI file",
            "convert the data set first: `hdbench datasets convert --from ircadb --to lits DIR OUT`",
        ));
    };
    let target = file.canonicalize().map_err(Error::read(file))?;
    let link = folder.join(format!("{stem}{ending}"));
    symlink(&target, &link).map_err(Error::write(&link))
}
