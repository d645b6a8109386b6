use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use hdbench_stats::Scored;
use hdbench_stats::statistics::{mean, sample_sd};
use serde::Serialize;

use crate::artifact::{create_dir, read_file, symlink, write_atomic};
use crate::cell::{CellRecord, Stage, Status, files_below};
use crate::error::{Error, Result, is_absent};
use crate::evaluation::{ALL_CASES, MetricRow};
use crate::study::{Cell, Environment, KERNELS, Study};
use crate::text::Shown as _;
use crate::training::{LossRow, read_losses};

/// What running a cell again gave.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reproduced {
    /// Weights, losses, predictions, scores: whether each is the same to the last bit.
    pub same: BTreeMap<&'static str, bool>,
    /// What is another in the program or the machine.
    pub differs: Vec<String>,
    /// How far apart the results are, where the device does not promise the last bit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apart: Option<Apart>,
}

impl Reproduced {
    /// Whether the results are the same, or as near as the device promises.
    pub fn is_reproduced(&self) -> bool {
        self.same.values().all(|same| *same) || self.apart.as_ref().is_some_and(Apart::is_within)
    }
}

/// How far the results of two runs are apart. On a GPU sums are added in another order each time, and what rounding
/// left apart grows over a training; means of many numbers stay near.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Apart {
    /// Relative difference of the mean of the last tenth of the losses.
    pub loss: Option<f64>,
    /// Of the structure whose mean Dice is farthest apart for its bound.
    pub dice: Option<DiceApart>,
}

/// How far the mean Dice of a structure is apart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DiceApart {
    pub structure: String,
    pub difference: f64,
    /// Most of it: what is small, or three standard errors of the mean over the cases. A tumour of few voxels is found
    /// or missed, so that few cases say little.
    pub bound: f64,
}

impl DiceApart {
    const SMALL: f64 = 0.02;
    const STANDARD_ERRORS: f64 = 3.0;

    /// Of a structure's cases.
    fn of(structure: &str, before: &Cases, now: &Cases) -> Self {
        let differences: Vec<f64> = before
            .iter()
            .filter_map(|(case, before)| Some(now.get(case)? - before))
            .collect();
        let difference = mean(&differences).unwrap_or(0.0);
        let error = sample_sd(&differences).unwrap_or(0.0) / (differences.len() as f64).sqrt();
        let same_cases = before.keys().eq(now.keys());
        Self {
            structure: structure.to_owned(),
            difference: match same_cases {
                true => difference.abs(),
                false => f64::INFINITY,
            },
            bound: Self::SMALL.max(Self::STANDARD_ERRORS * error),
        }
    }
}

impl Apart {
    /// Most of [`Apart::loss`].
    pub const LOSS_BOUND: f64 = 0.1;

    /// Whether both are within their bounds.
    pub fn is_within(&self) -> bool {
        let dice = self.dice.as_ref();
        self.loss.is_none_or(|apart| apart <= Self::LOSS_BOUND)
            && dice.is_none_or(|apart| apart.difference <= apart.bound)
    }
}

/// In a folder that a cell is run again in: which cell of which study.
const AGAIN: &str = "reproduce.json";

/// Prepares a folder in which a cell can be run again from its record: the study's settings and lock, its
/// cache, and the cells that this one needs, as links. A folder in which that was begun before goes on;
/// what it finished there is run again.
///
/// # Errors
/// `Error::Usage` for a cell that is not done, and for a folder that holds anything else;
/// `Error::Write`.
pub fn prepare_again(run: &Path, cell: Cell, scratch: &Path) -> Result<()> {
    let study = Study::read(run)?;
    let record = CellRecord::read(&cell.folder(run))?;
    let stages = &record.stages;
    if !stages.contains_key(&Stage::Train) && !stages.contains_key(&Stage::Score) {
        return Err(Error::usage(
            format!(
                "{} is not finished: there is nothing to compare with",
                cell.name()
            ),
            "name a cell that hdbench status shows as done",
        ));
    }
    let absolute = std::path::absolute(run).map_err(Error::read(run))?;
    claim(&absolute, cell, scratch)?;
    let mut again = study.clone();
    again.cache = absolute.join(&study.cache);
    // Absolute paths stay as they are.
    again.write(scratch, true)?;
    let lock = run.join("study.lock");
    let text = read_file(&lock).map_err(Error::read(&lock))?;
    write_atomic(&scratch.join("study.lock"), &text)?;
    // The same kernels as before.
    let kernels = absolute.join(KERNELS);
    if kernels.is_dir() {
        copy_files(&kernels, &scratch.join(KERNELS))?;
    }
    let mut needed = cell.needs(&study.recipe);
    while let Some(need) = needed.pop() {
        let to = need.folder(scratch);
        if to.exists() {
            continue;
        }
        if let Some(parent) = to.parent() {
            create_dir(parent)?;
        }
        link(&need.folder(&absolute), &to)?;
        needed.extend(need.needs(&study.recipe));
    }
    Ok(())
}

