use super::field::Point;
use super::shape::{Bounds, add, coverage, sub, trim};

/// What fills a voxel; the values of [`super::Phantom::organs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Organ {
    /// Outside the patient, the table included.
    Air,
    /// Skin and the fat below it, and the fat between organs.
    Fat,
    /// Wall of the trunk, muscles of back and hip, diaphragm.
    Muscle,
    /// Ribs and spine, discs and canal included.
    Bone,
    /// Base of both lungs.
    Lung,
    /// Lower part of the heart.
    Heart,
    /// Vessels outside the liver.
    Vessel,
    /// Small and large bowel with what they hold.
    Bowel,
    /// Pancreas.
    Pancreas,
    /// Wall and content of the stomach.
    Stomach,
    /// Spleen.
    Spleen,
    /// Kidneys, renal pelvis included.
    Kidney,
    /// Gallbladder.
    Gallbladder,
    /// Liver without vessels and tumours; label 1.
    Liver,
    /// Vessels inside the liver; label 1, as in LiTS.
    LiverVessel,
    /// Tumour in the liver; label 2.
    Lesion,
}

/// A place in the anatomy with what most organs ask about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    /// The anatomy's `[x, y, z]`, after the warp.
    pub p: Point,
    /// Depth below the skin, negative outside the patient.
    pub depth: f64,
    /// Thickness of the fat under the skin and of the muscle under that.
    pub fat: f64,
    pub wall: f64,
    /// Depth below the inner surface of the trunk's wall, negative in wall and air.
    pub cavity: f64,
    /// Height of the diaphragm above this place, negative in the chest.
    pub dome: f64,
    /// Signed distance to the liver, negative inside; large until the liver is painted.
    pub liver: f64,
}

/// Distance to a shape kept below the diaphragm and off the wall.
pub(super) fn within_abdomen(shape: f64, s: &Site, gap: f64) -> f64 {
    if shape > 0.15 {
        return shape;
    }
    trim(trim(shape, gap - s.cavity, 0.04), 0.02 - s.dome, 0.04)
}

/// A signed distance, negative inside.
pub(super) type Distance = Box<dyn Fn(&Site) -> f64 + Send + Sync>;
/// HU of a part at a place and signed distance.
pub(super) type Shade = Box<dyn Fn(&Site, f64) -> f64 + Send + Sync>;

/// One thing to paint; later parts cover earlier ones.
pub(super) struct Part {
    pub organ: Organ,
    /// Index of the tumour, for `Organ::Lesion`.
    pub lesion: usize,
    pub bounds: Bounds,
    /// Width of the border in units of the anatomy; 0 for one pixel.
    pub border: f64,
    pub distance: Distance,
    pub shade: Shade,
}

impl Part {
    pub fn new(
        organ: Organ,
        bounds: Bounds,
        distance: impl Fn(&Site) -> f64 + Send + Sync + 'static,
        shade: impl Fn(&Site, f64) -> f64 + Send + Sync + 'static,
    ) -> Self {
        Self {
            organ,
            lesion: 0,
            bounds,
            border: 0.0,
            distance: Box::new(distance),
            shade: Box::new(shade),
        }
    }

    pub fn with_border(mut self, width: f64) -> Self {
        self.border = width;
        self
    }
}

/// An infinitely thin axial slice while it is painted; arrays are `[y, x]`.
pub(super) struct Plane {
    pub matrix: usize,
    /// Units of the anatomy a pixel.
    pub pixel: f64,
    origin: Point,
    /// How far the warp moves any pixel of this slice along one axis.
    reach: f64,
    pub sites: Vec<Site>,
    pub hu: Vec<f64>,
    pub organ: Vec<Organ>,
    pub liver: Vec<f64>,
    /// Share of the voxel covered by the tumour that covers it most, and that tumour's index.
    pub lesion: Vec<(f64, usize)>,
}

impl Plane {
    /// An unpainted slice whose first pixel lies at `origin` before the warp.
    pub fn new(matrix: usize, pixel: f64, origin: Point, sites: Vec<Site>) -> Self {
        let len = sites.len();
        let moved = |at: usize| {
            let (x, y) = ((at % matrix) as f64 * pixel, (at / matrix) as f64 * pixel);
            let off = sub(sites[at].p, add(origin, [x, y, 0.0]));
            off.into_iter()
                .fold(0.0, |reach: f64, v| reach.max(v.abs()))
        };
        Self {
            matrix,
            pixel,
            origin,
            reach: (0..len).map(moved).fold(0.0, f64::max),
            sites,
            hu: vec![-1000.0; len],
            organ: vec![Organ::Air; len],
            liver: vec![0.0; len],
            lesion: vec![(0.0, 0); len],
        }
    }

    pub fn paint(&mut self, part: &Part) {
        let width = part.border.max(self.pixel);
        let bounds = part.bounds.padded(self.reach + width);
        if self.origin[2] < bounds.low[2] || self.origin[2] > bounds.high[2] {
            return;
        }
        let [columns, rows] = [0, 1].map(|axis| self.span(&bounds, axis));
        for y in rows {
            for x in columns.clone() {
                self.paint_pixel(part, y * self.matrix + x, width);
            }
        }
    }

    fn paint_pixel(&mut self, part: &Part, at: usize, width: f64) {
        // Only the table lies outside the patient, and most pixels do too.
        if self.sites[at].depth < -width && part.organ != Organ::Air {
            return;
        }
        let distance = (part.distance)(&self.sites[at]);
        if part.organ == Organ::Liver {
            self.sites[at].liver = distance;
        }
        let share = coverage(distance, width);
        if share <= 0.0 {
            return;
        }
        let shade = (part.shade)(&self.sites[at], distance);
        self.hu[at] += share * (shade - self.hu[at]);
        match part.organ {
            Organ::Liver => self.liver[at] = share,
            Organ::LiverVessel => {}
            Organ::Lesion if share > self.lesion[at].0 => self.lesion[at] = (share, part.lesion),
            Organ::Lesion => {}
            _ => self.liver[at] *= 1.0 - share,
        }
        if share >= 0.5 {
            self.organ[at] = part.organ;
        }
    }

    fn span(&self, bounds: &Bounds, axis: usize) -> std::ops::Range<usize> {
        let index = |v: f64| ((v - self.origin[axis]) / self.pixel).clamp(0.0, self.matrix as f64);
        let first = index(bounds.low[axis]).floor() as usize;
        let last = index(bounds.high[axis]).ceil() as usize;
        first..(last + 1).min(self.matrix)
    }
}
