//! What is told of a case whose header says something wrong.

use hdbench_volume::{Geometry, Orientation, Volume};

use super::Case;
use super::problem::{Problem, Severity};
use super::quirks::{BorrowedSpacing, FIRST_OF_IRCADB, LAST_OF_IRCADB};

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
            FIRST_OF_IRCADB..=LAST_OF_IRCADB => " (known of LiTS volumes 28 to 47)",
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
