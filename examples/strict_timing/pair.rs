//! A reference and a predicted label map of the size of a LiTS case, from formulas.

use ndarray::{Array3, Axis};
use rayon::prelude::*;

/// What a pair looks like.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Voxels `[z, y, x]`.
    pub shape: [usize; 3],
    /// Reference lesions.
    pub lesions: usize,
    /// How far the prediction's surfaces are off, in voxels along x; its bumps differ as well.
    pub shift: f64,
}

impl Plan {
    /// 512 x 512 x 300 voxels, 12 lesions, surfaces that are a voxel or two apart.
    pub const LITS: Self = Self {
        shape: [300, 512, 512],
        lesions: 12,
        shift: 1.0,
    };

    /// The prediction, then the reference: 0 background, 1 liver, 2 tumour.
    pub fn pair(&self) -> [Array3<u8>; 2] {
        let [nz, ny, nx] = self.shape.map(|n| n as f64);
        let liver = Blob {
            centre: [0.5 * nz, 0.45 * ny, 0.4 * nx],
            radius: [0.125 * nz, 0.165 * ny, 0.29 * nx],
            phase: 0.0,
        };
        let moved = Blob {
            phase: 0.15 * self.shift.min(2.0),
            ..liver.shifted(self.shift)
        };
        let lesions = self.lesions(&liver);
        // Every eighth is missed, every ninth is a false alarm elsewhere, the others are off.
        let found = lesions
            .iter()
            .enumerate()
            .filter(|(i, _)| i % 8 != 7)
            .map(|(i, lesion)| {
                if i % 9 == 8 {
                    lesion.shifted(0.1 * nx)
                } else {
                    lesion.shifted(self.shift)
                }
            });
        [
            self.map(&moved, &found.collect::<Vec<_>>()),
            self.map(&liver, &lesions),
        ]
    }

    fn lesions(&self, liver: &Blob) -> Vec<Blob> {
        let size = 0.03 * self.shape[2] as f64 * (12.0 / self.lesions as f64).cbrt().min(1.0);
        (0..self.lesions)
            .map(|i| {
                // A low-discrepancy sequence in the box that the liver fills best.
                let at = |step: f64| (i as f64 * step + 0.37).fract() - 0.5;
                let offset = [at(0.8191725), at(0.6710436), at(0.5497005)];
                Blob {
                    centre: [0, 1, 2].map(|k| liver.centre[k] + 1.2 * offset[k] * liver.radius[k]),
                    radius: [0.5, 1.0, 1.0].map(|share| share * size * (0.6 + 0.4 * at(0.23))),
                    phase: i as f64,
                }
            })
            .collect()
    }

    fn map(&self, liver: &Blob, lesions: &[Blob]) -> Array3<u8> {
        let mut map = Array3::zeros(self.shape);
        // Fresh zeros are one page of the system's until they are written to; a map that was read
        // from a file is real memory.
        map.fill(0);
        std::hint::black_box(&mut map);
        map.axis_iter_mut(Axis(0))
            .into_par_iter()
            .enumerate()
            .for_each(|(z, mut plane)| {
                for (value, blob) in
                    std::iter::once((1, liver)).chain(lesions.iter().map(|l| (2, l)))
                {
                    let [_, ys, xs] = blob.extent(self.shape);
                    if (z as f64 - blob.centre[0]).abs() > 1.2 * blob.radius[0] {
                        continue;
                    }
                    for y in ys {
                        for x in xs.clone() {
                            let voxel = &mut plane[[y, x]];
                            if (value == 1 || *voxel > 0) && blob.holds([z, y, x]) {
                                *voxel = value;
                            }
                        }
                    }
                }
            });
        map
    }
}

/// An ellipsoid with bumps.
#[derive(Clone, Copy, Debug)]
struct Blob {
    centre: [f64; 3],
    radius: [f64; 3],
    phase: f64,
}

impl Blob {
    fn shifted(self, x: f64) -> Self {
        let [cz, cy, cx] = self.centre;
        Self {
            centre: [cz, cy, cx + x],
            ..self
        }
    }

    fn extent(&self, shape: [usize; 3]) -> [std::ops::Range<usize>; 3] {
        [0, 1, 2].map(|k| {
            let reach = 1.2 * self.radius[k];
            let start = (self.centre[k] - reach).max(0.0) as usize;
            start..((self.centre[k] + reach).max(0.0) as usize + 1).min(shape[k])
        })
    }

    fn holds(&self, voxel: [usize; 3]) -> bool {
        let at = [0, 1, 2].map(|k| (voxel[k] as f64 - self.centre[k]) / self.radius[k]);
        let square: f64 = at.iter().map(|v| v * v).sum();
        if !(0.5..1.3).contains(&square) {
            return square < 0.5;
        }
        let bumps = (5.0 * at[2] + self.phase).sin()
            + (7.0 * at[1] - self.phase).sin() * (4.0 * at[0]).cos();
        square < 1.0 + 0.1 * bumps
    }
}
