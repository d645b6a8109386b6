use std::path::PathBuf;

use clap::Args;

use crate::cell::{CellRecord, ChallengeAnswer, Status};
use crate::cli::model_options::CellOptions;
use crate::cli::output::print;
use crate::error::{Error, Result};
use crate::network::NetworkKind;
use crate::recipe::Variant;
use crate::study::Cell;
use crate::text::Shown as _;

/// File the challenge server's answer into a study: the report's tables then have its column.
///
/// Reads scores.txt (`lesion_dice_per_case: 0.722`), or a CSV table with the scorer's names and one
/// row. An earlier answer for the same network is replaced.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  hdbench submit-lits import scores.txt --study runs/lits --variant hdenseunet
  hdbench report runs/lits")]
pub struct Import {
    /// What the server gave
    #[arg(value_name = "FILE")]
    scores: PathBuf,
    /// The study that the submission was made with
    #[arg(long, value_name = "RUN")]
    study: PathBuf,
    /// The network that was submitted
    #[arg(long, value_enum)]
    variant: Variant,
    #[command(flatten)]
    cell: CellOptions,
}

impl Import {
    pub fn exec(self) -> Result<()> {
        let answer = ChallengeAnswer::import(&self.scores)?;
        let cell = Cell {
            algorithm: NetworkKind::Variant(self.variant),
            fold: self.cell.fold,
            seed: self.cell.seed,
        };
        let folder = cell.folder(&self.study);
        let mut record = CellRecord::read(&folder)?;
        if record.status != Status::Done {
            return Err(Error::malformed(
                &self.study,
                format!("{} is not trained here", cell.name()),
                "name the study, --variant, --fold and --seed that the submission was made with",
            ));
        }
        answer.write(&folder, &mut record)?;
        let mut text = format!(
            "{}: {} metrics filed; `hdbench report {}` shows them\n",
            ChallengeAnswer::path(&folder).shown(),
            answer.metrics.len(),
            self.study.shown()
        );
        for (name, value) in &answer.metrics {
            text += &format!("  {name}: {value}\n");
        }
        print(&text)
    }
}
