//! The files and what the tests ask of them.

use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_score::structures::{
    Agreement, Assignment, Bound, Instances, InstancesBy, Matching, Score, StructureSet, read,
};
use hdbench_volume::components::Connectivity;

pub fn formats() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/structures/formats")
}

pub fn format(name: &str) -> StructureSet {
    read(&formats().join(name)).unwrap()
}

pub fn reread(set: &StructureSet) -> StructureSet {
    let text = set.to_toml();
    StructureSet::from_toml(&text, Path::new("x.toml")).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

pub fn walkdir(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(walkdir(&path)),
            false => found.push(path),
        }
    }
    found
}

pub fn names(set: &StructureSet) -> Vec<&str> {
    set.structures.iter().map(|s| s.name.as_str()).collect()
}

pub fn components(connectivity: Connectivity, matching: Matching) -> Instances {
    Instances {
        by: InstancesBy::Components(connectivity),
        matching,
        counts_if: None,
        consolidation: None,
        min_volume: None,
    }
}

pub fn scored(assignment: Assignment, score: Score, bound: Bound) -> Matching {
    Matching::Scored(assignment, Agreement { score, bound })
}

/// Reads a file of this name and content.
pub fn written(name: &str, content: &str) -> Result<StructureSet> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, content).unwrap();
    read(&path).map_err(|e| {
        let message = e
            .to_string()
            .replace(&format!("{}/", dir.path().display()), "");
        Error::Cell(message)
    })
}
