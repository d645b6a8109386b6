use hdbench_ground::seed::Stream;

use super::field::Point;

/// Approximate signed distances: negative inside, gradient about 1 near the surface.
pub(super) fn ellipsoid(p: Point, centre: Point, radii: Point) -> f64 {
    let q: Point = std::array::from_fn(|i| (p[i] - centre[i]) / radii[i]);
    let scaled = length(q);
    let gradient = length(std::array::from_fn(|i| q[i] / radii[i]));
    if gradient < 1e-9 {
        return -radii.into_iter().fold(f64::INFINITY, f64::min);
    }
    scaled * (scaled - 1.0) / gradient
}

/// An ellipse in the axial plane, endless along z.
pub(super) fn column(p: Point, centre: [f64; 2], radii: [f64; 2]) -> f64 {
    ellipsoid(
        [p[0], p[1], 0.0],
        [centre[0], centre[1], 0.0],
        [radii[0], radii[1], 1.0],
    )
}

/// A tube from `a` to `b` whose radius goes evenly from `ra` to `rb`.
pub(super) fn tube(p: Point, a: Point, b: Point, ra: f64, rb: f64) -> f64 {
    let ab = sub(b, a);
    let ap = sub(p, a);
    let t = (dot(ap, ab) / dot(ab, ab).max(1e-12)).clamp(0.0, 1.0);
    let off: Point = std::array::from_fn(|i| ap[i] - t * ab[i]);
    length(off) - (ra + (rb - ra) * t)
}

/// Union with a rounded seam of width `k`.
pub(super) fn blend(a: f64, b: f64, k: f64) -> f64 {
    let h = (k - (a - b).abs()).max(0.0) / k;
    a.min(b) - h * h * k * 0.25
}

/// Intersection with a rounded edge of width `k`.
pub(super) fn trim(a: f64, b: f64, k: f64) -> f64 {
    -blend(-a, -b, k)
}

/// 0 below `low`, 1 above `high`, smooth between.
pub(super) fn smoothstep(low: f64, high: f64, v: f64) -> f64 {
    let t = ((v - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// How much of a soft edge of this width is covered at a signed distance.
pub(super) fn coverage(distance: f64, width: f64) -> f64 {
    (0.5 - distance / width).clamp(0.0, 1.0)
}

pub(super) fn add(a: Point, b: Point) -> Point {
    std::array::from_fn(|i| a[i] + b[i])
}

pub(super) fn sub(a: Point, b: Point) -> Point {
    std::array::from_fn(|i| a[i] - b[i])
}

pub(super) fn scale(a: Point, factor: f64) -> Point {
    a.map(|v| v * factor)
}

pub(super) fn dot(a: Point, b: Point) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(super) fn length(a: Point) -> f64 {
    dot(a, a).sqrt()
}

/// The same direction with length 1; the zero vector stays zero.
pub(super) fn unit(a: Point) -> Point {
    scale(a, 1.0 / length(a).max(1e-12))
}

/// A direction spread evenly over the sphere.
pub(super) fn random_direction(stream: &mut Stream) -> Point {
    unit([stream.normal(), stream.normal(), stream.normal()])
}

/// Each coordinate moved by up to `reach`.
pub(super) fn jitter(p: Point, reach: f64, stream: &mut Stream) -> Point {
    p.map(|v| v + stream.range(-reach, reach))
}

/// Each radius multiplied by up to `1 +- spread`.
pub(super) fn resize(radii: Point, spread: f64, stream: &mut Stream) -> Point {
    radii.map(|r| r * (1.0 + stream.range(-spread, spread)))
}

/// A box in the anatomy's frame that holds a shape.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub low: Point,
    pub high: Point,
}

impl Bounds {
    pub const EVERYWHERE: Self = Self {
        low: [-9.0; 3],
        high: [9.0; 3],
    };

    pub fn around(centre: Point, radii: Point) -> Self {
        Self {
            low: sub(centre, radii),
            high: add(centre, radii),
        }
    }

    pub fn of_tube(a: Point, b: Point, radius: f64) -> Self {
        Self {
            low: std::array::from_fn(|i| a[i].min(b[i]) - radius),
            high: std::array::from_fn(|i| a[i].max(b[i]) + radius),
        }
    }

    pub fn padded(self, by: f64) -> Self {
        Self {
            low: self.low.map(|v| v - by),
            high: self.high.map(|v| v + by),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_exact_where_the_answer_is_known() {
        assert!((ellipsoid([3.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0; 3]) - 1.0).abs() < 1e-12);
        assert!(ellipsoid([0.1, 0.0, 0.0], [0.0; 3], [0.5, 0.2, 0.3]) < 0.0);
        let distance = tube([0.5, 0.3, 0.0], [0.0; 3], [1.0, 0.0, 0.0], 0.1, 0.3);
        assert!((distance - 0.1).abs() < 1e-12);
        assert_eq!(blend(1.0, 5.0, 0.1), 1.0);
        assert!(blend(1.0, 1.0, 0.1) < 1.0);
        assert!(trim(1.0, 1.0, 0.1) > 1.0);
    }
}
