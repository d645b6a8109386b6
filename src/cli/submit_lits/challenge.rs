use clap::Args;

use crate::error::Result;
use crate::submission::Challenge;

/// Which challenge an archive is for.
#[derive(Args, Debug)]
pub struct ChallengeChoice {
    /// What the archive is for: lits, msd-task03, or a file that describes a challenge
    #[arg(long, value_name = "NAME|FILE", default_value = "lits")]
    challenge: String,
}

impl ChallengeChoice {
    /// Reads it; errors as [`Challenge::open`].
    pub fn open(&self) -> Result<Challenge> {
        Challenge::open(&self.challenge)
    }
}
