//! What the readers of other programs' files share: names and values become ours, the rest a note.

use std::collections::BTreeSet;

use super::super::name::taken_over;
use super::super::problem::Problem;
use super::super::set::{Structure, StructureSet};
use super::super::values::{self, Values};

/// A set in the making.
pub(super) struct Draft {
    pub(super) structures: Vec<Structure>,
    pub(super) ignore: Vec<u16>,
    notes: Vec<String>,
    said: BTreeSet<String>,
}

impl Draft {
    pub(super) fn new() -> Self {
        Self {
            structures: Vec::new(),
            ignore: Vec::new(),
            notes: Vec::new(),
            said: BTreeSet::new(),
        }
    }

    /// Says once what is not taken over.
    pub(super) fn note(&mut self, note: String) {
        if self.said.insert(note.clone()) {
            self.notes.push(note);
        }
    }

    /// A name that a structure can have here.
    pub(super) fn name(&mut self, name: &str) -> String {
        let taken = taken_over(name);
        if taken != name {
            self.note(format!("The name {name:?} is written {taken:?}."));
        }
        taken
    }

    /// The set, with what cannot be in one refused.
    pub(super) fn set(self, name: &str) -> Result<StructureSet, Problem> {
        let set = StructureSet {
            ignore: self.ignore,
            notes: self.notes,
            ..StructureSet::of(name, self.structures)
        };
        set.checked().map_err(|(_, problem)| problem)
    }
}

/// Values of a structure of this name.
pub(super) fn values_of(name: &str, numbers: &[i64]) -> Result<Values, Problem> {
    let runs: Result<Vec<_>, _> = numbers
        .iter()
        .map(|number| values::value(*number).map(|value| value..=value))
        .collect();
    let values = runs.and_then(Values::new);
    values.map_err(|problem| {
        Problem::new(
            format!("label {name:?}: {problem}"),
            "mend the file, or write the structures as TOML: hdbench structures show lits is one",
        )
    })
}
