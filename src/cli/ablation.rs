use std::path::{Path, PathBuf};

use clap::Args;

use super::output::{print, print_as_is, remark};
use super::progress::Reporter;
use super::study_options::StudyOptions;
use super::study_run::{
    Executed, execute, existing, generate, given, interrupted_in, own_phantoms, take, told,
};
use crate::error::{Error, Result};
use crate::phantom::Spec;
use crate::progress::Progress;
use crate::recipe::{Settings, sweep};
use crate::report;
use crate::seed::Seed;
use crate::study::{Data, Phantoms, Study, refuse_foreign};
use crate::text::Shown as _;

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
    /// A data set: LiTS (volume-N.nii[.gz] and segmentation-N.nii[.gz] at any depth), the Decathlon's
    /// Task03, nnU-Net v2 or 3DIRCADb
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
        self.options.check()?;
        let run = self.options.folder(self.out.as_deref(), "ablation")?;
        let reporter = Reporter::new()?;
        let result = if self.sweep.is_empty() {
            self.run(&run, &reporter)
        } else {
            self.run_sweep(&run, &reporter)
        };
        reporter.finish();
        Ok(interrupted_in(&run, result)?)
    }

    fn run(&self, run: &Path, reporter: &Reporter) -> Result<()> {
        let _lease = take(run, &self.options, reporter)?;
        let data = self.data(run)?;
        let executed = self.run_study(run, self.options.settings()?, data, None, reporter)?;
        reporter.finish();
        told(executed)
    }

    /// One study an arm, in folders of their own; phantoms and preprocessed volumes are shared.
    fn run_sweep(&self, run: &Path, reporter: &Reporter) -> Result<()> {
        let arms = sweep(&self.options.settings()?, &self.sweep)?;
        if Study::path(run).exists() {
            return Err(Error::usage(
                format!("{}: holds a single study", run.shown()),
                "give the sweep another --out",
            ));
        }
        let _lease = take(run, &self.options, reporter)?;
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
            refuse_foreign(&folder)?;
            let shared = Some(PathBuf::from("../cache"));
            let settings = arm.settings.clone();
            let executed = self.run_study(&folder, settings, data.clone(), shared, reporter)?;
            let finished = match executed {
                Executed::Finished(finished) => finished,
                Executed::Handed(text) => {
                    print(&arm.name).and_then(|()| print_as_is(format!("\n{text}").as_bytes()))?;
                    continue;
                }
            };
            contents.push((arm.name.clone(), finished.content));
            outcomes.push(finished.outcome);
        }
        if contents.is_empty() {
            return Ok(());
        }
        let page = report::write_sweep(&contents, &run.join("report"))?;
        reporter.finish();
        remark(&format!("report: {}", page.shown()));
        outcomes.into_iter().collect()
    }

    fn run_study(
        &self,
        run: &Path,
        settings: Settings,
        data: Data,
        cache: Option<PathBuf>,
        reporter: &Reporter,
    ) -> Result<Executed> {
        let existing = existing(run, &self.options)?;
        let mut study = self
            .options
            .study("ablation", settings, data, existing.as_ref())?;
        if let Some(cache) = cache {
            study.cache = cache;
        }
        if let Some(phantoms) = study.data.phantoms.filter(|_| !self.options.dry_run) {
            let seed = Seed(phantoms.seed);
            let spec = Spec::with_matrix(phantoms.cases, seed, phantoms.matrix);
            generate(&study.data.folder, &spec, reporter)?;
        }
        execute(run, &study, &self.options, reporter)
    }

    fn data(&self, run: &Path) -> Result<Data> {
        match &self.data {
            Some(folder) => given(
                folder,
                "--data takes a folder that holds volume-N.nii and segmentation-N.nii files, or a data \
                 set of the Decathlon, nnU-Net or 3DIRCADb",
            ),
            None => own_phantoms(
                &run.join("phantoms"),
                Phantoms {
                    cases: PHANTOM_CASES,
                    seed: self.options.seed,
                    matrix: Spec::DEFAULT_MATRIX,
                },
            ),
        }
    }
}
