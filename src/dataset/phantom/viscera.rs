use std::sync::Arc;

use super::acquisition::Phase;
use super::body::Body;
use super::field::Point;
use super::liver::{Ellipsoid, Liver};
use super::plane::{Organ, Part, Site};
use super::shape::{
    Bounds, add, blend, column, ellipsoid, jitter, random_direction, resize, scale, smoothstep,
    trim, tube,
};
use crate::seed::Stream;

/// HU of the organs of one case. Ranges overlap on purpose: no window separates the liver.
#[derive(Clone, Debug)]
pub(super) struct Tissue {
    pub liver: f64,
    pub spleen: f64,
    pub cortex: f64,
    pub medulla: f64,
    pub aorta: f64,
    pub cava: f64,
    pub portal: f64,
    pub hepatic_vein: f64,
    pub heart: f64,
    pub pancreas: f64,
    pub gut_wall: f64,
    pub bile: f64,
    pub fat: f64,
}

impl Tissue {
    /// `brightness` in 0..1 sets the liver between 80 and 130 HU.
    pub fn draw(stream: &mut Stream, phase: Phase, brightness: f64) -> Self {
        let liver = 80.0 + 50.0 * brightness;
        let mut over = |low: f64, high: f64| liver + stream.range(low, high);
        let (spleen, cortex, medulla, portal, hepatic_vein) = match phase {
            Phase::Arterial => {
                (over(0.0, 25.0), over(50.0, 90.0), over(-30.0, 0.0), over(0.0, 18.0), over(-14.0, 2.0))
            }
            Phase::Portal => {
                (over(-12.0, 22.0), over(35.0, 75.0), over(5.0, 50.0), over(32.0, 62.0), over(26.0, 55.0))
            }
            Phase::Delayed => {
                (over(-14.0, 14.0), over(15.0, 45.0), over(10.0, 40.0), over(14.0, 30.0), over(12.0, 28.0))
            }
        };
        let aorta = match phase {
            Phase::Arterial => stream.range(230.0, 320.0),
            Phase::Portal => stream.range(140.0, 185.0),
            Phase::Delayed => stream.range(110.0, 140.0),
        };
        Self {
            liver,
            spleen,
            cortex,
            medulla,
            aorta,
            portal,
            hepatic_vein,
            cava: 0.5 * (hepatic_vein + liver) + stream.range(-8.0, 8.0),
            heart: 0.5 * aorta.min(200.0) + stream.range(40.0, 60.0),
            pancreas: stream.range(78.0, 112.0),
            gut_wall: stream.range(72.0, 108.0),
            bile: stream.range(4.0, 22.0),
            fat: -100.0,
        }
    }
}

/// Everything in cavity and chest that is painted before the liver, then what comes after it.
pub(super) struct Viscera {
    pub before_liver: Vec<Part>,
    pub after_liver: Vec<Part>,
}

impl Viscera {
    pub fn draw(stream: &mut Stream, body: &Arc<Body>, liver: &Arc<Liver>, t: &Tissue) -> Self {
        let mut before = vec![heart(stream, body, t)];
        before.extend(small_bowel(stream, body, t));
        before.extend(colon(stream, body, t));
        before.push(pancreas(stream, body, t));
        before.extend(stomach(stream, body, t));
        before.push(spleen(stream, body, t));
        let left = Ellipsoid {
            centre: jitter([0.39, body.spine_y - 0.06, -0.26], 0.025, stream),
            radii: liver.kidney.radii,
        };
        before.push(kidney(body, liver.kidney, t));
        before.push(kidney(body, left, t));
        Self { before_liver: before, after_liver: after_liver(body, liver, t) }
    }
}

/// Distance to a shape kept below the diaphragm and off the wall.
fn within_abdomen(shape: f64, s: &Site, gap: f64) -> f64 {
    if shape > 0.15 {
        return shape;
    }
    trim(trim(shape, gap - s.cavity, 0.04), 0.02 - s.dome, 0.04)
}

fn heart(stream: &mut Stream, body: &Arc<Body>, t: &Tissue) -> Part {
    let centre = jitter([0.16, -0.26, 0.66], 0.03, stream);
    let radii = resize([0.42, 0.33, 0.27], 0.08, stream);
    let noise = Arc::clone(&body.noise);
    let (blood, fat) = (t.heart, t.fat);
    let outer = radii.map(|r| r + 0.05);
    Part::new(
        Organ::Heart,
        Bounds::around(centre, outer),
        move |s| trim(ellipsoid(s.p, centre, outer), 0.015 - s.cavity, 0.05),
        move |s, d| {
            let muscle = blood - 22.0 * smoothstep(-0.3, 0.3, noise.at(s.p, 4.0, 9.1));
            // Pericardial fat covers the muscle but for where it rests on the diaphragm.
            let layer = 0.015 + 0.04 * smoothstep(0.03, 0.12, -s.dome);
            muscle + smoothstep(-layer - 0.012, -layer + 0.012, d) * (fat - muscle)
        },
    )
}

