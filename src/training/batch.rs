use burn::tensor::{Device, Tensor, TensorData};

/// A label that takes no part in the loss: a voxel outside the scan.
pub const IGNORED: u8 = 255;

/// Training patches as numbers; what a sampler draws.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// HU minus the mean, `[n, 1, s, y, x]`.
    pub image: Vec<f32>,
    pub image_shape: [usize; 5],
    /// One class a voxel `[n, z, y, x]`, or 0 and 1 for every organ of a patch `[n, organs]`;
    /// [`IGNORED`] takes no part.
    pub labels: Vec<u8>,
    /// `[n, z, y, x]`; `[n, organs, 1, 1]` for organs of a patch.
    pub labels_shape: [usize; 4],
}

impl Batch {
    /// Patches.
    pub fn len(&self) -> usize {
        self.image_shape[0]
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Labels that take part.
    pub fn counted(&self) -> usize {
        let counts = |&&label: &&u8| label != IGNORED;
        self.labels.iter().filter(counts).count()
    }

    /// The patches in `parts` parts, their sizes as equal as they can be; in fewer where there are
    /// fewer patches. With each part the number of its first patch.
    pub fn shards(&self, parts: usize) -> Vec<(usize, Self)> {
        let parts = parts.clamp(1, self.len().max(1));
        let image = self.image.len() / self.len().max(1);
        let labels = self.labels.len() / self.len().max(1);
        let begin = |part: usize| part * self.len() / parts;
        (0..parts)
            .map(|part| {
                let (first, end) = (begin(part), begin(part + 1));
                let mut shard = Self {
                    image: self.image[first * image..end * image].to_vec(),
                    labels: self.labels[first * labels..end * labels].to_vec(),
                    ..*self
                };
                shard.image_shape[0] = end - first;
                shard.labels_shape[0] = end - first;
                (first, shard)
            })
            .collect()
    }

    /// The image on a device.
    pub fn image(&self, device: &Device) -> Tensor<5> {
        Tensor::from_data(
            TensorData::new(self.image.clone(), self.image_shape),
            device,
        )
    }
}
