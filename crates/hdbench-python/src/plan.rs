//! What is scored: structures and metrics as Python names them.

use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_score::metrics::surface::Border;
use hdbench_score::structures::{StructureSet, built_in_names, find};
use hdbench_score::{Definition, Metric, Options, StructuresPlan, Tolerance};
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
    pub fn options(&self, defined: &Defined) -> Result<Options> {
        let options = defined.options()?;
        let Some(names) = &self.metrics else {
            return Ok(options);
        };
        // Names are checked as those of a set are; metrics of instances are for structures that have any.
        find(EVERY_VALUE)?.with_metrics(names)?;
        let only = names.iter().filter_map(|name| Metric::named(name));
        Ok(Options {
            only: Some(only.collect()),
            ..options
        })
    }

    /// What is scored; every value as a structure of its own where nothing is named.
    pub fn plan(&self) -> Result<StructuresPlan> {
        let options = self.options(&Defined::default())?;
        let set = match self.set()? {
            Some(set) => set,
            None => find(EVERY_VALUE)?,
        };
        Ok(StructuresPlan::of(&set, options))
    }
}

/// Definitions as the command's options name them.
#[derive(Debug, Default, FromPyObject)]
pub struct Defined {
    /// Border rules by their numbers of neighbours; none for the profile's.
    #[pyo3(item)]
    border: Option<Vec<u32>>,
    /// mm; none for the profile's.
    #[pyo3(item)]
    nsd_tolerance: Option<Vec<f64>>,
    /// Tools whose definitions are columns as well.
    #[pyo3(item)]
    definitions: Vec<String>,
    #[pyo3(item)]
    one_to_one: bool,
}

impl Defined {
    fn options(&self) -> Result<Options> {
        let profile = Options::default();
        let borders = self.border.iter().flatten().map(|own| border(*own));
        let borders: Vec<Border> = borders.collect::<Result<_>>()?;
        let tolerances = self.nsd_tolerance.iter().flatten().map(|mm| tolerance(*mm));
        let tolerances: Vec<Tolerance> = tolerances.collect::<Result<_>>()?;
        let definitions = self.definitions.iter().map(|name| definitions(name));
        let definitions: Vec<Vec<Definition>> = definitions.collect::<Result<_>>()?;
        Ok(Options {
            definitions: definitions.concat(),
            one_to_one: self.one_to_one,
            ..Options::measuring(
                self.border.as_ref().map_or(profile.borders, |_| borders),
                self.nsd_tolerance
                    .as_ref()
                    .map_or(profile.tolerances, |_| tolerances),
            )
        })
    }
}

fn border(neighbours: u32) -> Result<Border> {
    let found = Border::ALL
        .into_iter()
        .find(|border| border.neighbours() == neighbours);
    found.ok_or_else(|| {
        Error::usage(
            format!("border: {neighbours} is no number of neighbours of a surface voxel"),
            "6, 18 or 26",
        )
    })
}

fn tolerance(mm: f64) -> Result<Tolerance> {
    Tolerance::from_mm(mm).ok_or_else(|| {
        Error::usage(
            format!("nsd_tolerance: {mm} is no tolerance in mm"),
            "such as 2 or [0.5, 1]",
        )
    })
}

/// Those of a tool, or all.
fn definitions(name: &str) -> Result<Vec<Definition>> {
    if name == EVERY_TOOL {
        return Ok(Definition::ALL.to_vec());
    }
    let found = Definition::named(name).map(|one| vec![one]);
    found.ok_or_else(|| {
        let names = Definition::ALL.map(Definition::name);
        Error::usage(
            format!("definitions: {name:?} is no tool whose definitions are columns"),
            format!("one of {}, or {EVERY_TOOL}", names.join(", ")),
        )
    })
}

/// In the place of a tool.
const EVERY_TOOL: &str = "all";

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
