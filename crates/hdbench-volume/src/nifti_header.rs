//! The checked header of a NIfTI-1 file: everything is doubted before a voxel is read.

use std::path::Path;

use hdbench_ground::error::{Error, Result};
use nifti::{Endianness, NiftiHeader, NiftiType};

use super::Geometry;
use super::extent::{check_size, check_voxels, disagreement, one_slice, unlikely_unit};
use super::geometry::column_lengths;
use super::layout::{HeaderNote, ImageFormat, ImageHeader, Layout, Place, Skip, Stored};
use super::nifti_affine::{Placement, affine_of};
use super::text_header::is_metaimage;

/// `sizeof_hdr` of NIfTI-1 (and of ANALYZE 7.5).
pub(super) const HEADER_BYTES: usize = 348;
/// `sizeof_hdr` of NIfTI-2.
const NIFTI2_HEADER_BYTES: i32 = 540;
/// The header and the four bytes that announce extensions: the earliest place for voxels.
pub(super) const FIRST_VOXEL: u64 = 352;

/// Checks a header, of which `bytes` are all that there is. `expected` is what the caller takes.
pub(super) fn layout_of(path: &Path, bytes: &[u8], expected: &str) -> Result<Layout> {
    let big_endian = recognise(path, bytes, expected)?;
    let header = NiftiHeader::from_reader(bytes).map_err(|e| {
        Error::malformed(
            path,
            format!("the NIfTI-1 header cannot be read: {e}"),
            RE_EXPORT,
        )
    })?;
    check_layout(&header, big_endian).map_err(|problem| Error::malformed(path, problem, RE_EXPORT))
}

/// What only NIfTI is taken by.
pub(super) const NIFTI: &str = "a NIfTI-1 file (.nii or .nii.gz)";

const RE_EXPORT: &str =
    "export the image again with the tool that wrote it, or re-save it with nibabel or ITK-SNAP";

/// Whether the header is big-endian; an error for everything that is no single NIfTI-1 file.
fn recognise(path: &Path, bytes: &[u8], expected: &str) -> Result<bool> {
    let refuse = |problem: String, hint: &str| Err(Error::malformed(path, problem, hint));
    let not_nifti = |found: &str| {
        refuse(
            format!("expected {expected}, found {found}"),
            "convert the image to NIfTI-1 first, for example with dcm2niix, ITK-SNAP or nibabel",
        )
    };
    if bytes.starts_with(b"NRRD") {
        return not_nifti("an NRRD file");
    }
    if is_metaimage(path, bytes) {
        return not_nifti("a MetaImage file");
    }
    if bytes.starts_with(b"PK") {
        return not_nifti("a zip archive");
    }
    if bytes.get(128..132) == Some(b"DICM") {
        return not_nifti("a DICOM file");
    }
    let size: Option<[u8; 4]> = bytes.get(..4).and_then(|b| b.try_into().ok());
    let sizes = size.map(|b| [i32::from_le_bytes(b), i32::from_be_bytes(b)]);
    let Some(sizes) = sizes else {
        return not_nifti(&format!("{} bytes in all", bytes.len()));
    };
    if sizes.contains(&NIFTI2_HEADER_BYTES) {
        return refuse(
            "expected NIfTI-1, found NIfTI-2".to_owned(),
            "save it as NIfTI-1; in nibabel: nib.Nifti1Image(img.dataobj, img.affine).to_filename(...)",
        );
    }
    let Some(endian) = sizes.iter().position(|&s| s == HEADER_BYTES as i32) else {
        return not_nifti("a file that begins otherwise");
    };
    let Some(magic) = bytes.get(344..HEADER_BYTES) else {
        return refuse(
            format!(
                "the header is truncated: {} of {HEADER_BYTES} bytes",
                bytes.len()
            ),
            "copy or download the file again and compare its size with the source",
        );
    };
    match magic {
        b"n+1\0" => {}
        b"ni1\0" => {
            return refuse(
                "this is the header of a .hdr/.img pair".to_owned(),
                "hdbench reads single files: merge the pair with nib.load(hdr).to_filename('x.nii.gz')",
            );
        }
        _ => {
            return refuse(
                "this is an ANALYZE 7.5 header (no NIfTI magic), which stores no orientation"
                    .to_owned(),
                "convert it to NIfTI-1 and check left and right against the original scan",
            );
        }
    }
    let big_endian = endian == 1;
    // The parser takes the byte order from dim[0], which must therefore be checked before.
    let raw = [bytes[40], bytes[41]];
    let rank = if big_endian {
        i16::from_be_bytes(raw)
    } else {
        i16::from_le_bytes(raw)
    };
    if !(1..=7).contains(&rank) {
        return refuse(
            format!("dim[0] is {rank}, expected 1 to 7 dimensions"),
            RE_EXPORT,
        );
    }
    Ok(big_endian)
}

