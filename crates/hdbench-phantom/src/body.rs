use std::f64::consts::PI;
use std::sync::Arc;

use hdbench_ground::seed::Stream;

use super::field::{Noise, Point, Warp};
use super::plane::{Organ, Part, Site};
use super::shape::{Bounds, blend, column, coverage, ellipsoid, smoothstep, trim, tube};

/// The trunk: outline, wall, cavity and diaphragm, which every organ is fitted into.
pub(super) struct Body {
    warp: Warp,
    pub noise: Arc<Noise>,
    /// Half the depth from belly to back, in half widths.
    half_depth: f64,
    /// 0 is an ellipse, 1 a superellipse of the fourth power.
    squareness: f64,
    fat: f64,
    wall: f64,
    /// Heights of the right and left dome of the diaphragm.
    domes: [f64; 2],
    rib_phase: f64,
    pub muscle_hu: f64,
    fat_hu: f64,
    marrow_hu: f64,
    /// The middle of the vertebral bodies, y.
    pub spine_y: f64,
    disc_phase: f64,
}

/// How far the diaphragm falls from its dome to the wall.
const DOME_DROP: f64 = 0.56;
const RIB_PERIOD: f64 = 0.135;
/// How far a rib descends on its way from the back to the front.
const RIB_FALL: f64 = 0.62;
const VERTEBRA: f64 = 0.21;

impl Body {
    pub fn draw(stream: &mut Stream, noise: Arc<Noise>) -> Self {
        let half_depth = stream.range(0.66, 0.79);
        let fat = stream.range(0.035, 0.12);
        Self {
            warp: Warp::new(stream),
            noise,
            half_depth,
            squareness: stream.range(0.08, 0.45),
            fat,
            wall: stream.range(0.055, 0.08),
            domes: [stream.range(0.44, 0.50), stream.range(0.36, 0.43)],
            rib_phase: stream.uniform(),
            muscle_hu: stream.range(60.0, 88.0),
            fat_hu: stream.range(-112.0, -98.0),
            marrow_hu: stream.range(150.0, 240.0),
            spine_y: half_depth - fat - stream.range(0.27, 0.30),
            disc_phase: stream.uniform(),
        }
    }

    /// The surroundings of a place given before the warp.
    pub fn site(&self, unwarped: Point) -> Site {
        self.warped_site(self.warp.apply(unwarped))
    }

    /// The surroundings of every pixel of a slice, row by row.
    pub fn sites(&self, origin: Point, pixel: f64, side: usize) -> Vec<Site> {
        let places = self.warp.slice(origin, pixel, side);
        places.into_iter().map(|p| self.warped_site(p)).collect()
    }

    fn warped_site(&self, p: Point) -> Site {
        let (depth, fat, wall) = self.layers(p);
        let cavity = depth - fat - wall;
        // Nothing outside the trunk asks for the diaphragm.
        let dome = if depth < -0.1 {
            0.0
        } else {
            self.dome(p) - p[2]
        };
        Site {
            p,
            depth,
            fat,
            wall,
            cavity,
            dome,
            liver: 9.0,
        }
    }

    /// Depth below the skin, thickness of the fat under it and of the muscle under that.
    fn layers(&self, p: Point) -> (f64, f64, f64) {
        let radius = (p[0] * p[0] + p[1] * p[1]).sqrt();
        let (x2, y2) = (p[0] * p[0], (p[1] / self.half_depth).powi(2));
        let (ellipse, boxy) = ((x2 + y2).sqrt(), (x2 * x2 + y2 * y2).sqrt().sqrt());
        let outline = ellipse + self.squareness * (boxy - ellipse);
        let depth = if outline < 1e-6 {
            1.0
        } else {
            radius * (1.0 / outline - 1.0)
        };
        let back = p[1] / radius.max(1e-6);
        let lower = smoothstep(0.3, -0.5, p[2]);
        let fat =
            self.fat * (0.75 + 0.5 * back.max(0.0).powi(2) + 0.3 * (-back).max(0.0) + 0.45 * lower);
        let front = smoothstep(-0.55, -0.95, back);
        let alba = (-(p[0] / 0.035).powi(2)).exp() * lower;
        let wall = self.wall * (1.0 - 0.3 * front) * (1.0 - 0.75 * front * alba);
        (depth, fat, wall)
    }

    /// Height of the diaphragm over a place.
    fn dome(&self, p: Point) -> f64 {
        let cap = |height: f64, centre: f64| {
            let q = ((p[0] - centre) / 0.54).powi(2) + ((p[1] + 0.07) / 0.60).powi(2);
            height - DOME_DROP * (1.0 - (1.0 - q.min(1.0)).sqrt())
        };
        // The soft maximum keeps the central tendon between the domes smooth.
        -blend(-cap(self.domes[0], -0.43), -cap(self.domes[1], 0.43), 0.15)
    }

