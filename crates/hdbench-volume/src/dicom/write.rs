//! Writing series: one CT slice a file, explicit VR little endian, the same bytes every time.

use std::path::Path;

use dicom_core::value::PrimitiveValue;
use dicom_core::{DataElement, Tag, VR, dicom_value};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use hdbench_ground::error::{Error, Result};
use hdbench_ground::text::Shown as _;
use ndarray::ArrayView2;
use rayon::prelude::*;

use crate::artifact::{create_dir, hash_bytes, write_atomic};
use crate::{Geometry, Volume};

/// Whose series it is. All unique identifiers are derived from it and `series`, so that the same
/// names always give the same ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DicomIdentity {
    /// PatientID and PatientName.
    pub patient: String,
    /// SeriesDescription; image and masks of a patient differ in it.
    pub series: String,
    /// SeriesNumber.
    pub number: u32,
}

/// Writes a CT volume as `image_0`, `image_1`, … into a folder, which is made: CT Image Storage with
/// 16-bit stored values of `HU - rescale_intercept`, unsigned if the intercept is below 0.
///
/// # Errors
/// `Error::Write`; `Error::Usage` for a sheared geometry and for voxels that are no whole numbers or
/// do not fit into 16 bits.
pub fn write_dicom_series(
    folder: &Path,
    volume: &Volume<f32>,
    identity: &DicomIdentity,
    rescale_intercept: i32,
) -> Result<()> {
    let signed = rescale_intercept >= 0;
    let (least, most) = if signed {
        (f64::from(i16::MIN), f64::from(i16::MAX))
    } else {
        (0.0, f64::from(u16::MAX))
    };
    let stored = |hu: f32| {
        let value = f64::from(hu) - f64::from(rescale_intercept);
        if value.fract() == 0.0 && (least..=most).contains(&value) {
            // Two's complement, for negative ones.
            return Ok(value as i32 as u16);
        }
        Err(Error::usage(
            format!(
                "{}: {hu} HU cannot be stored, expected whole numbers from {} to {}",
                folder.shown(),
                least + f64::from(rescale_intercept),
                most + f64::from(rescale_intercept)
            ),
            "round the volume, or choose another intercept",
        ))
    };
    let slices = Slices {
        folder,
        geometry: &volume.geometry,
        identity,
    };
    slices.write(|z, elements| {
        let pixels: Result<Vec<u16>> = plane(volume, z).iter().map(|&hu| stored(hu)).collect();
        elements.extend(pixel_format(16, signed));
        elements.extend([
            text(
                tags::RESCALE_INTERCEPT,
                VR::DS,
                &rescale_intercept.to_string(),
            ),
            text(tags::RESCALE_SLOPE, VR::DS, "1"),
            text(tags::RESCALE_TYPE, VR::LO, "HU"),
            DataElement::new(
                tags::PIXEL_DATA,
                VR::OW,
                PrimitiveValue::U16(pixels?.into()),
            ),
        ]);
        Ok(())
    })
}

/// Writes a mask as 3DIRCADb has them, with 8-bit values: 255 where `volume` is not 0.
///
/// # Errors
/// `Error::Write`; `Error::Usage` for a sheared geometry.
pub fn write_dicom_mask(
    folder: &Path,
    volume: &Volume<u8>,
    identity: &DicomIdentity,
) -> Result<()> {
    let slices = Slices {
        folder,
        geometry: &volume.geometry,
        identity,
    };
    slices.write(|z, elements| {
        let mut pixels: Vec<u8> = plane(volume, z)
            .iter()
            .map(|&label| if label == 0 { 0 } else { 255 })
            .collect();
        // Values have an even length.
        pixels.resize(pixels.len().next_multiple_of(2), 0);
        elements.extend(pixel_format(8, false));
        elements.push(DataElement::new(
            tags::PIXEL_DATA,
            VR::OB,
            PrimitiveValue::U8(pixels.into()),
        ));
        Ok(())
    })
}

type Element = DataElement<InMemDicomObject>;

struct Slices<'a> {
    folder: &'a Path,
    geometry: &'a Geometry,
    identity: &'a DicomIdentity,
}

