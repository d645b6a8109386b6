use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use hdbench_table::{Cell, Column, Table, TableRow, Unit};
use toml::{Table as Toml, Value};

use super::output::{print, print_as_is};
use super::progress::Reporter;
use super::study_add::Add;
use super::study_options::cores;
use super::study_plan::{plan, timed};
use super::study_remove::Remove;
use super::table_output::print_tables;
use super::{Cli, Verb};
use crate::artifact::read_text;
use crate::error::{Error, Result};
use crate::schedule::status;
use crate::study::{Cell as StudyCell, Study};
use crate::text::Shown as _;

/// Studies declared in a file.
#[derive(Subcommand, Debug)]
pub enum StudyVerb {
    Run(RunFile),
    Plan(Plan),
    Show(Show),
    Add(Add),
    Remove(Remove),
}

const FILE_HELP: &str = "\
A study file is TOML; every key but `study` is a flag of that verb under its own name:

  study = \"ablation\"              # or \"crossval\"
  data = \"LiTS/training\"          # paths are relative to the file
  out = \"runs/lits\"
  scale = \"quick\"
  recipe = \"paper\"
  variant = [\"denseunet2d\", \"hdenseunet\"]
  seeds = 3
  [set]                           # changes of recipe and scale, as --set KEY=VALUE
  upsampling = \"nearest\"
  iterations = 20000
  [sweep]                         # arms side by side, as --sweep KEY=A,B
  recipe = [\"paper\", \"released\"]
  [algorithm.theirs]              # any command or container as a row (docs/algorithms.md)
  run = [\"theirs\", \"--in\", \"{input}\", \"--out\", \"{output}\"]";

/// What is given on to the verb that a study's file stands for.
#[derive(Args, Debug)]
struct More {
    /// Further flags of `hdbench ablation` or `hdbench crossval`, after the file
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "FLAG"
    )]
    flags: Vec<String>,
}

/// Run the study of a file, or go on with it.
#[derive(Args, Debug)]
#[command(after_help = format!("{FILE_HELP}\n\nExamples:\n  hdbench study run lits.toml\n  \
    hdbench study run lits.toml --engine slurm --sbatch=--partition=gpu"))]
pub struct RunFile {
    /// The study's file
    file: PathBuf,
    #[command(flatten)]
    more: More,
}

/// Print which cells of a study would run, why, and about how long; run none.
#[derive(Args, Debug)]
#[command(after_help = format!("{FILE_HELP}\n\nExamples:\n  hdbench study plan lits.toml\n  \
    hdbench study plan --measure runs/lits"))]
pub struct Plan {
    /// Time a training step of each network that the study has not finished before
    #[arg(long)]
    measure: bool,
    /// A study's file, or its folder
    study: PathBuf,
    #[command(flatten)]
    more: More,
}

/// Print a study's cells and what each needs, or the command that a file stands for.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  hdbench study show runs/lits\n  hdbench study show lits.toml")]
pub struct Show {
    /// A study's file, or its folder
    study: PathBuf,
}

impl StudyVerb {
    pub fn exec(self) -> anyhow::Result<()> {
        match self {
            Self::Run(verb) => start(&verb.file, &verb.more.flags),
            Self::Plan(verb) if verb.study.is_dir() => {
                if !verb.more.flags.is_empty() {
                    return Err(Error::usage(
                        format!(
                            "{}: a study's folder takes no further flags",
                            verb.study.shown()
                        ),
                        "--measure comes before it; other settings are those of its study.toml",
                    )
                    .into());
                }
                let states = status(&verb.study)?;
                let cells: Vec<StudyCell> = states
                    .iter()
                    .map(|cell| StudyCell::parse(&cell.cell))
                    .collect::<Result<_>>()?;
                let mut known = BTreeMap::new();
                let study = Study::read(&verb.study)?;
                if verb.measure {
                    let reporter = Reporter::new()?;
                    known = timed(&study, &states, &cells, &reporter)?;
                    reporter.finish();
                }
                // What a start without --jobs takes.
                let jobs = (cores() / study.threads).max(1);
                let planned = plan(&states, &cells, &BTreeSet::new(), &known, jobs)?;
                Ok(print_as_is(planned.as_bytes())?)
            }
            Self::Plan(verb) => {
                let mut more = verb.more.flags;
                more.push("--dry-run".into());
                if verb.measure {
                    more.push("--measure".into());
                }
                start(&verb.study, &more)
            }
            Self::Add(verb) => Ok(verb.exec()?),
            Self::Remove(verb) => Ok(verb.exec()?),
            Self::Show(verb) if verb.study.is_dir() => Ok(show(&verb.study)?),
            Self::Show(verb) => {
                let words = arguments(&verb.study)?;
                let quoted = words.iter().map(|word| quoted(word)).collect::<Vec<_>>();
                Ok(print(&format!("hdbench {}\n", quoted.join(" ")))?)
            }
        }
    }
}

/// A word for the shell, in quotes where it needs them.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

fn start(file: &Path, more: &[String]) -> anyhow::Result<()> {
    let mut words = vec!["hdbench".to_owned()];
    words.extend(arguments(file)?);
    words.extend_from_slice(more);
    // What a flag makes of its value is said by the flag itself.
    let cli = Cli::try_parse_from(&words).map_err(|e| {
        Error::malformed(
            file,
            e.to_string().trim_end().to_owned(),
            "hdbench study run --help shows a study file",
        )
    })?;
    match cli.verb {
        Verb::Ablation(verb) => verb.exec(),
        Verb::Crossval(verb) => verb.exec(),
        _ => Err(Error::Internal("a study file that is no study".into()).into()),
    }
}

/// Flags whose values are paths: of a file, they are relative to it.
const PATHS: [&str; 6] = [
    "data",
    "out",
    "transfer-from",
    "splits",
    "encoder-weights",
    "algorithms",
];

/// Flags that are there or not.
const SWITCHES: [&str; 4] = ["allow-leakage", "no-transfer", "restart", "no-variants"];

/// The other flags that a file may have.
const FLAGS: [&str; 14] = [
    "scale",
    "recipe",
    "variant",
    "seed",
    "seeds",
    "device",
    "shards",
    "threads",
    "jobs",
    "protocol",
    "fold",
    "checkpoint-seconds",
    "checkpoint-iterations",
    "sbatch",
];

/// The words of the command line that a file stands for.
fn arguments(file: &Path) -> Result<Vec<String>> {
    let text = read_text(file).map_err(Error::read(file))?;
    let wrong = |problem: String, hint: String| Error::malformed(file, problem, hint);
    let help = || "hdbench study run --help shows a study file".to_owned();
    let table: Toml = toml::from_str(&text).map_err(|e| wrong(e.to_string(), help()))?;
    let verb = match table.get("study").and_then(Value::as_str) {
        Some(verb @ ("ablation" | "crossval")) => verb.to_owned(),
        _ => {
            return Err(wrong(
                "study has to be \"ablation\" or \"crossval\"".into(),
                help(),
            ));
        }
    };
    let named = |path: &Path| {
        let text = path.to_str().map(str::to_owned);
        text.ok_or_else(|| wrong("its folder's path is no UTF-8".into(), help()))
    };
    let mut words = vec![verb];
    for (key, value) in &table {
        let flag = key.replace('_', "-");
        match (flag.as_str(), value) {
            ("study", _) => {}
            ("set", Value::Table(changes)) => {
                for (field, value) in changes {
                    words.push("--set".into());
                    words.push(format!("{field}={}", plain(value)));
                }
            }
            ("sweep", Value::Table(arms)) => {
                for (field, values) in arms {
                    let Value::Array(values) = values else {
                        return Err(wrong(format!("sweep.{field} has to be a list"), help()));
                    };
                    let values: Vec<String> = values.iter().map(plain).collect();
                    words.push("--sweep".into());
                    words.push(format!("{field}={}", values.join(",")));
                }
            }
            // The tables stay in the file: no flag could hold them.
            ("algorithm", Value::Table(_)) => words.extend(["--algorithms".into(), named(file)?]),
            ("variant", Value::Array(none)) if none.is_empty() => {
                if !["algorithm", "algorithms"]
                    .iter()
                    .any(|key| table.contains_key(*key))
                {
                    let problem = "variant = [] leaves no row".into();
                    return Err(wrong(
                        problem,
                        "name one, or add a table [algorithm.NAME]".into(),
                    ));
                }
                words.push("--no-variants".into());
            }
            ("set" | "sweep" | "algorithm", _) => {
                return Err(wrong(format!("{key} has to be a table"), help()));
            }
            (switch, value) if SWITCHES.contains(&switch) => match value.as_bool() {
                Some(true) => words.push(format!("--{switch}")),
                Some(false) => {}
                None => return Err(wrong(format!("{key} has to be true or false"), help())),
            },
            (path, value) if PATHS.contains(&path) => {
                let Some(text) = value.as_str() else {
                    return Err(wrong(format!("{key} has to be a path"), help()));
                };
                let folder = file.parent().unwrap_or(Path::new(""));
                words.push(format!("--{path}"));
                words.push(named(&folder.join(text))?);
            }
            (known, value) if FLAGS.contains(&known) => {
                let values = match value {
                    Value::Array(values) if known == "device" => {
                        let names: Vec<String> = values.iter().map(plain).collect();
                        vec![names.join(",")]
                    }
                    Value::Array(values) => values.iter().map(plain).collect(),
                    value => vec![plain(value)],
                };
                words.extend(values.into_iter().map(|value| format!("--{known}={value}")));
            }
            (unknown, _) => {
                let names = PATHS.iter().chain(&SWITCHES).chain(&FLAGS).chain(&[
                    "set",
                    "sweep",
                    "algorithm",
                ]);
                let near = names
                    .map(|name| (strsim::jaro_winkler(name, unknown), name))
                    .max_by(|a, b| a.0.total_cmp(&b.0));
                let hint = match near {
                    Some((likeness, name)) if likeness > 0.75 => format!("is it {name}?"),
                    _ => help(),
                };
                return Err(wrong(format!("there is no key {key:?}"), hint));
            }
        }
    }
    Ok(words)
}

/// A value as a flag takes it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn show(run: &Path) -> Result<()> {
    let study = Study::read(run)?;
    let states = status(run)?;
    let rows = states
        .iter()
        .map(|cell| {
            let needs = StudyCell::parse(&cell.cell)?.needs(&study.recipe);
            let names: Vec<String> = needs.iter().map(StudyCell::name).collect();
            Ok(TableRow {
                cells: vec![
                    Cell::text(&cell.cell),
                    Cell::text(names.join(", ")),
                    Cell::text(cell.state.name()),
                    Cell::number((cell.seconds > 0.0).then_some(cell.seconds / 3600.0)),
                ],
                ..TableRow::default()
            })
        })
        .collect::<Result<_>>()?;
    let changes = study.settings().changes()?;
    let mut caption = format!(
        "Study {}: recipe {:?}, scale {:?}, seed {}, {} replicates, device {}, {} threads.",
        study.name,
        study.recipe.name,
        study.scale.name,
        study.seed,
        study.seeds.len(),
        study.device,
        study.threads
    );
    if !changes.is_empty() {
        caption += &format!(" Changed: {}.", changes.join(", "));
    }
    let table = Table {
        id: "cells".into(),
        title: format!("{} cells", states.len()),
        caption,
        columns: vec![
            Column::words("cell", "Cell"),
            Column::words("needs", "Needs"),
            Column::words("state", "State"),
            Column::numbers("hours", "Worked", Unit::Hours, 3),
        ],
        rows,
        ..Table::default()
    };
    print_tables(&[table])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Result<Vec<String>> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("study.toml");
        std::fs::write(&file, text).unwrap();
        let folder = format!("{}/", dir.path().display());
        let words = arguments(&file)?;
        Ok(words
            .into_iter()
            .map(|word| word.replace(&folder, ""))
            .collect())
    }

    #[test]
    fn every_key_becomes_its_flag() {
        let found = words(
            "study = \"crossval\"\ndata = \"3Dircadb1\"\nvariant = [\"unet\", \"hdenseunet\"]\nseeds = 3\n\
             allow_leakage = true\nno-transfer = false\n[set]\nupsampling = \"nearest\"\n[sweep]\nrecipe = \
             [\"paper\", \"released\"]\n",
        );
        let found = found.unwrap();
        assert_eq!(found[0], "crossval");
        let line = found.join(" ");
        for part in [
            "--data 3Dircadb1",
            "--variant=unet --variant=hdenseunet",
            "--seeds=3",
            "--allow-leakage",
            "--set upsampling=nearest",
            "--sweep recipe=paper,released",
        ] {
            assert!(line.contains(part), "{part}: {line}");
        }
        assert!(!line.contains("no-transfer"));
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_known_one() {
        let told = |text: &str| words(text).unwrap_err().to_string();
        let unknown = told("study = \"ablation\"\nvarient = \"unet\"\n");
        assert!(unknown.contains("no key \"varient\"") && unknown.contains("is it variant?"));
        assert!(told("data = \"x\"\n").contains("\"ablation\" or \"crossval\""));
        assert!(told("study = \"ablation\"\nset = 3\n").contains("set has to be a table"));
    }

    #[test]
    fn every_flag_of_a_file_is_one_of_a_verb() {
        use clap::CommandFactory;
        let command = Cli::command();
        let known = |flag: &str| {
            ["ablation", "crossval"].iter().any(|verb| {
                let verb = command.find_subcommand(verb).unwrap();
                verb.get_arguments()
                    .any(|argument| argument.get_long() == Some(flag))
            })
        };
        for flag in PATHS.iter().chain(&SWITCHES).chain(&FLAGS) {
            assert!(known(flag), "{flag}");
        }
    }
}
