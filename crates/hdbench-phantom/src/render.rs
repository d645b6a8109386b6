use std::sync::Arc;

use hdbench_ground::seed::Stream;
use hdbench_volume::{Geometry, Volume};
use ndarray::{Array3, Axis, Slice};
use serde::{Deserialize, Serialize};

use super::acquisition::{Acquisition, Orientation, Phase, placed};
use super::body::Body;
use super::field::Noise;
use super::lesion::{Host, Lesion, LesionKind};
use super::liver::Liver;
use super::plane::{Organ, Part, Plane};
use super::spec::Spec;
use super::tissue::Tissue;
use super::vessel::liver_vessels;
use super::viscera::Viscera;

/// One generated case.
#[derive(Clone, Debug, PartialEq)]
pub struct Phantom {
    /// CT in HU, `[z, y, x]`.
    pub image: Volume<i16>,
    /// 0 background, 1 liver, 2 tumour, on the image's grid.
    pub labels: Volume<u8>,
    /// What fills each voxel (`Organ as u8`), on the image's grid; not written to disk.
    pub organs: Array3<u8>,
    /// The tumours that have at least one voxel.
    pub lesions: Vec<LesionFacts>,
    /// When after the injection the scan was taken.
    pub phase: Phase,
    /// Where the file's axes point.
    pub orientation: Orientation,
    /// Standard deviation of the noise in HU.
    pub noise_sd_hu: f64,
}

/// One tumour as it is in the label map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LesionFacts {
    /// How it takes up contrast.
    pub kind: LesionKind,
    /// HU of its core minus HU of the liver.
    pub contrast_hu: f64,
    /// Number of voxels.
    pub voxels: usize,
    /// Volume in mL.
    pub volume_ml: f64,
    /// Diameter of the sphere of the same volume, in mm.
    pub diameter_mm: f64,
    /// Diameter of the disc as large as its largest axial cross-section, in pixels.
    pub diameter_px: f64,
    /// Mean voxel index in the file, `[z, y, x]`.
    pub centre: [f64; 3],
}

/// Draws case `index`; the same bytes for the same spec, whatever `spec.cases` is.
///
/// `index` may lie beyond `spec.cases`; the spec must be valid ([`Spec::validate`]).
pub fn generate(spec: &Spec, index: usize) -> Phantom {
    if let Some((patients, patient)) = spec.shared(index) {
        return as_in_lits(generate(&patients, patient), Orientation::draw(spec, index));
    }
    let scan = Acquisition::draw(spec, index);
    let scene = Scene::draw(spec, index, &scan);
    let shape = [scan.slices, scan.matrix, scan.matrix];
    let mut image = Array3::zeros(shape);
    let mut labels = Array3::zeros(shape);
    let mut organs = Array3::zeros(shape);
    // 0 no tumour, else its number plus 1.
    let mut owners: Array3<u8> = Array3::zeros(shape);
    let mut noise = spec.seed.stream_at("noise", index as u64);
    for z in 0..scan.slices {
        let slice = scene.slice(&scan, z);
        let hu = scanned(&slice.hu, &scan, &mut noise);
        for (at, hu) in hu.into_iter().enumerate() {
            let place = [z, at / scan.matrix, at % scan.matrix];
            image[place] = hu;
            let (in_liver, (in_lesion, owner)) = (slice.liver[at] >= 0.5, slice.lesion[at]);
            organs[place] = slice.organ[at] as u8;
            if in_liver && in_lesion >= 0.5 {
                labels[place] = 2;
                owners[place] = owner as u8 + 1;
            } else if in_liver {
                labels[place] = 1;
            }
        }
    }
    let geometry = scan.geometry();
    let owners = oriented(owners, scan.orientation);
    Phantom {
        lesions: facts(&scene.lesions, &owners, &geometry),
        image: Volume {
            voxels: oriented(image, scan.orientation),
            geometry: geometry.clone(),
        },
        labels: Volume {
            voxels: oriented(labels, scan.orientation),
            geometry,
        },
        organs: oriented(organs, scan.orientation),
        phase: scan.phase,
        orientation: scan.orientation,
        noise_sd_hu: scan.noise_sd,
    }
}

