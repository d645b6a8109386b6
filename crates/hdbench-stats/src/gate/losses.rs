use hdbench_ground::seed::Seed;

use super::line::Verdict;
use crate::statistics::{
    BootstrapT, COUNTED, SignedDifferences, bca, bootstrap_mean, holm, rounding,
};

/// More draws than these the bootstrap-t does not take of its own accord; beyond them its tail tells.
const MOST_DRAWS: usize = 10_000;

/// The losses of an accuracy line, larger than 0 for worse, case by case.
#[derive(Clone, Debug, PartialEq)]
pub struct Losses {
    pub margin: f64,
    pub losses: Vec<f64>,
    /// Losses no farther apart are equal: that of the values they are differences of.
    pub rounding: f64,
}

/// What the tests of losses say: of regression, then of improvement. Both p are the larger of two: of
/// Wilcoxon's signed-rank test, which one outlier does not move, and of the bootstrap-t of the mean,
/// which a lopsided crowd of small changes does not deceive. Where every single case lost more than the
/// margin, nothing is left to deceive: then p is that of the signs, and a case that loses even more never
/// makes it larger.
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
    /// The losses of cases with their values before and now; a loss that is the margin but for rounding is the
    /// margin, and so no more than what is accepted.
    pub fn new(margin: f64, larger_is_better: bool, values: &[(f64, f64)]) -> Self {
        let within = rounding(values.iter().flat_map(|(a, b)| [*a, *b, margin]));
        let exact = |loss: f64| {
            let at = [0.0, margin, -margin];
            let found = at.into_iter().find(|at| (loss - at).abs() <= within);
            found.unwrap_or(loss)
        };
        let loss = |(a, b): &(f64, f64)| if larger_is_better { a - b } else { b - a };
        Self {
            margin,
            losses: values.iter().map(|pair| exact(loss(pair))).collect(),
            rounding: within,
        }
    }

    /// Losses whose values before and now are not known.
    pub fn alone(margin: f64, losses: Vec<f64>) -> Self {
        let rounding = rounding(losses.iter().copied().chain([margin]));
        Self {
            margin,
            losses,
            rounding,
        }
    }

    /// Tests them on their own; the family is corrected for by [`called`]. The interval takes `resamples`
    /// draws, the bootstrap-t as many or the [`draws_needed`].
    pub fn test(&self, resamples: usize, t_resamples: usize, seed: Seed) -> Judged {
        let [loss_for_sure, gain_for_sure] = [self.every_case_lost(0.0), self.every_case_gained()];
        // Where one side is certain the other is impossible, and equal losses have no spread to draw from: within
        // the margin their ranks say as much.
        let certain = loss_for_sure.is_some() || gain_for_sure.is_some() || self.are_equal();
        let studentized = match certain {
            false => BootstrapT::new(&self.losses, t_resamples, seed),
            true => None,
        };
        let [above, below] = studentized.map_or([1.0; 2], |drawn| {
            [drawn.p_greater(self.margin), drawn.p_less(-self.margin)]
        });
        Judged {
            p_loss: loss_for_sure.unwrap_or_else(|| self.signed_rank(0.0).max(above)),
            p_gain: gain_for_sure.unwrap_or_else(|| self.less_by_signed_rank().max(below)),
            interval: self.interval(resamples, seed),
        }
    }

    /// Of the mean loss, 95 %. A mean lies among its values, whatever rounding made of it.
    pub(super) fn interval(&self, resamples: usize, seed: Seed) -> Option<[f64; 2]> {
        let drawn = bootstrap_mean(&self.losses, resamples, seed);
        let low = self.losses.iter().copied().fold(f64::INFINITY, f64::min);
        let high = self
            .losses
            .iter()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max);
        let ends = bca(&self.losses, &drawn, 0.95)?;
        Some(ends.map(|end| end.max(low).min(high)))
    }

    /// p of a signed-rank test against a loss up to the margin, of the losses with `shift` added to each.
    pub fn signed_rank(&self, shift: f64) -> f64 {
        let above: Vec<f64> = self
            .losses
            .iter()
            .map(|l| l + shift - self.margin)
            .collect();
        SignedDifferences::new(&above, self.rounding)
            .test(|_| 1)
            .p_greater
    }

    fn less_by_signed_rank(&self) -> f64 {
        let below: Vec<f64> = self.losses.iter().map(|l| l + self.margin).collect();
        SignedDifferences::new(&below, self.rounding)
            .test(|_| 1)
            .p_less
    }

    /// Where every loss, with `shift` added, is above the margin: the chance of such signs, exact for any number
    /// of cases.
    pub(super) fn every_case_lost(&self, shift: f64) -> Option<f64> {
        let beyond = |loss: &f64| loss + shift - self.margin > self.rounding;
        self.losses
            .iter()
            .all(beyond)
            .then(|| of_signs(self.losses.len()))
    }

    fn are_equal(&self) -> bool {
        let first = self.losses.first().copied().unwrap_or_default();
        let same = |loss: &f64| (loss - first).abs() <= self.rounding;
        self.losses.iter().all(same)
    }

    fn every_case_gained(&self) -> Option<f64> {
        let beyond = |loss: &f64| -loss - self.margin > self.rounding;
        self.losses
            .iter()
            .all(beyond)
            .then(|| of_signs(self.losses.len()))
    }
}

