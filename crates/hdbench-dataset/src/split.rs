use std::collections::BTreeSet;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::seed::Seed;
use serde::{Deserialize, Serialize};

/// The committed description of LiTS: tumour-free volumes and the fixed split.
const LITS: &str = include_str!("../../../datasets/lits.toml");

/// Which cases train and which are tested on, by name, each in natural order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    pub train: Vec<String>,
    pub test: Vec<String>,
    /// How the test set came about, for the caption of a table.
    pub description: String,
}

/// A labelled case, as far as a split needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    /// The case's name (`"volume-3"`).
    pub name: String,
    /// Whether its label map has a tumour voxel.
    pub tumour: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LitsFile {
    #[expect(dead_code, reason = "for readers of the file")]
    description: String,
    volumes: u32,
    tumour_free: BTreeSet<u32>,
    split: LitsSplit,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LitsSplit {
    seed: u64,
    #[expect(dead_code, reason = "for readers of the file")]
    rule: String,
    train: Vec<u32>,
    test: Vec<u32>,
}

/// The split of a set of labelled cases; the order of `cases` does not matter.
///
/// The 131 training volumes of LiTS, recognised by their numbers and their 13 tumour-free volumes,
/// get the committed split of 91 and 40. Any other set is drawn with the seed: a quarter for the
/// test, at least one case on each side, in proportion from the cases with and without tumour.
///
/// # Errors
/// `Error::Usage` for fewer than two cases or for a name that occurs twice.
pub fn for_cases(cases: &[Labelled], seed: Seed) -> Result<Split> {
    let lits = lits()?;
    if same_set(cases, &lits_cases(&lits)) {
        return Ok(Split {
            train: lits.split.train.iter().map(lits_name).collect(),
            test: lits.split.test.iter().map(lits_name).collect(),
            description: format!(
                "LiTS, committed split of {} training and {} validation cases (datasets/lits.toml, seed {})",
                lits.split.train.len(),
                lits.split.test.len(),
                lits.split.seed
            ),
        });
    }
    let quarter = (cases.len() as f64 / 4.0).round() as usize;
    let (train, test) = draw(cases, quarter, seed)?;
    Ok(Split {
        description: format!(
            "{} of {} cases drawn with seed {}, stratified by tumour presence",
            test.len(),
            cases.len(),
            seed.0
        ),
        train,
        test,
    })
}

/// The 131 labelled volumes of LiTS with the 13 that have no tumour, and the seed of their split:
/// what [`draw`] made the committed lists from.
fn lits_cases(lits: &LitsFile) -> Vec<Labelled> {
    (0..lits.volumes)
        .map(|id| Labelled {
            name: lits_name(&id),
            tumour: !lits.tumour_free.contains(&id),
        })
        .collect()
}

fn lits_name(id: &u32) -> String {
    format!("volume-{id}")
}

fn lits() -> Result<LitsFile> {
    toml::from_str(LITS).map_err(|e| Error::Internal(format!("datasets/lits.toml: {e}")))
}

pub(super) fn same_set(a: &[Labelled], b: &[Labelled]) -> bool {
    let set = |cases: &[Labelled]| -> BTreeSet<(String, bool)> {
        cases
            .iter()
            .map(|case| (case.name.clone(), case.tumour))
            .collect()
    };
    a.len() == b.len() && set(a) == set(b)
}

/// Draws `test_count` cases for the test (at least one, and one is left), from the cases with and
/// without tumour in proportion; returns the names of (train, test).
///
/// Each stratum is put in natural order of names, shuffled by its own stream of the seed, and gives
/// its first cases to the test. Training keeps a case with tumour if there is any, and the test
/// gets one if there are two.
fn draw(cases: &[Labelled], test_count: usize, seed: Seed) -> Result<(Vec<String>, Vec<String>)> {
    if cases.len() < 2 {
        return Err(Error::usage(
            format!(
                "a split needs at least 2 labelled cases, found {}",
                cases.len()
            ),
            "add cases with segmentations, or make some with `hdbench datasets synth --out DIR`",
        ));
    }
    let test_count = test_count.clamp(1, cases.len() - 1);
    let mut tumour = shuffled(cases, true, seed)?;
    let mut free = shuffled(cases, false, seed)?;
    let share = test_count as f64 * tumour.len() as f64 / cases.len() as f64;
    let most = tumour.len().saturating_sub(1).min(test_count);
    let from_tumour = (share.round() as usize)
        .max(usize::from(tumour.len() > 1))
        .max(test_count.saturating_sub(free.len()))
        .min(most);
    let from_free = (test_count - from_tumour).min(free.len());
    let mut train = tumour.split_off(from_tumour);
    train.extend(free.split_off(from_free));
    let mut test = tumour;
    test.append(&mut free);
    Ok((in_natural_order(train), in_natural_order(test)))
}

pub(super) fn shuffled(cases: &[Labelled], tumour: bool, seed: Seed) -> Result<Vec<String>> {
    let names = cases
        .iter()
        .filter(|case| case.tumour == tumour)
        .map(|case| case.name.clone());
    let mut names = in_natural_order(names.collect());
    let all: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    if all.len() < cases.len() {
        return Err(Error::usage(
            "two cases of the split have the same name",
            "give every case a name of its own",
        ));
    }
    let stratum = if tumour {
        "split: with tumour"
    } else {
        "split: without tumour"
    };
    seed.stream(stratum).shuffle(&mut names);
    Ok(names)
}

/// `volume-2` before `volume-10`.
pub(super) fn in_natural_order(mut names: Vec<String>) -> Vec<String> {
    names.sort_by_cached_key(|name| {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = name[stem.len()..].trim_start_matches('0');
        (
            stem.to_owned(),
            digits.len(),
            digits.to_owned(),
            name.clone(),
        )
    });
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases(tumour: usize, free: usize) -> Vec<Labelled> {
        (0..tumour + free)
            .map(|i| Labelled {
                name: format!("volume-{i}"),
                tumour: i < tumour,
            })
            .collect()
    }

    #[test]
    fn the_committed_split_is_what_its_seed_draws() {
        let lits = lits().unwrap();
        assert_eq!((lits.volumes, lits.tumour_free.len()), (131, 13));
        let (train, test) = draw(&lits_cases(&lits), 40, Seed(lits.split.seed)).unwrap();
        assert_eq!(
            lits.split.train.iter().map(lits_name).collect::<Vec<_>>(),
            train
        );
        assert_eq!(
            lits.split.test.iter().map(lits_name).collect::<Vec<_>>(),
            test
        );
        assert_eq!((train.len(), test.len()), (91, 40));
        let free = lits
            .split
            .test
            .iter()
            .filter(|id| lits.tumour_free.contains(id))
            .count();
        assert_eq!(free, 4);
    }

    #[test]
    fn every_small_set_leaves_something_to_learn_and_to_test() {
        for tumour in 0..12 {
            for free in 0..12 {
                let cases = cases(tumour, free);
                if cases.len() < 2 {
                    assert!(for_cases(&cases, Seed(1)).is_err());
                    continue;
                }
                let split = for_cases(&cases, Seed(1)).unwrap();
                let with = |names: &[String]| {
                    cases
                        .iter()
                        .filter(|c| c.tumour && names.contains(&c.name))
                        .count()
                };
                let context = format!("{tumour} with, {free} without: {split:?}");
                assert_eq!(
                    split.train.len() + split.test.len(),
                    cases.len(),
                    "{context}"
                );
                assert!(
                    split.test.iter().all(|name| !split.train.contains(name)),
                    "{context}"
                );
                let quarter = (cases.len() as f64 / 4.0).round().max(1.0) as usize;
                assert_eq!(split.test.len(), quarter, "{context}");
                assert_eq!(with(&split.train) > 0, tumour > 0, "{context}");
                assert_eq!(with(&split.test) > 0, tumour > 1, "{context}");
            }
        }
    }

    #[test]
    fn names_are_in_natural_order() {
        let names = ["volume-10", "volume-9", "volume-0", "a-1", "volume-100"].map(String::from);
        let ordered = in_natural_order(names.to_vec());
        assert_eq!(
            ordered,
            ["a-1", "volume-0", "volume-9", "volume-10", "volume-100"]
        );
    }
}
