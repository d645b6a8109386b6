//! The instances of both sides, and the voxels they share.

use hdbench_volume::Geometry;
use hdbench_volume::components::Connectivity;

use crate::masks::Masks;
use crate::metrics::BitMask;
use crate::metrics::dilation::{dilated, dilated_by_mm, reach_of};
use crate::metrics::regions::{Regions, Shared, shared};
use crate::structures::{Dilation, Instances, InstancesBy};

/// The instances of prediction and reference.
pub struct Sides {
    pub prediction: Regions,
    pub reference: Regions,
    /// The values of the predicted and of the reference's instances, where these tell them apart.
    pub values: Option<[Vec<u16>; 2]>,
    /// Which of them share voxels.
    pub shared: Vec<Shared>,
}

impl Sides {
    /// Finds the instances of two masks.
    pub fn of(masks: &mut Masks, instances: &Instances, geometry: &Geometry) -> Self {
        let (prediction, mut reference, values) = match (masks.by_value.take(), instances.by) {
            (Some([prediction, reference]), _) => {
                let (p, r) = (prediction, reference);
                (p.regions, r.regions, Some([p.values, r.values]))
            }
            (None, by) => {
                let connectivity = connectivity_of(by);
                let (prediction, reference) = rayon::join(
                    || Regions::of(&masks.prediction, connectivity),
                    || Regions::of(&masks.reference, connectivity),
                );
                (prediction, reference, None)
            }
        };
        let mut values = values;
        if let Some(dilation) = instances.consolidation {
            let connectivity = connectivity_of(instances.by);
            let room = room(dilation, masks.reference.is_planar(), geometry);
            let grow = |mask: &BitMask| grown(mask, dilation, geometry);
            reference = Regions::consolidated(&masks.reference, connectivity, room, grow);
            // An instance of several values has none.
            values = None;
        }
        let shared = shared(&prediction, &reference);
        Self {
            prediction,
            reference,
            values,
            shared,
        }
    }
}

fn connectivity_of(by: InstancesBy) -> Connectivity {
    match by {
        InstancesBy::Components(connectivity)
        | InstancesBy::ComponentsOfEachValue(connectivity) => connectivity,
        InstancesBy::Values => Connectivity::TwentySix,
    }
}

/// How many voxels `[z, y, x]` a dilation reaches.
pub fn room(dilation: Dilation, is_planar: bool, geometry: &Geometry) -> [usize; 3] {
    let [z, y, x] = match dilation {
        Dilation::Steps(steps) => [steps as usize; 3],
        Dilation::Mm(mm) => reach_of(mm, geometry.spacing_mm),
    };
    [if is_planar { 0 } else { z }, y, x]
}

/// A mask that has grown within its box.
pub fn grown(mask: &BitMask, dilation: Dilation, geometry: &Geometry) -> BitMask {
    match dilation {
        Dilation::Steps(steps) => dilated(mask, steps),
        Dilation::Mm(mm) => dilated_by_mm(mask, mm, geometry.spacing_mm),
    }
}