/// Copies the files of a folder, and those of its folders.
fn copy_files(from: &Path, to: &Path) -> Result<()> {
    for file in files_below(from, &[String::new()])? {
        let copy = to.join(&file);
        if let Some(parent) = copy.parent() {
            create_dir(parent)?;
        }
        fs::copy(from.join(&file), &copy).map_err(Error::write(&copy))?;
    }
    Ok(())
}

/// Makes sure that a folder is empty or was begun for the same, and that it holds no result yet.
fn claim(run: &Path, cell: Cell, scratch: &Path) -> Result<()> {
    let marker = scratch.join(AGAIN);
    let whose = serde_json::json!({ "study": run, "cell": cell.name() });
    let text = serde_json::to_vec_pretty(&whose).map_err(|e| Error::Internal(e.to_string()))?;
    let is_empty = match std::fs::read_dir(scratch) {
        Ok(mut entries) => entries.next().is_none(),
        Err(e) if is_absent(&e) => true,
        Err(e) => return Err(Error::read(scratch)(e)),
    };
    if !is_empty && read_file(&marker).ok().as_deref() != Some(&text) {
        return Err(Error::usage(
            format!(
                "{}: holds something else than {} begun again",
                scratch.shown(),
                cell.name()
            ),
            "give --out a folder that is not there yet",
        ));
    }
    create_dir(scratch)?;
    write_atomic(&marker, &text)?;
    // A result from before is nothing that was run now.
    let folder = cell.folder(scratch);
    match CellRecord::read(&folder) {
        Ok(record) if record.status != Status::Done => Ok(()),
        _ => std::fs::remove_dir_all(&folder).map_err(Error::write(&folder)),
    }
}

fn link(from: &Path, to: &Path) -> Result<()> {
    symlink(from, to).map_err(Error::write(to))
}

/// Compares what a cell made in two folders.
///
/// # Errors
/// `Error::Read` and `Error::Malformed` for what is not there.
pub fn compare_runs(run: &Path, scratch: &Path, cell: Cell) -> Result<Reproduced> {
    let folders = [run, scratch].map(|run| cell.folder(run));
    let records = [
        CellRecord::read(&folders[0])?,
        CellRecord::read(&folders[1])?,
    ];
    let mut same = BTreeMap::new();
    for (name, stage) in [
        ("weights", Stage::Train),
        ("predictions", Stage::Predict),
        ("scores", Stage::Score),
    ] {
        if let Some(before) = records[0].stages.get(&stage) {
            let now = records[1].stages.get(&stage).map(|done| &done.hash);
            same.insert(name, now == Some(&before.hash));
        }
    }
    let losses = folders.each_ref().map(|folder| folder.join("losses.csv"));
    let mut apart = Apart::default();
    if losses[0].is_file() {
        let [before, now] = [read_losses(&losses[0])?, read_losses(&losses[1])?];
        apart.loss = Some(losses_apart(&before, &now));
        // Everything but the seconds.
        let equal = before.len() == now.len()
            && before.iter().zip(&now).all(|(a, b)| {
                let bits = |row: &LossRow| {
                    let losses = [Some(row.lr), Some(row.loss), row.loss_2d];
                    losses.map(|loss| loss.map(f64::to_bits))
                };
                (a.iteration, &a.stage, bits(a)) == (b.iteration, &b.stage, bits(b))
            });
        same.insert("losses", equal);
    }
    let [before, now] = [
        Environment::read(&folders[0])?,
        Environment::read(&folders[1])?,
    ];
    let mut differs = Vec::new();
    for (what, a, b) in [
        ("hdbench", &before.machine.hdbench, &now.machine.hdbench),
        ("commit", &before.machine.commit, &now.machine.commit),
        (
            "processor",
            &before.machine.processor,
            &now.machine.processor,
        ),
        ("device", &before.device, &now.device),
    ] {
        if a != b {
            differs.push(format!("{what}: {a} then, {b} now"));
        }
    }
    if before.threads != now.threads {
        differs.push(format!(
            "threads: {} then, {} now",
            before.threads, now.threads
        ));
    }
    let repeats = study_repeats(run)?;
    if !repeats && same.contains_key("scores") {
        let tables = folders
            .each_ref()
            .map(|folder| folder.join("metrics_long.csv"));
        let [before, now] = [Scored::of_tidy(&tables[0])?, Scored::of_tidy(&tables[1])?];
        apart.dice = dice_apart(&before.rows, &now.rows);
    }
    Ok(Reproduced {
        same,
        differs,
        apart: (!repeats).then_some(apart),
    })
}

fn study_repeats(run: &Path) -> Result<bool> {
    let places = Study::read(run)?.places()?;
    Ok(places.first().repeats_exactly())
}

fn losses_apart(before: &[LossRow], now: &[LossRow]) -> f64 {
    if before.len() != now.len() {
        return f64::INFINITY;
    }
    if before.is_empty() {
        return 0.0;
    }
    let last = |rows: &[LossRow]| {
        let rows = &rows[rows.len() - rows.len().div_ceil(10)..];
        rows.iter().map(|row| row.loss).sum::<f64>() / rows.len() as f64
    };
    relative(last(now) - last(before), last(before))
}

