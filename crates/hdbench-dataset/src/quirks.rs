//! Headers of LiTS that say something wrong, and what is right.

use hdbench_volume::{Geometry, Orientation, Volume};

use super::Case;
use super::problem::{Problem, Severity};

/// LiTS volumes that are 3DIRCADb patients: volume 27 + N is patient N, and their spacing is
/// stored as 1 x 1 x 1 mm (spec: AbdomenCT-1K issue 27; the tumour-free patients 5, 7, 11, 14 and
/// 20 are the tumour-free volumes 32, 34, 38, 41 and 47).
pub(super) const FIRST_OF_IRCADB: u32 = 28;
/// The last of them.
pub(super) const LAST_OF_IRCADB: u32 = 47;

/// Scanners reconstruct square slices with a multiple of so many pixels a side.
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

pub(super) fn swapped_problem(case: &Case, geometry: &Geometry) -> Problem {
    let [z, y, x] = geometry.shape;
    Problem::new(
        Severity::Warning,
        "axes-swapped",
        case,
        format!(
            "{x} x {y} x {z} voxels whose header says that slices follow the third axis: axes 2 \
             and 3 are swapped (as in LiTS test volume 59); slices are taken along the second, and \
             predictions keep the file's own order"
        ),
        "",
    )
}

/// Seen from the right side of the patient, a liver's centre lies beyond this part of the scan's width where
/// nothing is wrong: at 0.58 to 0.76 in 92 volumes of LiTS, at 0.27 to 0.40 in volumes 28 to 47.
const LIVER_RIGHT_OF: f64 = 0.45;

/// A liver that lies on the patient's left by the affine.
pub(super) fn liver_left(case: &Case, labels: &Volume<u8>, geometry: &Geometry) -> Option<Problem> {
    let orientation = Orientation::of(geometry);
    let canonical = orientation.array_to_canonical(labels.voxels.view());
    let (_, _, width) = canonical.dim();
    let (mut sum, mut count) = (0_u64, 0_u64);
    for ((_, _, x), _) in canonical.indexed_iter().filter(|&(_, &label)| label > 0) {
        sum += x as u64;
        count += 1;
    }
    // Canonical x grows to the patient's right.
    let centre = (sum as f64 / count as f64 + 0.5) / width as f64;
    (count > 0 && centre < LIVER_RIGHT_OF).then(|| {
        let known = match case.id {
            28..=47 => " (known of LiTS volumes 28 to 47)",
            _ => "",
        };
        let mut problem = Problem::new(
            Severity::Warning,
            "liver-left",
            case,
            format!(
                "by its affine ({orientation}) the liver lies on the patient's left, its centre at {centre:.2} of the \
                 width from there: the scan is mirrored{known}, or the patient's organs are; it is taken as it is"
            ),
            format!(
                "`hdbench datasets convert --to lits --mirror {} DIR OUT` writes it with its left and right exchanged",
                case.name
            ),
        );
        problem.file = case.labels.clone().unwrap_or_default();
        problem
    })
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

pub(super) fn missing_spacing_problem(case: &Case) -> Problem {
    Problem::new(
        Severity::Warning,
        "spacing-1mm",
        case,
        "voxels of exactly 1 x 1 x 1 mm, which often means that the true spacing is missing \
         (LiTS cases 28 to 47); distances and volumes follow the file",
        "LiTS volume 27 + N is 3DIRCADb patient N: give that data set, and its spacing is used",
    )
}

pub(super) fn borrowed_problem(case: &Case, spacing: &BorrowedSpacing) -> Problem {
    let [z, y, x] = spacing.canonical_mm;
    Problem::new(
        Severity::Note,
        "spacing-borrowed",
        case,
        format!(
            "the file stores 1 x 1 x 1 mm; the {x:.4} x {y:.4} x {z:.4} mm of {} are used (the \
             stored ones still count for scoring profile `lits`)",
            spacing.from
        ),
        "",
    )
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
