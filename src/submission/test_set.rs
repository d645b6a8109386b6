use std::collections::{BTreeMap, BTreeSet};

use super::challenge::Challenge;
use super::naming::CaseNumbers;
use crate::dataset::Case;
use crate::error::{Error, Result};
use crate::volume::{Geometry, HeaderTemplate, Orientation};

/// Voxel sizes that differ by less than this share are the same but for rounding to f32.
const SAME_SIZE: f64 = 1e-4;

/// A CT volume that wants a segmentation.
#[derive(Clone, Debug)]
pub struct TestVolume {
    /// The number in its name.
    pub number: u32,
    /// How messages name it.
    pub name: String,
    /// The header that its segmentation gets.
    pub template: HeaderTemplate,
    /// Where its voxels really lie; differs from what the header says for test volume 59, whose
    /// second and third axis are swapped.
    pub geometry: Geometry,
}

/// The volumes that a submission is about.
#[derive(Clone, Debug)]
pub struct TestSet {
    /// What the submission is for.
    pub challenge: Challenge,
    /// By number.
    pub volumes: BTreeMap<u32, TestVolume>,
    /// Test volumes that are there and were not asked for.
    pub others: BTreeSet<u32>,
}

/// How an image lies on the grid of a test volume.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fit {
    /// Voxel for voxel.
    Same,
    /// On the same voxels, whose axes run otherwise in the file; the test volume's run so.
    Turned(Orientation),
    /// As many voxels, which the header places elsewhere.
    Moved {
        /// By so much at most.
        apart_mm: f64,
    },
    /// On another grid.
    Other,
}

impl TestSet {
    /// Reads the headers of test volumes (of [`Challenge::find_test`]) but for those that the challenge leaves out; with
    /// `only`, of those numbers alone.
    ///
    /// # Errors
    /// Those of the reader; `Error::Usage` if a number of `only` is not among them.
    pub fn read(challenge: &Challenge, cases: &[Case], only: Option<&CaseNumbers>) -> Result<Self> {
        let mut set = Self {
            challenge: challenge.clone(),
            volumes: BTreeMap::new(),
            others: BTreeSet::new(),
        };
        for case in cases.iter().filter(|case| !challenge.leaves_out(case.id)) {
            if only.is_some_and(|only| !only.contains(case.id)) {
                set.others.insert(case.id);
                continue;
            }
            set.volumes.insert(case.id, TestVolume::read(case)?);
        }
        let absent = only
            .into_iter()
            .flat_map(CaseNumbers::iter)
            .find(|number| !set.volumes.contains_key(number));
        if let Some(number) = absent {
            let name = challenge.volume_name(number);
            let problem = match challenge.leaves_out(number) {
                true => format!("the challenge takes no segmentation of {name}"),
                false => format!("there is no {name}.nii or .nii.gz to submit"),
            };
            return Err(Error::usage(
                problem,
                "name numbers of the test folder, such as 3,7-9",
            ));
        }
        Ok(set)
    }
}

impl TestVolume {
    /// Reads a volume's header; errors as [`crate::volume::read_header`].
    pub fn read(case: &Case) -> Result<Self> {
        Ok(Self {
            number: case.id,
            name: case.name.clone(),
            template: HeaderTemplate::read(&case.image)?,
            geometry: case.read_geometry()?,
        })
    }

    /// What its header says.
    pub fn stored_geometry(&self) -> &Geometry {
        &self.template.header().geometry
    }

    /// How an image with this geometry lies on the volume's grid.
    pub(super) fn fit(&self, image: &Geometry) -> Fit {
        let stored = self.stored_geometry();
        let apart_mm = (image.shape == stored.shape).then(|| image.apart_mm(stored));
        if apart_mm == Some(None) {
            return Fit::Same;
        }
        let canonical =
            |geometry: &Geometry| Orientation::of(geometry).geometry_to_canonical(geometry);
        let ours = canonical(image);
        for target in [stored, &self.geometry] {
            let theirs = canonical(target);
            // Where the axes already run alike, there is nothing to turn.
            let turned = Orientation::of(image) != Orientation::of(target);
            if turned && ours.shape == theirs.shape && ours.apart_mm(&theirs).is_none() {
                return Fit::Turned(Orientation::of(target));
            }
        }
        match apart_mm.flatten() {
            Some(apart_mm) => Fit::Moved { apart_mm },
            None => Fit::Other,
        }
    }
}

/// Whether stored voxel sizes agree but for rounding.
pub(super) fn same_spacing(a: &Geometry, b: &Geometry) -> bool {
    a.stored_spacing_mm
        .iter()
        .zip(&b.stored_spacing_mm)
        .all(|(&a, &b)| {
            let (a, b) = (f64::from(a), f64::from(b));
            (a - b).abs() <= SAME_SIZE * a.max(b)
        })
}
