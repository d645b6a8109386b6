//! Predicted instances that touch the dilation of one of the reference.

use hdbench_volume::Geometry;
use rayon::prelude::*;

use super::sides::{Sides, grown, room};
use crate::metrics::regions::{box_of, roomy};
use crate::structures::Dilation;

/// For each instance of the reference the predicted ones that touch it once it has grown, ascending; without a
/// dilation those that share a voxel with it.
pub fn touching(
    sides: &Sides,
    dilation: Option<Dilation>,
    is_planar: bool,
    geometry: &Geometry,
) -> Vec<Vec<u32>> {
    let count = sides.reference.sizes().len();
    let Some(dilation) = dilation else {
        let mut touched = vec![Vec::new(); count];
        for pair in &sides.shared {
            touched[pair.reference as usize - 1].push(pair.prediction);
        }
        return touched;
    };
    let room = room(dilation, is_planar, geometry);
    let by_reference = sides.reference.by_region();
    let by_prediction = sides.prediction.by_region();
    (1..=count as u32)
        .into_par_iter()
        .map(|id| {
            let Some(bounds) = box_of(by_reference.runs(id)) else {
                return Vec::new();
            };
            let mask = roomy(bounds, is_planar, room, by_reference.runs(id));
            by_prediction.touched(&grown(&mask, dilation, geometry), bounds, room)
        })
        .collect()
}
