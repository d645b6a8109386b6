//! Predictions on the grids of their references.

use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;

use super::{Geometry, GridAgreement, GridDistance, Label, LabelBox, Orientation};

/// Two grids that place the same voxel in different places.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Apart {
    /// The most by which they do, mm.
    pub mm: f64,
    /// How the axes of prediction and reference run, where not alike.
    pub turned: Option<[Orientation; 2]>,
}

impl Apart {
    /// None where they agree.
    pub fn of(prediction: &Geometry, reference: &Geometry) -> Option<Self> {
        let mm = prediction.apart_mm(reference)?;
        let axes = [prediction, reference].map(Orientation::of);
        Some(Self {
            mm,
            turned: (axes[0] != axes[1]).then_some(axes),
        })
    }
}

/// A prediction on its reference's grid.
#[derive(Clone, Debug, PartialEq)]
pub struct OnGrid<T> {
    /// On the grid of the reference.
    pub prediction: LabelBox<T>,
    /// How the two files place voxels apart, if that was let pass.
    pub apart: Option<Apart>,
    /// What was done to it; to be shown to the user.
    pub note: Option<String>,
}

/// Brings a prediction onto the grid of its reference: as it is, or with its axes flipped and permuted as the two
/// affines say. With `ignore` voxels are compared by their indices. The paths of both, the prediction's first, are how
/// messages name them.
///
/// # Errors
/// `Error::Malformed` naming the prediction, with the distance and the cause, where the grids differ in more.
pub fn on_grid<T: Label>(
    paths: [&Path; 2],
    prediction: LabelBox<T>,
    reference: &Geometry,
    ignore: bool,
) -> Result<OnGrid<T>> {
    let ours = &prediction.geometry;
    let (apart, note) = match (ignore, reference.agreement(ours)) {
        // By index there is nothing to be turned.
        (true, _) if ours.shape != reference.shape => {
            return Err(of_other_shape(paths, ours, reference));
        }
        (true, _) => (Apart::of(ours, reference), None),
        (false, GridAgreement::Same) => (None, None),
        (false, GridAgreement::Turned(turn)) => {
            let note = format!(
                "{}: its axes run {}, the reference's {}: turned to the reference's grid",
                paths[0].shown(),
                Orientation::of(ours),
                Orientation::of(reference)
            );
            return Ok(OnGrid {
                prediction: turn.label_box(&prediction),
                apart: None,
                note: Some(note),
            });
        }
        (false, GridAgreement::Apart(distance)) => {
            return Err(match ours.shape == reference.shape {
                true => elsewhere(paths, &distance),
                false => of_other_shape(paths, ours, reference),
            });
        }
    };
    Ok(OnGrid {
        prediction,
        apart,
        note,
    })
}

fn of_other_shape([prediction, to]: [&Path; 2], ours: &Geometry, reference: &Geometry) -> Error {
    let sizes = |geometry: &Geometry| {
        let [z, y, x] = geometry.shape;
        format!("{x} x {y} x {z} voxels (x, y, z)")
    };
    Error::malformed(
        prediction,
        format!(
            "has {}, but the reference {} has {}",
            sizes(ours),
            to.shown(),
            sizes(reference)
        ),
        "give the prediction on the grid of its CT volume, and check that both are the same case",
    )
}

fn elsewhere([prediction, to]: [&Path; 2], distance: &GridDistance) -> Error {
    Error::malformed(
        prediction,
        format!(
            "places its voxels up to {:.2} mm away from those of the reference {} ({:.0} % of a voxel; {})",
            distance.distance_mm,
            to.shown(),
            100.0 * distance.share_of_voxel,
            distance.cause
        ),
        "check that both are of the same scan, and give the prediction the affine of its CT volume",
    )
}
