use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::study_options::side_by_side;
use crate::dataset::{Dataset, find, ircadb};
use crate::error::Result;

/// How many cases are worked on at a time.
#[derive(Args, Debug)]
pub struct Jobs {
    /// Cases worked on at a time; each takes up to 2 GB for a CT of 800 slices
    #[arg(long, default_value = "2", value_parser = side_by_side)]
    jobs: usize,
}

impl Jobs {
    pub fn get(&self) -> usize {
        self.jobs
    }
}

/// Finds a data set; with 3DIRCADb, LiTS volumes that store no spacing get theirs from there.
pub fn open(dir: &Path, ircadb: Option<&PathBuf>) -> Result<Dataset> {
    let mut dataset = find(dir)?;
    if let Some(ircadb) = ircadb {
        dataset.with_ircadb_spacing(&ircadb::find(ircadb)?)?;
    }
    Ok(dataset)
}
