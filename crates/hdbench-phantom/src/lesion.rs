use std::sync::Arc;

use hdbench_ground::seed::Stream;
use serde::{Deserialize, Serialize};

use super::acquisition::Acquisition;
use super::body::Body;
use super::field::{Noise, Point};
use super::liver::Liver;
use super::plane::{Organ, Part, Site};
use super::shape::{Bounds, dot, length, random_direction, scale, smoothstep, sub, unit};
use super::spec::Spec;

/// How a tumour takes up contrast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LesionKind {
    /// Darker than the liver, the usual metastasis.
    Hypodense,
    /// Darker core within a brighter rim.
    Rim,
    /// Brighter than the liver.
    Hyperdense,
}

/// Median diameter and spread of the log-normal sizes, and its cut, in pixels of a matrix of 128.
const MEDIAN_PX: f64 = 12.5;
const LOG_SPREAD: f64 = 0.48;
const RANGE_PX: [f64; 2] = [4.0, 20.0];
/// The first tumour of a case is at least this large: a case whose only tumour is a few voxels
/// would make its Dice a coin toss.
const FIRST_PX: f64 = 11.0;

/// The case that tumours are put into.
#[derive(Clone, Copy)]
pub(super) struct Host<'a> {
    pub spec: &'a Spec,
    pub index: usize,
    pub scan: &'a Acquisition,
    pub body: &'a Body,
    pub liver: &'a Liver,
}

/// A tumour before it is drawn.
#[derive(Clone, Debug)]
pub(super) struct Lesion {
    pub kind: LesionKind,
    /// Difference of its core to the liver in HU.
    pub contrast_hu: f64,
    centre: Point,
    axes: [Point; 3],
    radii: Point,
    irregularity: f64,
    shift: f64,
    border: f64,
}

impl Lesion {
    /// The tumours of one case, largest share of attempts first; none in a tumour-free case.
    pub fn draw_all(host: &Host) -> Vec<Self> {
        let Host { spec, index, .. } = *host;
        if spec.is_tumour_free(index) {
            return Vec::new();
        }
        let mut count = spec.seed.stream_at("lesion count", index as u64);
        // 1 to 8, a mean of about 2.7.
        let wanted = 1 + (0..7).take_while(|_| count.chance(0.63)).count();
        let mut lesions: Vec<Self> = Vec::new();
        for number in 0..wanted {
            // Small livers may have no room for a further tumour; the first is made to fit.
            for attempt in 0..200 {
                let shrink = if number == 0 {
                    0.98f64.powi((attempt - 60).max(0))
                } else {
                    1.0
                };
                let name = format!("lesion {number} attempt {attempt}");
                let least = if number == 0 { FIRST_PX } else { RANGE_PX[0] };
                let mut stream = spec.seed.stream_at(&name, index as u64);
                if let Some(lesion) = Self::draw(host, &mut stream, least, shrink)
                    && lesions.iter().all(|other| lesion.is_apart_from(other))
                {
                    lesions.push(lesion);
                    break;
                }
            }
        }
        lesions
    }

    /// One attempt; none if the place it fell on is not inside the liver.
    fn draw(host: &Host, stream: &mut Stream, least: f64, shrink: f64) -> Option<Self> {
        let Host {
            scan, body, liver, ..
        } = *host;
        let diameter = MEDIAN_PX * (LOG_SPREAD * stream.normal()).exp();
        let diameter = diameter.clamp(least, RANGE_PX[1]) * shrink;
        let radius = diameter / 2.0 * (scan.matrix as f64 / 128.0) / scan.unit_px;
        let radii = [0, 1, 2].map(|_| radius * stream.range(0.8, 1.22));
        let kind = match stream.uniform() {
            u if u < 0.82 => LesionKind::Hypodense,
            u if u < 0.92 => LesionKind::Rim,
            _ => LesionKind::Hyperdense,
        };
        // Visible at least to a reader who looks twice: not below 1.3 standard deviations of noise.
        let contrast = stream.range((1.8 * scan.noise_sd).max(18.0), 56.0);
        let axes = random_axes(stream);
        let unwarped = [
            stream.range(Liver::BOUNDS.low[0], Liver::BOUNDS.high[0]),
            stream.range(Liver::BOUNDS.low[1], Liver::BOUNDS.high[1]),
            snap(
                stream.range(Liver::BOUNDS.low[2], Liver::BOUNDS.high[2]),
                scan,
            ),
        ];
        let site = body.site(unwarped);
        // Subcapsular tumours are common, but the larger part lies inside.
        (liver.distance(&site) < -0.55 * radius).then(|| Self {
            kind,
            contrast_hu: match kind {
                LesionKind::Hyperdense => contrast.min(45.0),
                _ => -contrast,
            },
            centre: site.p,
            axes,
            // A slice that misses a tumour altogether would leave a label without an image.
            radii: radii.map(|r| r.max(0.62 / scan.unit_slices)),
            irregularity: stream.range(0.10, 0.38),
            shift: stream.range(0.0, 16.0),
            border: radius * stream.range(0.12, 0.45),
        })
    }

    fn is_apart_from(&self, other: &Self) -> bool {
        let reach = |l: &Self| l.radii.into_iter().fold(0.0, f64::max) * 1.15;
        length(sub(self.centre, other.centre)) > reach(self) + reach(other)
    }

    /// Signed distance from the border, without the liver's own limits.
    fn distance(&self, p: Point, noise: &Noise) -> f64 {
        let off = sub(p, self.centre);
        let q: Point = std::array::from_fn(|i| dot(off, self.axes[i]) / self.radii[i]);
        let mean = self.radii.iter().sum::<f64>() / 3.0;
        let lobes = noise.at(q, 0.9, self.shift) + 0.45 * noise.at(q, 2.3, self.shift + 3.1);
        (length(q) * (1.0 + self.irregularity * lobes) - 1.0) * mean
    }

    /// What to paint for the `number`th tumour of a liver of `liver_hu`.
    pub fn part(self: &Arc<Self>, number: usize, liver_hu: f64, noise: &Arc<Noise>) -> Part {
        let reach = self.radii.into_iter().fold(0.0, f64::max) * 1.7;
        let bounds = Bounds::around(self.centre, [reach; 3]);
        let (lesion, texture) = (Arc::clone(self), Arc::clone(noise));
        let distance = move |s: &Site| {
            if s.liver > 0.0 {
                s.liver.max(0.5)
            } else {
                lesion.distance(s.p, &texture)
            }
        };
        let (lesion, texture) = (Arc::clone(self), Arc::clone(noise));
        let mean = self.radii.iter().sum::<f64>() / 3.0;
        let mut part = Part::new(Organ::Lesion, bounds, distance, move |s, d| {
            let core = liver_hu + lesion.contrast_hu + 5.0 * texture.at(s.p, 10.0, lesion.shift);
            match lesion.kind {
                LesionKind::Rim => {
                    core + smoothstep(-0.45, -0.2, d / mean) * (22.0 - lesion.contrast_hu)
                }
                _ => core,
            }
        });
        part.lesion = number;
        part.with_border(self.border)
    }
}

/// The middle of the slice nearest to a height, so that every tumour has a full cross-section.
fn snap(z: f64, scan: &Acquisition) -> f64 {
    let slice = ((z - scan.start[2]) * scan.unit_slices).round();
    scan.start[2] + slice / scan.unit_slices
}

fn random_axes(stream: &mut Stream) -> [Point; 3] {
    let a = random_direction(stream);
    let raw = random_direction(stream);
    let b = unit(sub(raw, scale(a, dot(raw, a))));
    let c = [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ];
    [a, b, c]
}
