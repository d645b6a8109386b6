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

fn part(id: &str) -> Result<NetworkKind, Error> {
    NetworkKind::try_from(id.to_owned()).map_err(|problem| {
        Error::usage(
            problem,
            "parts are the variants of `hdbench ablation --help`, _encoder and _coarse",
        )
    })
}
