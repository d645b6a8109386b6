use std::path::PathBuf;

use clap::Args;

use super::analyze::{Draws, RESULTS, cases_in_words, finish, tell_of, tell_of_incomparable};
use super::wanted::Wanted;
use crate::analysis::{Analysis, AnalysisTables, Scored, analyse, metric_tables, short_names};
use crate::error::{Error, Result};
use crate::evaluation::Name;
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
        let names = short_names(&paths)?;
        self.out
            .as_deref()
            .map_or(Ok(()), |out| RESULTS.check(out))?;
        let mut sides = [
            Scored::read_once(&paths[0], &StudyFolders)?,
            Scored::read_once(&paths[1], &StudyFolders)?,
        ];
        sides.iter().for_each(tell_of);
        let pairs = self.pairs(&sides)?;
        let named = |place: &str, name: &str| match pairs.len() {
            1 => place.to_owned(),
            _ => format!("{place}: {name}"),
        };
        for (side, place) in sides.iter_mut().zip(&names) {
            side.rename(|name| named(place, name));
        }
        let rows: Vec<_> = sides.into_iter().flat_map(|side| side.rows).collect();
        let wanted = Wanted::of(&self.metrics, &rows)?;
        let mut all = Analysis::default();
        let mut cases = String::new();
        for [a, b] in &pairs {
            let own = [named(&names[0], a), named(&names[1], b)].map(Name::from);
            let shown =
                metric_tables(&rows, |row| own.contains(&row.algorithm) && wanted.has(row))?;
            let options = self.draws.options(Some(own[0].into()));
            let one = analyse(&shown, &options)?;
            all.summaries.extend(one.summaries);
            all.comparisons.extend(one.comparisons);
            cases = cases_in_words(&shown);
        }
        if all.comparisons.iter().all(|comparison| comparison.n == 0) {
            return Err(Error::malformed(
                &self.candidate,
                format!("has no case in common with {}", self.baseline.shown()),
                "compare scores of the same cases, under the same names",
            ));
        }
        tell_of_incomparable(&all);
        let tables = AnalysisTables {
            analysis: all,
            cases,
            method: self.draws.words(),
            ..AnalysisTables::default()
        };
        finish(&tables, self.out.as_deref(), self.json)
    }

    /// Algorithms of the same name, or the only ones of both sides.
    fn pairs(&self, sides: &[Scored; 2]) -> Result<Vec<[String; 2]>> {
        let [a, b] = [sides[0].algorithms(), sides[1].algorithms()];
        if let (1, 1) = (a.len(), b.len()) {
            return Ok(a.into_iter().zip(b).map(|(a, b)| [a, b]).collect());
        }
        let shared: Vec<[String; 2]> = a
            .intersection(&b)
            .map(|name| [name.clone(), name.clone()])
            .collect();
        if shared.is_empty() {
            let list = |names: std::collections::BTreeSet<String>| {
                names.into_iter().collect::<Vec<_>>().join(", ")
            };
            return Err(Error::usage(
                format!("no algorithm is on both sides: {} and {}", list(a), list(b)),
                "`hdbench analyze PATH... --baseline NAME` puts them side by side",
            ));
        }
        Ok(shared)
    }
}
