use std::path::{Path, PathBuf};

use clap::Args;

use super::source::Jobs;
use crate::artifact::{is_standard_output, refuse_input};
use crate::cli::output::{print, print_as_is, remark};
use crate::cli::progress::Reporter;
use crate::dataset::lock::Lock as LockFile;
use crate::error::{Error, Result};
use crate::text::Shown as _;

/// Write down what a data set consists of, file by file and voxel by voxel, or verify it.
#[derive(Args, Debug)]
#[command(after_help = "\
The hash of a case's voxels is the same in every layout, packing and orientation of the files.
With --verify, every difference is named and the exit code is 4 if there is one.

Examples:
  hdbench datasets lock LiTS --out lits.lock
  hdbench datasets lock --verify lits.lock LiTS")]
pub struct Lock {
    /// The data set's folder
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Where the lock file goes (default: standard output)
    #[arg(long, value_name = "FILE", conflicts_with = "verify")]
    out: Option<PathBuf>,
    /// Compare the folder with this lock file
    #[arg(long, value_name = "FILE")]
    verify: Option<PathBuf>,
    #[command(flatten)]
    jobs: Jobs,
}

impl Lock {
    pub fn exec(self) -> Result<()> {
        if let Some(file) = &self.verify {
            return self.verify(file);
        }
        let reporter = Reporter::new()?;
        let lock = LockFile::of(&self.dir, self.jobs.get(), &reporter);
        reporter.finish();
        let lock = lock?;
        match &self.out {
            None => print_as_is(lock.to_text()?.as_bytes()),
            Some(path) => {
                let files: Vec<PathBuf> =
                    lock.files.iter().map(|f| self.dir.join(&f.path)).collect();
                let files = files.iter().map(PathBuf::as_path);
                refuse_input(path, files.chain([self.dir.as_path()]))?;
                lock.write(path)?;
                // Behind a lock file it would be taken for a part of it.
                if !is_standard_output(path) {
                    remark(&format!(
                        "{}: {} files, {} cases",
                        path.shown(),
                        lock.files.len(),
                        lock.cases.len()
                    ));
                }
                Ok(())
            }
        }
    }

    fn verify(&self, file: &Path) -> Result<()> {
        let lock = LockFile::read(file)?;
        let reporter = Reporter::new()?;
        let found = lock.differences(&self.dir, self.jobs.get(), &reporter);
        reporter.finish();
        let found = found?;
        let entries = lock.files.len() + lock.cases.len();
        if found.is_empty() {
            return print(&format!(
                "{}: all {} files and {} cases are as locked\n",
                self.dir.shown(),
                lock.files.len(),
                lock.cases.len()
            ));
        }
        let lines: Vec<String> = found
            .iter()
            .map(|difference| format!("{difference}\n"))
            .collect();
        print(&lines.concat())?;
        Err(Error::Refuted {
            problem: format!(
                "{}: {} differences from the {entries} entries of {}",
                self.dir.shown(),
                found.len(),
                file.shown()
            ),
            hint: "they stand above; lock the data set again if they are meant".into(),
        })
    }
}
