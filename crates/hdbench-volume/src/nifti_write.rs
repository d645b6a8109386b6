//! NIfTI-1 out: one file, atomically, placed for nibabel and ITK alike.

use std::io::{self, Write};
use std::path::Path;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;
use nifti::{NiftiHeader, NiftiType};

use super::Volume;
use super::nifti_affine::place;
use super::nifti_header::{FIRST_VOXEL, HEADER_BYTES};
use crate::artifact::{gzip_writer, write_atomic_with};

/// NIFTI_UNITS_MM.
const MILLIMETRES: u8 = 2;

/// zlib efforts. For CT, 6 takes 1.6 times as long as 3 and saves 1 % (measured on 512 x 512 x 300
/// real voxels); for label maps it saves 40 % in a tenth of a second.
const CT_EFFORT: u32 = 3;
pub(super) const LABEL_EFFORT: u32 = 6;

/// Voxels encoded at a time.
const CHUNK: usize = 256 * 1024;

/// Writes a label map as `uint8`, packed if the name ends in `.gz`.
///
/// The file is there whole or not at all, its bytes depend on the volume alone, and sform and
/// qform place it as the geometry says.
///
/// # Errors
/// `Error::Write` if the system refuses; `Error::Usage` for a volume that NIfTI-1 cannot hold.
pub fn write_labels(path: &Path, labels: &Volume<u8>) -> Result<()> {
    write(path, labels, NiftiType::Uint8, LABEL_EFFORT, |&label| {
        [label]
    })
}

/// Writes a CT volume in whole Hounsfield units as `int16`; otherwise as [`write_labels`].
pub fn write_image(path: &Path, image: &Volume<i16>) -> Result<()> {
    write(path, image, NiftiType::Int16, CT_EFFORT, |hu| {
        hu.to_le_bytes()
    })
}

/// Writes a CT volume in Hounsfield units without losing any: as `int16` where every voxel is a
/// whole number that fits, else as `float32`; otherwise as [`write_labels`].
pub fn write_hu(path: &Path, image: &Volume<f32>) -> Result<()> {
    // The cast saturates, so that whatever does not fit is another number afterwards.
    let whole = |&hu: &f32| f32::from(hu as i16) == hu;
    if image.voxels.iter().all(whole) {
        return write(path, image, NiftiType::Int16, CT_EFFORT, |&hu| {
            (hu as i16).to_le_bytes()
        });
    }
    write(path, image, NiftiType::Float32, CT_EFFORT, |hu| {
        hu.to_le_bytes()
    })
}

fn write<T: Clone, const N: usize>(
    path: &Path,
    volume: &Volume<T>,
    datatype: NiftiType,
    effort: u32,
    encode: impl Fn(&T) -> [u8; N],
) -> Result<()> {
    let header = header_of(path, volume, datatype)?;
    let voxels = volume.voxels.as_standard_layout();
    let voxels = voxels
        .as_slice()
        .ok_or_else(|| Error::Internal("a volume in standard layout is not contiguous".into()))?;
    let fill = |out: &mut dyn Write| -> io::Result<()> {
        out.write_all(&header)?;
        // No extensions.
        out.write_all(&[0; FIRST_VOXEL as usize - HEADER_BYTES])?;
        for chunk in voxels.chunks(CHUNK) {
            let bytes: Vec<[u8; N]> = chunk.iter().map(&encode).collect();
            out.write_all(bytes.as_flattened())?;
        }
        Ok(())
    };
    let packed = path
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("gz"));
    write_atomic_with(path, |out| {
        if packed {
            let mut encoder = gzip_writer(out, effort);
            fill(&mut encoder).and_then(|()| encoder.finish().map(drop))
        } else {
            fill(out)
        }
        .map_err(Error::write(path))
    })
}

