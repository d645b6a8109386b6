//! What a trained model of nnU-Net scored in its cross-validation: the folds of its folder as one algorithm.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::{Shown as _, name_of};
use hdbench_score::{ALL_CASES, FAILURES, Name, failed_cases};
use hdbench_volume::artifact::json_says;
use hdbench_volume::dataset_json;
use hdbench_volume::nnunet_folder::{Fold, VALIDATION};

use super::nnunet_summary::of_summary;
use super::scored::Scored;
use super::tidy_scores::of_tidy;

/// Folds of nnU-Net's cross-validation where the user's splits say nothing else.
const FOLDS: u32 = 5;

/// What nnU-Net's folders put before the name of a data set.
const DATA_SETS: [&str; 2] = ["Dataset", "Task"];

/// Which file of a fold holds its scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// What `hdbench evaluate` writes.
    Tidy,
    /// What nnU-Net writes.
    Summary,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Tidy, Self::Summary];

    fn file(self) -> &'static str {
        match self {
            Self::Tidy => "metrics_long.csv",
            Self::Summary => "summary.json",
        }
    }

    /// The file of a fold: in that of its validation cases, or in its own folder. A `summary.json` of `hdbench evaluate`
    /// is none of nnU-Net's: it has values for empty structures.
    fn of(self, fold: &Path) -> Option<PathBuf> {
        let folders = VALIDATION.map(|name| fold.join(name));
        let folders = folders.into_iter().chain([fold.to_path_buf()]);
        let is_own = |file: &Path| {
            self == Self::Summary && json_says(file, "/hdbench/format", "hdbench.summary/1")
        };
        let mut files = folders.map(|folder| folder.join(self.file()));
        files.find(|file| file.is_file() && !is_own(file))
    }
}

/// The scores below a trainer's folder (`fold_0`, `fold_1`, ...) as one algorithm; of a folder of several of them, or
/// of one data set in nnU-Net's folder of results, as many. None where no folder of a fold is there.
///
/// # Errors
/// `Error::Malformed` where no fold is scored, a case is in two folds, or several data sets are there;
/// `Error::Read`.
pub(super) fn of_trainers(path: &Path) -> Result<Option<Scored>> {
    let own = folds_of(path)?;
    if !own.is_empty() {
        return of_trainer(path, own).map(Some);
    }
    let (data_sets, trainers) = match trainers_of(path)? {
        trainers if trainers.is_empty() => data_sets_of(path)?,
        trainers => (Vec::new(), trainers),
    };
    if let [first, second, ..] = &data_sets[..] {
        return Err(Error::malformed(
            path,
            format!("holds models of several data sets ({first}, {second}, ...)"),
            "name the folder of one data set, or of one trainer in it",
        ));
    }
    let mut all = Scored::default();
    for (trainer, folds) in &trainers {
        let is_scored =
            |(_, fold): &(Fold, PathBuf)| Kind::ALL.iter().any(|kind| kind.of(fold).is_some());
        if !folds.iter().any(is_scored) {
            all.warnings.push(format!(
                "{} is left out: none of its folds is scored",
                trainer.shown()
            ));
            continue;
        }
        all.extend(of_trainer(trainer, folds.clone())?);
    }
    Ok((!all.rows.is_empty()).then_some(all))
}

type Trainers = Vec<(PathBuf, Vec<(Fold, PathBuf)>)>;

fn trainers_of(path: &Path) -> Result<Trainers> {
    let mut trainers = Vec::new();
    for folder in folders_of(path)? {
        let folds = folds_of(&folder)?;
        if !folds.is_empty() {
            trainers.push((folder, folds));
        }
    }
    Ok(trainers)
}

/// The data sets of nnU-Net's folder of results that have trained models, and these.
fn data_sets_of(path: &Path) -> Result<(Vec<String>, Trainers)> {
    let (mut names, mut all) = (Vec::new(), Vec::new());
    for folder in folders_of(path)? {
        let name = name_of(folder.file_name().unwrap_or_default()).into_owned();
        if !DATA_SETS.iter().any(|begin| name.starts_with(begin)) {
            continue;
        }
        let trainers = trainers_of(&folder)?;
        if !trainers.is_empty() {
            names.push(name);
            all.extend(trainers);
        }
    }
    Ok((names, all))
}

