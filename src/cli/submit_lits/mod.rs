mod challenge;
mod check;
mod import;
mod pack;
mod rehearse;
mod submission;
mod table;

use clap::{Args, Subcommand};

use crate::error::Result;

/// Predict, build, verify, mend and score archives for LiTS and the Decathlon's Task03.
///
/// LiTS takes no submissions any more: its server closed on 20 January 2026. `rehearse` scores the same archive on
/// held-out cases; `--challenge msd-task03` packs for the Decathlon's board, which has LiTS's data.
///
/// LiTS took a flat zip archive of test-segmentation-N.nii, one for each test-volume-N,
/// and answered mistakes with "Missing volume" or no score at all. Whatever is written here has been
/// read again and checked before it gets its name.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  hdbench submit-lits --model runs/lits --test LiTS/test --out lits.zip
  hdbench submit-lits --study runs/lits --test LiTS/test --out archives
  hdbench submit-lits --model runs/lits --algorithm nnunet --test LiTS/test --out nnunet.zip
  hdbench submit-lits --from nnunet-output --test LiTS/test --out lits.zip
  hdbench submit-lits --model runs/lits --test LiTS/test --out try.zip --only 3,7-9 --allow-partial
  hdbench submit-lits --model runs/lits --test Task03_Liver --out msd.zip --challenge msd-task03
  hdbench submit-lits rehearse --model runs/lits --data LiTS/training --out rehearsal
  hdbench submit-lits check lits.zip --test LiTS/test
  hdbench submit-lits check theirs.zip --test LiTS/test --fix mended.zip --junit check.xml
  hdbench submit-lits import scores.txt --study runs/lits --variant hdenseunet

A killed prediction goes on with the same command; no case is predicted twice.

Exit codes: 0 written, or every binding rule is kept; 3 a path or a test volume is wrong; 4 some
networks are not trained, or some cases have no score; 5 the archive is refused, the rules stand
above; 75 interrupted."
)]
pub struct SubmitLits {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    pack: pack::Pack,
}

#[derive(Subcommand, Debug)]
enum Verb {
    Check(check::Check),
    Rehearse(rehearse::Rehearse),
    Import(import::Import),
}

impl SubmitLits {
    pub fn exec(self) -> Result<()> {
        match self.verb {
            Some(Verb::Check(verb)) => verb.exec(),
            Some(Verb::Rehearse(verb)) => verb.exec(),
            Some(Verb::Import(verb)) => verb.exec(),
            None => self.pack.exec(),
        }
    }
}
