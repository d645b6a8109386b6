use hdbench_ground::seed::Stream;

const SIDE: usize = 16;
const MASK: usize = SIDE - 1;

/// A point or direction `[x, y, z]` in the anatomy's frame.
pub(super) type Point = [f64; 3];

/// Smooth random values in space: a periodic lattice of numbers in -1..1 with Hermite
/// interpolation, one cell a unit.
pub(super) struct Noise {
    values: Vec<f32>,
}

impl Noise {
    pub fn new(stream: &mut Stream) -> Self {
        let values = (0..SIDE * SIDE * SIDE)
            .map(|_| stream.range(-1.0, 1.0) as f32)
            .collect();
        Self { values }
    }

    /// The value at `p * frequency + shift`, in -1..1.
    pub fn at(&self, p: Point, frequency: f64, shift: f64) -> f64 {
        let axis = |v: f64| {
            let v = v * frequency + shift;
            let floor = v.floor();
            let t = v - floor;
            let low = floor as i64 as usize & MASK;
            (low, (low + 1) & MASK, (t * t * (3.0 - 2.0 * t)) as f32)
        };
        let [(x0, x1, tx), (y0, y1, ty), (z0, z1, tz)] = p.map(axis);
        let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
        let row = |z: usize, y: usize| {
            let start = (z * SIDE + y) * SIDE;
            mix(self.values[start + x0], self.values[start + x1], tx)
        };
        let layer = |z: usize| mix(row(z, y0), row(z, y1), ty);
        f64::from(mix(layer(z0), layer(z1), tz))
    }
}

/// Bends space a little, so that neighbouring organs deform together and no shape is a textbook
/// ellipse.
pub(super) struct Warp {
    noise: Noise,
    amplitude: Point,
}

impl Warp {
    pub fn new(stream: &mut Stream) -> Self {
        let amplitude = [0, 1, 2].map(|_| stream.range(0.045, 0.085));
        Self {
            noise: Noise::new(stream),
            amplitude,
        }
    }

    pub fn apply(&self, p: Point) -> Point {
        let mut bent = p;
        for (axis, shift) in [0.0, 5.3, 10.7].into_iter().enumerate() {
            let coarse = self.noise.at(p, 1.7, shift);
            let fine = self.noise.at(p, 4.1, shift + 2.9);
            bent[axis] += self.amplitude[axis] * (coarse + 0.3 * fine);
        }
        bent
    }

    /// The warped places of a square slice's pixels, row by row, from `origin` in steps of
    /// `pixel`: exact at every fourth pixel and linear between, where the warp is smooth.
    pub fn slice(&self, origin: Point, pixel: f64, side: usize) -> Vec<Point> {
        const STEP: usize = 4;
        let nodes = side.div_ceil(STEP) + 1;
        let node = |i: usize| (i * STEP) as f64 * pixel;
        let grid: Vec<Point> = (0..nodes * nodes)
            .map(|at| {
                let (y, x) = (node(at / nodes), node(at % nodes));
                self.apply([origin[0] + x, origin[1] + y, origin[2]])
            })
            .collect();
        let mix = |a: Point, b: Point, t: f64| -> Point {
            std::array::from_fn(|i| a[i] + (b[i] - a[i]) * t)
        };
        let mut places = Vec::with_capacity(side * side);
        for y in 0..side {
            let ty = (y % STEP) as f64 / STEP as f64;
            let above = &grid[y / STEP * nodes..];
            for x in 0..side {
                let (i, tx) = (x / STEP, (x % STEP) as f64 / STEP as f64);
                let top = mix(above[i], above[i + 1], tx);
                let bottom = mix(above[nodes + i], above[nodes + i + 1], tx);
                places.push(mix(top, bottom, ty));
            }
        }
        places
    }
}