/// A patient's scan as LiTS has it: axes turned, and its spacing lost on the way, so that the header
/// says 1 x 1 x 1 mm.
fn as_in_lits(patient: Phantom, orientation: Orientation) -> Phantom {
    let shape = patient.image.geometry.shape;
    let geometry = placed(shape, [1.0; 3], orientation, [0.0; 3]);
    // A patient's own orientation is LPS, which flips nothing.
    let turned = |labels| oriented(labels, orientation);
    let flips = orientation.flips();
    let lesions = patient.lesions.into_iter().map(|lesion| LesionFacts {
        centre: [0, 1, 2].map(|axis| match flips[axis] {
            true => (shape[axis] - 1) as f64 - lesion.centre[axis],
            false => lesion.centre[axis],
        }),
        ..lesion
    });
    Phantom {
        image: Volume {
            voxels: oriented(patient.image.voxels, orientation),
            geometry: geometry.clone(),
        },
        labels: Volume {
            voxels: turned(patient.labels.voxels),
            geometry,
        },
        organs: turned(patient.organs),
        lesions: lesions.collect(),
        orientation,
        ..patient
    }
}

/// The anatomy of one case, ready to paint.
struct Scene {
    body: Arc<Body>,
    parts: Vec<Part>,
    lesions: Vec<Arc<Lesion>>,
}

impl Scene {
    fn draw(spec: &Spec, index: usize, scan: &Acquisition) -> Self {
        let stream = |name: &str| spec.seed.stream_at(name, index as u64);
        let noise = Arc::new(Noise::new(&mut stream("texture")));
        let body = Arc::new(Body::draw(&mut stream("body"), Arc::clone(&noise)));
        let brightness = spec.quantile("liver brightness", index, 6);
        let tissue = Tissue::draw(&mut stream("tissue"), scan.phase, brightness);
        let liver = Arc::new(Liver::draw(&mut stream("liver"), &body, tissue.liver));
        let viscera = Viscera::draw(&mut stream("viscera"), &body, &liver, &tissue);
        let host = Host {
            spec,
            index,
            scan,
            body: &body,
            liver: &liver,
        };
        let lesions: Vec<_> = Lesion::draw_all(&host).into_iter().map(Arc::new).collect();
        let mut parts = body.parts(scan.table);
        parts.extend(viscera.before_liver);
        parts.push(liver.part());
        parts.extend(liver_vessels(&mut stream("vessels"), &liver, &tissue));
        for (number, lesion) in lesions.iter().enumerate() {
            parts.push(lesion.part(number, tissue.liver, &noise));
        }
        parts.extend(viscera.after_liver);
        Self {
            body,
            parts,
            lesions,
        }
    }

    /// Slice `z`, averaged over the thickness of the scanner's slice.
    fn slice(&self, scan: &Acquisition, z: usize) -> Plane {
        // 0.7 of the spacing is sampled: slices of the clinic rarely overlap, and often have gaps.
        let offsets: &[f64] = match scan.unit_px / scan.unit_slices {
            pixels if pixels < 1.6 => &[0.0],
            pixels if pixels < 4.0 => &[-0.2, 0.2],
            _ => &[0.0, -0.26, 0.26],
        };
        let mut planes = offsets
            .iter()
            .map(|&offset| self.plane(scan, z as f64 + offset));
        let mut mean = planes.next().expect("every thickness has an offset");
        for plane in planes {
            for at in 0..mean.hu.len() {
                mean.hu[at] += plane.hu[at];
                mean.liver[at] += plane.liver[at];
                mean.lesion[at].0 += plane.lesion[at].0;
                if mean.organ[at] != Organ::Lesion && plane.organ[at] == Organ::Lesion {
                    mean.lesion[at].1 = plane.lesion[at].1;
                }
            }
        }
        let share = 1.0 / offsets.len() as f64;
        mean.hu.iter_mut().for_each(|v| *v *= share);
        mean.liver.iter_mut().for_each(|v| *v *= share);
        mean.lesion.iter_mut().for_each(|v| v.0 *= share);
        mean
    }

    fn plane(&self, scan: &Acquisition, z: f64) -> Plane {
        let pixel = 1.0 / scan.unit_px;
        let origin = [
            scan.start[0],
            scan.start[1],
            scan.start[2] + z / scan.unit_slices,
        ];
        let sites = self.body.sites(origin, pixel, scan.matrix);
        let mut plane = Plane::new(scan.matrix, pixel, origin, sites);
        for at in 0..plane.sites.len() {
            (plane.hu[at], plane.organ[at]) = self.body.ground(&plane.sites[at], pixel);
        }
        for part in &self.parts {
            plane.paint(part);
        }
        plane
    }
}