/// The chance that the signs of `cases` changes are all the same way: no test of signs or ranks gives a smaller p.
pub(super) fn of_signs(cases: usize) -> f64 {
    0.5_f64.powf(cases as f64)
}

/// The fewest cases with which one of `lines` lines can be called at a level: with fewer not even a loss in
/// every one of them could be told from chance.
pub fn fewest_cases(lines: usize, level: f64) -> usize {
    let mut cases = 2;
    while of_signs(cases) * lines as f64 > level {
        cases += 1;
    }
    cases
}

/// Draws of the bootstrap-t with which the p that the first of `lines` lines needs is still told by a number of
/// draws, up to a bound: `asked` where that is more.
pub fn draws_needed(lines: usize, level: f64, asked: usize) -> usize {
    // Counted from above, so that an absurd level is no absurd number.
    let needed = (COUNTED as f64 * lines as f64 / level).ceil();
    asked.max(needed.min(MOST_DRAWS as f64) as usize)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(margin: f64, values: &[(f64, f64)]) -> Judged {
        Losses::new(margin, true, values).test(200, 200, Seed(1))
    }

    /// 0.6 - 0.59 is more than 0.01 in floats, and no more than a margin of 0.01.
    #[test]
    fn a_loss_of_the_margin_is_accepted_whatever_floats_make_of_it() {
        let values: Vec<(f64, f64)> = (0..40)
            .map(|case| {
                (
                    0.6 + 0.005 * f64::from(case),
                    0.59 + 0.005 * f64::from(case),
                )
            })
            .collect();
        assert!(values.iter().any(|(a, b)| a - b > 0.01));
        let found = judged(0.01, &values);
        assert_eq!(found.p_loss, 1.0);
        assert!(!matches!(
            called(&[(0.01, found)], 0.05)[0].0,
            Verdict::Regressed
        ));
    }

    /// One enormous loss made the standard error larger than the mean.
    #[test]
    fn a_case_that_loses_more_never_hides_the_others() {
        for worst in [0.05, 0.3, 0.6] {
            let mut values = vec![(0.7, 0.68); 9];
            values.push((0.7, 0.7 - worst));
            let found = judged(0.01, &values);
            assert_eq!(found.p_loss, 0.5_f64.powi(10), "{worst}");
            assert_eq!(called(&[(0.01, found)], 0.05)[0].0, Verdict::Regressed);
        }
    }

    #[test]
    fn the_fewest_cases_are_those_below_which_signs_say_nothing() {
        for (lines, level, fewest) in [(1, 0.05, 5), (8, 0.05, 8), (300, 0.05, 13), (1, 0.49, 2)] {
            assert_eq!(fewest_cases(lines, level), fewest, "{lines} at {level}");
        }
        assert_eq!(draws_needed(8, 0.05, 2_000), 2_000);
        assert_eq!(draws_needed(6, 0.05, 100), 1_200);
        assert_eq!(draws_needed(300, 1e-300, 100), MOST_DRAWS);
    }
}
