use std::fmt::Write;
use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;

use super::source::{Jobs, open};
use crate::cli::output::{print, print_json};
use crate::cli::progress::Reporter;
use crate::dataset::check::{Report, Summary, check};
use crate::dataset::{Problem, Severity};
use crate::error::Result;
use crate::text::Shown as _;

/// Read every file of a data set and name everything that is wrong or odd.
#[derive(Args, Debug)]
#[command(after_help = "\
Layouts: LiTS, Decathlon Task03, nnU-Net v2 raw, 3DIRCADb. Exit code 4 if a case has an error.

Examples:
  hdbench datasets check LiTS
  hdbench datasets check LiTS --ircadb 3Dircadb1     spacing of volumes 28 to 47 from there
  hdbench datasets check Task03_Liver --json | jq '.problems[] | select(.severity == \"error\")'")]
pub struct Check {
    /// The data set's folder
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// 3DIRCADb, whose spacing LiTS volumes 28 to 47 lack
    #[arg(long, value_name = "DIR")]
    ircadb: Option<PathBuf>,
    /// JSON instead of text (also when standard output is no terminal)
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    jobs: Jobs,
}

impl Check {
    pub fn exec(self) -> Result<()> {
        let dataset = open(&self.dir, self.ircadb.as_ref())?;
        let reporter = Reporter::new()?;
        let report = check(&dataset, self.jobs.get(), &reporter);
        reporter.finish();
        let report = report?;
        if self.json || !std::io::stdout().is_terminal() {
            print_json(&report)?;
        } else {
            print(&text(&report))?;
        }
        report.verdict()
    }
}

fn text(report: &Report) -> String {
    let mut text: String = report.problems.iter().map(lines).collect();
    text += &summary(&report.summary);
    let count = |severity: Severity| {
        let of = |problem: &&Problem| problem.severity == severity;
        report.problems.iter().filter(of).count()
    };
    text += &format!(
        "{} errors, {} warnings, {} notes\n",
        count(Severity::Error),
        count(Severity::Warning),
        count(Severity::Note)
    );
    text
}

fn lines(problem: &Problem) -> String {
    let mut text = format!("{}[{}]", problem.severity, problem.code);
    for part in [&problem.case, &problem.message] {
        if !part.is_empty() {
            text += &format!(": {part}");
        }
    }
    text.push('\n');
    if !problem.file.as_os_str().is_empty() {
        text += &format!("  file: {}\n", problem.file.shown());
    }
    if !problem.hint.is_empty() {
        text += &format!("  hint: {}\n", problem.hint);
    }
    text
}

fn summary(summary: &Summary) -> String {
    let mut text = format!(
        "{}: {} cases, {} with labels, {} with tumour",
        summary.layout, summary.cases, summary.with_labels, summary.with_tumour
    );
    let groups: Vec<String> = summary
        .orientations
        .iter()
        .map(|(code, cases)| format!("{code} {}", cases.len()))
        .collect();
    if !groups.is_empty() {
        let _ = write!(text, "; orientation {}", groups.join(", "));
    }
    if let Some([[z0, y0, x0], [z1, y1, x1]]) = summary.spacing_mm {
        let _ = write!(
            text,
            "; spacing {x0:.3} x {y0:.3} x {z0:.3} to {x1:.3} x {y1:.3} x {z1:.3} mm"
        );
    }
    if let Some([[z0, y0, x0], [z1, y1, x1]]) = summary.shape {
        let _ = write!(text, "; {x0} x {y0} x {z0} to {x1} x {y1} x {z1} voxels");
    }
    text.push('\n');
    text
}
