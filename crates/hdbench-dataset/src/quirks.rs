//! Headers of LiTS that say something wrong, and what is right.

use hdbench_volume::{Geometry, Orientation};

/// LiTS volumes that are 3DIRCADb patients: volume 27 + N is patient N, and their spacing is
/// stored as 1 x 1 x 1 mm (spec: AbdomenCT-1K issue 27; the tumour-free patients 5, 7, 11, 14 and
/// 20 are the tumour-free volumes 32, 34, 38, 41 and 47).
pub(super) const FIRST_OF_IRCADB: u32 = 28;
/// The last of them.
pub(super) const LAST_OF_IRCADB: u32 = 47;

/// Scanners reconstruct square slices with a multiple of this number of pixels a side.
const MATRIX: usize = 64;

/// Voxel sizes that differ by less than this share are the same.
const SAME_SIZE: f64 = 1e-3;

/// The 3DIRCADb patient that a LiTS training volume is.
pub(super) fn ircadb_patient(volume: u32) -> Option<u32> {
    (FIRST_OF_IRCADB..=LAST_OF_IRCADB)
        .contains(&volume)
        .then(|| volume + 1 - FIRST_OF_IRCADB)
}

/// Voxel sizes taken from another scan of the same patient's grid.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BorrowedSpacing {
    /// Whose they are (`3Dircadb1.1`).
    pub from: String,
    /// mm, `[z, y, x]` in canonical order.
    pub canonical_mm: [f64; 3],
}

impl BorrowedSpacing {
    /// The geometry with these voxel sizes; axes, first voxel and stored sizes stay as the file
    /// has them.
    pub fn apply(&self, geometry: &Geometry) -> Geometry {
        let mut corrected = geometry.clone();
        let axes = Orientation::of(geometry).source_axes();
        for (canonical, axis) in axes.into_iter().enumerate() {
            set_spacing(&mut corrected, axis, self.canonical_mm[canonical]);
        }
        corrected
    }
}

fn set_spacing(geometry: &mut Geometry, axis: usize, mm: f64) {
    let factor = mm / geometry.spacing_mm[axis];
    for row in &mut geometry.affine[..3] {
        row[2 - axis] *= factor;
    }
    geometry.spacing_mm[axis] = mm;
}

/// The geometry of a volume whose second and third axis are swapped though its header says that
/// they are not, as in LiTS's `test-volume-59`; none for any other.
///
/// Slices are square and of a scanner's size, so where the first and the third axis have that size
/// and the second has another, the second counts the slices. The voxel sizes go with the axes
/// where they already fit the array (first and third equal), and are swapped too where they fit
/// the header's claim.
pub(super) fn unswapped(geometry: &Geometry) -> Option<Geometry> {
    let [z, y, x] = geometry.shape;
    let claims_slices_last = Orientation::of(geometry).source_axes() == [0, 1, 2];
    if !(claims_slices_last && x == z && x != y && x.is_multiple_of(MATRIX)) {
        return None;
    }
    let same = |a: f64, b: f64| (a - b).abs() <= SAME_SIZE * a.max(b);
    let [mm_z, mm_y, mm_x] = geometry.spacing_mm;
    let sizes_fit_array = same(mm_x, mm_z) && !same(mm_x, mm_y);
    let mut corrected = geometry.clone();
    for row in &mut corrected.affine[..3] {
        row.swap(1, 2);
    }
    corrected.spacing_mm = [mm_y, mm_z, mm_x];
    if sizes_fit_array {
        set_spacing(&mut corrected, 0, mm_z);
        set_spacing(&mut corrected, 1, mm_y);
    }
    Some(corrected)
}

/// The geometry of the mirror image about the volume's middle plane, left and right exchanged.
pub(super) fn mirrored(mut geometry: Geometry) -> Geometry {
    let [z, y, x] = geometry.shape;
    let row = &mut geometry.affine[0];
    let middle = [x, y, z].map(|n| (n as f64 - 1.0) / 2.0);
    let centre = row[3] + (0..3).map(|axis| row[axis] * middle[axis]).sum::<f64>();
    row[3] = 2.0 * centre - row[3];
    for step in &mut row[..3] {
        *step = -*step;
    }
    geometry
}

/// Why a patient's spacing is not used for the volume that should be the same scan.
pub(super) fn shapes_differ(
    name: &str,
    from: &str,
    ours: [usize; 3],
    theirs: [usize; 3],
) -> String {
    let sizes = |[z, y, x]: [usize; 3]| format!("{x} x {y} x {z}");
    format!(
        "{name}: has {} voxels and {from} {}, so that they cannot be one scan; its spacing stays \
         1 x 1 x 1 mm",
        sizes(ours),
        sizes(theirs)
    )
}
