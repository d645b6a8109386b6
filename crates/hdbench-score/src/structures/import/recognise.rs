//! Which program a file is of, by its contents.

use super::super::problem::Problem;
use super::super::set::StructureSet;
use super::{dataset, json, mist, panoptica, yaml};

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Format {
    /// nnU-Net's and the Decathlon's `dataset.json`, MIST's files.
    Json,
    /// panoptica's.
    Yaml,
    /// Ours.
    Toml,
}

impl Format {
    /// The format of a text, by what it begins with; `is_yaml` says that its name ends as a YAML's does.
    pub(in super::super) fn of(text: &str, is_yaml: bool) -> Self {
        // No line of TOML begins so.
        let is_tagged = |line: &str| line.starts_with('!') || line.starts_with("---");
        match text.trim_start().starts_with('{') {
            true => Self::Json,
            false if is_yaml || text.lines().any(is_tagged) => Self::Yaml,
            false => Self::Toml,
        }
    }
}

/// Reads another program's text; `name` is what the set is called.
pub(in super::super) fn read(
    format: Format,
    text: &str,
    name: &str,
) -> Result<StructureSet, Problem> {
    match format {
        Format::Toml => super::super::toml::read(text, name),
        Format::Yaml => panoptica::read(&yaml::parse(text)?, name),
        Format::Json => {
            let json = json::parse(text)?;
            if dataset::is_one(&json) {
                dataset::read(&json, name)
            } else if mist::is_one(&json) {
                mist::read(&json, name)
            } else {
                Err(Problem::new(
                    "is JSON, and neither a dataset.json of nnU-Net or the Decathlon nor one of MIST's files",
                    "those have labels, final_classes, or classes with labels each",
                ))
            }
        }
    }
}

/// Reads a `dataset.json`; none for the JSON of another program.
pub(in super::super) fn dataset(text: &str, name: &str) -> Result<Option<StructureSet>, Problem> {
    let json = json::parse(text)?;
    dataset::is_one(&json)
        .then(|| dataset::read(&json, name))
        .transpose()
}
