//! What no rule of the challenge forbids and no patient has.

use ndarray::{ArrayView3, Axis};

use super::rule::Rule;
use super::verdict::{Book, Finding};
use crate::evaluation::lits::MAX_LESIONS;
use crate::metrics::BitMask;
use crate::metrics::regions::{RegionRun, Regions};
use crate::volume::components::Connectivity;
use crate::volume::{Bounds, LabelBox};

/// Livers of adults measure 0.8 to 2.5 L; children's and the largest with tumours lie in this range.
const LIVER_L: [f64; 2] = [0.2, 6.0];

/// Above this share, the tumour is rather the liver than in it.
const LARGEST_BURDEN: f64 = 0.8;

/// Judges the labels of an entry. `voxel_ml` is the volume of a voxel; `slices` is the array axis
/// along which slices follow each other.
pub(super) fn judge(book: &mut Book, entry: &str, labels: &LabelBox, voxel_ml: f64, slices: usize) {
    let voxels = labels.voxels.view();
    let count = |class: u8| voxels.iter().filter(|&&label| label == class).count();
    let (liver, tumour) = (count(1), count(2));
    book.judge(Rule::LiverPresent, no_liver(entry, liver, tumour));
    book.judge(
        Rule::PlausibleVolume,
        implausible(entry, liver, tumour, voxel_ml),
    );
    book.judge(
        Rule::NoGaps,
        gap(entry, voxels, slices, labels.start[slices]),
    );
    let lesions = Lesions::of(voxels);
    book.judge(
        Rule::LesionCount,
        (lesions.count > MAX_LESIONS).then(|| {
            Finding::new(
                entry,
                format!(
                    "has {} lesions; the official scorer stops above {MAX_LESIONS}",
                    lesions.count
                ),
                "leave out lesions of a few voxels",
            )
        }),
    );
    book.judge(
        Rule::LesionInLiver,
        lesions.finding(entry, labels.start, voxel_ml),
    );
}

fn no_liver(entry: &str, liver: usize, tumour: usize) -> Option<Finding> {
    let message = match (liver, tumour) {
        (0, 0) => "has neither liver nor tumour",
        (0, _) => "has tumour (2) and no liver (1), which the official scorer takes for no liver",
        _ => return None,
    };
    Some(Finding::new(
        entry,
        message,
        "check the prediction of this volume",
    ))
}

fn implausible(entry: &str, liver: usize, tumour: usize, voxel_ml: f64) -> Option<Finding> {
    let whole = liver + tumour;
    if whole == 0 {
        return None;
    }
    let litres = whole as f64 * voxel_ml / 1000.0;
    let burden = tumour as f64 / whole as f64;
    let message = if !(LIVER_L[0]..=LIVER_L[1]).contains(&litres) {
        format!(
            "the liver measures {litres:.2} L, expected {} to {} L",
            LIVER_L[0], LIVER_L[1]
        )
    } else if burden > LARGEST_BURDEN {
        format!(
            "{:.0} % of the liver is tumour, expected at most {:.0} %",
            100.0 * burden,
            100.0 * LARGEST_BURDEN
        )
    } else {
        return None;
    };
    Some(Finding::new(
        entry,
        message,
        "check the prediction of this volume, and that 1 is liver and 2 is tumour",
    ))
}

/// Slices without any label between others with some.
fn gap(entry: &str, voxels: ArrayView3<'_, u8>, axis: usize, start: usize) -> Option<Finding> {
    let labelled: Vec<usize> = voxels
        .axis_iter(Axis(axis))
        .enumerate()
        .filter(|(_, slice)| slice.iter().any(|&label| label > 0))
        .map(|(index, _)| start + index)
        .collect();
    let gaps = labelled.windows(2).map(|pair| [pair[0] + 1, pair[1]]);
    let gaps: Vec<[usize; 2]> = gaps.filter(|[first, end]| first < end).collect();
    let [first, _] = gaps.first()?;
    let empty: usize = gaps.iter().map(|[first, end]| end - first).sum();
    Some(Finding::new(
        entry,
        format!(
            "{empty} slices between labelled ones are empty, the first is slice {first} (from 0)"
        ),
        "look for slices that the network never saw, or for labels far from the liver",
    ))
}

/// The lesions of a map, and those of them that no liver voxel touches.
#[derive(Default)]
struct Lesions {
    count: usize,
    loose: usize,
    /// Voxels of the largest of those, and its first one in the box; the last of several as large.
    largest: Option<(u32, [usize; 3])>,
}

