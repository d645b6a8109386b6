mod audit;
mod check;
mod convert;
mod lock;
mod source;
mod synth;

use clap::Subcommand;

/// Make, check, lock, compare and convert data sets.
#[derive(Subcommand, Debug)]
pub enum Datasets {
    Synth(synth::Synth),
    Check(check::Check),
    Lock(lock::Lock),
    Audit(audit::Audit),
    Convert(convert::Convert),
}

impl Datasets {
    pub fn exec(self) -> anyhow::Result<()> {
        match self {
            Self::Synth(verb) => verb.exec(),
            Self::Check(verb) => verb.exec().map_err(Into::into),
            Self::Lock(verb) => verb.exec().map_err(Into::into),
            Self::Audit(verb) => verb.exec().map_err(Into::into),
            Self::Convert(verb) => verb.exec().map_err(Into::into),
        }
    }
}