impl Slices<'_> {
    fn write(&self, pixels: impl Fn(usize, &mut Vec<Element>) -> Result<()> + Sync) -> Result<()> {
        refuse_sheared(self.folder, self.geometry)?;
        create_dir(self.folder)?;
        (0..self.geometry.shape[0])
            .into_par_iter()
            .map(|z| {
                let mut elements = self.header(z);
                pixels(z, &mut elements)?;
                let path = self.folder.join(format!("image_{z}"));
                write_atomic(&path, &encode(&path, elements)?)
            })
            .collect::<Vec<Result<()>>>()
            .into_iter()
            .collect()
    }

    fn header(&self, z: usize) -> Vec<Element> {
        let Geometry {
            shape: [_, rows, columns],
            spacing_mm,
            affine,
            ..
        } = self.geometry;
        let [between_slices, between_rows, between_columns] = *spacing_mm;
        // From NIfTI's RAS+ to DICOM's LPS+.
        let lps = |[x, y, z]: [f64; 3]| [-x, -y, z].map(|v| v + 0.0);
        let direction = |column: usize, mm: f64| lps([0, 1, 2].map(|row| affine[row][column] / mm));
        let [row, column] = [direction(0, between_columns), direction(1, between_rows)];
        let position = lps(self.geometry.position_mm([z as f64, 0.0, 0.0]));
        let DicomIdentity {
            patient,
            series,
            number,
        } = self.identity;
        let study = uid(&["study", patient]);
        let series_uid = uid(&["series", patient, series]);
        vec![
            text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192"),
            texts(tags::IMAGE_TYPE, VR::CS, ["DERIVED", "SECONDARY", "AXIAL"]),
            text(tags::SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE),
            text(tags::SOP_INSTANCE_UID, VR::UI, &self.instance(z)),
            text(tags::STUDY_DATE, VR::DA, ""),
            text(tags::STUDY_TIME, VR::TM, ""),
            text(tags::ACCESSION_NUMBER, VR::SH, ""),
            text(tags::MODALITY, VR::CS, "CT"),
            text(tags::MANUFACTURER, VR::LO, "hdbench"),
            text(tags::REFERRING_PHYSICIAN_NAME, VR::PN, ""),
            text(tags::SERIES_DESCRIPTION, VR::LO, series),
            text(tags::PATIENT_NAME, VR::PN, patient),
            text(tags::PATIENT_ID, VR::LO, patient),
            text(tags::PATIENT_BIRTH_DATE, VR::DA, ""),
            text(tags::PATIENT_SEX, VR::CS, ""),
            text(tags::SLICE_THICKNESS, VR::DS, &decimal(between_slices)),
            text(tags::KVP, VR::DS, ""),
            text(
                tags::SPACING_BETWEEN_SLICES,
                VR::DS,
                &decimal(between_slices),
            ),
            text(tags::PATIENT_POSITION, VR::CS, "HFS"),
            text(tags::STUDY_INSTANCE_UID, VR::UI, &study),
            text(tags::SERIES_INSTANCE_UID, VR::UI, &series_uid),
            text(tags::STUDY_ID, VR::SH, ""),
            text(tags::SERIES_NUMBER, VR::IS, &number.to_string()),
            text(tags::ACQUISITION_NUMBER, VR::IS, ""),
            text(tags::INSTANCE_NUMBER, VR::IS, &(z + 1).to_string()),
            texts(tags::IMAGE_POSITION_PATIENT, VR::DS, position.map(decimal)),
            texts(
                tags::IMAGE_ORIENTATION_PATIENT,
                VR::DS,
                [row, column].concat().into_iter().map(decimal),
            ),
            text(
                tags::FRAME_OF_REFERENCE_UID,
                VR::UI,
                &uid(&["frame", patient]),
            ),
            text(tags::POSITION_REFERENCE_INDICATOR, VR::LO, ""),
            short(tags::SAMPLES_PER_PIXEL, 1),
            text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
            // Beyond 65535 voxels an axis has no DICOM; `refuse_sheared` has seen to it.
            short(tags::ROWS, *rows as u16),
            short(tags::COLUMNS, *columns as u16),
            texts(
                tags::PIXEL_SPACING,
                VR::DS,
                [between_rows, between_columns].map(decimal),
            ),
        ]
    }

    fn instance(&self, z: usize) -> String {
        let DicomIdentity {
            patient, series, ..
        } = self.identity;
        uid(&["instance", patient, series, &z.to_string()])
    }
}