fn spleen(stream: &mut Stream, body: &Arc<Body>, t: &Tissue) -> Part {
    let centre = jitter([0.66, 0.20, 0.12], 0.04, stream);
    let radii = resize([0.28, 0.36, 0.33], 0.15, stream);
    let hollow = add(centre, [-0.24, -0.10, -0.04]);
    let (noise, hu) = (Arc::clone(&body.noise), t.spleen);
    Part::new(
        Organ::Spleen,
        Bounds::around(centre, radii),
        move |s| {
            let solid = ellipsoid(s.p, centre, radii);
            let bent = trim(solid, -ellipsoid(s.p, hollow, [0.22, 0.26, 0.5]), 0.04);
            within_abdomen(bent + 0.02 * s.p[2], s, 0.004)
        },
        move |s, _| hu + 5.0 * noise.at(s.p, 9.0, 11.3),
    )
}

fn kidney(body: &Arc<Body>, shape: Ellipsoid, t: &Tissue) -> Part {
    let noise = Arc::clone(&body.noise);
    let (cortex, medulla, fat) = (t.cortex, t.medulla, t.fat);
    let side = shape.centre[0].signum();
    let sinus = add(shape.centre, [-0.09 * side, -0.03, 0.0]);
    Part::new(
        Organ::Kidney,
        shape.bounds(),
        move |s| {
            let opening = ellipsoid(s.p, add(sinus, [-0.07 * side, -0.03, 0.0]), [0.08, 0.035, 0.07]);
            within_abdomen(trim(shape.distance(s.p), -opening, 0.02), s, 0.02)
        },
        move |s, d| {
            let pyramids = smoothstep(-0.15, 0.25, noise.at(s.p, 9.0, 2.2));
            let inner = smoothstep(-0.028, -0.045, d) * pyramids;
            let flesh = cortex + inner * (medulla - cortex);
            let hollow = smoothstep(0.012, -0.012, ellipsoid(s.p, sinus, [0.075, 0.055, 0.16]));
            let pelvis = smoothstep(0.1, 0.3, noise.at(s.p, 12.0, 0.9));
            flesh + hollow * (fat + 120.0 * pelvis - flesh)
        },
    )
}

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

fn stomach(stream: &mut Stream, body: &Arc<Body>, t: &Tissue) -> Vec<Part> {
    let fundus = jitter([0.42, 0.0, 0.20], 0.04, stream);
    let fundus_radii = resize([0.25, 0.24, 0.20], 0.2, stream);
    let corpus = jitter([0.34, -0.26, 0.02], 0.04, stream);
    let corpus_radii = resize([0.25, 0.17, 0.26], 0.2, stream);
    let antrum = [jitter([0.26, -0.32, -0.12], 0.03, stream), [-0.12, -0.24, -0.16]];
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
    let bounds = Bounds { low: [-0.3, -0.8, -0.45], high: [0.85, 0.4, 0.6] };
    let shade = move |s: &Site, d: f64| {
        let folds = 0.010 * bed.noise.at(s.p, 13.0, 7.0);
        let inside = smoothstep(-wall + 0.008, -wall - 0.008, d + folds);
        let gas = smoothstep(level + 0.006, level - 0.006, s.p[1]);
        let fluid = content.shade(s, &bed);
        hu + inside * (fluid + gas * (-930.0 - fluid) - hu)
    };
    vec![Part::new(Organ::Stomach, bounds, distance, shade)]
}

fn small_bowel(stream: &mut Stream, body: &Arc<Body>, t: &Tissue) -> Vec<Part> {
    let mut parts = Vec::new();
    for _ in 0..34 {
        let from = [stream.range(-0.50, 0.62), stream.range(-0.50, 0.16), stream.range(-0.95, -0.22)];
        let flat = random_direction(stream);
        let to = add(from, scale([flat[0], flat[1], 0.5 * flat[2]], stream.range(0.1, 0.3)));
        let radius = stream.range(0.045, 0.085);
        let content = Content::draw(stream, 0.12, 0.0);
        parts.push(loop_of_gut(Organ::Bowel, from, to, radius, 0.022, content, body, t));
    }
    parts
}

