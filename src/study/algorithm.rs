use std::fmt;

use serde::{Serialize, Serializer};

use super::kernels::KERNELS;
use crate::evaluation::Name;
use crate::network::NetworkKind;
use crate::recipe::Variant;

/// The key of an algorithm of the study's file: `nnunet` of `[algorithm.nnunet]`. Few names for the life of the
/// process, as those of structures.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlgorithmId(&'static str);

impl AlgorithmId {
    /// The key of this name; none where it could not be a folder of a study beside those of our networks:
    /// letters, digits, `-` and `_`, the first a letter or a digit.
    pub fn new(name: &str) -> Option<Self> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let starts = name
            .chars()
            .next()
            .is_some_and(|c| c.is_ascii_alphanumeric());
        let is_free = !RESERVED.contains(&name) && NetworkKind::try_from(name.to_owned()).is_err();
        (starts && name.chars().all(is_plain) && is_free).then(|| Self(Name::new(name).as_str()))
    }

    /// Names that a key cannot have, beside those that no folder can have.
    pub fn taken() -> Vec<&'static str> {
        let variants = Variant::ALL.iter().map(|variant| variant.id());
        RESERVED.into_iter().chain(variants).collect()
    }

    /// The key itself.
    pub fn name(self) -> &'static str {
        self.0
    }
}

/// Folders that a study has beside those of its cells.
const RESERVED: [&str; 6] = ["report", "cache", "slurm", KERNELS, "data", "algorithms"];

impl fmt::Display for AlgorithmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl fmt::Debug for AlgorithmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}

/// What a cell runs: a network of ours, or an algorithm that the study's file names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// Trained here.
    Network(NetworkKind),
    /// A command or a container.
    External(AlgorithmId),
}

impl Algorithm {
    /// Its name in tables and folders, e.g. `hdenseunet` or `nnunet`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Network(part) => part.id(),
            Self::External(id) => id.name(),
        }
    }

    /// The algorithm of this name; none where no folder of a study could bear it.
    pub fn named(name: &str) -> Option<Self> {
        match NetworkKind::try_from(name.to_owned()) {
            Ok(part) => Some(Self::Network(part)),
            Err(_) => AlgorithmId::new(name).map(Self::External),
        }
    }

    /// The network, where it is one of ours.
    pub fn network(self) -> Option<NetworkKind> {
        match self {
            Self::Network(part) => Some(part),
            Self::External(_) => None,
        }
    }

    /// The variant, where it is a row of the paper's table.
    pub fn variant(self) -> Option<Variant> {
        match self {
            Self::Network(NetworkKind::Variant(variant)) => Some(variant),
            _ => None,
        }
    }
}

impl From<NetworkKind> for Algorithm {
    fn from(part: NetworkKind) -> Self {
        Self::Network(part)
    }
}

impl From<Variant> for Algorithm {
    fn from(variant: Variant) -> Self {
        Self::Network(NetworkKind::Variant(variant))
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

impl Serialize for Algorithm {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_folder_of_its_own() {
        assert_eq!(AlgorithmId::new("nnunet-2d").unwrap().name(), "nnunet-2d");
        for wrong in [
            "", "_x", "-x", "a/b", "a b", "..", "unet", "_coarse", "report", "ü",
        ] {
            assert_eq!(AlgorithmId::new(wrong), None, "{wrong}");
        }
        assert_eq!(
            Algorithm::named("unet").unwrap().variant(),
            Some(Variant::UNet)
        );
        assert_eq!(Algorithm::named("theirs").unwrap().id(), "theirs");
    }
}
