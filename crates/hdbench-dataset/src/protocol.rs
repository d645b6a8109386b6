//! Cross-validation: which cases every fold trains and tests on, and nnU-Net's `splits_final.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::seed::Seed;
use hdbench_volume::artifact::read_file;
use serde::{Deserialize, Serialize};

use super::ircadb;
use super::split::{self, Labelled, Split};

/// How the cases of a study are divided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// One split, as [`split::for_cases`] makes it.
    #[default]
    Holdout,
    /// Two folds over the cases with tumours, as Christ et al. (MICCAI 2016) on 3DIRCADb.
    Christ2,
    /// Five folds over all cases, stratified by tumour presence.
    Fold5,
    /// A fold for each case.
    Loo,
    /// Folds of a `splits_final.json`.
    Given(Vec<Listed>),
}

/// A fold of nnU-Net's `splits_final.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Names of the training cases.
    pub train: Vec<String>,
    /// Names of the cases it is tested on.
    pub val: Vec<String>,
}

/// The committed folds of the twenty patients of 3DIRCADb.
const COMMITTED: [(&str, &str); 2] = [
    (
        "datasets/splits/3dircadb-christ2.json",
        include_str!("../../../datasets/splits/3dircadb-christ2.json"),
    ),
    (
        "datasets/splits/3dircadb-fold5.json",
        include_str!("../../../datasets/splits/3dircadb-fold5.json"),
    ),
];

impl Protocol {
    /// How tables name it.
    pub fn title(&self) -> String {
        match self {
            Self::Holdout => "one held-out split".into(),
            Self::Christ2 => "2-fold cross-validation over the cases with tumours".into(),
            Self::Fold5 => "5-fold cross-validation".into(),
            Self::Loo => "leave-one-out cross-validation".into(),
            Self::Given(folds) => format!("{} folds of a given split file", folds.len()),
        }
    }

    /// The folds of a set of labelled cases; the order of `cases` does not matter.
    ///
    /// The twenty patients of 3DIRCADb, recognised by their names and the five without tumour, get
    /// the committed folds; any other set is drawn with the seed.
    ///
    /// # Errors
    /// `Error::Usage` for too few cases, for names that occur twice, and for listed folds that name
    /// cases the set does not have, train on what they test, or test a case twice.
    pub fn folds(&self, cases: &[Labelled], seed: Seed) -> Result<Vec<Split>> {
        match self {
            Self::Holdout => Ok(vec![split::for_cases(cases, seed)?]),
            Self::Christ2 => self.committed_or(cases, 0, seed, |seed| {
                let with: Vec<Labelled> = cases.iter().filter(|c| c.tumour).cloned().collect();
                draw(&with, 2, seed)
            }),
            Self::Fold5 => self.committed_or(cases, 1, seed, |seed| draw(cases, 5, seed)),
            Self::Loo => Ok(described(draw(cases, cases.len(), seed)?, "leave one out")),
            Self::Given(folds) => {
                check(folds, cases)?;
                Ok(described(folds.clone(), "given split file"))
            }
        }
    }

    fn committed_or(
        &self,
        cases: &[Labelled],
        file: usize,
        seed: Seed,
        drawn: impl Fn(Seed) -> Result<Vec<Listed>>,
    ) -> Result<Vec<Split>> {
        if split::same_set(cases, &ircadb_patients()?) {
            let (path, text) = COMMITTED[file];
            let listed =
                serde_json::from_str(text).map_err(|e| Error::Internal(format!("{path}: {e}")))?;
            return Ok(described(listed, &format!("committed folds, {path}")));
        }
        Ok(described(
            drawn(seed)?,
            &format!("drawn with seed {}", seed.0),
        ))
    }
}

/// The twenty patients of 3DIRCADb-01.
fn ircadb_patients() -> Result<Vec<Labelled>> {
    let labelled = |facts: ircadb::PatientFacts| Labelled {
        name: format!("3Dircadb1.{}", facts.number),
        tumour: facts.liver_tumour,
    };
    Ok(ircadb::facts()?.into_iter().map(labelled).collect())
}

