//! The command line: one file a verb; the only place that prints or picks an exit code.

mod ablation;
mod analyze;
mod baseline;
mod called;
mod cancel;
mod cell;
mod compare;
mod completions;
mod crossval;
mod datasets;
mod device_option;
mod doctor;
mod evaluate;
mod structures;
mod explain;
mod leaderboard;
mod leased;
mod model;
mod model_options;
mod output;
mod pace;
mod panics;
#[cfg(all(feature = "tch", unix))]
mod patience;
mod predict;
mod progress;
mod regress;
mod report;
mod score_table;
mod status;
mod study;
mod study_add;
mod submit_lits;
mod table_output;
mod verify;
mod study_options;
mod study_plan;
mod study_remove;
mod study_run;

use std::panic::{self, AssertUnwindSafe};
use std::process;

use clap::{Parser, Subcommand};

use crate::error::{Error, ExitCode};
use crate::study::Build;
use crate::system::fail_beyond_size_limit;

const AFTER_HELP: &str = "\
Examples:
  hdbench ablation                                   train and score all variants on generated CT phantoms
  hdbench ablation --data LiTS --scale quick --out runs/lits
  hdbench crossval                                   the same for 3DIRCADb: folds over patients, transfer from LiTS
  hdbench study run lits.toml                        a study declared in a file
  hdbench status runs/lits                           every cell: done, running where, failed why
  hdbench predict --model runs/lits --input ct.nii.gz --out segmentation.nii.gz
  hdbench evaluate --pred submission.zip --ref references --out scores --profile lits
  hdbench analyze runs/lits --baseline denseunet2d   intervals, paired tests, rankings, tumour sizes
  hdbench compare scores-before scores-after
  hdbench baseline save runs/lits --name lits
  hdbench regress --baseline lits --current runs/new  a CI's gate: exit code 6 if anything is worse
  hdbench submit-lits --model runs/lits --test LiTS/test --out lits.zip
  hdbench submit-lits check lits.zip --test LiTS/test
  hdbench leaderboard ours.zip theirs.zip --ref references
  hdbench datasets synth --layout lits --cases 12 --seed 7 --out phantoms --preview
  hdbench datasets check LiTS                        every problem of every case
  hdbench datasets audit LiTS 3Dircadb1              scans that are in both
  hdbench model summary hdenseunet                   layers, parameters, multiply-adds
  hdbench doctor                                     devices that work here, and why others do not
  hdbench explain lits                               how the official scorer departs from the paper

Exit codes:
   0  done
   1  internal error, or a disk that cannot be written
   2  wrong command line or setting
   3  a file is missing, unreadable or malformed
   4  finished, but some cells or cases failed
   5  archive refused
   6  regressed
   7  not comparable
  75  interrupted; the same command goes on";

/// Retrain, rerun and score liver and liver-tumour segmentation.
#[derive(Parser)]
#[command(version, about, after_help = AFTER_HELP, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Ablation(ablation::Ablation),
    Crossval(crossval::Crossval),
    Predict(predict::Predict),
    Evaluate(evaluate::Evaluate),
    #[command(subcommand)]
    Structures(structures::StructuresVerb),
    Analyze(analyze::Analyze),
    Compare(compare::Compare),
    #[command(subcommand)]
    Baseline(baseline::BaselineVerb),
    Regress(regress::Regress),
    Report(report::Report),
    #[command(subcommand)]
    Study(study::StudyVerb),
    Status(status::StatusVerb),
    Cancel(cancel::Cancel),
    Verify(verify::Verify),
    Reproduce(verify::Reproduce),
    SubmitLits(submit_lits::SubmitLits),
    Leaderboard(leaderboard::Leaderboard),
    Explain(explain::Explain),
    Doctor(doctor::Doctor),
    Completions(completions::Completions),
    Man(completions::Man),
    #[command(subcommand)]
    Model(model::ModelVerb),
    #[command(subcommand)]
    Datasets(datasets::Datasets),
    #[command(subcommand)]
    Cell(cell::CellVerb),
}

