use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::table;
use crate::cli::output::{print, print_json};
use crate::cli::progress::Reporter;
use crate::cli::study_options::cores;
use crate::dataset::lits;
use crate::error::Result;
use crate::evaluation::{DEFAULT_JOBS, LabelMapChoice};
use crate::submission::{CaseNumbers, Options, TestSet, pack};

/// Predictions in, archive out.
#[derive(Args, Debug)]
pub struct Pack {
    /// Predictions (.nii, .nii.gz): a folder of any depth, or a zip archive; names end with the
    /// numbers of the test volumes
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The folder of the challenge's test volumes, test-volume-N.nii or .nii.gz
    #[arg(long, value_name = "DIR")]
    test: PathBuf,
    /// The archive to write
    #[arg(long, value_name = "ZIP")]
    out: PathBuf,
    /// These test volumes alone, such as 3,7-9
    #[arg(long, value_name = "N,...")]
    only: Option<CaseNumbers>,
    /// Pack what is there even if test volumes have no prediction
    #[arg(long)]
    allow_partial: bool,
    /// What the labels are: auto (a dataset.json beside the files, else lits), lits (0 background,
    /// 1 liver, 2 tumour), nnunet, msd, or FROM=TO,...
    #[arg(long, value_name = "MAP", default_value = "auto")]
    label_map: LabelMapChoice,
    #[command(flatten)]
    jobs: Jobs,
    /// JSON instead of text (also when standard output is no terminal)
    #[arg(long)]
    json: bool,
}

/// How many segmentations are worked on at a time.
#[derive(Args, Debug)]
pub struct Jobs {
    /// Segmentations at a time (default: up to 4); each takes a few bytes a voxel
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

impl Jobs {
    pub fn get(&self) -> usize {
        self.jobs
            .map_or_else(|| cores().min(DEFAULT_JOBS), NonZeroUsize::get)
    }
}

impl Pack {
    pub fn exec(self) -> Result<()> {
        let test = TestSet::read(&lits::find_test(&self.test)?, self.only.as_ref())?;
        let reporter = Reporter::new()?;
        let (label_map, note) = self.label_map.resolve(&self.from)?;
        if let Some(note) = note {
            eprintln!("note: {note}");
        }
        let options = Options {
            allow_partial: self.allow_partial,
            label_map,
            jobs: self.jobs.get(),
        };
        let written = pack(&self.from, &test, &options, &self.out, &reporter);
        reporter.finish();
        let written = written?;
        if self.json || !std::io::stdout().is_terminal() {
            print_json(&written)?;
        } else {
            print(&table::written(&written))?;
        }
        written.last().verdict()
    }
}