impl Lesions {
    /// Lesions are connected through faces; an edge or a corner is enough to touch the liver.
    fn of(voxels: ArrayView3<'_, u8>) -> Self {
        let whole = Bounds {
            start: [0; 3],
            end: voxels.dim().into(),
        };
        let mask = BitMask::of(voxels, whole, |label| label == 2);
        let Some(bounds) = mask.tight_bounds() else {
            return Self::default();
        };
        let regions = Regions::of(&mask.crop(bounds), Connectivity::Six);
        let sizes = regions.sizes();
        let mut touches = vec![false; sizes.len()];
        for (id, RegionRun { z, y, x }) in regions.runs() {
            let touches = &mut touches[id as usize - 1];
            *touches = *touches || x.into_iter().any(|x| touches_liver(voxels, [z, y, x]));
        }
        let mut found = Self {
            count: sizes.len(),
            ..Self::default()
        };
        // Ids are given in the order of the first runs.
        let mut next = 1;
        for (id, run) in regions.runs() {
            if id != next {
                continue;
            }
            next += 1;
            let size = sizes[id as usize - 1];
            if !touches[id as usize - 1] {
                found.loose += 1;
                if found.largest.is_none_or(|(most, _)| size >= most) {
                    found.largest = Some((size, [run.z, run.y, run.x.start]));
                }
            }
        }
        found
    }

    fn finding(&self, entry: &str, start: [usize; 3], voxel_ml: f64) -> Option<Finding> {
        let (size, at) = self.largest?;
        let [z, y, x] = [0, 1, 2].map(|axis| start[axis] + at[axis]);
        Some(Finding::new(
            entry,
            format!(
                "{} of {} lesions touch no liver voxel; the largest has {size} voxels ({:.2} mL) \
                 from x {x}, y {y}, z {z}",
                self.loose,
                self.count,
                f64::from(size) * voxel_ml
            ),
            "the paper removes lesions outside the liver",
        ))
    }
}

fn touches_liver(voxels: ArrayView3<'_, u8>, [z, y, x]: [usize; 3]) -> bool {
    let dim: [usize; 3] = voxels.dim().into();
    let around = |at: usize, axis: usize| at.saturating_sub(1)..(at + 2).min(dim[axis]);
    around(z, 0).any(|z| around(y, 1).any(|y| around(x, 2).any(|x| voxels[[z, y, x]] == 1)))
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, s};

    use super::*;
    use crate::volume::Geometry;

    fn found(voxels: Array3<u8>, voxel_ml: f64) -> Vec<(&'static str, String)> {
        let shape: [usize; 3] = voxels.dim().into();
        let labels = LabelBox {
            geometry: Geometry::axis_aligned(shape, [1.0; 3]),
            notes: Vec::new(),
            start: [0; 3],
            voxels,
        };
        let mut book = Book::default();
        judge(&mut book, "a.nii", &labels, voxel_ml, 0);
        let lits = crate::submission::Challenge::lits();
        book.verdicts(&lits, std::path::Path::new("a.zip"), 1, 1, &[])
            .rules
            .iter()
            .flat_map(|rule| {
                rule.findings
                    .iter()
                    .map(|finding| (rule.rule.id(), finding.message.clone()))
            })
            .collect()
    }

    fn liver() -> Array3<u8> {
        let mut voxels = Array3::zeros((10, 10, 10));
        voxels.slice_mut(s![1..8, 1..8, 1..8]).fill(1);
        voxels.slice_mut(s![2..4, 2..4, 2..4]).fill(2);
        voxels
    }

    #[test]
    fn a_liver_with_a_tumour_is_nothing_to_report() {
        assert!(found(liver(), 5.0).is_empty());
    }

    #[test]
    fn odd_maps_are_reported() {
        let mut loose = liver();
        loose.slice_mut(s![9, 0..2, 9]).fill(2);
        let all = found(loose, 5.0);
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].0, "lesion-in-liver");
        assert!(all[0].1.contains("1 of 2 lesions") && all[0].1.contains("x 9, y 0, z 9"));
        assert_eq!(all[1].0, "no-gaps");
        // A corner is enough to touch.
        let mut corner = liver();
        corner[[8, 8, 8]] = 2;
        assert!(found(corner, 5.0).is_empty());
        let mut gap = liver();
        gap.slice_mut(s![5, .., ..]).fill(0);
        assert!(found(gap, 5.0)[0].1.contains("slice 5"));
        assert_eq!(found(liver(), 0.1)[0].0, "plausible-volume");
        let swapped = liver().mapv(|label| [0, 2, 1][usize::from(label)]);
        assert!(found(swapped, 5.0)[0].1.contains("98 %"));
        let only_tumour = liver().mapv(|label| label / 2 * 2);
        assert_eq!(found(only_tumour, 50.0)[0].0, "liver-present");
    }
}