fn dice_apart(before: &[MetricRow], now: &[MetricRow]) -> Option<DiceApart> {
    let (before, now) = (dice_of_cases(before), dice_of_cases(now));
    let structures: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let none = Cases::new();
    let of = |structure: &String| {
        let cases = [&before, &now].map(|run| run.get(structure).unwrap_or(&none));
        DiceApart::of(structure, cases[0], cases[1])
    };
    let share = |apart: &DiceApart| apart.difference / apart.bound;
    let all = structures.into_iter().map(of);
    all.max_by(|a, b| share(a).total_cmp(&share(b)))
}

/// What is no number is as far away as can be.
fn relative(difference: f64, to: f64) -> f64 {
    let apart = difference.abs() / to.abs();
    if apart.is_nan() && difference != 0.0 {
        f64::INFINITY
    } else if apart.is_nan() {
        0.0
    } else {
        apart
    }
}

/// Numbers by their cases.
type Cases = BTreeMap<String, f64>;

/// The Dice of each structure's cases, where it is a number.
fn dice_of_cases(rows: &[MetricRow]) -> BTreeMap<String, Cases> {
    let mut values: BTreeMap<String, Cases> = BTreeMap::new();
    let of_cases = rows
        .iter()
        .filter(|row| &*row.metric == "dice" && &*row.case != ALL_CASES);
    for row in of_cases.filter(|row| row.value.is_finite()) {
        let label = row
            .label
            .as_ref()
            .map_or(String::new(), |label| label.to_string());
        let cases = values.entry(label).or_default();
        cases.insert(row.case.to_string(), row.value);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_adds_in_another_order_is_held_to_its_means() {
        let reproduced = |same: bool, apart: Option<Apart>| Reproduced {
            same: BTreeMap::from([("weights", same)]),
            differs: Vec::new(),
            apart,
        };
        let apart = |difference: f64| Apart {
            loss: Some(0.05),
            dice: Some(DiceApart {
                structure: "lesion".into(),
                difference,
                bound: 0.02,
            }),
        };
        let (near, far) = (apart(0.01), apart(0.03));
        assert!(reproduced(true, None).is_reproduced());
        assert!(!reproduced(false, None).is_reproduced());
        assert!(reproduced(false, Some(near)).is_reproduced());
        assert!(!reproduced(false, Some(far)).is_reproduced());
    }

    #[test]
    fn losses_are_compared_where_they_end() {
        let rows = |losses: &[f64]| -> Vec<LossRow> {
            let row = |(i, &loss): (usize, &f64)| LossRow {
                iteration: i + 1,
                stage: "one".into(),
                lr: 0.1,
                loss,
                loss_2d: None,
                seconds: 1.0,
            };
            losses.iter().enumerate().map(row).collect()
        };
        let before = rows(&[9.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0]);
        let now = rows(&[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.1]);
        assert!((losses_apart(&before, &now) - 0.05).abs() < 1e-12);
        assert_eq!(losses_apart(&before, &now[1..]), f64::INFINITY);
        assert_eq!(losses_apart(&[], &[]), 0.0);
        assert_eq!(
            losses_apart(&rows(&[f64::NAN]), &rows(&[1.0])),
            f64::INFINITY
        );
    }

    #[test]
    fn few_cases_of_which_one_is_all_or_nothing_say_little() {
        let cases = |values: &[f64]| -> Cases {
            let named = values.iter().enumerate();
            named
                .map(|(i, &value)| (format!("case-{i}"), value))
                .collect()
        };
        // The lesions of a U-Net's demo on the processor and on a GPU: one false voxel more or less in a case without
        // any is 0 or 1.
        let before = cases(&[0.832, 0.0, 0.0, 0.769, 0.604, 0.731, 0.752, 0.0, 0.895]);
        let now = cases(&[0.790, 0.0, 0.0, 0.821, 0.660, 0.722, 0.759, 1.0, 0.848]);
        let apart = DiceApart::of("lesion", &before, &now);
        assert!((apart.difference - 0.113).abs() < 1e-9, "{apart:?}");
        assert!(
            apart.difference < apart.bound && apart.bound < 0.4,
            "{apart:?}"
        );
        // All of them less by the same is no chance.
        let worse = cases(&[
            0.782, -0.05, -0.05, 0.719, 0.554, 0.681, 0.702, -0.05, 0.845,
        ]);
        let apart = DiceApart::of("lesion", &before, &worse);
        assert!(
            (apart.difference - 0.05).abs() < 1e-9 && apart.bound == 0.02,
            "{apart:?}"
        );
        let fewer = cases(&[0.832]);
        assert_eq!(
            DiceApart::of("lesion", &before, &fewer).difference,
            f64::INFINITY
        );
        assert_eq!(DiceApart::of("lesion", &fewer, &fewer).bound, 0.02);
    }
}
