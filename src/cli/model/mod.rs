mod cost;
mod files;
mod measure;
mod parity;
mod probe;
mod summary;

use clap::{Args, Subcommand};

use crate::error::Error;
use crate::network::NetworkKind;
use crate::recipe::{RecipeName, ScaleName, Settings};

/// Look at a network, measure it, bring its weights in and out.
#[derive(Subcommand, Debug)]
pub enum ModelVerb {
    Summary(summary::Summary),
    Measure(measure::Measure),
    Cost(cost::Cost),
    Init(files::Init),
    Export(files::Export),
    Import(files::Import),
    Probe(probe::Probe),
    Parity(parity::Parity),
}

impl ModelVerb {
    pub fn exec(self) -> anyhow::Result<()> {
        let done = match self {
            Self::Summary(verb) => verb.exec(),
            Self::Measure(verb) => verb.exec(),
            Self::Cost(verb) => verb.exec(),
            Self::Init(verb) => verb.exec(),
            Self::Export(verb) => verb.exec(),
            Self::Import(verb) => verb.exec(),
            Self::Probe(verb) => verb.exec(),
            Self::Parity(verb) => verb.exec(),
        };
        Ok(done?)
    }
}

/// A network's design.
#[derive(Args, Clone, Debug)]
struct Design {
    /// A variant, or _encoder or _coarse
    #[arg(value_parser = part)]
    part: NetworkKind,
    #[command(flatten)]
    method: Method,
}

/// The method and the size.
#[derive(Args, Clone, Debug)]
struct Method {
    /// The method
    #[arg(long, value_enum, default_value_t = RecipeName::Paper)]
    recipe: RecipeName,
    /// Widths, depths and patch
    #[arg(long, value_enum, default_value_t = ScaleName::Full)]
    scale: ScaleName,
    /// Change a field of the recipe or the scale, e.g. --set upsampling=nearest
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl Method {
    fn settings(&self) -> Result<Settings, Error> {
        Settings::with(self.recipe, self.scale, &self.set)
    }
}

/// Other sizes of a patch than the scale's.
#[derive(Args, Clone, Debug)]
struct Sizes {
    /// Patches at once, of networks that take slices (default: the scale's)
    #[arg(long)]
    batch: Option<usize>,
    /// Slices of a volume (default: the scale's, else the recipe's)
    #[arg(long)]
    depth: Option<usize>,
    /// In-plane size, divisible by 32, of _coarse by 16 (default: the scale's)
    #[arg(long)]
    plane: Option<usize>,
}

impl Sizes {
    /// The settings with these sizes for some networks, held against the same rules.
    fn applied(&self, mut settings: Settings, parts: &[NetworkKind]) -> Result<Settings, Error> {
        let is_coarse = |part: &NetworkKind| *part == NetworkKind::Coarse;
        let plane = |asked: bool| self.plane.filter(|_| asked);
        for (key, size) in [
            ("batch", self.batch),
            ("depth", self.depth),
            ("coarse_patch", plane(parts.iter().any(is_coarse))),
            ("patch", plane(!parts.iter().all(is_coarse))),
        ] {
            if let Some(size) = size {
                settings.set(&format!("{key}={size}"))?;
            }
        }
        settings.check()?;
        Ok(settings)
    }
}

fn part(id: &str) -> Result<NetworkKind, Error> {
    NetworkKind::try_from(id.to_owned()).map_err(|problem| {
        Error::usage(
            problem,
            "parts are the variants of `hdbench ablation --help`, _encoder and _coarse",
        )
    })
}
