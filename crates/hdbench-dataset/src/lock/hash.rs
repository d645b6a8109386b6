use hdbench_volume::{Orientation, Volume};
use ndarray::Array3;

use crate::fingerprint::whole;

/// Values hashed at a time.
const CHUNK: usize = 64 * 1024;

/// BLAKE3 of an image in canonical (RAS) orientation: the three sizes `[z, y, x]` as 8 bytes each,
/// then every value, rounded to whole HU, as 4 bytes, x fastest; all little endian.
pub fn hash_image(image: &Volume<f32>) -> String {
    let canonical = Orientation::of(&image.geometry).array_to_canonical(image.voxels.view());
    hash_array(&canonical, |&hu| whole(hu).to_le_bytes())
}

/// BLAKE3 of a label map (0 background, 1 liver, 2 tumour) in canonical orientation: the three
/// sizes as in [`hash_image`], then one byte a voxel.
pub fn hash_labels(labels: &Volume<u8>) -> String {
    let canonical = Orientation::of(&labels.geometry).array_to_canonical(labels.voxels.view());
    hash_array(&canonical, |&label| [label])
}

fn hash_array<T, const N: usize>(voxels: &Array3<T>, bytes: impl Fn(&T) -> [u8; N]) -> String {
    let mut hasher = blake3::Hasher::new();
    for &size in voxels.shape() {
        hasher.update(&(size as u64).to_le_bytes());
    }
    let mut buffer = Vec::with_capacity(N * CHUNK);
    for value in voxels {
        buffer.extend(bytes(value));
        if buffer.len() == N * CHUNK {
            hasher.update(&buffer);
            buffer.clear();
        }
    }
    hasher.update(&buffer);
    hasher.finalize().to_hex().to_string()
}
