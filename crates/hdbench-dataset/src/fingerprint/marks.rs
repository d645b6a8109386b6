use hdbench_volume::Volume;

/// One in this number of neighbourhoods passes the sieve.
const SIEVE: u32 = 512;

/// One in this number in scans of at most [`SMALL`] voxels, so that a piece of a small one is still
/// recognised; those that pass the coarser sieve too have the smaller hashes.
const FINE_SIEVE: u32 = 64;
const SMALL: usize = 4 << 20;

/// Hashes below this have passed the coarser sieve.
pub(super) const FINE: u64 = 1 << 63;

/// Neighbourhoods with fewer different values say little: air that was clipped, padding, rows of a
/// table.
const LEAST_DIFFERENT_VALUES: usize = 8;

/// A kept neighbourhood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub hash: u64,
    /// `[z, y, x]` of its centre.
    pub at: [u16; 3],
    /// Value of the centre in HU, cut to 16 bits.
    pub hu: i16,
}

/// A value as a whole number of HU; an offset of whole HU stays one.
pub(crate) fn whole(hu: f32) -> i32 {
    (hu + 0.5).floor() as i32
}

/// Three slices in whole HU.
struct Slices<'a> {
    width: usize,
    planes: [&'a [i32]; 3],
}

impl<'a> Slices<'a> {
    fn row(&self, plane: usize, y: usize) -> &'a [i32] {
        &self.planes[plane][y * self.width..][..self.width]
    }
}

pub(super) fn is_small(shape: [usize; 3]) -> bool {
    shape.iter().product::<usize>() <= SMALL
}

pub(super) fn marks_of(image: &Volume<f32>) -> Vec<Mark> {
    let (depth, height, width) = image.voxels.dim();
    let voxels = image.voxels.as_standard_layout();
    let mut marks = Vec::new();
    let Some(voxels) = voxels.as_slice() else {
        return marks;
    };
    if depth < 3 || height < 3 || width < 3 {
        return marks;
    }
    let area = height * width;
    let plane = |z: usize| -> Vec<i32> {
        let slice = &voxels[z * area..][..area];
        slice.iter().map(|&hu| whole(hu)).collect()
    };
    let mut planes = [plane(0), plane(1), plane(2)];
    let mut rows = Rows::new(width);
    let sieve = match is_small([depth, height, width]) {
        true => FINE_SIEVE,
        false => SIEVE,
    };
    for z in 1..depth - 1 {
        let slices = Slices {
            width,
            planes: [&planes[0], &planes[1], &planes[2]],
        };
        for y in 1..height - 1 {
            rows.sieve(&slices, y);
            for x in 1..width - 1 {
                if rows.gate[x] < u32::MAX / sieve
                    && let Some(hash) = neighbourhood(&slices, y, x)
                {
                    let fine = rows.gate[x] >= u32::MAX / SIEVE;
                    let hu = slices.row(1, y)[x];
                    marks.push(Mark {
                        hash: hash >> 1 | if fine { FINE } else { 0 },
                        // NIfTI and DICOM have no axis of more than 65535 voxels.
                        at: [z as u16, y as u16, x as u16],
                        hu: hu.clamp(i16::MIN.into(), i16::MAX.into()) as i16,
                    });
                }
            }
        }
        if z + 2 < depth {
            planes.rotate_left(1);
            planes[2] = plane(z + 2);
        }
    }
    marks
}

/// What the sieve works with, a row at a time, so that it runs over many voxels at once.
struct Rows {
    faces: Vec<i32>,
    diagonals: Vec<i32>,
    gate: Vec<u32>,
}

impl Rows {
    fn new(width: usize) -> Self {
        Self {
            faces: vec![0; width],
            diagonals: vec![0; width],
            gate: vec![u32::MAX; width],
        }
    }

    /// A cheap hash of each voxel's neighbourhood with the same symmetries: of the sums over faces,
    /// edges and corners, less the centre.
    fn sieve(&mut self, slices: &Slices<'_>, y: usize) {
        let width = slices.width;
        let centre = slices.row(1, y);
        let sides = [
            slices.row(1, y - 1),
            slices.row(1, y + 1),
            slices.row(0, y),
            slices.row(2, y),
        ];
        let far = [
            slices.row(0, y - 1),
            slices.row(0, y + 1),
            slices.row(2, y - 1),
            slices.row(2, y + 1),
        ];
        let sum = |out: &mut [i32], [a, b, c, d]: [&[i32]; 4]| {
            for ((((out, a), b), c), d) in out.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                *out = a.wrapping_add(*b).wrapping_add(*c).wrapping_add(*d);
            }
        };
        sum(&mut self.faces, sides);
        sum(&mut self.diagonals, far);
        let inner = width - 2;
        let (before, after) = (&centre[..inner], &centre[2..][..inner]);
        let (faces_before, faces, faces_after) = (
            &self.faces[..inner],
            &self.faces[1..][..inner],
            &self.faces[2..][..inner],
        );
        let (far_before, far, far_after) = (
            &self.diagonals[..inner],
            &self.diagonals[1..][..inner],
            &self.diagonals[2..][..inner],
        );
        let middle = &centre[1..][..inner];
        let gate = &mut self.gate[1..][..inner];
        for x in 0..inner {
            let c = middle[x];
            let less = |sum: i32, n: i32| sum.wrapping_sub(c.wrapping_mul(n)).cast_unsigned();
            let six = less(faces[x].wrapping_add(before[x]).wrapping_add(after[x]), 6);
            let twelve = less(
                far[x]
                    .wrapping_add(faces_before[x])
                    .wrapping_add(faces_after[x]),
                12,
            );
            let eight = less(far_before[x].wrapping_add(far_after[x]), 8);
            gate[x] = mix32(six, twelve, eight);
        }
    }
}

/// Multiplicative hash of three numbers; the constant keeps flat regions, all 0, from passing.
fn mix32(a: u32, b: u32, c: u32) -> u32 {
    let sum = a
        .wrapping_mul(0x9E37_79B1)
        .wrapping_add(b.wrapping_mul(0x85EB_CA77))
        .wrapping_add(c.wrapping_mul(0xC2B2_AE3D))
        .wrapping_add(0x27D4_EB2F);
    let mixed = (sum ^ (sum >> 15)).wrapping_mul(0x2C1B_3C6D);
    mixed ^ (mixed >> 12)
}

/// The hash of the neighbourhood of a voxel; none if it has too few different values.
fn neighbourhood(slices: &Slices<'_>, y: usize, x: usize) -> Option<u64> {
    let centre = slices.row(1, y)[x];
    let mut values = [0_i32; 27];
    // Sums over faces, edges and corners, by the number of coordinates that differ.
    let mut sums = [0_u64; 4];
    let mut place = 0;
    for (plane, dz) in [(0, 1), (1, 0), (2, 1)] {
        for (row, dy) in [(y - 1, 1), (y, 0), (y + 1, 1)] {
            let row = slices.row(plane, row);
            for (column, dx) in [(x - 1, 1), (x, 0), (x + 1, 1)] {
                let value = row[column].wrapping_sub(centre);
                values[place] = value;
                place += 1;
                let sum = &mut sums[dz + dy + dx];
                *sum = sum.wrapping_add(mix64(u64::from(value.cast_unsigned())));
            }
        }
    }
    values.sort_unstable();
    let different = 1 + values.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let [_, faces, edges, corners] = sums;
    (different >= LEAST_DIFFERENT_VALUES)
        .then(|| mix64(mix64(mix64(faces).wrapping_add(edges)).wrapping_add(corners)))
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
fn mix64(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