/// Deals the cases with and without tumour, each shuffled by its own stream, to `count` folds.
fn draw(cases: &[Labelled], count: usize, seed: Seed) -> Result<Vec<Listed>> {
    if count < 2 || cases.len() < count {
        return Err(Error::usage(
            format!(
                "{} usable cases cannot be divided into {} folds",
                cases.len(),
                count.max(2)
            ),
            "add labelled cases, or choose a protocol of fewer folds",
        ));
    }
    let mut tested: Vec<Vec<String>> = vec![Vec::new(); count];
    let order = [true, false].map(|tumour| split::shuffled(cases, tumour, seed));
    // Going on where the first stratum ended keeps the folds' sizes within one of each other.
    let mut next = 0;
    for names in order {
        for name in names? {
            tested[next % count].push(name);
            next += 1;
        }
    }
    let all = split::in_natural_order(cases.iter().map(|case| case.name.clone()).collect());
    Ok(tested
        .into_iter()
        .map(|val| Listed {
            train: all
                .iter()
                .filter(|name| !val.contains(name))
                .cloned()
                .collect(),
            val: split::in_natural_order(val),
        })
        .collect())
}

fn described(folds: Vec<Listed>, how: &str) -> Vec<Split> {
    let count = folds.len();
    folds
        .into_iter()
        .enumerate()
        .map(|(index, fold)| Split {
            description: format!(
                "fold {} of {count}, {} training and {} test cases ({how})",
                index + 1,
                fold.train.len(),
                fold.val.len()
            ),
            train: fold.train,
            test: fold.val,
        })
        .collect()
}

fn check(folds: &[Listed], cases: &[Labelled]) -> Result<()> {
    let known: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    let refuse = |problem: String| {
        Err(Error::usage(
            problem,
            "a fold of splits_final.json is {\"train\": [names], \"val\": [names]}; \
             `hdbench datasets check DIR` lists the names of a data set",
        ))
    };
    for (index, fold) in folds.iter().enumerate() {
        for name in fold.train.iter().chain(&fold.val) {
            if !known.contains(name.as_str()) {
                return refuse(format!(
                    "fold {index} of the split file names {name:?}, which the data set does not have"
                ));
            }
        }
    }
    contradiction(folds).map_or(Ok(()), refuse)
}

/// What folds say against each other or themselves, whatever the data set.
fn contradiction(folds: &[Listed]) -> Option<String> {
    if folds.is_empty() {
        return Some("the split file has no folds".into());
    }
    let mut tested = BTreeMap::new();
    for (index, fold) in folds.iter().enumerate() {
        let mut trained = BTreeSet::new();
        if let Some(twice) = fold.train.iter().find(|name| !trained.insert(*name)) {
            return Some(format!(
                "fold {index} of the split file trains on {twice:?} twice"
            ));
        }
        if let Some(both) = fold.val.iter().find(|name| trained.contains(name)) {
            return Some(format!(
                "fold {index} of the split file trains and tests on {both:?}"
            ));
        }
        if fold.train.is_empty() || fold.val.is_empty() {
            return Some(format!("fold {index} of the split file has an empty side"));
        }
        for name in &fold.val {
            match tested.insert(name, index) {
                Some(first) if first == index => {
                    return Some(format!(
                        "fold {index} of the split file tests {name:?} twice"
                    ));
                }
                Some(first) => {
                    return Some(format!(
                        "folds {first} and {index} of the split file both test {name:?}"
                    ));
                }
                None => {}
            }
        }
    }
    None
}

/// Reads nnU-Net's `splits_final.json`.
///
/// # Errors
/// `Error::Read`, or `Error::Malformed` for anything that is not a list of folds, and for folds with a
/// case twice.
pub fn read_splits(path: &Path) -> Result<Vec<Listed>> {
    let text = read_file(path).map_err(Error::read(path))?;
    let folds: Vec<Listed> = serde_json::from_slice(&text).map_err(|e| {
        Error::malformed(
            path,
            format!("is no split file: {e}"),
            "expected nnU-Net's splits_final.json: [{\"train\": [names], \"val\": [names]}, ...]",
        )
    })?;
    match contradiction(&folds) {
        Some(problem) => Err(Error::malformed(
            path,
            problem,
            "a case trains or is tested on once in a fold, and is tested on in one fold",
        )),
        None => Ok(folds),
    }
}