fn colon(stream: &mut Stream, body: &Arc<Body>, t: &Tissue) -> Vec<Part> {
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
            let (from, to) = (point(f64::from(half) * 0.5), point(f64::from(half) * 0.5 + 0.5));
            let radius = stream.range(0.065, 0.115);
            let content = Content::draw(stream, 0.30, 0.45);
            parts.push(loop_of_gut(Organ::Bowel, from, to, radius, 0.014, content, body, t));
        }
    }
    parts
}

#[expect(clippy::too_many_arguments, reason = "a loop is all of these and nothing more")]
fn loop_of_gut(
    organ: Organ,
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
        organ,
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

fn pancreas(stream: &mut Stream, body: &Arc<Body>, t: &Tissue) -> Part {
    let y = body.spine_y - 0.30;
    let course = [[-0.20, y + 0.04, -0.26], [-0.02, y - 0.05, -0.12], [0.26, y - 0.02, -0.02], [0.50, y + 0.14, 0.04]]
        .map(|p| jitter(p, 0.02, stream));
    let (shape, shade) = (Arc::clone(&body.noise), Arc::clone(&body.noise));
    let (hu, fat) = (t.pancreas, t.fat);
    Part::new(
        Organ::Pancreas,
        Bounds { low: [-0.35, y - 0.25, -0.45], high: [0.65, y + 0.35, 0.2] },
        move |s| {
            let head = tube(s.p, course[0], course[1], 0.085, 0.05);
            let trunk = tube(s.p, course[1], course[2], 0.05, 0.055);
            let tail = tube(s.p, course[2], course[3], 0.055, 0.045);
            let whole = blend(blend(head, trunk, 0.03), tail, 0.03);
            within_abdomen(whole + 0.014 * shape.at(s.p, 15.0, 4.1), s, 0.03)
        },
        // Fat between the lobules.
        move |s, _| hu + smoothstep(0.35, 0.75, shade.at(s.p, 16.0, 9.9)) * 0.6 * (fat - hu),
    )
}

fn after_liver(body: &Arc<Body>, liver: &Arc<Liver>, t: &Tissue) -> Vec<Part> {
    let mut parts = Vec::new();
    let y = body.spine_y;
    // All of them run in front of the spine.
    let great = Bounds { low: [-0.45, y - 0.60, -9.0], high: [0.50, y + 0.05, 9.0] };
    let vessel = |distance: Box<dyn Fn(&Site) -> f64 + Send + Sync>, hu: f64| {
        Part::new(Organ::Vessel, great, distance, move |_, _| hu)
    };
    let aorta = move |s: &Site| column(s.p, [0.055, y - 0.165], [0.056, 0.056]);
    parts.push(vessel(Box::new(aorta), t.aorta));
    // The celiac and mesenteric arteries leave the aorta forwards.
    let stem = move |s: &Site| tube(s.p, [0.05, y - 0.2, -0.05], [0.03, y - 0.36, -0.10], 0.022, 0.02);
    parts.push(vessel(Box::new(stem), t.aorta));
    let mesenteric = move |s: &Site| tube(s.p, [0.03, y - 0.33, -0.16], [0.03, y - 0.38, -0.9], 0.022, 0.02);
    parts.push(vessel(Box::new(mesenteric), t.aorta));
    let cava = liver.cava;
    parts.push(vessel(Box::new(move |s| cava.distance(s.p)), t.cava));
    let shape = Arc::clone(liver);
    let trunk = move |s: &Site| {
        let main = tube(s.p, shape.hilum, [0.0, -0.02, -0.20], 0.042, 0.044);
        let splenic = tube(s.p, [0.0, -0.02, -0.20], [0.45, 0.10, 0.03], 0.030, 0.024);
        let superior = tube(s.p, [0.0, -0.02, -0.20], [-0.03, -0.05, -0.9], 0.036, 0.034);
        // Inside the liver the portal tree goes on.
        main.min(splenic).min(superior).max(0.01 - s.liver)
    };
    parts.push(vessel(Box::new(trunk), t.portal));
    if let Some(gallbladder) = liver.gallbladder {
        let (bile, wall) = (t.bile, t.gut_wall);
        parts.push(Part::new(
            Organ::Gallbladder,
            gallbladder.bounds(),
            move |s| gallbladder.distance(s.p).max(0.02 - s.cavity),
            move |_, d| wall + smoothstep(-0.006, -0.02, d) * (bile - wall),
        ));
    }
    parts
}
