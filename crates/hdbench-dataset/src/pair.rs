use hdbench_volume::Volume;

/// A CT volume and its label map on one grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// Hounsfield units, `[z, y, x]` in file order.
    pub image: Volume<f32>,
    /// 0 background, 1 liver, 2 tumour; always with the geometry of the image.
    pub labels: Volume<u8>,
    /// What was odd about the files and how it was taken; to be shown to the user.
    pub warnings: Vec<String>,
}

impl Pair {
    /// Whether the label map has a tumour voxel.
    pub fn has_tumour(&self) -> bool {
        self.labels.voxels.iter().any(|&label| label == 2)
    }
}
