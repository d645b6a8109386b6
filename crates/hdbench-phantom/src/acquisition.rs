use hdbench_volume::Geometry;
use serde::{Deserialize, Serialize};

use super::spec::Spec;

/// When after the injection the scan was taken; decides how bright vessels and organs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Aorta bright, hepatic veins not yet filled.
    Arterial,
    /// Portal and hepatic veins brighter than the liver.
    Portal,
    /// Everything close together.
    Delayed,
}

/// The anatomical directions in which the file's x, y and z indices grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Orientation {
    /// Left, back, head: the order of a DICOM series.
    #[serde(rename = "LPS")]
    Lps,
    /// Right, front, head.
    #[serde(rename = "RAS")]
    Ras,
    /// Left, back, feet: slices from the head down.
    #[serde(rename = "LPI")]
    Lpi,
    /// Right, front, feet.
    #[serde(rename = "RAI")]
    Rai,
}

impl Orientation {
    /// That of a case of LiTS, where all four occur.
    pub(super) fn draw(spec: &Spec, index: usize) -> Self {
        match spec.stratum("orientation", index, 6) {
            0 | 1 => Self::Lps,
            2 | 3 => Self::Ras,
            4 => Self::Lpi,
            _ => Self::Rai,
        }
    }

    /// Whether the file's axes run against left, back, head; `[z, y, x]`.
    pub(super) fn flips(self) -> [bool; 3] {
        match self {
            Self::Lps => [false, false, false],
            Self::Ras => [false, true, true],
            Self::Lpi => [true, false, false],
            Self::Rai => [true, true, true],
        }
    }
}

/// How one case was scanned.
#[derive(Clone, Debug)]
pub(super) struct Acquisition {
    pub matrix: usize,
    pub slices: usize,
    /// `[z, y, x]`
    pub spacing_mm: [f64; 3],
    pub orientation: Orientation,
    pub phase: Phase,
    /// Standard deviation of the noise in HU.
    pub noise_sd: f64,
    /// Width of the noise's grain and of the scanner's blur, in pixels.
    pub grain_px: f64,
    pub blur_px: f64,
    /// Pixels a unit of the anatomy.
    pub unit_px: f64,
    /// Slices a unit of the anatomy.
    pub unit_slices: f64,
    /// The anatomy's x, y, z of the middle of the first slice.
    pub start: [f64; 3],
    /// World position of the volume's centre, RAS+ mm.
    pub centre_mm: [f64; 3],
    /// Whether a table lies under the patient.
    pub table: bool,
}

impl Acquisition {
    pub fn draw(spec: &Spec, index: usize) -> Self {
        let mut stream = spec.seed.stream_at("acquisition", index as u64);
        let patient = spec.patient(index);
        let [between, in_plane] = match &patient {
            Some(patient) => [patient.between_slices_mm, patient.in_plane_mm],
            None => [
                slice_spacing(spec.quantile("slice spacing", index, 8)),
                0.55 + 0.45 * spec.quantile("in-plane spacing", index, 6),
            ],
        }
        .map(f32_exact);
        let fill = stream.range(0.84, 0.94);
        let unit_px = fill * spec.matrix as f64 / 2.0;
        // From below the liver's tip to above the dome; both margins vary as scan ranges do.
        let bottom = -stream.range(0.60, 0.72);
        let top = stream.range(0.53, 0.64);
        let height = top - bottom;
        let wanted = height * unit_px * in_plane / between;
        let slices = match &patient {
            Some(patient) => spec.slices_of(patient),
            None => (wanted.round() as usize).clamp(spec.min_slices, spec.max_slices),
        };
        let unit_slices = slices as f64 / height;
        let phase = match spec.stratum("phase", index, 7) {
            // All of 3DIRCADb is venous, in the order of a DICOM series.
            _ if patient.is_some() => Phase::Portal,
            0 => Phase::Arterial,
            1 | 2 => Phase::Delayed,
            _ => Phase::Portal,
        };
        let orientation = match &patient {
            Some(_) => Orientation::Lps,
            None => Orientation::draw(spec, index),
        };
        // Thin slices collect fewer photons: noise grows as the slice shrinks, within 5 to 14 HU.
        let noise_sd = (stream.range(7.0, 12.0) * (1.5 / between).powf(0.25)).clamp(5.0, 14.0);
        Self {
            matrix: spec.matrix,
            slices,
            spacing_mm: [between, in_plane, in_plane],
            orientation,
            phase,
            noise_sd,
            grain_px: stream.range(0.6, 0.95),
            blur_px: stream.range(0.5, 0.75),
            unit_px,
            unit_slices,
            start: [
                -(spec.matrix as f64 - 1.0) / 2.0 / unit_px + stream.range(-0.02, 0.02),
                -(spec.matrix as f64 - 1.0) / 2.0 / unit_px + stream.range(-0.05, 0.02),
                bottom + 0.5 / unit_slices,
            ],
            centre_mm: [
                stream.range(-12.0, 12.0),
                stream.range(-40.0, 10.0),
                stream.range(-900.0, 300.0),
            ],
            table: stream.chance(0.6),
        }
    }

    /// The grid of the file, axes in its own orientation.
    pub fn geometry(&self) -> Geometry {
        let shape = [self.slices, self.matrix, self.matrix];
        placed(shape, self.spacing_mm, self.orientation, self.centre_mm)
    }
}

/// A grid around a centre (RAS+ mm).
pub(super) fn placed(
    shape: [usize; 3],
    spacing_mm: [f64; 3],
    orientation: Orientation,
    centre_mm: [f64; 3],
) -> Geometry {
    let mut geometry = Geometry::axis_aligned(shape, spacing_mm);
    let flips = orientation.flips();
    for (world, centre_mm) in centre_mm.into_iter().enumerate() {
        let axis = 2 - world;
        // RAS+ grows right, front, head; unflipped indices grow left, back, head.
        let towards_ras = if world == 2 {
            !flips[axis]
        } else {
            flips[axis]
        };
        let step = if towards_ras {
            spacing_mm[axis]
        } else {
            -spacing_mm[axis]
        };
        let half = (shape[axis] as f64 - 1.0) / 2.0;
        geometry.affine[world][world] = step;
        geometry.affine[world][3] = f32_exact(centre_mm - step * half);
    }
    geometry
}

/// Log-uniform in three pieces, in mm: an eighth thin (0.45 to 1), an eighth thick (5 to 6), the
/// rest 1 to 5.
fn slice_spacing(quantile: f64) -> f64 {
    let between = |low: f64, high: f64, t: f64| low * (high / low).powf(t);
    match quantile {
        q if q < 0.125 => between(0.45, 1.0, q * 8.0),
        q if q < 0.875 => between(1.0, 5.0, (q - 0.125) / 0.75),
        q => between(5.0, 6.0, (q - 0.875) * 8.0),
    }
}

/// NIfTI stores f32: a value that survives the file keeps generated and re-read volumes equal.
fn f32_exact(value: f64) -> f64 {
    f64::from(value as f32)
}
