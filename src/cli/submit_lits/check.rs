use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;

use super::challenge::ChallengeChoice;
use super::pack::Jobs;
use super::table;
use crate::artifact::{refuse_input, write_atomic};
use crate::cli::output::{print, print_json};
use crate::cli::progress::Reporter;
use crate::error::Result;
use crate::submission::{Options, TestSet, check, junit, mend};

/// Hold an archive against the challenge's rules and the test volumes.
///
/// Rules have names that do not change; `hdbench explain submission` lists them. Warnings do not
/// refuse an archive.
#[derive(Args, Debug)]
pub struct Check {
    /// The archive, or a folder with the files that are to be packed
    #[arg(value_name = "ZIP")]
    archive: PathBuf,
    /// The folder of the challenge's test volumes: test-volume-N, or liver_N of the Decathlon, .nii or .nii.gz
    #[arg(long, value_name = "DIR")]
    test: PathBuf,
    /// Write a mended archive, and say what was done
    #[arg(long, value_name = "ZIP")]
    fix: Option<PathBuf>,
    /// JSON instead of a table (also when standard output is no terminal)
    #[arg(long)]
    json: bool,
    /// The verdicts as JUnit XML, a test case a rule; with --fix, those of the mended archive
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Test volumes without a segmentation are a warning
    #[arg(long)]
    allow_partial: bool,
    #[command(flatten)]
    challenge: ChallengeChoice,
    #[command(flatten)]
    jobs: Jobs,
}

impl Check {
    pub fn exec(self) -> Result<()> {
        let challenge = self.challenge.open()?;
        let cases = challenge.find_test(&self.test)?;
        for out in self.fix.iter().chain(&self.junit) {
            let volumes = cases.iter().map(|case| case.image.as_path());
            refuse_input(out, volumes)?;
        }
        // That --fix does not mend an archive in place is said where it is mended.
        if let Some(junit) = &self.junit {
            refuse_input(junit, [self.archive.as_path()])?;
        }
        let test = TestSet::read(&challenge, &cases, None)?;
        let reporter = Reporter::new()?;
        let options = Options {
            allow_partial: self.allow_partial,
            jobs: self.jobs.get(),
            ..Options::default()
        };
        let json = self.json || !std::io::stdout().is_terminal();
        let Some(out) = &self.fix else {
            let verdicts = check(&self.archive, &test, &options, &reporter);
            reporter.finish();
            let verdicts = verdicts?;
            if json {
                print_json(&verdicts)?;
            } else {
                print(&table::verdicts(&verdicts))?;
            }
            self.write_junit(&junit(&verdicts))?;
            return verdicts.verdict();
        };
        let written = mend(&self.archive, &test, &options, out, &reporter);
        reporter.finish();
        let written = written?;
        if json {
            print_json(&written)?;
        } else {
            print(&table::written(&written))?;
        }
        self.write_junit(&junit(written.last()))?;
        written.last().verdict()
    }

    fn write_junit(&self, xml: &str) -> Result<()> {
        match &self.junit {
            Some(path) => write_atomic(path, xml.as_bytes()),
            None => Ok(()),
        }
    }
}