/// What the scanner makes of a slice: its blur, grainy noise, whole numbers from -1024 on.
fn scanned(hu: &[f64], scan: &Acquisition, stream: &mut Stream) -> Vec<i16> {
    let side = scan.matrix;
    let sharp = blurred(hu, side, scan.blur_px).0;
    // Noise is drawn on a wider square: cut edges would be grainier than the middle.
    let wide = side + 2 * MARGIN;
    let white: Vec<f64> = (0..wide * wide).map(|_| stream.normal()).collect();
    let (grain, kept) = blurred(&white, wide, scan.grain_px);
    let gain = scan.noise_sd / kept;
    let noise = |at: usize| grain[(at / side + MARGIN) * wide + at % side + MARGIN];
    (0..side * side)
        .map(|at| {
            (sharp[at] + gain * noise(at))
                .round()
                .clamp(-1024.0, 3071.0) as i16
        })
        .collect()
}

/// Reach of the widest noise filter in pixels.
const MARGIN: usize = 3;

/// A slice after a Gaussian filter, and the share of white noise's standard deviation it leaves.
fn blurred(values: &[f64], side: usize, sigma: f64) -> (Vec<f64>, f64) {
    let reach = (3.0 * sigma).ceil() as usize;
    let mut kernel: Vec<f64> = (0..=2 * reach)
        .map(|i| (-0.5 * ((i as f64 - reach as f64) / sigma).powi(2)).exp())
        .collect();
    let total: f64 = kernel.iter().sum();
    kernel.iter_mut().for_each(|k| *k /= total);
    // Both passes turn the slice over, so that each reads along rows.
    let pass = |values: &[f64]| {
        let mut out = vec![0.0; values.len()];
        let mut padded = vec![0.0; side + kernel.len() - 1];
        for (line, row) in values.chunks_exact(side).enumerate() {
            padded[..reach].fill(row[0]);
            padded[reach..reach + side].copy_from_slice(row);
            padded[reach + side..].fill(row[side - 1]);
            for (at, window) in padded.windows(kernel.len()).enumerate() {
                out[at * side + line] = window.iter().zip(&kernel).map(|(v, k)| v * k).sum();
            }
        }
        out
    };
    let kept: f64 = kernel.iter().map(|k| k * k).sum();
    (pass(&pass(values)), kept)
}

/// Turns an array from the order left, back, head into that of the file.
fn oriented<T: Clone>(mut array: Array3<T>, orientation: Orientation) -> Array3<T> {
    for (axis, flip) in orientation.flips().into_iter().enumerate() {
        if flip {
            array.slice_axis_inplace(Axis(axis), Slice::new(0, None, -1));
        }
    }
    array.as_standard_layout().into_owned()
}

fn facts(lesions: &[Arc<Lesion>], owners: &Array3<u8>, geometry: &Geometry) -> Vec<LesionFacts> {
    let mut found = Vec::new();
    for (number, lesion) in lesions.iter().enumerate() {
        let mut voxels = 0;
        let mut sums = [0.0; 3];
        let mut areas = vec![0usize; geometry.shape[0]];
        for ((z, y, x), &owner) in owners.indexed_iter() {
            if usize::from(owner) == number + 1 {
                voxels += 1;
                areas[z] += 1;
                [z, y, x]
                    .iter()
                    .zip(&mut sums)
                    .for_each(|(&i, sum)| *sum += i as f64);
            }
        }
        if voxels == 0 {
            continue;
        }
        let volume_ml = voxels as f64 * geometry.voxel_volume_ml();
        let area = areas.into_iter().max().unwrap_or(0) as f64;
        found.push(LesionFacts {
            kind: lesion.kind,
            contrast_hu: lesion.contrast_hu,
            voxels,
            volume_ml,
            diameter_mm: (6000.0 * volume_ml / std::f64::consts::PI).cbrt(),
            diameter_px: 2.0 * (area / std::f64::consts::PI).sqrt(),
            centre: sums.map(|sum| sum / voxels as f64),
        });
    }
    found
}
