use hdbench_volume::Volume;

use super::marks::{FINE, Mark, is_small, marks_of};
use super::relation::{Relation, fit};

/// The most marks that are kept of a scan.
const MOST_MARKS: usize = 65_536;

/// Fewer common marks than this prove nothing.
pub const LEAST_SHARED: usize = 8;

/// The smallest share of the smaller scan's marks that two views of one scan have in common.
const LEAST_SHARE: f64 = 0.03;

/// The marks of a scan, 16 bytes each, at most 1 MiB: one for about 512 voxels, of small scans one
/// for 64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// `[z, y, x]`.
    pub(super) shape: [usize; 3],
    /// All marks up to this hash are there.
    pub(super) bound: u64,
    /// Sorted by hash, each hash once.
    pub(super) marks: Vec<Mark>,
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