/// The bytes of a `splits_final.json` of these folds, as nnU-Net reads it.
///
/// # Errors
/// Only what serialising reports.
pub fn splits_json(folds: &[Split]) -> Result<Vec<u8>> {
    let listed: Vec<Listed> = folds
        .iter()
        .map(|fold| Listed {
            train: fold.train.clone(),
            val: fold.test.clone(),
        })
        .collect();
    let mut text =
        serde_json::to_vec_pretty(&listed).map_err(|e| Error::Internal(e.to_string()))?;
    text.push(b'\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seed that the committed folds were drawn with.
    const COMMITTED_SEED: Seed = Seed(2018);

    #[test]
    fn the_committed_folds_are_what_their_seed_draws() {
        let patients = ircadb_patients().unwrap();
        let with: Vec<Labelled> = patients.iter().filter(|c| c.tumour).cloned().collect();
        for ((path, text), drawn) in COMMITTED.into_iter().zip([
            draw(&with, 2, COMMITTED_SEED).unwrap(),
            draw(&patients, 5, COMMITTED_SEED).unwrap(),
        ]) {
            let committed: Vec<Listed> = serde_json::from_str(text).unwrap();
            assert_eq!(
                committed,
                drawn,
                "{path} should be\n{}",
                serde_json::to_string_pretty(&drawn).unwrap()
            );
        }
        let folds = Protocol::Christ2.folds(&patients, Seed(1)).unwrap();
        let sizes: Vec<usize> = folds.iter().map(|fold| fold.test.len()).collect();
        assert_eq!(sizes, [8, 7]);
        assert!(folds[0].description.contains("3dircadb-christ2.json"));
    }

    #[test]
    fn every_case_is_tested_once_and_never_trained_on_where_it_is_tested() {
        let cases: Vec<Labelled> = (0..13)
            .map(|i| Labelled {
                name: format!("volume-{i}"),
                tumour: i % 3 != 0,
            })
            .collect();
        for (protocol, count, tested) in [
            (Protocol::Christ2, 2, 8),
            (Protocol::Fold5, 5, 13),
            (Protocol::Loo, 13, 13),
        ] {
            let folds = protocol.folds(&cases, Seed(3)).unwrap();
            assert_eq!(folds.len(), count);
            let all: Vec<&String> = folds.iter().flat_map(|fold| &fold.test).collect();
            let once: BTreeSet<&String> = all.iter().copied().collect();
            assert_eq!((all.len(), once.len()), (tested, tested));
            for fold in &folds {
                assert!(fold.test.iter().all(|name| !fold.train.contains(name)));
                assert_eq!(fold.train.len() + fold.test.len(), tested);
            }
        }
    }

    #[test]
    fn a_split_file_goes_out_and_comes_back_and_is_checked() {
        let cases: Vec<Labelled> = ["a", "b", "c"]
            .map(|name| Labelled {
                name: name.into(),
                tumour: true,
            })
            .to_vec();
        let folds = Protocol::Loo.folds(&cases, Seed(1)).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("splits_final.json");
        std::fs::write(&path, splits_json(&folds).unwrap()).unwrap();
        let listed = read_splits(&path).unwrap();
        let again = Protocol::Given(listed).folds(&cases, Seed(9)).unwrap();
        for (a, b) in folds.iter().zip(&again) {
            assert_eq!((&a.train, &a.test), (&b.train, &b.test));
        }
        let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        for (folds, expected) in [
            (vec![(&["a"][..], &["d"][..])], "names \"d\""),
            (vec![(&["a"], &["a"])], "trains and tests on \"a\""),
            (vec![(&["a"], &["b"]), (&["c"], &["b"])], "both test \"b\""),
            (vec![(&["a", "c", "a"], &["b"])], "trains on \"a\" twice"),
            (vec![(&["a"], &["b", "b"])], "tests \"b\" twice"),
            (vec![(&["a"], &["b"]), (&["a"], &["b"])], "both test \"b\""),
            (vec![(&[], &["b"])], "empty side"),
            (vec![], "no folds"),
        ] {
            let listed: Vec<Listed> = folds
                .into_iter()
                .map(|(train, val)| Listed {
                    train: names(train),
                    val: names(val),
                })
                .collect();
            // Already the file is refused, before any data is looked at, if it alone is wrong.
            std::fs::write(&path, serde_json::to_vec(&listed).unwrap()).unwrap();
            let read = read_splits(&path).map_err(|e| (e.exit_code() as u8, e.to_string()));
            match read {
                Ok(_) => assert!(expected.starts_with("names")),
                Err((code, text)) => assert!(code == 3 && text.contains(expected), "{text}"),
            }
            let error = Protocol::Given(listed).folds(&cases, Seed(1)).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
