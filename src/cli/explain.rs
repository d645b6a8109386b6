use clap::{Args, ValueEnum};

use super::output::print;
use crate::error::ExitCode;
use crate::evaluation::{explain_lits, explain_strict};
use crate::recipe::explain_recipes;
use crate::submission::explain_rules;

/// Explain a convention at length.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  hdbench explain lits | less")]
pub struct Explain {
    /// What to explain
    #[arg(value_enum)]
    topic: Topic,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Topic {
    /// The official LiTS scorer, where it departs from the paper, and what `strict` does instead
    Lits,
    /// The definitions of the default scoring profile, and its values for empty masks
    Strict,
    /// The two recipes field by field, and where each value comes from
    Recipe,
    /// The rules of a LiTS submission, and what `--fix` mends
    Submission,
    /// What the exit codes say and what to do
    ExitCodes,
}

impl Explain {
    pub fn exec(self) -> anyhow::Result<()> {
        let text = match self.topic {
            Topic::Lits => explain_lits().to_owned(),
            Topic::Strict => explain_strict(),
            Topic::Recipe => explain_recipes(),
            Topic::Submission => explain_rules(),
            Topic::ExitCodes => exit_codes(),
        };
        Ok(print(&text)?)
    }
}

fn exit_codes() -> String {
    let mut text = String::from(
        "The exit codes of hdbench\n\
         =========================\n\n\
         Errors go to standard error; what was earned before one is on disk.\n\n",
    );
    for code in ExitCode::ALL {
        text += &format!(
            "{:>3}  {}\n     {}\n",
            code as u8,
            code.meaning(),
            code.remedy()
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_code_is_explained() {
        let text = exit_codes();
        for code in ["  0  done", "  3  a file is missing", " 75  interrupted"] {
            assert!(text.lines().any(|line| line.starts_with(code)), "{text}");
        }
    }
}
