//! The training set as `train` finds it: nnU-Net's layout, and lists.

use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_volume::artifact::{create_dir, write_atomic};
use serde_json::json;

use super::convert::{Link, Source, as_nifti};
use super::staged::{remove_folder, staged_names};
use crate::job::{CaseInput, Job};
use crate::table::algorithm::InputLayout;

/// A case to train on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainingCase {
    /// Its name in the study.
    pub name: String,
    /// Its CT, as in [`crate::CaseInput`].
    pub image: PathBuf,
    /// Its label map, NIfTI: 0 background, 1 liver, 2 lesion.
    pub labels: PathBuf,
}

/// Fills a folder with a fold's training cases, and nothing else: no case that it is tested on is in sight.
///
/// ```text
/// imagesTr/CASE_0000.nii.gz   labelsTr/CASE.nii.gz
/// dataset.json                what nnU-Net wants to know
/// splits_final.json           one split for each fold up to the job's: train and val both have every case
/// train.txt                   a name a line
/// ```
///
/// Labels keep the numbers 0, 1 and 2. nnU-Net validates while it trains, which is for display; with `val` the
/// training cases themselves, as its own fold `all` has it, nothing is chosen by cases that it is tested on.
///
/// # Errors
/// `Error::Read` and `Error::Malformed` for a case's files; `Error::Write`.
pub fn stage_training(job: &Job<'_>, folder: &Path, cases: &[TrainingCase]) -> Result<()> {
    remove_folder(folder)?;
    let [images, labels] = ["imagesTr", "labelsTr"].map(|name| folder.join(name));
    create_dir(&images)?;
    create_dir(&labels)?;
    let link = if job.container.is_some() {
        Link::Real
    } else {
        Link::Symbolic
    };
    let inputs: Vec<CaseInput> = cases
        .iter()
        .map(|case| CaseInput {
            name: case.name.clone(),
            image: case.image.clone(),
        })
        .collect();
    let names = staged_names(InputLayout::Nnunet, &inputs);
    for (case, name) in cases.iter().zip(&names) {
        let image = images.join(format!("{name}_0000.nii.gz"));
        as_nifti(&case.image, Source::of(&case.image)?, true, &image, link)?;
        if Source::of(&case.labels)? != Source::Nifti {
            return Err(Error::malformed(
                &case.labels,
                "is no NIfTI file by its name, and label maps are handed on as they are",
                "convert its label maps to NIfTI",
            ));
        }
        as_nifti(
            &case.labels,
            Source::Nifti,
            true,
            &labels.join(format!("{name}.nii.gz")),
            link,
        )?;
    }
    let split = json!({"train": names, "val": names});
    let splits: Vec<_> = (0..=job.fold).map(|_| split.clone()).collect();
    write(
        &folder.join("splits_final.json"),
        &format!("{:#}\n", json!(splits)),
    )?;
    write(
        &folder.join("dataset.json"),
        &format!("{:#}\n", dataset(names.len())),
    )?;
    let list: String = names.iter().map(|name| format!("{name}\n")).collect();
    write(&folder.join("train.txt"), &list)
}

/// As nnU-Net v2 reads it.
fn dataset(cases: usize) -> serde_json::Value {
    json!({
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, "liver": 1, "tumor": 2},
        "numTraining": cases,
        "file_ending": ".nii.gz",
    })
}

fn write(path: &Path, text: &str) -> Result<()> {
    write_atomic(path, text.as_bytes())
}