/// Sorted by name.
fn folders_of(path: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(path).map_err(Error::read(path))? {
        let folder = entry.map_err(Error::read(path))?.path();
        if folder.is_dir() {
            folders.push(folder);
        }
    }
    folders.sort();
    Ok(folders)
}

/// In the order of their numbers; `fold_all` last.
fn folds_of(path: &Path) -> Result<Vec<(Fold, PathBuf)>> {
    let named = |folder: PathBuf| Some((Fold::of_name(&name_of(folder.file_name()?))?, folder));
    let mut folds: Vec<_> = folders_of(path)?.into_iter().filter_map(named).collect();
    folds.sort();
    Ok(folds)
}

fn of_trainer(trainer: &Path, folds: Vec<(Fold, PathBuf)>) -> Result<Scored> {
    let mut all = Scored::default();
    if folds.iter().any(|(fold, _)| *fold == Fold::All) {
        all.notes.push(format!(
            "{}: fold_all is left out: its network was trained on the cases that it is scored on",
            trainer.shown()
        ));
    }
    let numbered = folds.into_iter().filter_map(|(fold, folder)| match fold {
        Fold::Number(number) => Some((number, folder)),
        Fold::All => None,
    });
    let folds: BTreeMap<u32, PathBuf> = numbered.collect();
    let files = files_of(trainer, &folds, &mut all)?;
    let mut found: BTreeMap<(Name, Name), PathBuf> = BTreeMap::new();
    let mut names = BTreeSet::new();
    for (&fold, (kind, file)) in &files {
        let mut one = match kind {
            Kind::Tidy => of_tidy(file)?,
            Kind::Summary => of_summary(file)?,
        };
        for row in &mut one.rows {
            row.fold = fold;
        }
        // What is pooled over the cases of a fold is nothing of all of them.
        one.rows
            .retain(|row| files.len() == 1 || row.case != ALL_CASES);
        for (algorithm, case) in cases_of(&one) {
            if let Some(other) = found.get(&(algorithm, case)) {
                return Err(twice(&case, file, other));
            }
            found.insert((algorithm, case), file.clone());
        }
        let left = failed_cases(&file.with_file_name(FAILURES))?;
        if *kind == Kind::Tidy && !left.is_empty() {
            all.warnings.push(format!(
                "{}: {} cases of fold {fold} failed when it was scored: {}",
                trainer.shown(),
                left.len(),
                left.join(", ")
            ));
            all.failed.extend(left);
        }
        names.insert(one.algorithms());
        all.extend(one);
    }
    rename(trainer, &names, &mut all);
    // Folds of one algorithm that were scored under several names would hide a case in two of them.
    let mut cases = BTreeMap::new();
    for ((_, case), file) in found {
        if names.len() > 1
            && let Some(other) = cases.insert(case, file.clone())
        {
            return Err(twice(&case, &file, &other));
        }
    }
    let scored = all.rows.iter().map(|row| row.case.as_str());
    let scored = scored.collect::<BTreeSet<_>>().len();
    all.warnings.extend(missing(trainer, &files, scored));
    Ok(all)
}

/// The file of each fold, of one kind in all of them: nnU-Net leaves cases out where a structure is empty on both
/// sides, and means of both kinds would be of two things.
fn files_of(
    trainer: &Path,
    folds: &BTreeMap<u32, PathBuf>,
    all: &mut Scored,
) -> Result<BTreeMap<u32, (Kind, PathBuf)>> {
    let of = |kind: Kind| -> BTreeMap<u32, (Kind, PathBuf)> {
        let own = folds.iter();
        own.filter_map(|(&fold, folder)| Some((fold, (kind, kind.of(folder)?))))
            .collect()
    };
    let [tidy, summary] = Kind::ALL.map(of);
    let scored: BTreeSet<u32> = tidy.keys().chain(summary.keys()).copied().collect();
    if scored.is_empty() {
        return Err(Error::malformed(
            trainer,
            "none of its folds is scored",
            "expected a metrics_long.csv or nnU-Net's summary.json in fold_K/validation or in fold_K: `hdbench \
             evaluate --pred TRAINER/fold_0/validation --ref labelsTr --out TRAINER/fold_0` writes the first",
        ));
    }
    if tidy.len() == scored.len() {
        return Ok(tidy);
    }
    if summary.len() == scored.len() {
        if !tidy.is_empty() {
            let lacking = scored.iter().filter(|fold| !tidy.contains_key(fold));
            all.notes.push(format!(
                "{}: nnU-Net's summary.json is read of every fold, as {} no metrics_long.csv",
                trainer.shown(),
                folds_have(lacking)
            ));
        }
        return Ok(summary);
    }
    let lacking = |files: &BTreeMap<u32, (Kind, PathBuf)>| {
        folds_have(scored.iter().filter(|fold| !files.contains_key(fold)))
    };
    Err(Error::malformed(
        trainer,
        format!(
            "{} no metrics_long.csv and {} no summary.json: folds that are scored in two ways are not one algorithm",
            lacking(&tidy),
            lacking(&summary)
        ),
        "score the other folds too with hdbench evaluate --out TRAINER/fold_K",
    ))
}