fn check_layout(header: &NiftiHeader, big_endian: bool) -> Result<Layout, String> {
    if (header.endianness == Endianness::Big) != big_endian {
        return Err("the header contradicts itself about its byte order".to_owned());
    }
    let rank = usize::from(header.dim[0]);
    let mut notes = Vec::new();
    let dims = dims_xyz(header, &mut notes)?;
    let stored = stored_type(header, &mut notes)?;
    let (mut affine, placement) = affine_of(header, voxel_sizes(header))?;
    if placement == Placement::VoxelSizes {
        notes.push(HeaderNote::plain(
            "the header stores no orientation; the axes are taken as right, anterior, superior",
        ));
    }
    let pixdim = mended_sizes(header, &mut notes);
    let to_mm = millimetres_per_unit(header, &mut notes);
    for row in &mut affine[..3] {
        for value in row {
            *value *= to_mm;
        }
    }
    let [x, y, z] = column_lengths(&affine);
    let stored_mm = pixdim.map(|size| f64::from(size) * to_mm);
    check_size(&affine, [x, y, z], stored_mm)?;
    if placement == Placement::Sform {
        notes.extend(disagreement(
            ["sform", "pixdim"],
            rank,
            [x, y, z],
            stored_mm,
        ));
    }
    notes.extend(unlikely_unit(rank, [x, y, z]));
    let scaling = scaling(header)?;
    let reversed = |[x, y, z]: [usize; 3]| [z, y, x];
    let [px, py, pz] = stored_mm.map(|mm| mm as f32);
    Ok(Layout {
        header: ImageHeader {
            format: ImageFormat::Nifti,
            geometry: Geometry {
                shape: reversed(dims),
                spacing_mm: [z, y, x],
                affine,
                stored_spacing_mm: [pz, py, px],
                is_planar: rank == 2,
            },
            dimensions: rank,
            datatype: stored.name(),
            scaled: scaling.is_some(),
            notes,
        },
        stored,
        big_endian,
        scaling,
        place: Place {
            skip: Skip::Bytes(voxel_offset(header)? - HEADER_BYTES as u64),
            ..Place::behind_header(HEADER_BYTES as u64)
        },
    })
}

/// The three sizes `[x, y, z]`; missing axes count 1, and further ones must be 1.
fn dims_xyz(header: &NiftiHeader, notes: &mut Vec<HeaderNote>) -> Result<[usize; 3], String> {
    let rank = usize::from(header.dim[0]);
    // The standard's type is i16; the parser reads u16.
    let dims = header.dim.map(|n| i64::from(n.cast_signed()));
    let used = &dims[1..=rank];
    if let Some(axis) = used.iter().position(|&n| n < 1) {
        return Err(format!(
            "dim[{}] is {}, expected at least 1",
            axis + 1,
            used[axis]
        ));
    }
    if let Some(axis) = used.iter().skip(3).position(|&n| n != 1) {
        return Err(format!(
            "the image has {rank} dimensions and dim[{}] is {}, expected one volume (1)",
            axis + 4,
            used[axis + 3]
        ));
    }
    if rank > 3 {
        notes.push(HeaderNote::plain(format!(
            "the image has {rank} dimensions of which the last {} count 1; taken as one volume",
            rank - 3
        )));
    }
    let size = |axis: usize| used.get(axis).map_or(1, |&n| n as usize);
    let sizes = [size(0), size(1), size(2)];
    notes.extend(one_slice(rank, sizes));
    check_voxels(sizes.map(|n| n as u64))?;
    Ok(sizes)
}

