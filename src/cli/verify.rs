use std::path::{Path, PathBuf};

use clap::Args;

use super::output::{print, print_json};
use super::progress::Reporter;
use super::table_output::for_terminal;
use crate::error::{Error, Result};
use crate::schedule::{Apart, Executor, Local, Slots, compare_runs, prepare_again, verify};
use crate::study::{Cell, Study};

/// Hash a study's data and outputs again and say what is not as recorded.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  hdbench verify runs/lits

Exit codes: 0 everything is as recorded, 4 something is not.")]
pub struct Verify {
    /// The study's folder
    run: PathBuf,
    /// JSON instead of lines (also when standard output is no terminal)
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub fn exec(self) -> Result<()> {
        let reporter = Reporter::new()?;
        let found = verify(&self.run, &reporter);
        reporter.finish();
        let found = found?;
        if self.json || !for_terminal() {
            print_json(&found)?;
        } else {
            let mut text = format!(
                "{} cases and {} outputs are as recorded\n",
                found.cases, found.outputs
            );
            for mismatch in &found.mismatches {
                text += &format!("✗ {}: {}\n", mismatch.what, mismatch.problem);
            }
            for file in found.unknown() {
                text += &format!("? {file}: in no record\n");
            }
            for note in &found.notes {
                text += &format!("note: {note}\n");
            }
            print(&text)?;
        }
        if found.mismatches.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = found.mismatches.iter().map(|m| m.what.as_str()).collect();
        Err(Error::Refuted {
            problem: format!("not as recorded: {}", names.join("; ")),
            hint:
                "hdbench status says which cells rest on it; the same command as before makes them \
                   again"
                    .into(),
        })
    }
}

/// Run a cell again from its record and compare the results bit by bit; on a GPU, within bounds.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  hdbench reproduce runs/lits unet/fold_0/seed_0

Nothing in the study's folder is changed. Exit codes: 0 the same to the last bit, on a GPU near
enough, 4 not the same.")]
pub struct Reproduce {
    /// The study's folder
    run: PathBuf,
    /// The cell, e.g. hdenseunet/fold_0/seed_0
    cell: String,
    /// Where it is run again; kept (default: a folder that is removed)
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// JSON instead of lines (also when standard output is no terminal)
    #[arg(long)]
    json: bool,
}

impl Reproduce {
    pub fn exec(self) -> Result<()> {
        let cell = Cell::parse(&self.cell)?;
        let reporter = Reporter::new()?;
        let result = match &self.out {
            Some(out) => self.again(cell, out, &reporter),
            None => {
                // Beside the study: temporary folders may be too small for its models.
                let parent = self.run.parent().filter(|p| !p.as_os_str().is_empty());
                let parent = parent.unwrap_or(Path::new("."));
                let made = tempfile::Builder::new()
                    .prefix(".hdbench-reproduce-")
                    .tempdir_in(parent);
                let scratch = made.map_err(Error::write(parent))?;
                self.again(cell, scratch.path(), &reporter)
            }
        };
        reporter.finish();
        result
    }

    fn again(&self, cell: Cell, scratch: &Path, reporter: &Reporter) -> Result<()> {
        prepare_again(&self.run, cell, scratch)?;
        let here = Local {
            binary: std::env::current_exe().map_err(Error::read(Path::new("hdbench")))?,
            jobs: 1,
            slots: Slots::new(vec![Study::read(scratch)?.places()?]),
        };
        here.execute(scratch, cell, reporter)?;
        let found = compare_runs(&self.run, scratch, cell)?;
        reporter.finish();
        if self.json || !for_terminal() {
            print_json(&found)?;
        } else {
            let mut text = String::new();
            for (what, same) in &found.same {
                let said = if *same {
                    "✓ the same"
                } else {
                    "✗ not the same"
                };
                text += &format!("{what:<12} {said}\n");
            }
            for line in &found.differs {
                text += &format!("note: {line}\n");
            }
            text += &found.apart.as_ref().map_or(String::new(), apart_lines);
            print(&text)?;
        }
        if found.is_reproduced() {
            return Ok(());
        }
        let changed: Vec<&str> = found
            .same
            .iter()
            .filter(|(_, same)| !**same)
            .map(|(what, _)| *what)
            .collect();
        Err(Error::Refuted {
            problem: format!("{} gave other {}", cell.name(), changed.join(", ")),
            hint: if found.differs.is_empty() {
                "same program, machine and threads: hdbench verify says whether its inputs changed"
                    .into()
            } else {
                format!("this is another setting: {}", found.differs.join("; "))
            },
        })
    }
}

/// How far apart a GPU's results are, which are not promised to the last bit.
fn apart_lines(apart: &Apart) -> String {
    let line = |what: &str, apart: f64, bound: f64| {
        let mark = if apart <= bound { "✓" } else { "✗" };
        format!("{what:<12} {mark} {apart:.4} apart, at most {bound:.2}\n")
    };
    let losses = apart.loss.iter();
    let losses = losses.map(|apart| line("last losses", *apart, Apart::LOSS_BOUND));
    let dice = apart.dice.iter().map(|apart| {
        let what = format!("mean Dice of {}", apart.structure);
        line(&what, apart.difference, apart.bound)
    });
    "note: this device adds up in another order each time: means are compared\n".to_owned()
        + &losses.chain(dice).collect::<String>()
}