/// `fold 0 has`, `folds 0, 1 have`.
fn folds_have<'a>(folds: impl Iterator<Item = &'a u32>) -> String {
    let names: Vec<String> = folds.map(u32::to_string).collect();
    match names.len() {
        1 => format!("fold {} has", names[0]),
        _ => format!("folds {} have", names.join(", ")),
    }
}

fn cases_of(scored: &Scored) -> BTreeSet<(Name, Name)> {
    let rows = scored.rows.iter().filter(|row| row.case != ALL_CASES);
    rows.map(|row| (row.algorithm, row.case)).collect()
}

fn twice(case: &str, file: &Path, other: &Path) -> Error {
    Error::malformed(
        file,
        format!(
            "{case} is there, and in {} too: a case is validated in one fold",
            other.shown()
        ),
        "score every fold on its own validation cases alone",
    )
}

/// Folds that name one algorithm keep that name; else it is that of their folder.
fn rename(trainer: &Path, names: &BTreeSet<BTreeSet<String>>, all: &mut Scored) {
    let own = all.algorithms();
    let is_of_folder = |name: &String| VALIDATION.contains(&name.as_str());
    if names.len() == 1 && !own.iter().any(is_of_folder) {
        return;
    }
    let absolute = std::path::absolute(trainer).unwrap_or_else(|_| trainer.to_path_buf());
    let name = name_of(absolute.file_name().unwrap_or_default()).into_owned();
    if names.len() > 1 {
        let own: Vec<String> = own.into_iter().collect();
        all.notes.push(format!(
            "{}: its folds were scored as {}; they are one algorithm here, {name}",
            trainer.shown(),
            own.join(", ")
        ));
    }
    let lesions = std::mem::take(&mut all.lesions).into_values().flatten();
    let lesions: Vec<_> = lesions.collect();
    if !lesions.is_empty() {
        all.lesions.insert(name.clone(), lesions);
    }
    let name = Name::from(name);
    for row in &mut all.rows {
        row.algorithm = name;
    }
}

/// Folds without scores, and training cases that are in none.
fn missing(
    trainer: &Path,
    files: &BTreeMap<u32, (Kind, PathBuf)>,
    scored: usize,
) -> Option<String> {
    let training = dataset_json::training_cases(&trainer.join("dataset.json"));
    let is_whole = training.is_some_and(|all| scored >= all);
    let last = files.keys().last().copied().unwrap_or_default();
    let folds = match is_whole {
        true => 0..=last,
        false => 0..=last.max(FOLDS - 1),
    };
    let open: Vec<String> = folds
        .filter(|fold| !files.contains_key(fold))
        .map(|fold| fold.to_string())
        .collect();
    let cases = training.filter(|all| scored < *all);
    let cases = cases.map(|all| format!("{scored} of {all} training cases are scored"));
    let trainer = trainer.shown();
    match (&open[..], cases) {
        ([], None) => None,
        ([], Some(cases)) => Some(format!(
            "{trainer}: {cases}; the validation of a fold is not whole"
        )),
        ([fold], cases) => Some(format!(
            "{trainer}: fold {fold} is not there or not scored{}",
            cases.map_or(String::new(), |cases| format!("; {cases}"))
        )),
        (folds, cases) => Some(format!(
            "{trainer}: folds {} are not there or not scored{}",
            folds.join(", "),
            cases.map_or(String::new(), |cases| format!("; {cases}"))
        )),
    }
}
