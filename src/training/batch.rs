use burn::tensor::{Device, Tensor, TensorData};

/// Training patches as numbers; what a sampler draws.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// HU minus the mean, `[n, 1, s, y, x]`.
    pub image: Vec<f32>,
    pub image_shape: [usize; 5],
    /// One class a voxel `[n, z, y, x]`, or one a patch `[n]`; [`super::IGNORED`] takes no part.
    pub labels: Vec<u8>,
    /// `[n, z, y, x]`; `[n, 1, 1, 1]` for one a patch.
    pub labels_shape: [usize; 4],
}

impl Batch {
    /// The image on a device.
    pub fn image(&self, device: &Device) -> Tensor<5> {
        Tensor::from_data(
            TensorData::new(self.image.clone(), self.image_shape),
            device,
        )
    }
}
