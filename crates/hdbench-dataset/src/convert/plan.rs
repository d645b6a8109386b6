use std::collections::BTreeMap;

use hdbench_ground::error::{Error, Result};

use crate::{Case, Dataset};

/// The layout that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// `volume-N.nii.gz` and `segmentation-N.nii.gz`; `test-volume-N.nii.gz`.
    Lits,
    /// nnU-Net v2 raw: `imagesTr/CASE_0000.nii.gz`, `labelsTr/CASE.nii.gz`, `dataset.json`; cases
    /// without labels in `imagesTs`.
    NnUnet,
}

/// A case and the files it becomes.
pub(super) struct Plan<'a> {
    pub case: &'a Case,
    pub image: String,
    pub labels: Option<String>,
}

impl Plan<'_> {
    pub fn outputs(&self) -> impl Iterator<Item = &String> {
        [Some(&self.image), self.labels.as_ref()]
            .into_iter()
            .flatten()
    }
}

/// The files that each case becomes.
pub(super) fn plans(dataset: &Dataset, target: Target) -> Result<Vec<Plan<'_>>> {
    let test = |place: usize| place >= dataset.cases.len();
    let plans: Vec<Plan<'_>> = dataset
        .all_cases()
        .enumerate()
        .map(|(place, case)| {
            let (id, name) = (case.id, &case.name);
            let labelled = case.has_labels();
            let (image, labels) = match target {
                Target::Lits if test(place) => (format!("test-volume-{id}.nii.gz"), None),
                Target::Lits => (
                    format!("volume-{id}.nii.gz"),
                    labelled.then(|| format!("segmentation-{id}.nii.gz")),
                ),
                Target::NnUnet if labelled => (
                    format!("imagesTr/{name}_0000.nii.gz"),
                    Some(format!("labelsTr/{name}.nii.gz")),
                ),
                Target::NnUnet => (format!("imagesTs/{name}_0000.nii.gz"), None),
            };
            Plan {
                case,
                image,
                labels,
            }
        })
        .collect();
    let mut taken = BTreeMap::new();
    for plan in &plans {
        if let Some(first) = taken.insert(&plan.image, &plan.case.name) {
            return Err(Error::usage(
                format!(
                    "{first} and {} would both become {}",
                    plan.case.name, plan.image
                ),
                "convert to nnunet, which keeps the names",
            ));
        }
    }
    Ok(plans)
}