    /// HU and organ of skin, fat, wall and the fat of the cavity.
    pub fn ground(&self, site: &Site, pixel: f64) -> (f64, Organ) {
        let Site {
            p,
            depth,
            fat,
            wall,
            ..
        } = *site;
        if depth < -pixel {
            return (-1000.0, Organ::Air);
        }
        let texture = self.noise.at(p, 9.0, 0.0);
        let cavity_fat = || {
            let strands = 30.0 * smoothstep(0.12, 0.0, self.noise.at(p, 7.0, 3.7).abs());
            self.fat_hu + 8.0 + 8.0 * texture + strands
        };
        if depth > fat + wall + pixel {
            return (cavity_fat(), Organ::Fat);
        }
        let mut hu = -1000.0;
        let mut cover = |over: f64, shade: f64| hu += coverage(over, pixel) * (shade - hu);
        cover(-depth, 15.0);
        cover(0.02 - depth, self.fat_hu + 6.0 * texture);
        cover(fat - depth, self.wall_hu(p, (depth - fat) / wall, texture));
        cover(fat + wall - depth, cavity_fat());
        let organ = match depth {
            d if d < 0.0 => Organ::Air,
            d if d < fat || d > fat + wall => Organ::Fat,
            _ => Organ::Muscle,
        };
        (hu, organ)
    }

    /// The flank's three muscle sheets show as thin lines of fat between them.
    fn wall_hu(&self, p: Point, t: f64, texture: f64) -> f64 {
        let flank = smoothstep(0.35, 0.6, p[0].abs()) * smoothstep(0.25, 0.0, p[2]);
        let line = |at: f64| (-((t - at) / 0.09).powi(2)).exp();
        let gap = (line(0.36) + line(0.68)) * smoothstep(-0.3, 0.4, self.noise.at(p, 3.0, 1.1));
        self.muscle_hu + 7.0 * texture - 75.0 * flank * gap
    }

    /// Ribs, spine with its muscles, lungs, diaphragm and table, in painting order.
    pub fn parts(self: &Arc<Self>, table: bool) -> Vec<Part> {
        let mut parts = Vec::new();
        if table {
            parts.push(self.table());
        }
        parts.push(self.ribs());
        parts.extend(self.back_muscles());
        parts.extend(self.spine());
        parts.extend(self.lungs());
        parts
    }

    fn table(&self) -> Part {
        let top = self.half_depth + 0.05;
        let distance = move |s: &Site| {
            let sag = top + 0.16 - (s.p[0] / 1.1).powi(2) * 0.12;
            (s.p[1] - sag).abs() - 0.018
        };
        Part::new(Organ::Air, Bounds::EVERYWHERE, distance, |_, d| {
            if d < -0.006 { -880.0 } else { -480.0 }
        })
    }

    fn ribs(self: &Arc<Self>) -> Part {
        let (body, shade) = (Arc::clone(self), Arc::clone(self));
        let distance = move |s: &Site| {
            // Only the wall holds ribs: everything else is answered without the arc tangent.
            if s.cavity > 0.05 || s.cavity < -0.14 || s.p[2] < -0.62 {
                return 1.0;
            }
            let angle = body.angle(s.p);
            let end = 1.5 + 1.4 * smoothstep(-0.5, 0.35, s.p[2]);
            if angle < 0.30 || angle > end {
                return 1.0;
            }
            let height = s.p[2] + RIB_FALL * angle / PI;
            let along = (height / RIB_PERIOD + body.rib_phase).rem_euclid(1.0) - 0.5;
            let across = along * RIB_PERIOD / 0.026;
            let deep = (s.cavity + 0.030) / 0.026;
            ((across * across + deep * deep).sqrt() - 1.0) * 0.026
        };
        Part::new(Organ::Bone, Bounds::EVERYWHERE, distance, move |s, d| {
            let cartilage = smoothstep(1.95, 2.25, shade.angle(s.p));
            let bone = if d < -0.012 {
                shade.marrow_hu + 60.0
            } else {
                520.0
            };
            bone + cartilage * (125.0 - bone)
        })
    }

    /// Angle round the trunk: 0 at the back, pi at the front, on either side.
    fn angle(&self, p: Point) -> f64 {
        p[0].abs().atan2(p[1] / self.half_depth)
    }

    fn back_muscles(self: &Arc<Self>) -> Vec<Part> {
        let y = self.spine_y;
        let mut parts = Vec::new();
        for side in [-1.0, 1.0] {
            let noise = Arc::clone(&self.noise);
            let hu = self.muscle_hu;
            let fibres = move |s: &Site, _: f64| {
                let streak = noise.at([s.p[0], s.p[1], s.p[2] * 0.3], 14.0, 2.0);
                hu + 5.0 * streak - 70.0 * smoothstep(0.45, 0.8, streak)
            };
            let erector = move |s: &Site| column(s.p, [side * 0.185, y + 0.185], [0.165, 0.105]);
            parts.push(Part::new(
                Organ::Muscle,
                back_bounds(y, side),
                erector,
                fibres,
            ));
            let psoas = move |s: &Site| {
                let r = 0.035 + 0.085 * smoothstep(0.02, -0.6, s.p[2]);
                column(s.p, [side * (0.14 + r * 0.55), y + 0.005], [r, r * 1.2])
            };
            let crus = move |s: &Site| {
                let q = [s.p[0] * side, s.p[1], 0.0];
                let from = [0.045, y - 0.17, 0.0];
                let body = tube(q, from, [0.15, y - 0.045, 0.0], 0.020, 0.026);
                body.max(-0.35 - s.p[2])
            };
            let muscle = self.muscle_hu;
            for shape in [
                Box::new(psoas) as Box<dyn Fn(&Site) -> f64 + Send + Sync>,
                Box::new(crus),
            ] {
                parts.push(Part::new(
                    Organ::Muscle,
                    back_bounds(y, side),
                    shape,
                    move |_, _| muscle,
                ));
            }
        }
        parts
    }

