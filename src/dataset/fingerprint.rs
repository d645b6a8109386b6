//! What is left of a scan when it is cropped, flipped, turned, shifted in HU or clipped: hashes of
//! small neighbourhoods that do not change with any of that, and where they lie.
//!
//! Around each voxel, the differences of its 26 neighbours to it are hashed as three multisets (6
//! over the faces, 12 over the edges, 8 over the corners), so that none of the 48 symmetries of the
//! cube and no offset changes the hash. Which voxels are kept depends on what is around them and
//! never on where they are (content-defined sampling, as in deduplicating backups: Manber, "Finding
//! similar files in a large file system", USENIX 1994), so that a crop keeps the same ones. Of a
//! large scan, those with the smallest hashes are kept (Broder, "On the resemblance and
//! containment of documents", 1997): two scans are compared up to the smaller of their bounds.

use std::path::Path;

use super::relation::{Relation, fit};
use crate::error::{Error, Result};
use crate::volume::Volume;

/// One in so many neighbourhoods passes the sieve.
const SIEVE: u32 = 512;

/// One in so many in scans of at most [`SMALL`] voxels, so that a piece of a small one is still
/// recognised; those that pass the coarser sieve too have the smaller hashes.
const FINE_SIEVE: u32 = 64;
const SMALL: usize = 4 << 20;

/// Hashes below this have passed the coarser sieve.
const FINE: u64 = 1 << 63;

/// Neighbourhoods with fewer different values say little: air that was clipped, padding, rows of a
/// table.
const LEAST_DIFFERENT_VALUES: usize = 8;

/// The most marks that are kept of a scan.
const MOST_MARKS: usize = 65_536;

/// Fewer common marks than this prove nothing.
pub const LEAST_SHARED: usize = 8;

/// The smallest share of the smaller scan's marks that two views of one scan have in common.
const LEAST_SHARE: f64 = 0.03;

/// Bytes of a mark in [`Fingerprint::to_bytes`].
const MARK_BYTES: usize = 16;

const MAGIC: [u8; 4] = *b"HDFP";
/// Raised whenever the same voxels give other marks.
const VERSION: u32 = 1;

/// A kept neighbourhood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    hash: u64,
    /// `[z, y, x]` of its centre.
    pub at: [u16; 3],
    /// Value of the centre in HU, cut to 16 bits.
    pub hu: i16,
}

/// The marks of a scan, 16 bytes each, at most 1 MiB: one for about 512 voxels, of small scans one
/// for 64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// `[z, y, x]`.
    shape: [usize; 3],
    /// All marks up to this hash are there.
    bound: u64,
    /// Sorted by hash, each hash once.
    marks: Vec<Mark>,
}

/// How much of one scan is found in another.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlap {
    /// Marks that both have, at places that fit together.
    pub shared: usize,
    /// Their share of the marks of the scan with fewer, in 0..=1.
    pub share_of_smaller: f64,
    /// How the one grid lies in the other.
    pub relation: Relation,
}

impl Fingerprint {
    /// The fingerprint of a volume's voxels in file order, values rounded to whole HU.
    pub fn of(image: &Volume<f32>) -> Self {
        let shape: [usize; 3] = image.voxels.dim().into();
        let mut marks = marks_of(image);
        marks.sort_unstable();
        // A pattern that occurs several times says nothing about where it is.
        let mut once = Vec::with_capacity(marks.len());
        for same in marks.chunk_by(|a, b| a.hash == b.hash) {
            if let [mark] = same {
                once.push(*mark);
            }
        }
        let bound = match once.get(MOST_MARKS) {
            Some(first_left_out) => first_left_out.hash - 1,
            None if is_small(shape) => u64::MAX,
            None => FINE - 1,
        };
        once.truncate(MOST_MARKS);
        Self {
            shape,
            bound,
            marks: once,
        }
    }

    /// Voxels of the scan, `[z, y, x]`.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Number of marks; a scan with fewer than [`LEAST_SHARED`] cannot be recognised.
    pub fn len(&self) -> usize {
        self.marks.len()
    }

    /// Whether the scan has no mark at all.
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// Its hashes, ascending.
    pub(super) fn hashes(&self) -> impl Iterator<Item = u64> {
        self.marks.iter().map(|mark| mark.hash)
    }

    /// How much of the one scan is in the other; none where that is nothing, or no more than
    /// chance or a common pattern may give: at least 8 marks and 3 % of the smaller scan's have to
    /// agree, and one permutation of the axes with flips and a shift has to bring them together.
    pub fn compare(&self, other: &Self) -> Option<Overlap> {
        let bound = self.bound.min(other.bound);
        let within =
            |fingerprint: &Self| fingerprint.marks.partition_point(|mark| mark.hash <= bound);
        let (ours, theirs) = (&self.marks[..within(self)], &other.marks[..within(other)]);
        let pairs = common(ours, theirs);
        let smaller = ours.len().min(theirs.len());
        let least = LEAST_SHARED.max((LEAST_SHARE * smaller as f64).ceil() as usize);
        if pairs.len() < least {
            return None;
        }
        let (relation, shared) = fit(&pairs, self.shape, other.shape)?;
        (shared >= least).then(|| Overlap {
            shared,
            share_of_smaller: shared as f64 / smaller as f64,
            relation,
        })
    }

