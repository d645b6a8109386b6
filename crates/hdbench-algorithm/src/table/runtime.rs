//! Programs that run an image.

use serde::{Deserialize, Serialize};

/// A program that runs an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    Docker,
    Podman,
    Apptainer,
    /// A root folder in namespaces, without an engine.
    Bubblewrap,
}

impl Runtime {
    /// Those that are looked for where none is named, in this order.
    pub const USUAL: [Self; 3] = [Self::Docker, Self::Podman, Self::Apptainer];

    /// Its program.
    pub fn program(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Apptainer => "apptainer",
            Self::Bubblewrap => "bwrap",
        }
    }
}
