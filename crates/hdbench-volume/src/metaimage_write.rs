//! MetaImage out: one `.mha` file, atomically, placed as ITK reads it.

use std::io::{self, Write};
use std::path::Path;

use hdbench_ground::error::{Error, Result};

use super::{Geometry, Volume};
use crate::artifact::write_atomic_with;

/// Voxels encoded at a time.
const CHUNK: usize = 256 * 1024;

/// Writes a CT volume in Hounsfield units as a MetaImage file with its voxels behind the header, not packed: as
/// `MET_SHORT` where every voxel is a whole number that fits, else as `MET_FLOAT`.
///
/// The file is there whole or not at all, and its bytes depend on the volume alone. A sheared grid, whose axes are not
/// perpendicular, keeps its directions, though ITK takes none such.
///
/// # Errors
/// `Error::Write` if the system refuses.
pub fn write_hu_metaimage(path: &Path, image: &Volume<f32>) -> Result<()> {
    // The cast saturates, so that whatever does not fit is another number afterwards.
    let is_whole = image.voxels.iter().all(|&hu| f32::from(hu as i16) == hu);
    match is_whole {
        true => write(path, image, "MET_SHORT", |hu| (hu as i16).to_le_bytes()),
        false => write(path, image, "MET_FLOAT", f32::to_le_bytes),
    }
}

fn write<const N: usize>(
    path: &Path,
    image: &Volume<f32>,
    element: &str,
    encode: impl Fn(f32) -> [u8; N],
) -> Result<()> {
    let header = header(&image.geometry, element);
    let voxels = image.voxels.as_standard_layout();
    let voxels = voxels
        .as_slice()
        .ok_or_else(|| Error::Internal("a volume in standard layout is not contiguous".into()))?;
    write_atomic_with(path, |out| {
        let fill = |out: &mut dyn Write| -> io::Result<()> {
            out.write_all(header.as_bytes())?;
            for chunk in voxels.chunks(CHUNK) {
                let bytes: Vec<[u8; N]> = chunk.iter().map(|&hu| encode(hu)).collect();
                out.write_all(bytes.as_flattened())?;
            }
            Ok(())
        };
        fill(out).map_err(Error::write(path))
    })
}

/// Right and anterior become left and posterior.
fn header(geometry: &Geometry, element: &str) -> String {
    const TO_LPS: [f64; 3] = [-1.0, -1.0, 1.0];
    let list = |numbers: Vec<f64>| {
        // Plus 0 takes a zero's sign away.
        let words: Vec<String> = numbers
            .iter()
            .map(|number| (number + 0.0).to_string())
            .collect();
        words.join(" ")
    };
    let [z, y, x] = geometry.shape;
    let [sz, sy, sx] = geometry.spacing_mm;
    let affine = &geometry.affine;
    // One axis after the other, x first, each its direction.
    let directions = [(0, sx), (1, sy), (2, sz)]
        .into_iter()
        .flat_map(|(column, mm)| [0, 1, 2].map(|row| TO_LPS[row] * affine[row][column] / mm));
    let origin = [0, 1, 2].map(|row| TO_LPS[row] * affine[row][3]);
    format!(
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = False\n\
         TransformMatrix = {}\nOffset = {}\nCenterOfRotation = 0 0 0\nElementSpacing = {}\nDimSize = {x} {y} {z}\n\
         ElementType = {element}\nElementDataFile = LOCAL\n",
        list(directions.collect()),
        list(origin.to_vec()),
        list(vec![sx, sy, sz]),
    )
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;
    use crate::{ImageFormat, read_header, read_image};

    #[test]
    fn what_is_written_is_read_again_in_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let mut geometry = Geometry::axis_aligned([3, 4, 5], [2.5, 0.75, 0.5]);
        // x to the left, y and z turned into each other.
        geometry.affine = [
            [-0.5, 0.0, 0.0, 12.25],
            [0.0, 0.0, 2.5, -30.0],
            [0.0, 0.75, 0.0, 7.0],
            [0.0, 0.0, 0.0, 1.0],
        ];
        for (shift, datatype) in [(0.0, "int16"), (0.25, "float32")] {
            let voxels = Array3::from_shape_fn(geometry.shape, |(z, y, x)| {
                (z * 20 + y * 5 + x) as f32 - 1000.0 + shift
            });
            let image = Volume {
                voxels,
                geometry: geometry.clone(),
            };
            let path = dir.path().join("a.mha");
            write_hu_metaimage(&path, &image).unwrap();
            let header = read_header(&path).unwrap();
            assert_eq!(header.format, ImageFormat::MetaImage);
            assert_eq!(header.datatype, datatype);
            assert_eq!(header.notes, []);
            assert_eq!(read_image(&path).unwrap(), image);
        }
    }
}