/// Runs the command line of this process and returns its exit code.
pub fn main(build: Build) -> process::ExitCode {
    build.tell();
    #[cfg(all(feature = "tch", unix))]
    patience::wait_without_spinning();
    panics::tell_panics();
    fail_beyond_size_limit();
    let cli = Cli::parse();
    // What the panic was is told where it happens.
    let code =
        panic::catch_unwind(AssertUnwindSafe(|| run(cli.verb))).unwrap_or(ExitCode::Internal);
    process::ExitCode::from(code as u8)
}

fn run(verb: Verb) -> ExitCode {
    let result = match verb {
        Verb::Ablation(verb) => verb.exec(),
        Verb::Crossval(verb) => verb.exec(),
        Verb::Predict(verb) => verb.exec(),
        Verb::Evaluate(verb) => verb.exec(),
        Verb::Structures(verb) => verb.exec().map_err(Into::into),
        Verb::Analyze(verb) => verb.exec().map_err(Into::into),
        Verb::Compare(verb) => verb.exec().map_err(Into::into),
        Verb::Baseline(verb) => verb.exec().map_err(Into::into),
        Verb::Regress(verb) => verb.exec().map_err(Into::into),
        Verb::Report(verb) => verb.exec(),
        Verb::Study(verb) => verb.exec(),
        Verb::Status(verb) => verb.exec().map_err(Into::into),
        Verb::Cancel(verb) => verb.exec().map_err(Into::into),
        Verb::Verify(verb) => verb.exec().map_err(Into::into),
        Verb::Reproduce(verb) => verb.exec().map_err(Into::into),
        Verb::SubmitLits(verb) => verb.exec().map_err(Into::into),
        Verb::Leaderboard(verb) => verb.exec().map_err(Into::into),
        Verb::Explain(verb) => verb.exec().map_err(Into::into),
        Verb::Doctor(verb) => verb.exec().map_err(Into::into),
        Verb::Completions(verb) => verb.exec().map_err(Into::into),
        Verb::Man(verb) => verb.exec().map_err(Into::into),
        Verb::Model(verb) => verb.exec(),
        Verb::Datasets(verb) => verb.exec(),
        Verb::Cell(verb) => verb.exec(),
    };
    match result {
        Ok(()) => ExitCode::Done,
        Err(error) => {
            output::tell(&format!("error: {error}"));
            error
                .chain()
                .find_map(|cause| cause.downcast_ref::<Error>())
                .map_or(ExitCode::Internal, Error::exit_code)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::path::Path;

    use super::*;

    #[test]
    fn help_lists_the_exit_codes_as_they_are() {
        let (_, table) = AFTER_HELP.split_once("Exit codes:\n").unwrap();
        let expected: Vec<String> = ExitCode::ALL
            .iter()
            .map(|&code| format!("  {:>2}  {}", code as u8, code.meaning()))
            .collect();
        assert_eq!(table, expected.join("\n"));
    }

    /// The help of a verb and of all below it, as a terminal of 100 columns shows it.
    fn help(mut verb: clap::Command, path: &str, all: &mut String) {
        let name = format!("{path} {}", verb.get_name()).trim().to_owned();
        let shown = verb
            .clone()
            .bin_name(&name)
            .term_width(100)
            .render_long_help();
        writeln!(all, "==== {name}\n\n{shown}").unwrap();
        verb.build();
        for below in verb
            .get_subcommands()
            .filter(|below| below.get_name() != "help")
        {
            help(below.clone(), &name, all);
        }
    }

    /// Words that users see are looked at in review: `HDBENCH_UPDATE=1 cargo test --release --lib help` writes them.
    #[test]
    fn the_help_is_what_was_looked_at() {
        let mut all = String::new();
        help(<Cli as clap::CommandFactory>::command(), "", &mut all);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/help.txt");
        if std::env::var_os("HDBENCH_UPDATE").is_some() {
            std::fs::write(&path, &all).unwrap();
        }
        let known = std::fs::read_to_string(&path).unwrap_or_default();
        let differs = known.lines().zip(all.lines()).position(|(a, b)| a != b);
        assert!(
            known == all,
            "the help differs from tests/data/help.txt (line {:?}); look at it and write it by HDBENCH_UPDATE=1",
            differs.map(|line| line + 1)
        );
    }
}
