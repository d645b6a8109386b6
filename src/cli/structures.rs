use clap::Subcommand;

use super::output::print;
use crate::error::Result;
use crate::evaluation::structures::{built_in_names, find};

/// Sets of structures that `hdbench evaluate --structures` takes.
#[derive(Subcommand)]
pub enum StructuresVerb {
    /// Print a set of structures as TOML: a built-in name, or a file of another program
    #[command(after_help = "\
Examples:
  hdbench structures show brats-mets
  hdbench structures show labelsTr/dataset.json > structures.toml
  hdbench structures show panoptica.yaml

What cannot be taken over stands as notes in the TOML.")]
    Show {
        /// A built-in name, our TOML, a dataset.json of nnU-Net or the Decathlon, panoptica's YAML or MIST's JSON
        #[arg(value_name = "FILE|NAME")]
        set: String,
    },
    /// Print the built-in names
    List,
}

impl StructuresVerb {
    pub fn exec(self) -> Result<()> {
        match self {
            Self::Show { set } => print(&find(&set)?.to_toml()),
            Self::List => print(&(built_in_names().join("\n") + "\n")),
        }
    }
}