    fn spine(self: &Arc<Self>) -> Vec<Part> {
        let y = self.spine_y;
        let (phase, marrow) = (self.disc_phase, self.marrow_hu);
        // -0.5..0.5 within a vertebra; the disc lies at the ends.
        let level = move |z: f64| (z / VERTEBRA + phase).rem_euclid(1.0) - 0.5;
        let noise = Arc::clone(&self.noise);
        let vertebra = move |s: &Site| column(s.p, [0.0, y], [0.128, 0.098]);
        let vertebra = Part::new(Organ::Bone, spine_bounds(y), vertebra, move |s, d| {
            let disc = smoothstep(0.36, 0.42, level(s.p[2]).abs());
            let plate = smoothstep(0.30, 0.36, level(s.p[2]).abs()) * (1.0 - disc);
            let shell = smoothstep(-0.03, -0.008, d);
            let spongy = marrow + 25.0 * noise.at(s.p, 15.0, 0.5);
            let bone = spongy + (260.0 * shell).max(180.0 * plate);
            bone + disc * (95.0 - bone)
        });
        let arch = move |s: &Site| {
            let q = [s.p[0].abs(), s.p[1], 0.0];
            let shown = smoothstep(0.45, 0.25, (level(s.p[2]) - 0.1).abs());
            let lamina = tube(
                q,
                [0.075, y + 0.06, 0.0],
                [0.0, y + 0.185, 0.0],
                0.030,
                0.032,
            );
            let spinous = tube(q, [0.0, y + 0.19, 0.0], [0.0, y + 0.29, 0.0], 0.024, 0.018);
            let wing = tube(
                q,
                [0.08, y + 0.10, 0.0],
                [0.23, y + 0.115, 0.0],
                0.024,
                0.016,
            );
            let solid = blend(lamina, spinous, 0.02);
            let winged = blend(solid, wing, 0.02);
            solid.min(winged + 0.09 * (1.0 - shown)) + 0.012 * (1.0 - shown)
        };
        let arch = Part::new(Organ::Bone, spine_bounds(y), arch, move |_, d| {
            marrow + 300.0 * smoothstep(-0.022, -0.006, d)
        });
        let canal = move |s: &Site| column(s.p, [0.0, y + 0.128], [0.056, 0.046]);
        let canal = Part::new(Organ::Bone, spine_bounds(y), canal, |_, d| {
            if d < -0.018 { 38.0 } else { 8.0 }
        });
        vec![arch, vertebra, canal]
    }

    fn lungs(self: &Arc<Self>) -> Vec<Part> {
        let bounds = Bounds {
            low: [-1.2, -1.2, -0.25],
            high: [1.2, 1.2, 9.0],
        };
        let mediastinum = |p: Point| {
            let front = ellipsoid(p, [0.08, -0.30, 0.8], [0.17, 0.40, 9.0]);
            let back = ellipsoid(p, [0.0, 0.30, 0.8], [0.17, 0.30, 9.0]);
            blend(front, back, 0.1)
        };
        let lung = move |s: &Site, gap: f64| {
            let above = trim(s.dome + gap, gap * 0.5 - s.cavity, 0.02);
            if above > 0.1 {
                return above;
            }
            trim(above, (-0.10 - s.p[2]).max(gap - mediastinum(s.p)), 0.04)
        };
        let noise = Arc::clone(&self.noise);
        let muscle = self.muscle_hu - 6.0;
        // The diaphragm is what a slightly larger lung would cover.
        let sheet = Part::new(
            Organ::Muscle,
            bounds,
            move |s| lung(s, -0.012),
            move |_, _| muscle,
        );
        let air = Part::new(
            Organ::Lung,
            bounds,
            move |s| lung(s, 0.012),
            move |s, _| {
                let vessel = smoothstep(0.50, 0.72, noise.at(s.p, 11.0, 6.1));
                -865.0 + 35.0 * noise.at(s.p, 3.0, 1.7) + 90.0 * s.p[1] + 620.0 * vessel
            },
        );
        vec![sheet, air]
    }
}

fn back_bounds(y: f64, side: f64) -> Bounds {
    let (inner, outer) = (-0.1 * side, 0.36 * side);
    Bounds {
        low: [inner.min(outer), y - 0.22, -9.0],
        high: [inner.max(outer), y + 0.32, 9.0],
    }
}

fn spine_bounds(y: f64) -> Bounds {
    Bounds {
        low: [-0.32, y - 0.2, -9.0],
        high: [0.32, y + 0.35, 9.0],
    }
}
