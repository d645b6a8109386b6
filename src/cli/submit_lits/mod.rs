mod check;
mod pack;
mod table;

use clap::{Args, Subcommand};

use crate::error::Result;

/// Build, verify and mend archives for the LiTS challenge.
///
/// The challenge takes a flat zip archive of test-segmentation-N.nii, one for each test-volume-N,
/// and answers mistakes with "Missing volume" or no score at all. Whatever is written here has been
/// read again and checked before it gets its name.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  hdbench submit-lits --from predictions --test LiTS/test --out lits.zip
  hdbench submit-lits --from nnunet-output --test LiTS/test --out lits.zip --only 3,7-9
  hdbench submit-lits check lits.zip --test LiTS/test
  hdbench submit-lits check theirs.zip --test LiTS/test --fix mended.zip --junit check.xml

Exit codes: 0 written, or every binding rule is kept; 5 the archive is refused, the rules stand
above; 3 a path or a test volume is wrong; 75 interrupted."
)]
pub struct SubmitLits {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    pack: Option<pack::Pack>,
}

#[derive(Subcommand, Debug)]
enum Verb {
    Check(check::Check),
}

impl SubmitLits {
    pub fn exec(self) -> Result<()> {
        match (self.verb, self.pack) {
            (Some(Verb::Check(verb)), _) => verb.exec(),
            (None, Some(verb)) => verb.exec(),
            (None, None) => Err(crate::error::Error::usage(
                "nothing to submit",
                "give --from, --test and --out, or a verb such as check",
            )),
        }
    }
}
