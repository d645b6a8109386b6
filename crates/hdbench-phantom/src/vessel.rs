use hdbench_ground::seed::Stream;

use super::field::Point;
use super::liver::Liver;
use super::plane::{Organ, Part, Site};
use super::shape::{Bounds, add, random_direction, scale, sub, tube, unit};
use super::tissue::Tissue;

/// A straight piece of a vessel.
#[derive(Clone, Copy, Debug)]
struct Segment {
    from: Point,
    to: Point,
    radii: [f64; 2],
}

/// The portal tree and the hepatic veins inside the liver.
pub(super) fn liver_vessels(stream: &mut Stream, liver: &Liver, tissue: &Tissue) -> Vec<Part> {
    let mut portal = Vec::new();
    let thick = stream.range(0.036, 0.048);
    for target in [
        [-0.62, -0.22, 0.08],
        [-0.62, 0.22, 0.02],
        [-0.60, 0.05, 0.26],
        [-0.62, 0.08, -0.26],
        [0.10, -0.30, 0.17],
    ] {
        let target = jittered(target, stream);
        grow(&mut portal, stream, liver.hilum, target, thick, 3);
    }
    let mut veins = Vec::new();
    let root = liver.cava.confluence();
    let thick = stream.range(0.034, 0.046);
    for target in [
        [-0.74, 0.12, 0.08],
        [-0.42, -0.34, 0.08],
        [0.08, -0.30, 0.22],
    ] {
        let target = jittered(target, stream);
        grow(&mut veins, stream, root, target, thick, 3);
    }
    let parts = |segments: Vec<Segment>, hu: f64| {
        segments.into_iter().map(move |segment| part(segment, hu))
    };
    parts(portal, tissue.portal)
        .chain(parts(veins, tissue.hepatic_vein))
        .collect()
}

fn jittered(target: Point, stream: &mut Stream) -> Point {
    add(target, scale(random_direction(stream), 0.08))
}

/// A winding branch to `target` that sends off thinner ones on its way.
fn grow(
    tree: &mut Vec<Segment>,
    stream: &mut Stream,
    root: Point,
    target: Point,
    radius: f64,
    generations: usize,
) {
    const PIECES: usize = 4;
    let mut at = root;
    let mut thick = radius;
    for piece in 0..PIECES {
        let left = (PIECES - piece) as f64;
        let step = scale(sub(target, at), 1.0 / left);
        let bend = 0.28 * step.iter().map(|v| v * v).sum::<f64>().sqrt();
        let next = add(add(at, step), scale(random_direction(stream), bend));
        let thin = thick * 0.82;
        tree.push(Segment {
            from: at,
            to: next,
            radii: [thick, thin],
        });
        if generations > 0 && piece + 1 < PIECES && piece > 0 {
            let onward = unit(step);
            let aside = unit(add(random_direction(stream), scale(onward, 0.7)));
            let length = stream.range(0.16, 0.30) * (0.55 + 0.15 * generations as f64);
            let end = add(next, scale(aside, length));
            grow(tree, stream, next, end, thin * 0.72, generations - 1);
        }
        at = next;
        thick = thin;
    }
}

fn part(segment: Segment, hu: f64) -> Part {
    let Segment { from, to, radii } = segment;
    let distance = move |s: &Site| {
        let inside = s.liver + 0.014;
        if inside > 0.05 {
            inside
        } else {
            tube(s.p, from, to, radii[0], radii[1]).max(inside)
        }
    };
    let bounds = Bounds::of_tube(from, to, radii[0]);
    Part::new(Organ::LiverVessel, bounds, distance, move |_, _| hu)
}