    /// A compact form: magic and version, shape, bound, marks; all little endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(32 + MARK_BYTES * self.marks.len());
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        for size in self.shape {
            bytes.extend((size as u64).to_le_bytes());
        }
        bytes.extend(self.bound.to_le_bytes());
        for mark in &self.marks {
            bytes.extend(mark.hash.to_le_bytes());
            for at in mark.at {
                bytes.extend(at.to_le_bytes());
            }
            bytes.extend(mark.hu.to_le_bytes());
        }
        bytes
    }

    /// Reads [`Self::to_bytes`]; `path` is how errors name them.
    ///
    /// # Errors
    /// `Error::Malformed` for anything else, and for another version.
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self> {
        let wrong = |problem: &str| {
            Error::malformed(path, problem, "delete it; it is made again from the scan")
        };
        let mut rest = bytes;
        let magic: [u8; 4] = take(&mut rest).ok_or_else(|| wrong("is too short"))?;
        let version: [u8; 4] = take(&mut rest).ok_or_else(|| wrong("is too short"))?;
        if magic != MAGIC {
            return Err(wrong("is no fingerprint of a scan"));
        }
        if u32::from_le_bytes(version) != VERSION {
            return Err(wrong("is a fingerprint of another version"));
        }
        let mut head = [0; 4];
        for number in &mut head {
            *number = u64::from_le_bytes(take(&mut rest).ok_or_else(|| wrong("is too short"))?);
        }
        let [z, y, x, bound] = head;
        let (marks, []) = rest.as_chunks::<MARK_BYTES>() else {
            return Err(wrong("ends within a mark"));
        };
        let marks: Vec<Mark> = marks.iter().map(mark_of).collect();
        if !marks.is_sorted_by(|a, b| a.hash < b.hash) {
            return Err(wrong("its marks are not in order"));
        }
        let shape = [z, y, x].map(|size| size as usize);
        let inside = |mark: &Mark| (0..3).all(|axis| usize::from(mark.at[axis]) < shape[axis]);
        if !marks.iter().all(inside) {
            return Err(wrong("has marks outside the scan"));
        }
        Ok(Self {
            shape,
            bound,
            marks,
        })
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

fn mark_of(bytes: &[u8; MARK_BYTES]) -> Mark {
    let [
        h0,
        h1,
        h2,
        h3,
        h4,
        h5,
        h6,
        h7,
        z0,
        z1,
        y0,
        y1,
        x0,
        x1,
        v0,
        v1,
    ] = *bytes;
    Mark {
        hash: u64::from_le_bytes([h0, h1, h2, h3, h4, h5, h6, h7]),
        at: [[z0, z1], [y0, y1], [x0, x1]].map(u16::from_le_bytes),
        hu: i16::from_le_bytes([v0, v1]),
    }
}

/// Marks with the same hash, in the order of the hashes.
fn common(ours: &[Mark], theirs: &[Mark]) -> Vec<(Mark, Mark)> {
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while let (Some(a), Some(b)) = (ours.get(i), theirs.get(j)) {
        match a.hash.cmp(&b.hash) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                pairs.push((*a, *b));
                (i, j) = (i + 1, j + 1);
            }
        }
    }
    pairs
}

/// Which scans have a hash: the index that spares comparing all pairs.
pub(super) struct Index<'a> {
    /// Hashes with their scans, sorted.
    scans: Vec<(u64, u32)>,
    fingerprints: Vec<&'a Fingerprint>,
}

impl<'a> Index<'a> {
    pub fn new(fingerprints: Vec<&'a Fingerprint>) -> Self {
        let mut scans: Vec<(u64, u32)> = (0..)
            .zip(&fingerprints)
            .flat_map(|(scan, fingerprint)| fingerprint.hashes().map(move |hash| (hash, scan)))
            .collect();
        scans.sort_unstable();
        Self {
            scans,
            fingerprints,
        }
    }

    /// The scans that share content with this one, in their own order.
    pub fn find(&self, fingerprint: &Fingerprint) -> Vec<(usize, Overlap)> {
        let mut shared = vec![0_usize; self.fingerprints.len()];
        for hash in fingerprint.hashes() {
            let first = self.scans.partition_point(|&(other, _)| other < hash);
            let same = self.scans[first..]
                .iter()
                .take_while(|entry| entry.0 == hash);
            for &(_, scan) in same {
                shared[scan as usize] += 1;
            }
        }
        let candidates = (0..shared.len()).filter(|&scan| shared[scan] >= LEAST_SHARED);
        candidates
            .filter_map(|scan| Some((scan, self.fingerprints[scan].compare(fingerprint)?)))
            .collect()
    }
}

/// A value as a whole number of HU; an offset of whole HU stays one.
pub(super) fn whole(hu: f32) -> i32 {
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

fn is_small(shape: [usize; 3]) -> bool {
    shape.iter().product::<usize>() <= SMALL
}

fn marks_of(image: &Volume<f32>) -> Vec<Mark> {
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
