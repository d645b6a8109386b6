//! Scored predictions wherever they lie: a study, a folder of `hdbench evaluate`, a tidy table, nnU-Net's
//! `summary.json`, the folds of one of its trained models.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::{Shown as _, name_of};
use hdbench_score::Name;

use super::comparable::other_tasks;
use super::metric_table::repeated_cases;
use super::nnunet_summary::of_summary;
use super::scored::{EXPECTED, Scored};
use super::studies::Studies;
use super::tidy_scores::of_tidy;
use super::trainer_folder::of_trainers;

impl Scored {
    /// Reads what a path holds.
    ///
    /// # Errors
    /// `Error::Malformed` where nothing is scored, a file does not parse, or a case bears the name of all of them;
    /// `Error::Read`.
    pub fn read(path: &Path, studies: &dyn Studies) -> Result<Self> {
        Self::read_any(path, studies)?.named(path)
    }

    /// Reads a `metrics_long.csv`, with the `lesions.csv` beside it.
    ///
    /// # Errors
    /// As [`Scored::read`].
    pub fn of_tidy(path: &Path) -> Result<Self> {
        of_tidy(path)
    }

    /// [`Scored::read`], where in addition no case may be there twice: nobody knows which of its values counts.
    ///
    /// # Errors
    /// As [`Scored::read`].
    pub fn read_once(path: &Path, studies: &dyn Studies) -> Result<Self> {
        Self::read(path, studies)?.once(path)
    }

    /// Refuses cases that are there twice.
    ///
    /// # Errors
    /// `Error::Malformed`.
    pub fn once(self, path: &Path) -> Result<Self> {
        let again: Vec<&str> = repeated_cases(&self.rows).into_iter().collect();
        match again.first() {
            None => Ok(self),
            Some(first) => Err(Error::malformed(
                path,
                format!("{} cases are there twice ({first} ...)", again.len()),
                "keep one row of each metric of a case; replicates differ in their seed",
            )),
        }
    }

    fn read_any(path: &Path, studies: &dyn Studies) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir()
            && let Some(scored) = studies.scored(path)?
        {
            return Ok(scored);
        }
        if path.is_dir() {
            let tidy = path.join("metrics_long.csv");
            let summary = path.join("summary.json");
            return if tidy.is_file() {
                of_tidy(&tidy)
            } else if summary.is_file() {
                of_summary(&summary)
            } else {
                let holds_none = || Error::malformed(path, "holds no scores", EXPECTED);
                of_trainers(path)?.ok_or_else(holds_none)
            };
        }
        match name.rsplit_once('.').map(|(_, end)| end) {
            Some("csv") => of_tidy(path),
            Some("json") => of_summary(path),
            _ if !path.exists() => Err(Error::malformed(path, "no such file or folder", EXPECTED)),
            _ => Err(Error::malformed(path, "is no table of scores", EXPECTED)),
        }
    }

    /// Puts the scores of several paths side by side, those of a path with a label under that. Algorithms of the same
    /// name in several of them are told apart by the paths' names, which take their place where a path has one alone.
    ///
    /// # Errors
    /// As [`Scored::read_once`]; `Error::NotComparable` where no two of them share a case; `Error::Usage` where names
    /// cannot be told apart.
    pub fn read_all(
        paths: &[PathBuf],
        labels: &[Option<String>],
        studies: &dyn Studies,
    ) -> Result<Self> {
        let parts = paths.iter().map(|path| Self::read_once(path, studies));
        let mut parts: Vec<Self> = parts.collect::<Result<_>>()?;
        refuse_strangers(paths, &parts)?;
        let names: Vec<BTreeSet<String>> = parts.iter().map(Self::algorithms).collect();
        let shared: BTreeSet<String> = names
            .iter()
            .flatten()
            .filter(|name| names.iter().filter(|own| own.contains(*name)).count() > 1)
            .cloned()
            .collect();
        let places = match shared.is_empty() {
            true => vec![String::new(); paths.len()],
            false => places(paths)?,
        };
        for (at, part) in parts.iter_mut().enumerate() {
            let label = labels.get(at).cloned().flatten();
            let is_alone = names[at].len() == 1;
            let is_taken = |name: &String| names.iter().any(|own| own.contains(name));
            part.rename(|name| match (&label, shared.contains(name)) {
                (Some(label), _) if is_alone => label.clone(),
                (Some(label), _) => format!("{label}: {name}"),
                (None, true) if is_alone && !is_taken(&places[at]) => places[at].clone(),
                (None, true) => format!("{}: {name}", places[at]),
                (None, false) => name.to_owned(),
            });
        }
        refuse_same_names(&parts)?;
        let mut all = Self::default();
        for part in parts {
            all.extend(part);
        }
        all.notes.extend(other_tasks(&all.rows));
        Ok(all)
    }
}

/// Scores of which no two share a case have nothing to be compared in.
fn refuse_strangers(paths: &[PathBuf], parts: &[Scored]) -> Result<()> {
    let cases: Vec<BTreeSet<Name>> = parts.iter().map(Scored::cases).collect();
    let shares = |(place, own): (usize, &BTreeSet<Name>)| {
        cases[..place].iter().any(|other| !own.is_disjoint(other))
    };
    match paths {
        [first, second, ..] if !cases.iter().enumerate().any(shares) => Err(Error::NotComparable {
            problem: format!(
                "{} has no case in common with {}; the folds of one cross-validation are read together from the folder \
                 that holds fold_0, fold_1, ...",
                second.shown(),
                first.shown()
            ),
        }),
        _ => Ok(()),
    }
}

/// Algorithms that are called the same could not be told apart.
fn refuse_same_names(parts: &[Scored]) -> Result<()> {
    let mut seen = BTreeSet::new();
    let mut names = parts.iter().flat_map(Scored::algorithms);
    match names.find(|name| !seen.insert(name.clone())) {
        None => Ok(()),
        Some(name) => Err(Error::usage(
            format!("two sources are called {name:?}"),
            "give each a name of its own (--name SOURCE=LABEL)",
        )),
    }
}

/// Short names of paths that tell them apart.
pub fn places(paths: &[PathBuf]) -> Result<Vec<String>> {
    let stem = |path: &PathBuf| {
        let name = path.file_stem().unwrap_or(path.as_os_str());
        name_of(name).into_owned()
    };
    let whole = |path: &PathBuf| name_of(path.as_os_str()).into_owned();
    for names in [
        paths.iter().map(stem).collect::<Vec<_>>(),
        paths.iter().map(whole).collect(),
    ] {
        if names.iter().collect::<BTreeSet<_>>().len() == paths.len() {
            return Ok(names);
        }
    }
    Err(Error::usage(
        "the same scores are named twice",
        "name each of them once",
    ))
}
