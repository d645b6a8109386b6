use serde::Serialize;

use super::batch::Batch;
use crate::network::{Input, NetworkKind, ORGANS};
use crate::recipe::{Recipe, Scale};
use crate::seed::Seed;

/// The size of a patch and how many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Patch {
    /// Patches of slices; volumes come one by one.
    pub batch: usize,
    /// Slices of a volume.
    pub depth: usize,
    /// In-plane size, divisible by 32, of the coarse net by 16.
    pub plane: usize,
    /// Parts in which a mini-batch of slices is computed.
    pub shards: usize,
}

impl Patch {
    /// What a part trains on.
    pub fn of(part: NetworkKind, recipe: &Recipe, scale: &Scale) -> Self {
        Self {
            batch: scale.batch,
            depth: scale.depth.unwrap_or(recipe.patch_depth),
            plane: match part {
                NetworkKind::Coarse => scale.coarse_patch,
                _ => scale.patch,
            },
            shards: 1,
        }
    }
}

/// A mini-batch of noise in a CT's range, with labels of all classes.
pub fn noise(part: NetworkKind, input: Input, patch: Patch, seed: Seed) -> Batch {
    let Patch {
        batch,
        depth,
        plane,
        shards: _,
    } = patch;
    let image_shape = match input {
        Input::Slices { neighbours } => [batch, 1, 2 * neighbours + 1, plane, plane],
        Input::Volume => [1, 1, depth, plane, plane],
    };
    let labels_shape = match (part, input) {
        (NetworkKind::Encoder, _) => [batch, ORGANS, 1, 1],
        (_, Input::Slices { .. }) => [batch, 1, plane, plane],
        (_, Input::Volume) => [1, depth, plane, plane],
    };
    let classes = match part {
        NetworkKind::Coarse | NetworkKind::Encoder => 2,
        NetworkKind::Variant(_) => 3,
    };
    let mut stream = seed.stream("noise");
    Batch {
        image: (0..image_shape.iter().product())
            .map(|_| (60.0 * stream.normal()) as f32)
            .collect(),
        image_shape,
        labels: (0..labels_shape.iter().product::<usize>())
            .map(|index| (index % classes) as u8)
            .collect(),
        labels_shape,
    }
}
