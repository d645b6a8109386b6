use std::path::{Path, PathBuf};

use clap::Args;
use clap::ValueEnum;

use super::progress::Reporter;
use super::report::render;
use super::study_options::StudyOptions;
use crate::dataset::phantom;
use crate::error::{Error, Result};
use crate::harness::{Data, Inputs, Lease, Local, Outcome, Phantoms, Study, run_study};
use crate::progress::Progress;
use crate::recipe::{Settings, sweep};
use crate::report::{self, Content};
use crate::seed::Seed;

/// Phantoms of the demo: 28 with lesions and 8 without in the default set.
const PHANTOM_CASES: usize = 36;

/// Train and score every row of the paper's ablation table, and write the report.
///
/// Without --data, CT phantoms are generated and used. A second start goes on where the first
/// ended and does nothing twice; Ctrl-C saves and exits with 75.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hdbench ablation
  hdbench ablation --data LiTS/training --scale quick --out runs/lits-quick
  hdbench ablation --data LiTS/training --variant denseunet2d --recipe released
  hdbench ablation --variant denseunet2d --set upsampling=nearest --out runs/nearest
  hdbench ablation --sweep recipe=paper,released --out runs/recipes")]
pub struct Ablation {
    /// Folder in LiTS layout: volume-N.nii[.gz] and segmentation-N.nii[.gz], at any depth
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The study's folder (default: runs/ablation-<scale>)
    #[arg(long, value_name = "RUN")]
    out: Option<PathBuf>,
    /// Run the study once for each value, side by side in one report; several make all
    /// combinations, e.g. --sweep recipe=paper,released --sweep upsampling=linear,nearest
    #[arg(long, value_name = "KEY=A,B")]
    sweep: Vec<String>,
    #[command(flatten)]
    options: StudyOptions,
}

impl Ablation {
    pub fn exec(self) -> anyhow::Result<()> {
        let scale = self
            .options
            .scale
            .to_possible_value()
            .map_or(String::new(), |value| value.get_name().to_owned());
        let run = self
            .out
            .clone()
            .unwrap_or_else(|| PathBuf::from(format!("runs/ablation-{scale}")));
        let reporter = Reporter::new()?;
        let result = if self.sweep.is_empty() {
            self.run(&run, &reporter)
        } else {
            self.run_sweep(&run, &reporter)
        };
        reporter.finish();
        if let Err(Error::Interrupted { .. }) = &result {
            let hint = format!(
                "the same command goes on from here; the study is in {}",
                run.display()
            );
            return Err(Error::Interrupted { hint }.into());
        }
        Ok(result?)
    }

    fn run(&self, run: &Path, reporter: &Reporter) -> Result<()> {
        let _lease = Lease::take(run)?;
        let data = self.data(run)?;
        let finished = self.run_study(run, self.options.settings()?, data, None, reporter)?;
        reporter.finish();
        println!("report: {}", finished.page.display());
        finished.outcome.into_result()
    }

    /// One study an arm, in folders of their own; phantoms and preprocessed volumes are shared.
    fn run_sweep(&self, run: &Path, reporter: &Reporter) -> Result<()> {
        let arms = sweep(&self.options.settings()?, &self.sweep)?;
        if Study::path(run).exists() {
            return Err(Error::usage(
                format!("{}: holds a single study", run.display()),
                "give the sweep another --out",
            ));
        }
        let _lease = Lease::take(run)?;
        let data = self.data(run)?;
        let mut contents = Vec::new();
        let mut outcomes = Vec::new();
        for (index, arm) in arms.iter().enumerate() {
            reporter.note(&format!(
                "arm {} of {}: {}",
                index + 1,
                arms.len(),
                arm.name
            ));
            let folder = run.join(&arm.name);
            let shared = Some(PathBuf::from("../cache"));
            let settings = arm.settings.clone();
            let finished = self.run_study(&folder, settings, data.clone(), shared, reporter)?;
            contents.push((arm.name.clone(), finished.content));
            outcomes.push(finished.outcome);
        }
        let page = report::write_sweep(&contents, &run.join("report"))?;
        reporter.finish();
        println!("report: {}", page.display());
        outcomes.into_iter().try_for_each(Outcome::into_result)
    }

    fn run_study(
        &self,
        run: &Path,
        settings: Settings,
        data: Data,
        cache: Option<PathBuf>,
        reporter: &Reporter,
    ) -> Result<Finished> {
        let existing = Study::path(run).exists().then(|| Study::read(run));
        let existing = match existing {
            Some(Err(_)) if self.options.restart => None,
            other => other.transpose()?,
        };
        let mut study = self
            .options
            .study("ablation", settings, data, existing.as_ref())?;
        if let Some(cache) = cache {
            study.cache = cache;
        }
        study.device()?;
        if let Some(phantoms) = study.data.phantoms {
            generate(&study.data.folder, phantoms, reporter)?;
        }
        let study = study.write(run, self.options.restart)?;
        let inputs = Inputs::prepare(run, &study, reporter)?;
        for warning in &inputs.warnings {
            reporter.note(&format!("warning: {warning}"));
        }
        reporter.note(&format!(
            "{} training and {} test cases: {}",
            inputs.train.len(),
            inputs.test.len(),
            inputs.split.description
        ));
        let engine = Local {
            binary: std::env::current_exe().map_err(Error::read(Path::new("hdbench")))?,
            jobs: self.options.jobs(study.threads)?,
        };
        let outcome = run_study(run, &study, &inputs, &engine, reporter)?;
        let (content, page) = render(run, &study, &inputs, reporter)?;
        Ok(Finished {
            content,
            page,
            outcome,
        })
    }

    fn data(&self, run: &Path) -> Result<Data> {
        let absolute = |path: &Path| std::path::absolute(path).map_err(Error::read(path));
        match &self.data {
            Some(folder) if !folder.is_dir() => Err(Error::malformed(
                folder,
                "no such folder",
                "--data takes a folder that holds volume-N.nii and segmentation-N.nii files",
            )),
            Some(folder) => Ok(Data {
                folder: absolute(folder)?,
                phantoms: None,
            }),
            None => {
                let phantoms = Phantoms {
                    cases: PHANTOM_CASES,
                    seed: self.options.seed,
                    matrix: 128,
                };
                Ok(Data {
                    folder: absolute(&run.join("phantoms"))?,
                    phantoms: Some(phantoms),
                })
            }
        }
    }
}

/// A study that ran to its end.
struct Finished {
    content: Content,
    page: PathBuf,
    outcome: Outcome,
}

fn generate(folder: &Path, phantoms: Phantoms, reporter: &Reporter) -> Result<()> {
    let spec = phantom::Spec::with_matrix(phantoms.cases, Seed(phantoms.seed), phantoms.matrix);
    if phantom::is_complete(folder, &spec)? {
        return Ok(());
    }
    reporter.note(&format!(
        "no --data given: generating {} CT phantoms (seed {}) in {}",
        phantoms.cases,
        phantoms.seed,
        folder.display()
    ));
    reporter.stage("", "generating phantoms");
    phantom::write_lits(&spec, folder, reporter)?;
    Ok(())
}