fn encode(path: &Path, elements: Vec<Element>) -> Result<Vec<u8>> {
    let failed = |e: &dyn std::fmt::Display| Error::Internal(format!("{}: {e}", path.shown()));
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
        // Ours, so that a new version of dicom-rs does not change the bytes.
        .implementation_class_uid(uid(&["hdbench"]))
        .implementation_version_name("HDBENCH");
    let file = InMemDicomObject::from_element_iter(elements)
        .with_meta(meta)
        .map_err(|e| failed(&e))?;
    let mut bytes = Vec::new();
    file.write_all(&mut bytes).map_err(|e| failed(&e))?;
    Ok(bytes)
}

fn pixel_format(bits: u16, signed: bool) -> [Element; 4] {
    [
        short(tags::BITS_ALLOCATED, bits),
        short(tags::BITS_STORED, bits),
        short(tags::HIGH_BIT, bits - 1),
        short(tags::PIXEL_REPRESENTATION, u16::from(signed)),
    ]
}

fn plane<T>(volume: &Volume<T>, z: usize) -> ArrayView2<'_, T> {
    volume.voxels.index_axis(ndarray::Axis(0), z)
}

/// DICOM has two directions in the slice and stacks along their normal.
fn refuse_sheared(folder: &Path, geometry: &Geometry) -> Result<()> {
    let cosine = |a: usize, b: usize| {
        let product: f64 = (0..3)
            .map(|row| geometry.affine[row][a] * geometry.affine[row][b])
            .sum();
        product / geometry.spacing_mm[2 - a] / geometry.spacing_mm[2 - b]
    };
    let upright = [(0, 1), (0, 2), (1, 2)]
        .iter()
        .all(|&(a, b)| cosine(a, b).abs() < 1e-4);
    let small = geometry.shape[1..]
        .iter()
        .all(|&n| n <= usize::from(u16::MAX));
    if upright && small {
        return Ok(());
    }
    Err(Error::usage(
        format!(
            "{}: a {} grid of {:?} voxels cannot be written as DICOM slices",
            folder.shown(),
            if upright { "large" } else { "sheared" },
            geometry.shape
        ),
        "resample the volume to perpendicular axes, or crop it",
    ))
}

fn short(tag: Tag, value: u16) -> Element {
    DataElement::new(tag, VR::US, dicom_value!(U16, [value]))
}

fn text(tag: Tag, vr: VR, value: &str) -> Element {
    DataElement::new(tag, vr, PrimitiveValue::from(value))
}

fn texts(tag: Tag, vr: VR, values: impl IntoIterator<Item = impl Into<String>>) -> Element {
    let values = values.into_iter().map(Into::into).collect();
    DataElement::new(tag, vr, PrimitiveValue::Strs(values))
}

/// A number in the 16 characters that a decimal string may have, as exact as they allow.
fn decimal(value: f64) -> String {
    const MOST: usize = 16;
    let shortest = format!("{value}");
    if shortest.len() <= MOST {
        return shortest;
    }
    (0..=MOST)
        .rev()
        .flat_map(|digits| [format!("{value:.digits$}"), format!("{value:.digits$e}")])
        .filter(|text| text.len() <= MOST)
        .min_by(|a, b| {
            let off = |text: &String| text.parse::<f64>().map_or(f64::MAX, |v| (v - value).abs());
            off(a).total_cmp(&off(b))
        })
        .unwrap_or(shortest)
}

/// A unique identifier below 2.25, the root for which nobody has to ask (PS3.5 B.2): the first 120
/// bits of a hash as one decimal number.
fn uid(parts: &[&str]) -> String {
    let hash = hash_bytes(parts.join("\n").as_bytes());
    let number = u128::from_str_radix(&hash[..30], 16).unwrap_or_default();
    format!("2.25.{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_fit_into_16_characters() {
        for value in [
            0.0,
            -0.5,
            0.9765625,
            -249.51171875,
            1.0 / 3.0,
            -1e-9 / 3.0,
            123_456.789_012_345,
            -1.0 / 7e5,
        ] {
            let text = decimal(value);
            assert!(text.len() <= 16, "{text}");
            let back: f64 = text.parse().unwrap();
            assert!(
                (back - value).abs() <= 1e-9 * value.abs().max(1e-3),
                "{value}: {text}"
            );
        }
        assert_eq!(decimal(0.9765625), "0.9765625");
    }

    #[test]
    fn identifiers_are_stable_and_valid() {
        let id = uid(&["study", "3Dircadb1.1"]);
        assert_eq!(id, uid(&["study", "3Dircadb1.1"]));
        assert_ne!(id, uid(&["series", "3Dircadb1.1"]));
        assert!(id.len() <= 64 && id.starts_with("2.25."));
    }
}
