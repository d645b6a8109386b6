//! Label maps with the header of another image, byte for byte but for what describes the voxels.

use std::io::Write;
use std::path::{Path, PathBuf};

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;
use ndarray::ArrayView3;
use nifti::NiftiType;

use super::ImageHeader;
use super::nifti_header::{FIRST_VOXEL, HEADER_BYTES, NIFTI, layout_of};
use super::nifti_write::LABEL_EFFORT;
use crate::artifact::{MaybeGzip, gzip_writer, write_atomic_with};

/// The header of an image, to be given to label maps on its grid.
///
/// What a reader makes of the place of the voxels depends on sform, qform, their codes, the voxel
/// sizes and the units, and readers differ. All of them are kept as they are, so that no reader can
/// tell the place of the label map from that of the image.
#[derive(Clone, Debug, PartialEq)]
pub struct HeaderTemplate {
    path: PathBuf,
    bytes: [u8; HEADER_BYTES],
    big_endian: bool,
    header: ImageHeader,
}

impl HeaderTemplate {
    /// Reads the header of a `.nii` or `.nii.gz`; errors as [`super::read_header`].
    pub fn read(path: &Path) -> Result<Self> {
        let mut bytes = [0; HEADER_BYTES];
        let read = MaybeGzip::open(path)?.fill(&mut bytes)?;
        let layout = layout_of(path, &bytes[..read], NIFTI)?;
        Ok(Self {
            path: path.to_path_buf(),
            bytes,
            big_endian: layout.big_endian,
            header: layout.header,
        })
    }

    /// What it says.
    pub fn header(&self) -> &ImageHeader {
        &self.header
    }

    /// A whole NIfTI-1 file of labels `[z, y, x]` in the order of the image: `uint8`, three axes, no
    /// scaling, no extensions. The bytes depend on header and labels alone.
    ///
    /// # Errors
    /// `Error::Internal` for labels of another shape than the image's.
    pub fn label_file(&self, labels: ArrayView3<'_, u8>) -> Result<Vec<u8>> {
        let shape: [usize; 3] = labels.dim().into();
        let expected = self.header.geometry.shape;
        if shape != expected {
            return Err(Error::Internal(format!(
                "{}: {shape:?} labels for an image of {expected:?}",
                self.path.shown()
            )));
        }
        let mut file = Vec::with_capacity(FIRST_VOXEL as usize + labels.len());
        file.extend(self.label_header());
        file.resize(FIRST_VOXEL as usize, 0);
        match labels.as_slice() {
            Some(labels) => file.extend_from_slice(labels),
            None => file.extend(labels.iter()),
        }
        Ok(file)
    }

    /// Writes such a file; the name decides whether it is gzip-compressed (`.nii.gz`).
    ///
    /// # Errors
    /// As [`HeaderTemplate::label_file`]; `Error::Write`.
    pub fn write_labels(&self, path: &Path, labels: ArrayView3<'_, u8>) -> Result<()> {
        let file = self.label_file(labels)?;
        let packed = path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("gz"));
        write_atomic_with(path, |out| {
            if packed {
                let mut encoder = gzip_writer(out, LABEL_EFFORT);
                encoder
                    .write_all(&file)
                    .and_then(|()| encoder.finish().map(drop))
            } else {
                out.write_all(&file)
            }
            .map_err(Error::write(path))
        })
    }

    /// Offsets as in `nifti1.h`.
    fn label_header(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = self.bytes;
        let mut put = |offset: usize, little: &[u8]| {
            let field = &mut bytes[offset..offset + little.len()];
            field.copy_from_slice(little);
            if self.big_endian {
                field.reverse();
            }
        };
        let [nz, ny, nx] = self.header.geometry.shape;
        // An image of fewer or more axes becomes a volume of three; the reader has seen that each
        // size fits an i16.
        for (axis, size) in [3, nx, ny, nz, 1, 1, 1, 1].into_iter().enumerate() {
            put(40 + 2 * axis, &(size as u16).to_le_bytes());
        }
        // intent_p1..3, intent_code
        put(56, &[0; 4]);
        put(60, &[0; 4]);
        put(64, &[0; 4]);
        put(68, &[0; 2]);
        put(70, &(NiftiType::Uint8 as i16).to_le_bytes());
        put(72, &8_i16.to_le_bytes());
        put(108, &(FIRST_VOXEL as f32).to_le_bytes());
        put(112, &1_f32.to_le_bytes());
        put(116, &0_f32.to_le_bytes());
        // cal_max, cal_min: the window of a CT shows no label.
        put(124, &[0; 4]);
        put(128, &[0; 4]);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;
    use crate::{Geometry, Volume, read_header, read_labels, write_hu};

    /// A CT of float32 with a window, an oblique sform and another qform.
    fn image(folder: &Path) -> PathBuf {
        let path = folder.join("ct.nii");
        let mut geometry = Geometry::axis_aligned([2, 3, 4], [2.5, 0.7, 0.8]);
        geometry.affine[0][3] = -171.3;
        let voxels = Array3::from_shape_fn((2, 3, 4), |(z, y, x)| 0.5 + (z + y + x) as f32);
        write_hu(&path, &Volume { voxels, geometry }).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[124..128].copy_from_slice(&250_f32.to_le_bytes());
        bytes[252..254].copy_from_slice(&2_i16.to_le_bytes());
        bytes[268..272].copy_from_slice(&9_f32.to_le_bytes());
        std::fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn only_what_describes_the_voxels_differs() {
        let folder = tempfile::tempdir().unwrap();
        let path = image(folder.path());
        let template = HeaderTemplate::read(&path).unwrap();
        let labels = Array3::from_shape_fn((2, 3, 4), |(z, _, x)| ((z + x) % 3) as u8);
        let file = template.label_file(labels.view()).unwrap();
        let ct = std::fs::read(&path).unwrap();
        let changed: Vec<usize> = (0..HEADER_BYTES).filter(|&i| file[i] != ct[i]).collect();
        // datatype 16 to 2, bitpix 32 to 8, cal_max.
        assert_eq!(changed, [70, 72, 126, 127]);
        let out = folder.path().join("labels.nii");
        std::fs::write(&out, &file).unwrap();
        assert_eq!(read_labels(&out).unwrap().voxels, labels);
        let (found, expected) = (read_header(&out).unwrap(), read_header(&path).unwrap());
        assert_eq!(found.geometry, expected.geometry);
        assert_eq!(found.datatype, "uint8");
        let wrong = Array3::zeros((3, 2, 4));
        assert!(template.label_file(wrong.view()).is_err());
    }

    #[test]
    fn a_big_endian_header_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = image(folder.path());
        let mut bytes = std::fs::read(&path).unwrap();
        for (start, end, size) in [
            (0, 4, 4),
            (40, 56, 2),
            (56, 68, 4),
            (68, 76, 2),
            (76, 120, 4),
            (124, 132, 4),
            (252, 256, 2),
            (256, 328, 4),
        ] {
            bytes[start..end].chunks_mut(size).for_each(<[u8]>::reverse);
        }
        std::fs::write(&path, bytes).unwrap();
        let template = HeaderTemplate::read(&path).unwrap();
        let labels = Array3::from_elem((2, 3, 4), 2);
        let out = folder.path().join("labels.nii");
        std::fs::write(&out, template.label_file(labels.view()).unwrap()).unwrap();
        assert_eq!(read_labels(&out).unwrap().voxels, labels);
        let found = read_header(&out).unwrap();
        assert_eq!(found.geometry, template.header().geometry);
    }
}
