//! What is scored: structures and metrics as Python names them.

use std::path::Path;

use hdbench_ground::error::Result;
use hdbench_score::structures::{StructureSet, built_in_names, find};
use hdbench_score::{Metric, Options, StructuresPlan};
use pyo3::prelude::*;

/// The built-in set of every value that is found.
const EVERY_VALUE: &str = "all";

/// Structures as the package names them.
#[derive(Clone, Debug, FromPyObject)]
pub struct Wanted {
    /// A built-in name or a file.
    #[pyo3(item)]
    name: Option<String>,
    /// Our TOML.
    #[pyo3(item)]
    toml: Option<String>,
    /// For all of them.
    #[pyo3(item)]
    metrics: Option<Vec<String>>,
}

impl Wanted {
    /// The set that is named; none where nothing is.
    pub fn set(&self) -> Result<Option<StructureSet>> {
        let set = match (&self.name, &self.toml) {
            (Some(name), _) => find(name)?,
            (None, Some(text)) => StructureSet::from_toml(text, Path::new("structures"))?,
            (None, None) => return Ok(None),
        };
        match &self.metrics {
            // Those of a text are in it, where a structure may have others.
            Some(metrics) if self.toml.is_none() => set.with_metrics(metrics).map(Some),
            _ => Ok(Some(set)),
        }
    }

    /// The definitions that hold for structures that say nothing.
    pub fn options(&self) -> Result<Options> {
        let Some(names) = &self.metrics else {
            return Ok(Options::default());
        };
        // Names are checked as those of a set are; metrics of instances are for structures that have any.
        find(EVERY_VALUE)?.with_metrics(names)?;
        let only = names.iter().filter_map(|name| Metric::named(name));
        Ok(Options {
            only: Some(only.collect()),
            ..Options::default()
        })
    }

    /// What is scored; every value as a structure of its own where nothing is named.
    pub fn plan(&self) -> Result<StructuresPlan> {
        let options = self.options()?;
        let set = match self.set()? {
            Some(set) => set,
            None => find(EVERY_VALUE)?,
        };
        Ok(StructuresPlan::of(&set, options))
    }
}

/// The names of all metrics of structures, in every border rule, but for those with a tolerance.
#[pyfunction]
pub fn metric_names() -> Vec<String> {
    Metric::names()
}

/// The names of the structure sets that are built in.
#[pyfunction]
pub fn structure_sets() -> Vec<&'static str> {
    built_in_names()
}
