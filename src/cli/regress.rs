use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use hdbench_table::chart::svg;
use hdbench_table::{Cell, Column, Table, TableRow, Unit};
use serde_json::json;

use super::baseline::{FOLDER, locate};
use super::output::{print_as_is, print_json, tell};
use super::table_output::{for_terminal, print_tables};
use crate::artifact::{Results, json_says, write_atomic};
use crate::error::{Error, Result};
use crate::gate::{
    Baseline, GateOutcome, Judgement, POWER, Policy, Power, Verdict, annotations, benchmark_json,
    comment, headline, judge, junit, plot, power, step_summary, table,
};
use crate::report::write_tables;
use crate::schedule::StudyFolders;
use crate::text::Shown as _;

/// Whether results are worse than a baseline: the gate of a CI.
///
/// Accuracy is tested on the same cases (signed-rank test and bootstrap-t of the mean, one-sided, against
/// a loss up to the margin, Holm's correction over all lines), cost by ratios on the same hardware. What
/// is missing is never a pass.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hdbench regress --baseline lits --current runs/lits
  hdbench regress --baseline baselines/main.json --current scores --policy gate.toml --out gate --github
  hdbench regress --baseline lits --power            cases that it needs, and what a loss must be to be seen

Exit codes: 0 passed, 6 regressed, 7 not comparable (missing cases, other data, other metric).
Files in DIR: regression.json, comment.md (a pull request's comment; its first line marks it),
summary.md (GitHub's step summary), junit.xml, benchmark-bigger.json and benchmark-smaller.json
(github-action-benchmark), changes.svg, regression.csv and .tex.
The policy's keys: hdbench explain gate.")]
pub struct Regress {
    /// What must be kept: a baseline's name or file, or anything `hdbench analyze` takes
    #[arg(long, value_name = "BASELINE")]
    baseline: PathBuf,
    /// What is judged, likewise
    #[arg(long, value_name = "CURRENT", required_unless_present = "power")]
    current: Option<PathBuf>,
    /// Metrics, margins and level, a TOML file (default: see `hdbench explain gate`)
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Where named baselines lie
    #[arg(long, value_name = "DIR", default_value = FOLDER)]
    dir: PathBuf,
    /// Where the outputs go
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print GitHub's annotations and append to its step summary ($GITHUB_STEP_SUMMARY)
    #[arg(long)]
    github: bool,
    /// Print the fewest cases that each line needs and the loss that it sees in 80 of 100 gates, instead of a
    /// verdict
    #[arg(long, conflicts_with_all = ["github", "out"])]
    power: bool,
    /// JSON instead of a table (also when standard output is no terminal and there is no --out)
    #[arg(long, conflicts_with = "github")]
    json: bool,
}

impl Regress {
    pub fn exec(self) -> Result<()> {
        self.out
            .as_deref()
            .map_or(Ok(()), |out| RESULTS.check(out))?;
        let baseline = Baseline::read(&locate(&self.baseline, &self.dir), &StudyFolders)?;
        let policy = Policy::read_for(self.policy.as_deref(), &baseline.rows)?;
        let current = self
            .current
            .as_ref()
            .map(|path| Baseline::read(&locate(path, &self.dir), &StudyFolders))
            .transpose()?;
        if self.power {
            return self.show_power(&power(&baseline, current.as_ref(), &policy)?, &policy);
        }
        let Some(current) = current else {
            return Err(Error::usage("nothing to judge", "give --current"));
        };
        if let Some(named) = &self.current
            && is_one(
                &locate(named, &self.dir),
                &locate(&self.baseline, &self.dir),
            )
        {
            tell("warning: baseline and current are one: nothing can differ");
        }
        let judgement = judge(&baseline, &current, &policy)?;
        if let Some(out) = &self.out {
            write(&judgement, out)?;
        }
        if self.github {
            print_as_is(annotations(&judgement).as_bytes())?;
            append_summary(&judgement)?;
        } else if self.json || (!for_terminal() && self.out.is_none()) {
            print_json(&as_json(&judgement))?;
        } else {
            print_tables(&[table(&judgement)])?;
        }
        if let Some(out) = &self.out {
            tell(&format!("outputs in {}", out.shown()));
        }
        finish(&judgement)
    }

    fn show_power(&self, lines: &[Power], policy: &Policy) -> Result<()> {
        if lines.is_empty() {
            return Err(Error::NotComparable {
                problem: "the baseline has none of the policy's metric values".into(),
            });
        }
        if lines.iter().any(|line| line.sd.is_none()) {
            tell(
                "note: there is no spread to estimate a loss with; hint: give --current with other results on \
                 the same cases, or a baseline with two replicates (--seeds 2)",
            );
        }
        if self.json || !for_terminal() {
            return print_json(&json!({ "format": "hdbench.power/1", "level": policy.level,
                                       "power": POWER, "lines": lines }));
        }
        print_tables(&[power_table(lines, policy)])
    }
}

/// Whether two paths lead to the same results.
fn is_one(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

fn power_table(lines: &[Power], policy: &Policy) -> Table {
    let rows = lines.iter().map(|line| TableRow {
        cells: vec![
            Cell::text(&line.algorithm),
            Cell::text(&line.metric),
            Cell::number(Some(line.n as f64)),
            Cell::number(Some(line.fewest as f64)),
            Cell::number(line.sd),
            Cell::number(Some(line.margin)),
            Cell::number(line.loss),
        ],
        ..TableRow::default()
    });
    Table {
        id: "power".into(),
        title: "What the gate sees".into(),
        caption: format!(
            "The mean loss that is called in {:.0} of 100 gates at level {} over {} lines, if it is the \
             only one; a dash where none is in reach or no spread is known. Fewest: cases with which a line \
             can be called at all. Spread of the paired differences from: {}.",
            100.0 * POWER,
            policy.level,
            lines.len(),
            match lines.iter().find(|line| line.sd.is_some()) {
                Some(line) => line.source,
                None => "nothing",
            }
        ),
        columns: vec![
            Column::words("algorithm", "Algorithm"),
            Column::words("metric", "Metric"),
            Column::numbers("n", "N", Unit::None, 0),
            Column::numbers("fewest", "Fewest", Unit::None, 0),
            Column::numbers("sd", "SD of differences", Unit::None, 4),
            Column::numbers("margin", "Margin", Unit::None, 4),
            Column::numbers("loss", "Loss seen", Unit::None, 4),
        ],
        rows: rows.collect(),
        ..Table::default()
    }
}

fn as_json(judgement: &Judgement) -> serde_json::Value {
    json!({ "format": "hdbench.regression/1", "judgement": judgement })
}

/// Everything that another program reads.
fn write(judgement: &Judgement, out: &Path) -> Result<()> {
    RESULTS.replace(out, |to| write_into(judgement, to))
}

/// The folder that they go to.
const RESULTS: Results<'_> = Results {
    names: &["regression.json", "comment.md", "summary.md", "junit.xml"],
    wrote: &|_| Vec::new(),
    first: "regression.json",
    is_ours: &|folder, _| {
        json_says(
            &folder.join("regression.json"),
            "/format",
            "hdbench.regression/1",
        )
    },
};

fn write_into(judgement: &Judgement, out: &Path) -> Result<()> {
    let put = |name: &str, text: &str| write_atomic(&out.join(name), text.as_bytes());
    let [bigger, smaller] = benchmark_json(judgement)?;
    put("comment.md", &comment(judgement)?)?;
    put("summary.md", &step_summary(judgement)?)?;
    put("junit.xml", &junit(judgement))?;
    put("benchmark-bigger.json", &bigger)?;
    put("benchmark-smaller.json", &smaller)?;
    put("changes.svg", &svg(&plot(judgement))?)?;
    write_tables(&[table(judgement)], out)?;
    let text = serde_json::to_string_pretty(&as_json(judgement));
    put(
        "regression.json",
        &(text.map_err(|e| Error::Internal(e.to_string()))? + "\n"),
    )
}

fn append_summary(judgement: &Judgement) -> Result<()> {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").map(PathBuf::from) else {
        tell("note: GITHUB_STEP_SUMMARY is not set; no step summary is written");
        return Ok(());
    };
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(&path)
        .map_err(Error::write(&path))?;
    file.write_all(step_summary(judgement)?.as_bytes())
        .map_err(Error::write(&path))
}

/// The exit code.
fn finish(judgement: &Judgement) -> Result<()> {
    let names = |verdict: Verdict, required: bool| -> String {
        let own = judgement
            .lines
            .iter()
            .filter(|line| line.verdict == verdict);
        let own = own.filter(|line| !required || line.required);
        let names: Vec<String> = own
            .map(|line| match (&line.reason, verdict) {
                (Some(reason), Verdict::NotComparable) => {
                    format!("{} of {} ({reason})", line.metric, line.algorithm)
                }
                _ => format!("{} of {}", line.metric, line.algorithm),
            })
            .collect();
        names.join("; ")
    };
    match judgement.outcome {
        GateOutcome::Passed => {
            tell(&headline(judgement));
            Ok(())
        }
        GateOutcome::Regressed => Err(Error::Regressed {
            lines: names(Verdict::Regressed, false),
        }),
        GateOutcome::NotComparable if judgement.lines.is_empty() => Err(Error::NotComparable {
            problem: "there is nothing to compare".into(),
        }),
        GateOutcome::NotComparable => Err(Error::NotComparable {
            problem: match names(Verdict::NotComparable, true) {
                none if none.is_empty() => names(Verdict::NotComparable, false),
                required => required,
            },
        }),
    }
}