fn header_of<T>(
    path: &Path,
    volume: &Volume<T>,
    datatype: NiftiType,
) -> Result<[u8; HEADER_BYTES]> {
    let geometry = &volume.geometry;
    let shape: [usize; 3] = volume.voxels.dim().into();
    if shape != geometry.shape {
        return Err(Error::Internal(format!(
            "{}: {shape:?} voxels with the geometry of {:?}",
            path.shown(),
            geometry.shape
        )));
    }
    let mut header = NiftiHeader {
        datatype: datatype as i16,
        bitpix: 8 * datatype.size_of() as i16,
        scl_slope: 1.0,
        xyzt_units: MILLIMETRES,
        magic: *b"n+1\0",
        ..NiftiHeader::default()
    };
    header.dim = [3, 0, 0, 0, 1, 1, 1, 1];
    for (axis, &size) in shape.iter().rev().enumerate() {
        let fits = i16::try_from(size).is_ok_and(|n| n > 0);
        if !fits {
            return Err(Error::usage(
                format!(
                    "{}: an axis of {size} voxels cannot be stored in NIfTI-1",
                    path.shown()
                ),
                "NIfTI-1 holds 1 to 32767 voxels along an axis",
            ));
        }
        header.dim[axis + 1] = size as u16;
    }
    place(&mut header, geometry);
    Ok(encode_header(&header))
}

/// The 348 bytes of a header, little-endian, in the order of `nifti1.h`; fields that we never set
/// stay 0.
fn encode_header(header: &NiftiHeader) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    let mut put = |offset: usize, field: &[u8]| {
        bytes[offset..offset + field.len()].copy_from_slice(field);
    };
    let floats = |values: &[f32]| {
        values
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    put(0, &header.sizeof_hdr.to_le_bytes());
    // `regular`, which ANALYZE readers expect to be 'r'.
    put(38, b"r");
    put(40, &header.dim.map(u16::to_le_bytes).concat());
    put(70, &header.datatype.to_le_bytes());
    put(72, &header.bitpix.to_le_bytes());
    put(76, &floats(&header.pixdim));
    put(
        108,
        &floats(&[header.vox_offset, header.scl_slope, header.scl_inter]),
    );
    put(123, &[header.xyzt_units]);
    put(252, &header.qform_code.to_le_bytes());
    put(254, &header.sform_code.to_le_bytes());
    put(
        256,
        &floats(&[
            header.quatern_b,
            header.quatern_c,
            header.quatern_d,
            header.quatern_x,
            header.quatern_y,
            header.quatern_z,
        ]),
    );
    put(
        280,
        &floats(&[header.srow_x, header.srow_y, header.srow_z].concat()),
    );
    put(344, &header.magic);
    bytes
}

#[cfg(test)]
mod tests {
    use nifti::Endianness;

    use super::*;
    use crate::Geometry;

    #[test]
    fn the_header_is_what_the_nifti_crate_reads() {
        let geometry = Geometry::axis_aligned([4, 3, 2], [2.5, 0.7, 0.8]);
        let volume = Volume {
            voxels: ndarray::Array3::<i16>::zeros(geometry.shape),
            geometry,
        };
        let bytes = header_of(Path::new("x.nii"), &volume, NiftiType::Int16).unwrap();
        let read = NiftiHeader::from_reader(&bytes[..]).unwrap();
        assert_eq!(read.endianness, Endianness::Little);
        assert_eq!(read.dim, [3, 2, 3, 4, 1, 1, 1, 1]);
        assert_eq!(read.pixdim[..4], [1.0, 0.8, 0.7, 2.5]);
        assert_eq!(read.data_type().unwrap(), NiftiType::Int16);
        assert_eq!(
            (read.bitpix, read.vox_offset, read.xyzt_units),
            (16, 352.0, 2)
        );
        assert_eq!((read.scl_slope, read.scl_inter), (1.0, 0.0));
        assert_eq!((read.sform_code, read.qform_code), (1, 1));
        assert_eq!(read.srow_z, [0.0, 0.0, 2.5, 0.0]);
        assert_eq!(read.quatern_b, 0.0);
    }

    #[test]
    fn an_axis_too_long_for_nifti_1_is_refused() {
        let geometry = Geometry::axis_aligned([1, 1, 40_000], [1.0; 3]);
        let volume = Volume {
            voxels: ndarray::Array3::<u8>::zeros(geometry.shape),
            geometry,
        };
        let error = header_of(Path::new("x.nii"), &volume, NiftiType::Uint8).unwrap_err();
        assert!(error.to_string().contains("40000"), "{error}");
    }
}
