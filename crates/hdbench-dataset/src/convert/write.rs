use std::path::Path;
use std::sync::Mutex;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::progress::Progress;
use hdbench_ground::text::Shown as _;
use hdbench_volume::artifact::{create_dir, hash_bytes, hash_file, write_atomic};
use hdbench_volume::{Geometry, Volume, write_hu, write_labels};
use serde_json::json;

use super::plan::{Plan, Target, plans};
use super::record::{Converted, Record};
use crate::each::each;
use crate::{Case, Dataset, Pair, load_pair};

/// What became of the cases.
#[derive(Debug, Default)]
pub struct Conversion {
    /// Cases written now.
    pub written: usize,
    /// Cases that an earlier start had written.
    pub kept: usize,
    /// What was odd about the files; to be shown to the user.
    pub warnings: Vec<String>,
    /// Cases that could not be read.
    pub failures: Vec<(String, Error)>,
}

impl Conversion {
    /// An error if a case failed.
    ///
    /// # Errors
    /// `Error::Partial` naming the cases.
    pub fn verdict(&self) -> Result<()> {
        if self.failures.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = self
            .failures
            .iter()
            .map(|(case, _)| case.as_str())
            .collect();
        Err(Error::Partial {
            what: "cases",
            failed: self.failures.len(),
            total: self.failures.len() + self.written + self.kept,
            names: names.join(", "),
        })
    }
}

/// Writes a data set (found in `dir`) into `out`, at most `jobs` cases at a time. Voxels, their
/// order and their place stay; labels become 0, 1, 2; every file is there whole or not at all. A
/// case whose files an earlier start has written from the same input is kept.
///
/// # Errors
/// `Error::Usage` for an `out` inside `dir` or one that holds other volumes, and for two cases that
/// would get one name; `Error::Write`; `Error::Interrupted`. A case that cannot be read is one of
/// [`Conversion::failures`].
pub fn convert(
    dataset: &Dataset,
    dir: &Path,
    target: Target,
    out: &Path,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<Conversion> {
    let plans = plans(dataset, target)?;
    create_dir(out)?;
    refuse_inside(dir, out)?;
    let description = out.join("dataset.json");
    if target == Target::NnUnet && description.exists() && !Record::is_there(out) {
        return Err(Error::usage(
            format!(
                "{}: another data set's; it would be replaced",
                description.shown()
            ),
            "choose an empty folder",
        ));
    }
    let mut record = Record::read(out)?;
    record.clear(out, &plans)?;
    for plan in &plans {
        let planned = plan.outputs().map(|path| (path.clone(), String::new()));
        record
            .cases
            .entry(plan.case.name.clone())
            .or_insert_with(|| Converted {
                inputs: String::new(),
                outputs: planned.collect(),
            });
    }
    record.write(out)?;
    progress.plan(plans.len() as u64);
    progress.stage("", &format!("converting {} cases", plans.len()));
    let record = Mutex::new(record);
    let results = each(&plans, jobs, progress, |plan| one(plan, out, &record))?;
    let mut outcome = Conversion {
        warnings: dataset.warnings.clone(),
        ..Conversion::default()
    };
    for (plan, result) in plans.iter().zip(results) {
        match result {
            Ok(Some(warnings)) => {
                outcome.written += 1;
                outcome.warnings.extend(warnings);
            }
            Ok(None) => outcome.kept += 1,
            Err(error @ (Error::Write { .. } | Error::Internal(_))) => return Err(error),
            Err(error) => outcome.failures.push((plan.case.name.clone(), error)),
        }
    }
    if target == Target::NnUnet {
        let labelled = plans.iter().filter(|plan| plan.labels.is_some()).count();
        write_description(out, labelled)?;
    }
    Ok(outcome)
}

fn refuse_inside(dir: &Path, out: &Path) -> Result<()> {
    let real = |path: &Path| path.canonicalize().map_err(Error::read(path));
    if real(out)?.starts_with(real(dir)?) {
        return Err(Error::usage(
            format!("{}: lies in the data set itself", out.shown()),
            "choose a folder outside",
        ));
    }
    Ok(())
}

/// Writes a case and gives what was odd about it; nothing if it is there already.
fn one(plan: &Plan<'_>, out: &Path, record: &Mutex<Record>) -> Result<Option<Vec<String>>> {
    let inputs = inputs_of(plan.case)?;
    let change = |made: Option<Converted>| -> Result<Option<Converted>> {
        let mut record = record
            .lock()
            .map_err(|_| Error::Internal("another case's conversion panicked".into()))?;
        if let Some(made) = made {
            record.cases.insert(plan.case.name.clone(), made);
            record.write(out)?;
        }
        Ok(record.cases.get(&plan.case.name).cloned())
    };
    if change(None)?.is_some_and(|made| made.inputs == inputs && is_intact(out, &made)) {
        return Ok(None);
    }
    let warnings = write_case(plan, out)?;
    let outputs = plan
        .outputs()
        .map(|path| Ok((path.clone(), hash_file(&out.join(path))?)))
        .collect::<Result<_>>()?;
    change(Some(Converted { inputs, outputs }))?;
    Ok(Some(warnings))
}

fn inputs_of(case: &Case) -> Result<String> {
    let mut text = case.reading();
    for file in case.files()? {
        text += &hash_file(&file)?;
    }
    Ok(hash_bytes(text.as_bytes()))
}

fn is_intact(out: &Path, made: &Converted) -> bool {
    let same = |(path, hash): (&String, &String)| {
        hash_file(&out.join(path)).is_ok_and(|found| found == *hash)
    };
    made.outputs.iter().all(same)
}

fn write_case(plan: &Plan<'_>, out: &Path) -> Result<Vec<String>> {
    let Some(labels_path) = &plan.labels else {
        let mut image = plan.case.read_image()?;
        store_true_spacing(&mut image.geometry);
        write_hu(&out.join(&plan.image), &image)?;
        return Ok(Vec::new());
    };
    let Pair {
        mut image,
        labels,
        warnings,
    } = load_pair(plan.case)?;
    store_true_spacing(&mut image.geometry);
    write_hu(&out.join(&plan.image), &image)?;
    let labels = Volume {
        voxels: labels.voxels,
        geometry: image.geometry,
    };
    write_labels(&out.join(labels_path), &labels)?;
    Ok(warnings)
}

/// Where the header's voxel sizes were corrected, the corrected ones are written.
fn store_true_spacing(geometry: &mut Geometry) {
    for axis in 0..3 {
        let (mm, stored) = (geometry.spacing_mm[axis], geometry.stored_spacing_mm[axis]);
        if (mm - f64::from(stored)).abs() > 1e-4 * mm {
            geometry.stored_spacing_mm[axis] = mm as f32;
        }
    }
}

fn write_description(out: &Path, labelled: usize) -> Result<()> {
    let description = json!({
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, "liver": 1, "tumor": 2},
        "numTraining": labelled,
        "file_ending": ".nii.gz",
    });
    let text =
        serde_json::to_vec_pretty(&description).map_err(|e| Error::Internal(e.to_string()))?;
    write_atomic(&out.join("dataset.json"), &text)
}
