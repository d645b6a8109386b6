use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::source::{Jobs, open};
use crate::cli::output::{remark, tell};
use crate::cli::progress::Reporter;
use crate::dataset::Layout;
use crate::dataset::convert::{Target, convert};
use crate::error::{Error, Result};
use crate::text::Shown as _;

/// Write a data set in another layout; voxels, their order and their place stay as they are.
#[derive(Args, Debug)]
#[command(after_help = "\
CT is written as int16 where every voxel is a whole number that fits, else as float32. What an
earlier start of the same conversion has written is kept.

Examples:
  hdbench datasets convert --to nnunet LiTS Dataset001_LiTS
  hdbench datasets convert --from ircadb --to lits 3Dircadb1 ircadb-nifti
  hdbench datasets convert --to lits --ircadb 3Dircadb1 LiTS LiTS-mended
  hdbench datasets convert --to lits --mirror volume-28 --mirror volume-29 LiTS LiTS-mended")]
pub struct Convert {
    /// The layout it has (default: the one that is found)
    #[arg(long, value_enum)]
    from: Option<From>,
    /// The layout it gets
    #[arg(long, value_enum)]
    to: To,
    /// The data set's folder
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Where the other layout goes
    #[arg(value_name = "OUT")]
    out: PathBuf,
    /// 3DIRCADb, whose spacing LiTS volumes 28 to 47 lack
    #[arg(long, value_name = "DIR")]
    ircadb: Option<PathBuf>,
    /// A case whose affine exchanges left and right: it is written as its mirror image (may be given several
    /// times; `datasets check` names such cases, liver-left)
    #[arg(long, value_name = "CASE")]
    mirror: Vec<String>,
    #[command(flatten)]
    jobs: Jobs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum From {
    Lits,
    Msd,
    Nnunet,
    Ircadb,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum To {
    /// volume-N.nii.gz and segmentation-N.nii.gz
    Lits,
    /// imagesTr/CASE_0000.nii.gz, labelsTr/CASE.nii.gz, dataset.json
    Nnunet,
}

impl Convert {
    pub fn exec(self) -> Result<()> {
        let mut dataset = open(&self.dir, self.ircadb.as_ref())?;
        for name in &self.mirror {
            dataset.mirror(name)?;
        }
        let expected = self.from.map(|from| match from {
            From::Lits => Layout::Lits,
            From::Msd => Layout::Msd,
            From::Nnunet => Layout::NnUnet,
            From::Ircadb => Layout::Ircadb,
        });
        if let Some(expected) = expected.filter(|&expected| expected != dataset.layout) {
            return Err(Error::usage(
                format!(
                    "{}: has the layout of {}, not of {expected}",
                    self.dir.shown(),
                    dataset.layout
                ),
                "leave --from out: the layout is recognised",
            ));
        }
        let target = match self.to {
            To::Lits => Target::Lits,
            To::Nnunet => Target::NnUnet,
        };
        let reporter = Reporter::new()?;
        let outcome = convert(
            &dataset,
            &self.dir,
            target,
            &self.out,
            self.jobs.get(),
            &reporter,
        );
        reporter.finish();
        let outcome = outcome?;
        for warning in &outcome.warnings {
            tell(&format!("warning: {warning}"));
        }
        for (case, error) in &outcome.failures {
            tell(&format!("error: {case}: {error}"));
        }
        remark(&format!(
            "{}: {} cases written, {} were there already",
            self.out.shown(),
            outcome.written,
            outcome.kept
        ));
        outcome.verdict()
    }
}
