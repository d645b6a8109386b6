use super::fold::Fold;
use crate::analysis::statistics::median;
use crate::preprocess::Grid;
use crate::recipe::Scale;

/// Share of the liver's box in the plane below which a patch sees little of the organ. At the paper's size it
/// is about 0.8.
const LITTLE: f64 = 0.5;

/// What a training patch sees of the training cases, medians over them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sight {
    /// Side of a patch, mm.
    pub patch_mm: f64,
    /// Voxels of the working grid, mm, `[z, y, x]`.
    pub spacing_mm: [f64; 3],
    /// Share of the liver's box in the plane that fits into a patch, 0..=1.
    pub box_share: f64,
    /// Training cases with a liver.
    pub cases: usize,
}

impl Sight {
    /// Of the folds' training cases; nothing where none has a liver.
    pub fn of(folds: &[Fold], scale: &Scale) -> Option<Self> {
        let mut spacings: [Vec<f64>; 3] = Default::default();
        let mut shares = Vec::new();
        for case in folds.iter().flat_map(|fold| &fold.train) {
            let facts = case.facts(Grid::Working);
            let Some([_, rows, columns]) = facts.organ_box else {
                continue;
            };
            let fits = |[first, end]: [usize; 2]| {
                (scale.patch as f64 / (end - first).max(1) as f64).min(1.0)
            };
            shares.push(fits(rows) * fits(columns));
            for (all, mm) in spacings.iter_mut().zip(facts.spacing_mm) {
                all.push(mm);
            }
        }
        let cases = shares.len();
        let spacing_mm = spacings.map(|mut values| median(&mut values));
        (cases > 0).then(|| Self {
            patch_mm: scale.patch as f64 * spacing_mm[2],
            spacing_mm,
            box_share: median(&mut shares),
            cases,
        })
    }

    /// In a sentence.
    pub fn words(&self) -> String {
        let [z, _, x] = self.spacing_mm;
        format!(
            "a patch sees {:.0} mm of the plane, {:.0} % of the liver's box there (median of {} training cases, \
             on voxels of {x:.2} x {x:.2} x {z:.2} mm)",
            self.patch_mm,
            100.0 * self.box_share,
            self.cases
        )
    }

    /// What is wrong with it, and a way out.
    pub fn warning(&self) -> Option<String> {
        (self.box_share < LITTLE).then(|| {
            format!(
                "{}: networks that see little of the organ take others for it; --set working_matrix=N \
                 trains on larger voxels, --set patch=N on larger patches",
                self.words()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_of_the_liver_is_a_warning_with_a_way_out() {
        let sight = |box_share| Sight {
            patch_mm: 48.0,
            spacing_mm: [1.6, 0.75, 0.75],
            box_share,
            cases: 15,
        };
        assert_eq!(sight(0.5).warning(), None);
        let warning = sight(0.07).warning().unwrap();
        assert!(
            warning.starts_with("a patch sees 48 mm of the plane, 7 % of the liver's box there"),
            "{warning}"
        );
        assert!(warning.contains("--set working_matrix=N"), "{warning}");
    }
}
