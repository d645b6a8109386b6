use std::path::PathBuf;

use clap::Args;

use super::analyze::{Draws, RESULTS, SourceNames, finish, tell_of, tell_of_incomparable};
use super::output::tell;
use crate::analysis::{AnalysisTables, Scored, SideBySide, short_names};
use crate::error::{Error, Result};
use crate::schedule::StudyFolders;
use crate::text::Shown as _;

/// Whether B is better than A: paired tests on the same cases.
///
/// Studies are compared network by network; otherwise each side has one algorithm.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hdbench compare scores-before scores-after
  hdbench compare runs/old runs/new --metric lesion:dice --out comparison

Inputs as those of `hdbench analyze`.")]
pub struct Compare {
    /// What is compared with
    #[arg(value_name = "A")]
    baseline: PathBuf,
    /// What may be better
    #[arg(value_name = "B")]
    candidate: PathBuf,
    #[command(flatten)]
    names: SourceNames,
    /// Where the tables go as files
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Metrics, as lesion:dice, dice (of every structure) or tumour_burden_error, or all (default: those
    /// of the field that are there)
    #[arg(long = "metric", value_name = "NAME")]
    metrics: Vec<String>,
    #[command(flatten)]
    draws: Draws,
    /// JSON instead of tables (also when standard output is no terminal)
    #[arg(long)]
    json: bool,
}

impl Compare {
    pub fn exec(self) -> Result<()> {
        let paths = [self.baseline.clone(), self.candidate.clone()];
        let names = match &self.names.of(&paths)?[..] {
            [Some(a), Some(b)] => vec![a.clone(), b.clone()],
            labels => {
                let own = short_names(&paths)?.into_iter().zip(labels);
                own.map(|(name, label)| label.clone().unwrap_or(name))
                    .collect()
            }
        };
        if names[0] == names[1] {
            return Err(Error::usage(
                format!("both sides are called {:?}", names[0]),
                "give them different names (--name SOURCE=LABEL)",
            ));
        }
        self.out
            .as_deref()
            .map_or(Ok(()), |out| RESULTS.check(out))?;
        let sides = [
            Scored::read_once(&paths[0], &StudyFolders)?,
            Scored::read_once(&paths[1], &StudyFolders)?,
        ];
        sides.iter().for_each(tell_of);
        let names = [names[0].clone(), names[1].clone()];
        let options = self.draws.options(None);
        let found = SideBySide::of(sides, &names, &self.metrics, &options)?;
        let sides = [&self.baseline, &self.candidate].map(|path| path.shown().to_string());
        if let Some(problem) = found.strangers_in_words([&sides[0], &sides[1]]) {
            return Err(Error::NotComparable { problem });
        }
        for note in &found.notes {
            tell(&format!("note: {note}"));
        }
        tell_of_incomparable(&found.analysis);
        let tables = AnalysisTables {
            analysis: found.analysis,
            cases: found.cases,
            method: options.in_words(),
            ..AnalysisTables::default()
        };
        finish(&tables, &found.metrics, self.out.as_deref(), self.json)
    }
}
