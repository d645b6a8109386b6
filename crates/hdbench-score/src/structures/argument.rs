//! `--structure wt=1,2,4`: structures of the command line.

use hdbench_ground::error::Result;

use super::problem::Problem;
use super::set::{Structure, StructureSet};

/// The way out of what cannot be read.
const FORM: &str =
    "--structure NAME=VALUES, such as wt=1,2,4, vertebrae=1-26 or liver=1- (1 or more)";

impl StructureSet {
    /// The set of these arguments, each a name and label values: `wt=1,2,4`, ranges as `1-26` and `1-`. It is called
    /// `arguments`.
    ///
    /// # Errors
    /// `Error::Usage` for one that cannot be read, and for two of one name.
    pub fn of_arguments<S: AsRef<str>>(arguments: &[S]) -> Result<Self> {
        let mut structures = Vec::new();
        for argument in arguments {
            let argument = argument.as_ref();
            let structure = parse(argument)
                .map_err(|problem| problem.of_argument(&format!("--structure {argument:?}")))?;
            structures.push(structure);
        }
        Self::of("arguments", structures)
            .checked()
            .map_err(|(_, problem)| problem.of_argument("--structure"))
    }
}

fn parse(argument: &str) -> Result<Structure, Problem> {
    let problem = |text: String| Problem::new(text, FORM);
    let (name, values) = argument
        .split_once('=')
        .ok_or_else(|| problem("has no = between name and label values".to_owned()))?;
    let values = values.parse().map_err(problem)?;
    Structure::new(name.trim(), values).checked()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_structures() {
        let set =
            StructureSet::of_arguments(&["wt=1,2,4", "et = 4", "vertebrae=20-26", "x=1-"]).unwrap();
        let shown: Vec<String> = set
            .structures
            .iter()
            .map(|structure| format!("{}={}", structure.name, structure.values))
            .collect();
        assert_eq!(shown, ["wt=1-2,4", "et=4", "vertebrae=20-26", "x=1-"]);
    }

    #[test]
    fn what_is_no_structure_is_named() {
        let form = format!("\nhint: {FORM}");
        for (arguments, message) in [
            (
                &["wt"][..],
                format!("--structure \"wt\": has no = between name and label values{form}"),
            ),
            (
                &["wt=1,1"],
                format!("--structure \"wt=1,1\": holds 1 twice{form}"),
            ),
            (
                &["wt=70000"],
                format!(
                    "--structure \"wt=70000\": 70000 is no label value, which are whole numbers from 1 to \
                     65535{form}"
                ),
            ),
            (
                &["all=1"],
                "--structure \"all=1\": the name \"all\" stands for all of them\nhint: give it another name"
                    .to_owned(),
            ),
            (
                &["wt=1", "WT=2"],
                "--structure: the names \"wt\" and \"WT\" are the same but for their case\nhint: give one of \
                 them another name"
                    .to_owned(),
            ),
        ] {
            let error = StructureSet::of_arguments(arguments).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}
