use std::sync::Arc;

use hdbench_ground::seed::Stream;

use super::body::Body;
use super::gut;
use super::liver::{Ellipsoid, Liver};
use super::plane::{Organ, Part, Site, within_abdomen};
use super::shape::{Bounds, add, blend, column, ellipsoid, jitter, resize, smoothstep, trim, tube};
use super::tissue::Tissue;

/// Everything in cavity and chest that is painted before the liver, then what comes after it.
pub(super) struct Viscera {
    pub before_liver: Vec<Part>,
    pub after_liver: Vec<Part>,
}

impl Viscera {
    pub fn draw(stream: &mut Stream, body: &Arc<Body>, liver: &Arc<Liver>, t: &Tissue) -> Self {
        let mut before = vec![heart(stream, body, t)];
        before.extend(gut::small_bowel(stream, body, t));
        before.extend(gut::colon(stream, body, t));
        before.push(pancreas(stream, body, t));
        before.push(gut::stomach(stream, body, t));
        before.push(spleen(stream, body, t));
        let left = Ellipsoid {
            centre: jitter([0.39, body.spine_y - 0.06, -0.26], 0.025, stream),
            radii: liver.kidney.radii,
        };
        before.push(kidney(body, liver.kidney, t));
        before.push(kidney(body, left, t));
        Self {
            before_liver: before,
            after_liver: after_liver(body, liver, t),
        }
    }
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
            let opening = ellipsoid(
                s.p,
                add(sinus, [-0.07 * side, -0.03, 0.0]),
                [0.08, 0.035, 0.07],
            );
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

fn pancreas(stream: &mut Stream, body: &Arc<Body>, t: &Tissue) -> Part {
    let y = body.spine_y - 0.30;
    let course = [
        [-0.20, y + 0.04, -0.26],
        [-0.02, y - 0.05, -0.12],
        [0.26, y - 0.02, -0.02],
        [0.50, y + 0.14, 0.04],
    ]
    .map(|p| jitter(p, 0.02, stream));
    let (shape, shade) = (Arc::clone(&body.noise), Arc::clone(&body.noise));
    let (hu, fat) = (t.pancreas, t.fat);
    Part::new(
        Organ::Pancreas,
        Bounds {
            low: [-0.35, y - 0.25, -0.45],
            high: [0.65, y + 0.35, 0.2],
        },
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
    let great = Bounds {
        low: [-0.45, y - 0.60, -9.0],
        high: [0.50, y + 0.05, 9.0],
    };
    let vessel = |distance: Box<dyn Fn(&Site) -> f64 + Send + Sync>, hu: f64| {
        Part::new(Organ::Vessel, great, distance, move |_, _| hu)
    };
    let aorta = move |s: &Site| column(s.p, [0.055, y - 0.165], [0.056, 0.056]);
    parts.push(vessel(Box::new(aorta), t.aorta));
    // The celiac and mesenteric arteries leave the aorta forwards.
    let stem = move |s: &Site| {
        tube(
            s.p,
            [0.05, y - 0.2, -0.05],
            [0.03, y - 0.36, -0.10],
            0.022,
            0.02,
        )
    };
    parts.push(vessel(Box::new(stem), t.aorta));
    let mesenteric = move |s: &Site| {
        tube(
            s.p,
            [0.03, y - 0.33, -0.16],
            [0.03, y - 0.38, -0.9],
            0.022,
            0.02,
        )
    };
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