/// `pixdim[1..=3]` where nothing but the affine needs them: without sign, and 1 for none, as nibabel takes
/// them.
fn mended_sizes(header: &NiftiHeader, notes: &mut Vec<HeaderNote>) -> [f32; 3] {
    voxel_sizes(header).unwrap_or_else(|problem| {
        let sizes = [1, 2, 3].map(|axis| match header.pixdim[axis].abs() {
            size if size.is_finite() && size > 0.0 => size,
            _ => 1.0,
        });
        notes.push(HeaderNote {
            code: HeaderNote::SPACING,
            text: format!("{problem}; the sform counts"),
        });
        sizes
    })
}

/// `pixdim[1..=3]`; for axes the image does not have, 1 will do.
fn voxel_sizes(header: &NiftiHeader) -> Result<[f32; 3], String> {
    let mut sizes = [1.0; 3];
    for (axis, size) in sizes.iter_mut().enumerate() {
        let stored = header.pixdim[axis + 1];
        if stored.is_finite() && stored > 0.0 {
            *size = stored;
        } else if axis < usize::from(header.dim[0]) {
            return Err(format!(
                "pixdim[{}] is {stored}, expected a voxel size above 0",
                axis + 1
            ));
        }
    }
    Ok(sizes)
}

fn stored_as(datatype: NiftiType) -> Option<Stored> {
    Some(match datatype {
        NiftiType::Uint8 => Stored::U8,
        NiftiType::Int8 => Stored::I8,
        NiftiType::Int16 => Stored::I16,
        NiftiType::Uint16 => Stored::U16,
        NiftiType::Int32 => Stored::I32,
        NiftiType::Uint32 => Stored::U32,
        NiftiType::Int64 => Stored::I64,
        NiftiType::Uint64 => Stored::U64,
        NiftiType::Float32 => Stored::F32,
        NiftiType::Float64 => Stored::F64,
        _ => return None,
    })
}

fn stored_type(header: &NiftiHeader, notes: &mut Vec<HeaderNote>) -> Result<Stored, String> {
    let datatype = header
        .data_type()
        .map_err(|_| format!("datatype {} is not defined by NIfTI-1", header.datatype))?;
    let stored = stored_as(datatype).ok_or_else(|| {
        format!(
            "voxels are stored as {datatype:?}, expected one real number of at most 64 bits each"
        )
    })?;
    let bits = stored.bytes() * 8;
    if u64::try_from(header.bitpix) != Ok(bits) {
        notes.push(HeaderNote::plain(format!(
            "bitpix says {} bits a voxel and datatype {} means {bits}; the datatype is used",
            header.bitpix,
            stored.name()
        )));
    }
    Ok(stored)
}

/// Slope 0 or no number: the stored values are meant as they are.
fn scaling(header: &NiftiHeader) -> Result<Option<(f64, f64)>, String> {
    let (slope, inter) = (f64::from(header.scl_slope), f64::from(header.scl_inter));
    if slope == 0.0 || !slope.is_finite() || (slope == 1.0 && inter == 0.0) {
        return Ok(None);
    }
    if !inter.is_finite() {
        return Err(format!("scl_slope is {slope} but scl_inter is {inter}"));
    }
    Ok(Some((slope, inter)))
}

fn voxel_offset(header: &NiftiHeader) -> Result<u64, String> {
    let offset = header.vox_offset;
    // The sizes of extensions are i32, so no honest offset is above; NaN lies in no range.
    if (FIRST_VOXEL as f32..=i32::MAX as f32).contains(&offset) && offset.fract() == 0.0 {
        Ok(offset as u64)
    } else {
        Err(format!(
            "vox_offset is {offset}, expected a whole number from {FIRST_VOXEL} to {}",
            i32::MAX
        ))
    }
}

fn millimetres_per_unit(header: &NiftiHeader, notes: &mut Vec<HeaderNote>) -> f64 {
    let (name, factor) = match header.xyzt_units & 0o7 {
        0 | 2 => return 1.0,
        1 => ("metres", 1e3),
        3 => ("micrometres", 1e-3),
        code => {
            notes.push(HeaderNote::plain(format!(
                "spatial unit {code} is not defined; taken as millimetres"
            )));
            return 1.0;
        }
    };
    notes.push(HeaderNote {
        code: HeaderNote::UNITS,
        text: format!("the header counts in {name}; converted to millimetres"),
    });
    factor
}
