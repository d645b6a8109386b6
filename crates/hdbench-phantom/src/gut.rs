use std::sync::Arc;

use hdbench_ground::seed::Stream;

use super::body::Body;
use super::field::Point;
use super::plane::{Organ, Part, Site, within_abdomen};
use super::shape::{
    Bounds, add, blend, ellipsoid, jitter, random_direction, resize, scale, smoothstep, tube,
};
use super::tissue::Tissue;

/// What the stomach or a loop of bowel holds.
#[derive(Clone, Copy)]
enum Content {
    Fluid(f64),
    Contrast(f64),
    Gas,
    Faeces,
}

impl Content {
    fn draw(stream: &mut Stream, gas: f64, faeces: f64) -> Self {
        match stream.uniform() {
            u if u < gas => Self::Gas,
            u if u < gas + faeces => Self::Faeces,
            u if u < gas + faeces + 0.2 => Self::Contrast(stream.range(140.0, 320.0)),
            _ => Self::Fluid(stream.range(5.0, 110.0)),
        }
    }

    fn shade(self, s: &Site, body: &Body) -> f64 {
        match self {
            Self::Fluid(hu) | Self::Contrast(hu) => hu + 10.0 * body.noise.at(s.p, 8.0, 5.5),
            Self::Gas => -930.0,
            Self::Faeces => {
                let lump = body.noise.at(s.p, 17.0, 1.9);
                45.0 + 40.0 * lump - 560.0 * smoothstep(0.30, 0.62, lump)
            }
        }
    }
}

pub(super) fn stomach(stream: &mut Stream, body: &Arc<Body>, t: &Tissue) -> Part {
    let fundus = jitter([0.42, 0.0, 0.20], 0.04, stream);
    let fundus_radii = resize([0.25, 0.24, 0.20], 0.2, stream);
    let corpus = jitter([0.34, -0.26, 0.02], 0.04, stream);
    let corpus_radii = resize([0.25, 0.17, 0.26], 0.2, stream);
    let antrum = [
        jitter([0.26, -0.32, -0.12], 0.03, stream),
        [-0.12, -0.24, -0.16],
    ];
    let thick = stream.range(0.07, 0.10);
    let wall = stream.range(0.022, 0.036);
    // Gas rises to the front of a patient who lies on the back.
    let level = stream.range(-0.40, -0.18);
    let content = if stream.chance(0.4) {
        // A meal or thin oral contrast: as bright as the liver that touches it.
        Content::Fluid(stream.range(70.0, 125.0))
    } else {
        Content::draw(stream, 0.0, 0.0)
    };
    let (bed, hu) = (Arc::clone(body), t.gut_wall);
    let distance = move |s: &Site| {
        let upper = ellipsoid(s.p, fundus, fundus_radii);
        let lower = ellipsoid(s.p, corpus, corpus_radii);
        let outlet = tube(s.p, antrum[0], antrum[1], thick, thick * 0.65);
        within_abdomen(blend(blend(upper, lower, 0.15), outlet, 0.08), s, 0.01)
    };
    let bounds = Bounds {
        low: [-0.3, -0.8, -0.45],
        high: [0.85, 0.4, 0.6],
    };
    let shade = move |s: &Site, d: f64| {
        let folds = 0.010 * bed.noise.at(s.p, 13.0, 7.0);
        let inside = smoothstep(-wall + 0.008, -wall - 0.008, d + folds);
        let gas = smoothstep(level + 0.006, level - 0.006, s.p[1]);
        let fluid = content.shade(s, &bed);
        hu + inside * (fluid + gas * (-930.0 - fluid) - hu)
    };
    Part::new(Organ::Stomach, bounds, distance, shade)
}

pub(super) fn small_bowel(stream: &mut Stream, body: &Arc<Body>, t: &Tissue) -> Vec<Part> {
    let mut parts = Vec::new();
    for _ in 0..34 {
        let from = [
            stream.range(-0.50, 0.62),
            stream.range(-0.50, 0.16),
            stream.range(-0.95, -0.22),
        ];
        let flat = random_direction(stream);
        let to = add(
            from,
            scale([flat[0], flat[1], 0.5 * flat[2]], stream.range(0.1, 0.3)),
        );
        let radius = stream.range(0.045, 0.085);
        let content = Content::draw(stream, 0.12, 0.0);
        parts.push(loop_of_gut(from, to, radius, 0.022, content, body, t));
    }
    parts
}

pub(super) fn colon(stream: &mut Stream, body: &Arc<Body>, t: &Tissue) -> Vec<Part> {
    let course: [Point; 8] = [
        [-0.64, 0.06, -0.95],
        [-0.66, 0.06, -0.52],
        [-0.52, -0.20, -0.42],
        [-0.22, -0.44, -0.44],
        [0.20, -0.48, -0.34],
        [0.56, -0.30, -0.10],
        [0.70, 0.06, -0.20],
        [0.70, 0.16, -0.95],
    ];
    let course = course.map(|p| jitter(p, 0.035, stream));
    let mut parts = Vec::new();
    for pair in course.windows(2) {
        for half in 0..2 {
            let point = |f: f64| add(scale(pair[0], 1.0 - f), scale(pair[1], f));
            let (from, to) = (
                point(f64::from(half) * 0.5),
                point(f64::from(half) * 0.5 + 0.5),
            );
            let radius = stream.range(0.065, 0.115);
            let content = Content::draw(stream, 0.30, 0.45);
            parts.push(loop_of_gut(from, to, radius, 0.014, content, body, t));
        }
    }
    parts
}

fn loop_of_gut(
    from: Point,
    to: Point,
    radius: f64,
    wall: f64,
    content: Content,
    body: &Arc<Body>,
    t: &Tissue,
) -> Part {
    let (shape, bed, hu) = (Arc::clone(body), Arc::clone(body), t.gut_wall);
    Part::new(
        Organ::Bowel,
        Bounds::of_tube(from, to, radius * 1.3),
        move |s| {
            let haustra = 0.22 * radius * shape.noise.at(s.p, 9.0, 3.3);
            within_abdomen(tube(s.p, from, to, radius, radius) + haustra, s, 0.02)
        },
        move |s, d| {
            let inside = smoothstep(-wall + 0.008, -wall - 0.008, d);
            hu + inside * (content.shade(s, &bed) - hu)
        },
    )
}
