use std::sync::Arc;

use hdbench_ground::seed::Stream;

use super::body::Body;
use super::field::{Noise, Point};
use super::plane::{Organ, Part, Site};
use super::shape::{Bounds, add, blend, column, ellipsoid, jitter, smoothstep, trim, tube};

/// The liver: two lobes, fitted under the diaphragm and against the wall, hollowed by its
/// neighbours.
pub(super) struct Liver {
    noise: Arc<Noise>,
    spine_y: f64,
    right: Point,
    right_radii: Point,
    left: Point,
    left_radii: Point,
    /// How much the left lobe thins towards its tip.
    taper: f64,
    visceral: Point,
    visceral_radii: Point,
    pub kidney: Ellipsoid,
    /// None after cholecystectomy.
    pub gallbladder: Option<Ellipsoid>,
    pub cava: Cava,
    fissure_x: f64,
    fissure: f64,
    roughness: f64,
    pub hilum: Point,
    pub hu: f64,
}

/// An ellipsoid along the axes of the anatomy.
#[derive(Clone, Copy)]
pub(super) struct Ellipsoid {
    pub centre: Point,
    pub radii: Point,
}

impl Ellipsoid {
    pub fn distance(&self, p: Point) -> f64 {
        ellipsoid(p, self.centre, self.radii)
    }

    pub fn bounds(&self) -> Bounds {
        Bounds::around(self.centre, self.radii)
    }
}

/// The inferior vena cava, which runs up behind the liver and leans forward to the heart.
#[derive(Clone, Copy)]
pub(super) struct Cava {
    pub x: f64,
    pub y: f64,
    pub radius: f64,
}

impl Cava {
    pub fn distance(&self, p: Point) -> f64 {
        let forward = 0.16 * smoothstep(0.0, 0.5, p[2]);
        let centre = [self.x + 0.3 * forward, self.y - forward];
        column(p, centre, [self.radius * 1.2, self.radius * 0.9])
    }

    /// Where the hepatic veins enter.
    pub fn confluence(&self) -> Point {
        [self.x + 0.03, self.y - 0.12, 0.30]
    }
}

impl Liver {
    pub fn draw(stream: &mut Stream, body: &Body, hu: f64) -> Self {
        let reach = stream.range(0.0, 1.0);
        let left = [-0.06 + 0.20 * reach, -0.29, 0.17];
        let low = stream.range(0.44, 0.56);
        let right_radii = [stream.range(0.44, 0.52), stream.range(0.52, 0.60), low];
        let spine_y = body.spine_y;
        let gallbladder = Ellipsoid {
            centre: jitter([-0.27, -0.30, -0.21], 0.05, stream),
            radii: [
                stream.range(0.06, 0.10),
                stream.range(0.09, 0.14),
                stream.range(0.12, 0.18),
            ],
        };
        Self {
            noise: Arc::clone(&body.noise),
            spine_y,
            right: jitter([-0.50, 0.0, 0.0], 0.03, stream),
            right_radii,
            left,
            left_radii: [
                0.34 + 0.22 * reach,
                stream.range(0.19, 0.27),
                stream.range(0.22, 0.30),
            ],
            taper: stream.range(0.3, 0.65),
            visceral: jitter([0.10, 0.02, -0.47], 0.04, stream),
            visceral_radii: [
                stream.range(0.44, 0.52),
                stream.range(0.6, 0.75),
                stream.range(0.38, 0.46),
            ],
            kidney: Ellipsoid {
                centre: jitter([-0.40, spine_y - 0.06, -0.36], 0.02, stream),
                radii: [
                    stream.range(0.13, 0.155),
                    stream.range(0.14, 0.17),
                    stream.range(0.29, 0.34),
                ],
            },
            gallbladder: (!stream.chance(0.15)).then_some(gallbladder),
            cava: Cava {
                x: stream.range(-0.17, -0.12),
                y: spine_y - stream.range(0.15, 0.18),
                radius: stream.range(0.048, 0.066),
            },
            fissure_x: stream.range(-0.10, -0.03),
            fissure: stream.range(0.008, 0.03),
            roughness: stream.range(0.015, 0.04),
            hilum: [-0.20, 0.0, -0.04],
            hu,
        }
    }

    /// A box around the liver before the warp.
    pub const BOUNDS: Bounds = Bounds {
        low: [-1.02, -0.85, -0.62],
        high: [0.66, 0.75, 0.56],
    };

    /// Signed distance to the liver, its vessels and tumours included.
    pub fn distance(&self, site: &Site) -> f64 {
        let p = site.p;
        let solid = self.lobes(p);
        if solid > 0.15 {
            return solid;
        }
        let rough = self.roughness * self.noise.at(p, 3.3, 8.1);
        let held = trim(solid + rough, 0.003 - site.cavity, 0.05);
        let held = trim(held, 0.012 - site.dome, 0.04);
        trim(held, -self.hollows(p), 0.05)
    }

    fn lobes(&self, p: Point) -> f64 {
        // The right lobe's lower part hangs at the flank.
        let sink = smoothstep(0.05, -0.5, p[2]);
        let right = add(self.right, [-0.13 * sink, 0.06 * sink, 0.0]);
        let right = ellipsoid(p, right, self.right_radii);
        let thin = 1.0 - self.taper * smoothstep(-0.15, 0.5, p[0]);
        let left = [
            self.left_radii[0],
            self.left_radii[1] * thin,
            self.left_radii[2] * thin,
        ];
        let left = ellipsoid(p, self.left, left);
        blend(right, left, 0.14)
    }

    /// Distance to what presses into the liver: spine and crura, stomach bed, kidney,
    /// gallbladder, cava, the fissure of the round ligament and the hilum.
    fn hollows(&self, p: Point) -> f64 {
        let spine = column(p, [0.05, self.spine_y], [0.27, 0.25]);
        let visceral = ellipsoid(p, self.visceral, self.visceral_radii);
        // The kidney's fat reaches the back: the liver lies on it, never round it.
        let bed = add(self.kidney.centre, [0.06, 0.20, 0.0]);
        let radii = add(self.kidney.radii, [0.07, 0.20, 0.08]);
        let kidney = (self.kidney.distance(p) - 0.012).min(ellipsoid(p, bed, radii));
        let cava = self.cava.distance(p) - 0.008;
        let cleft = tube(
            [p[0], p[1], 0.0],
            [self.fissure_x, -0.60, 0.0],
            [self.fissure_x - 0.03, -0.20, 0.0],
            self.fissure + 0.012,
            self.fissure * 0.5,
        ) + 0.3 * smoothstep(0.05, 0.22, p[2]);
        let hilum = tube(p, self.hilum, [0.05, 0.0, -0.16], 0.03, 0.07);
        let gallbladder = self.gallbladder.map_or(9.0, |g| {
            // Open towards the bowel: below and to the middle.
            let out = add(g.centre, [0.16, -0.10, -0.20]);
            tube(p, g.centre, out, g.radii[0], g.radii[0] * 1.3).min(g.distance(p) - 0.004)
        });
        [kidney, cava, cleft, hilum, gallbladder]
            .into_iter()
            .fold(blend(spine, visceral, 0.08), f64::min)
    }

    pub fn part(self: &Arc<Self>) -> Part {
        let (shape, shade) = (Arc::clone(self), Arc::clone(self));
        Part::new(
            Organ::Liver,
            Self::BOUNDS,
            move |s| shape.distance(s),
            move |s, _| {
                shade.hu
                    + 8.0 * shade.noise.at(s.p, 2.2, 4.4)
                    + 5.0 * shade.noise.at(s.p, 12.0, 7.7)
            },
        )
    }
}
