use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::output::{print, print_json, remark, tell};
use crate::artifact::refuse_input;
use crate::error::{Error, Result};
use crate::evaluation::Name;
use crate::gate::{Baseline, Policy, list};
use crate::schedule::StudyFolders;
use crate::text::{Shown as _, name_of};

/// Where baselines lie unless the user says otherwise.
pub const FOLDER: &str = "reports/baseline";

/// Keep results to hold later ones against.
#[derive(Subcommand, Debug)]
pub enum BaselineVerb {
    Save(Save),
    List(List),
    Show(Show),
}

/// Save scored results as a baseline.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hdbench baseline save runs/lits --name lits
  hdbench baseline save scores --name main --dir baselines --replace

Inputs as those of `hdbench analyze`. The baseline is one JSON file: metrics of every case, hashes of the
data, speed and memory. Commit it beside the workflow that uses it. An evaluation in which cases failed is no
baseline, nor is a table with infinite values or with a case twice.")]
pub struct Save {
    /// A study, a folder of `hdbench evaluate`, a metrics_long.csv, nnU-Net's summary.json
    #[arg(value_name = "PATH")]
    scores: PathBuf,
    /// Its name
    #[arg(long)]
    name: String,
    /// Where baselines lie
    #[arg(long, value_name = "DIR", default_value = FOLDER)]
    dir: PathBuf,
    /// Keep only the metrics that this policy gates (default: all that have a better and a worse)
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Replace a baseline of this name
    #[arg(long)]
    replace: bool,
}

/// List the baselines of a folder.
#[derive(Args, Debug)]
pub struct List {
    /// Where baselines lie
    #[arg(long, value_name = "DIR", default_value = FOLDER)]
    dir: PathBuf,
    /// JSON instead of lines
    #[arg(long)]
    json: bool,
}

/// Show what a baseline was made from and its means.
#[derive(Args, Debug)]
pub struct Show {
    /// Its name, or a file
    baseline: PathBuf,
    /// Where baselines lie
    #[arg(long, value_name = "DIR", default_value = FOLDER)]
    dir: PathBuf,
    /// JSON instead of lines
    #[arg(long)]
    json: bool,
}

impl BaselineVerb {
    pub fn exec(self) -> Result<()> {
        match self {
            Self::Save(verb) => verb.exec(),
            Self::List(verb) => verb.exec(),
            Self::Show(verb) => verb.exec(),
        }
    }
}

/// The file of a baseline that is named, or the path itself.
pub fn locate(name: &Path, dir: &Path) -> PathBuf {
    let plain = name.components().count() == 1 && name.extension().is_none();
    let file = dir.join(format!("{}.json", name.display()));
    if plain && (file.is_file() || !name.exists()) {
        file
    } else {
        name.to_path_buf()
    }
}

impl Save {
    fn exec(self) -> Result<()> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if self.name.is_empty() || !self.name.chars().all(plain) {
            return Err(Error::usage(
                format!("{:?} is no name for a file", self.name),
                "use letters, digits, - and _",
            ));
        }
        let path = self.dir.join(format!("{}.json", self.name));
        if path.exists() && !self.replace {
            return Err(Error::usage(
                format!("{} is there already", path.shown()),
                "--replace writes over it; another --name keeps both",
            ));
        }
        refuse_input(&path, [self.scores.as_path()])?;
        let mut results = Baseline::read(&self.scores, &StudyFolders)?;
        results.check(&self.scores)?;
        if let Some(policy) = &self.policy {
            results.keep(&Policy::read(Some(policy))?);
        }
        for note in &results.notes {
            tell(&format!("note: {note}"));
        }
        results.save(&path)?;
        remark(&format!(
            "{}: {} algorithms, {} cases, {} cost measurements",
            path.shown(),
            results.algorithms().len(),
            results.cases().len(),
            results.costs.iter().map(|c| c.samples.len()).sum::<usize>()
        ));
        Ok(())
    }
}

impl List {
    fn exec(self) -> Result<()> {
        let mut entries = Vec::new();
        for (name, path) in list(&self.dir)? {
            let one = Baseline::read(&path, &StudyFolders)?;
            entries.push((name, path, one));
        }
        if self.json {
            let all: Vec<_> = entries
                .iter()
                .map(|(name, path, one)| {
                    json!({ "name": name, "file": name_of(path.as_os_str()), "facts": one.facts,
                            "algorithms": one.algorithms(), "cases": one.cases().len() })
                })
                .collect();
            return print_json(&all);
        }
        if entries.is_empty() {
            tell(&format!(
                "no baseline in {}; `hdbench baseline save PATH --name NAME` makes one",
                self.dir.shown()
            ));
        }
        let lines: String = entries
            .iter()
            .map(|(name, _, one)| {
                format!(
                    "{name}: {} cases, {}, hdbench {}\n",
                    one.cases().len(),
                    one.algorithms().join(", "),
                    version(one)
                )
            })
            .collect();
        print(&lines)
    }
}

fn version(one: &Baseline) -> String {
    match one.facts.commit.is_empty() {
        true => one.facts.hdbench.clone(),
        false => format!("{} ({})", one.facts.hdbench, one.facts.commit),
    }
}

impl Show {
    fn exec(self) -> Result<()> {
        let path = locate(&self.baseline, &self.dir);
        let one = Baseline::read(&path, &StudyFolders)?;
        let means = means(&one);
        if self.json {
            let means: Vec<_> = means
                .iter()
                .map(|(algorithm, metric, n, mean)| {
                    json!({ "algorithm": algorithm, "metric": metric, "n": n, "mean": mean })
                })
                .collect();
            return print_json(
                &json!({ "file": name_of(path.as_os_str()), "facts": one.facts, "means": means,
                                       "cases": one.cases(), "costs": one.costs }),
            );
        }
        let mut text = format!("{}\nhdbench     {}\n", path.shown(), version(&one));
        for (name, value) in [
            ("study", &one.facts.study),
            ("settings", &one.facts.settings),
            ("hardware", &one.facts.hardware),
        ] {
            if !value.is_empty() {
                text += &format!("{name:<12}{value}\n");
            }
        }
        text += &format!(
            "cases       {}, {} with the hash of their files\n\n",
            one.cases().len(),
            one.facts.inputs.len()
        );
        let width = means
            .iter()
            .map(|(a, f, ..)| a.len() + f.len() + 2)
            .max()
            .unwrap_or(0);
        for (algorithm, metric, n, mean) in &means {
            let name = format!("{algorithm}: {metric}");
            text += &format!("{name:<width$}  {mean:>10.4}  N = {n}\n");
        }
        print(&text)
    }
}

/// The mean of every metric over its cases and replicates.
fn means(one: &Baseline) -> Vec<(Name, Name, usize, f64)> {
    let mut found: Vec<(Name, Name, usize, f64)> = Vec::new();
    for row in &one.rows {
        let metric = row
            .label
            .map_or(row.metric, |label| format!("{label}:{}", row.metric).into());
        let place = found
            .iter()
            .position(|(algorithm, name, ..)| *algorithm == row.algorithm && *name == metric);
        let place = place.unwrap_or_else(|| {
            found.push((row.algorithm, metric, 0, 0.0));
            found.len() - 1
        });
        if !row.value.is_nan() {
            found[place].2 += 1;
            found[place].3 += row.value;
        }
    }
    for (.., n, mean) in &mut found {
        *mean /= *n as f64;
    }
    found
}
