use super::line::Verdict;
use crate::analysis::statistics::{BootstrapT, bca, bootstrap_mean, holm, wilcoxon};
use crate::seed::Seed;

/// The losses of an accuracy line, larger than 0 for worse, case by case.
#[derive(Clone, Debug, PartialEq)]
pub struct Losses {
    pub margin: f64,
    pub losses: Vec<f64>,
}

/// What the tests of losses say: of regression, then of improvement. Both p are the larger of two: of
/// Wilcoxon's signed-rank test, which one outlier does not move, and of the bootstrap-t of the mean,
/// which a lopsided crowd of small changes does not deceive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// One-sided p against a loss up to the margin.
    pub p_loss: f64,
    /// One-sided p against a gain up to the margin.
    pub p_gain: f64,
    /// Of the mean loss, 95 %.
    pub interval: Option<[f64; 2]>,
}

impl Losses {
    /// Tests them on their own; the family is corrected for by [`called`].
    pub fn test(&self, resamples: usize, seed: Seed) -> Judged {
        let shifted = |by: f64| -> Vec<f64> { self.losses.iter().map(|l| l + by).collect() };
        let drawn = bootstrap_mean(&self.losses, resamples, seed);
        let studentized = BootstrapT::new(&self.losses, resamples, seed);
        let [above, below] = studentized.map_or([1.0; 2], |drawn| {
            [drawn.p_greater(self.margin), drawn.p_less(-self.margin)]
        });
        Judged {
            p_loss: wilcoxon(&shifted(-self.margin)).p_greater.max(above),
            p_gain: wilcoxon(&shifted(self.margin)).p_less.max(below),
            interval: bca(&self.losses, &drawn, 0.95),
        }
    }
}

/// The verdicts of a family: regressed where both corrected tests and the interval of the mean say that the
/// loss is beyond the margin, improved likewise.
pub fn called(family: &[(f64, Judged)], level: f64) -> Vec<(Verdict, f64)> {
    let p_loss = holm(&family.iter().map(|(_, j)| j.p_loss).collect::<Vec<_>>());
    let p_gain = holm(&family.iter().map(|(_, j)| j.p_gain).collect::<Vec<_>>());
    family
        .iter()
        .enumerate()
        .map(|(place, (margin, judged))| {
            let beyond = |is: &dyn Fn([f64; 2]) -> bool| judged.interval.is_some_and(is);
            let verdict = if p_loss[place] <= level && beyond(&|[low, _]| low > *margin) {
                Verdict::Regressed
            } else if p_gain[place] <= level && beyond(&|[_, high]| high < -margin) {
                Verdict::Improved
            } else {
                Verdict::NoEvidence
            };
            (verdict, p_loss[place])
        })
        .collect()
}
