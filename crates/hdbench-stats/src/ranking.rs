//! Places in a competition, and how far they can be trusted: challengeR's methods (Wiesenfarth et al.,
//! Sci. Rep. 11, 2021).

use std::str::FromStr;

use hdbench_ground::error::{Error, Result};
use hdbench_ground::seed::Seed;
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::statistics::{SignedDifferences, holm, kendall_tau, quantile, rounding};

/// Which value is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// The larger.
    Larger,
    /// The smaller.
    Smaller,
}

/// How the values of many cases become one order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RankMethod {
    /// The mean over cases, then the places (challengeR's `aggregateThenRank`, FUN = mean).
    #[default]
    MeanThenRank,
    /// The median over cases, then the places.
    MedianThenRank,
    /// The places in every case, then their mean (`rankThenAggregate`, FUN = mean).
    RankThenMean,
    /// The places in every case, then their median.
    RankThenMedian,
    /// By the number of algorithms that one is significantly better than: one-sided Wilcoxon
    /// signed-rank tests, Holm's correction over all (`testThenRank`, 5 %).
    TestThenRank,
}

impl RankMethod {
    /// All, by the names that [`RankMethod::from_str`] takes.
    pub const ALL: [(&'static str, Self); 5] = [
        ("mean-then-rank", Self::MeanThenRank),
        ("median-then-rank", Self::MedianThenRank),
        ("rank-then-mean", Self::RankThenMean),
        ("rank-then-median", Self::RankThenMedian),
        ("test-then-rank", Self::TestThenRank),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        let named = Self::ALL.iter().find(|(_, method)| *method == self);
        named.map_or("", |(name, _)| name)
    }
}

impl FromStr for RankMethod {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|(name, _)| *name == text);
        found.map(|&(_, method)| method).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|(name, _)| *name).collect();
            Error::usage(
                format!("{text:?} is no way to rank"),
                format!("give one of {}", names.join(", ")),
            )
        })
    }
}

/// The level of the tests of [`RankMethod::TestThenRank`].
const ALPHA: f64 = 0.05;

/// The place of each value, 1 for the best; equal values share a place and the next one is left out
/// (1, 1, 3), also those that are equal but for [`rounding`]. What is not there, or no number, has none.
pub fn places(values: &[Option<f64>], better: Better) -> Vec<Option<usize>> {
    let known = |value: &Option<f64>| value.filter(|value| !value.is_nan());
    let all: Vec<Option<f64>> = values.iter().map(known).collect();
    let within = rounding(all.iter().flatten().copied());
    all.iter()
        .map(|own| {
            let own = badness((*own)?, better);
            let ahead = |value: &&f64| own - badness(**value, better) > within;
            Some(1 + all.iter().flatten().filter(ahead).count())
        })
        .collect()
}

fn badness(value: f64, better: Better) -> f64 {
    match better {
        Better::Larger => -value,
        Better::Smaller => value,
    }
}

/// The mean of each competitor's places over several metrics, `[metric][competitor]`; who lacks a
/// place in any has no mean.
pub fn mean_places(places: &[Vec<Option<usize>>]) -> Vec<Option<f64>> {
    let competitors = places.first().map_or(0, Vec::len);
    (0..competitors)
        .map(|competitor| {
            let own: Option<Vec<usize>> = places.iter().map(|metric| metric[competitor]).collect();
            let own = own?;
            Some(own.iter().sum::<usize>() as f64 / own.len() as f64)
        })
        .collect()
}

/// The places of algorithms over cases, `[case, algorithm]`. A case without a value counts as the
/// worst there is (challengeR's `na.treat` with the worst value): who leaves a case out gains nothing
/// by it. Places are of those that share one the smallest.
pub fn rank(values: ArrayView2<'_, f64>, better: Better, method: RankMethod) -> Vec<usize> {
    let filled = with_worst(values, better);
    Contest::new(filled.view(), better, method).places(&vec![1; filled.nrows()])
}

/// Missing values as the worst value of any algorithm in any case.
pub(super) fn with_worst(values: ArrayView2<'_, f64>, better: Better) -> Array2<f64> {
    let known = values.iter().copied().filter(|value| !value.is_nan());
    let worst = known.max_by(|a, b| badness(*a, better).total_cmp(&badness(*b, better)));
    let worst = worst.unwrap_or(0.0);
    values.mapv(|value| if value.is_nan() { worst } else { value })
}

/// What is known of the values once and for all draws of the cases; where numbers decide, with how close equal
/// ones lie.
enum Contest {
    /// Means decide: the values, made so that the smaller is the better.
    Mean(Array2<f64>, f64),
    /// Medians decide: each algorithm's values in ascending order, with their cases.
    Median(Vec<Vec<(f64, usize)>>, f64),
    /// Tests decide: the differences of each pair of algorithms.
    Test {
        algorithms: usize,
        pairs: Vec<(usize, usize, SignedDifferences)>,
    },
}

impl Contest {
    fn new(values: ArrayView2<'_, f64>, better: Better, method: RankMethod) -> Self {
        let values = values.mapv(|value| badness(value, better));
        let within = |values: &Array2<f64>| rounding(values.iter().copied());
        let mean = |values: Array2<f64>| {
            // A sum of them all is as far off.
            let of_sums = within(&values) * values.nrows() as f64;
            Self::Mean(values, of_sums)
        };
        let median = |values: &Array2<f64>| Self::Median(sorted(values), within(values));
        match method {
            RankMethod::MeanThenRank => mean(values),
            RankMethod::MedianThenRank => median(&values),
            RankMethod::RankThenMean => mean(in_cases(&values)),
            RankMethod::RankThenMedian => median(&in_cases(&values)),
            RankMethod::TestThenRank => {
                let algorithms = values.ncols();
                let within = within(&values);
                let pairs = (0..algorithms).flat_map(|a| (0..a).map(move |b| (a, b)));
                Self::Test {
                    algorithms,
                    pairs: pairs
                        .map(|(a, b)| {
                            let differences = &values.column(a) - &values.column(b);
                            (a, b, SignedDifferences::new(&differences.to_vec(), within))
                        })
                        .collect(),
                }
            }
        }
    }

    /// The places in a draw in which each case occurs so often.
    fn places(&self, counts: &[usize]) -> Vec<usize> {
        let (scores, within) = self.scores(counts);
        places_of(&scores, within)
    }

    /// What places are made of in such a draw, the smaller the better, and how close equal ones lie: sums over the
    /// drawn cases, medians, or how many an algorithm does not beat.
    fn scores(&self, counts: &[usize]) -> (Vec<f64>, f64) {
        match self {
            Self::Mean(values, within) => {
                let sums = (0..values.ncols()).map(|algorithm| {
                    let column = values.column(algorithm);
                    // Nothing times an infinite distance is no number.
                    let drawn = column.iter().zip(counts).filter(|(_, count)| **count > 0);
                    drawn.map(|(value, &count)| value * count as f64).sum()
                });
                (sums.collect(), *within)
            }
            Self::Median(sorted, within) => {
                let medians = sorted.iter().map(|values| drawn_median(values, counts));
                (medians.collect(), *within)
            }
            Self::Test { algorithms, pairs } => {
                let tests = pairs
                    .iter()
                    .map(|(.., signed)| signed.test(|case| counts[case]));
                // The smaller is the better: first of the one against the other, then reversed.
                let p: Vec<f64> = tests
                    .flat_map(|test| [test.p_less, test.p_greater])
                    .collect();
                let mut beaten = vec![0.0; *algorithms];
                for ((a, b, _), p) in pairs.iter().zip(holm(&p).chunks_exact(2)) {
                    beaten[*a] -= f64::from(u8::from(p[0] <= ALPHA));
                    beaten[*b] -= f64::from(u8::from(p[1] <= ALPHA));
                }
                (beaten, 0.0)
            }
        }
    }
}

/// One of several things that algorithms are ranked by together.
#[derive(Clone, Debug, PartialEq)]
pub struct Criterion {
    /// `lesion dice`.
    pub name: String,
    /// `[case, algorithm]`, the cases those of all other criteria; NaN for no value.
    pub values: Array2<f64>,
    pub better: Better,
    /// Of all criteria's, as a part of their sum.
    pub weight: f64,
}

/// Several criteria as one.
struct Together {
    contests: Vec<(Contest, f64)>,
    method: RankMethod,
}

impl Together {
    /// Ranks that are equal but for the rounding of their weighted sum.
    const WITHIN: f64 = 1e-9;

    fn new(criteria: &[Criterion], method: RankMethod) -> Self {
        let contest = |own: &Criterion| {
            let filled = with_worst(own.values.view(), own.better);
            (Contest::new(filled.view(), own.better, method), own.weight)
        };
        Self {
            contests: criteria.iter().map(contest).collect(),
            method,
        }
    }

    /// What each criterion gives: the mean or median rank over the drawn cases where cases are ranked, else the place.
    fn parts(&self, counts: &[usize]) -> Vec<Vec<f64>> {
        let drawn: usize = counts.iter().sum();
        let part = |(contest, _): &(Contest, f64)| -> Vec<f64> {
            match self.method {
                RankMethod::RankThenMean => {
                    let (sums, _) = contest.scores(counts);
                    sums.iter().map(|sum| sum / drawn as f64).collect()
                }
                RankMethod::RankThenMedian => contest.scores(counts).0,
                _ => contest
                    .places(counts)
                    .iter()
                    .map(|&place| place as f64)
                    .collect(),
            }
        };
        self.contests.iter().map(part).collect()
    }

    /// The weighted mean of the parts.
    fn score(&self, parts: &[Vec<f64>]) -> Vec<f64> {
        let weights = || self.contests.iter().map(|(_, weight)| weight);
        let all: f64 = weights().sum();
        let algorithms = parts.first().map_or(0, Vec::len);
        let of = |algorithm: usize| -> f64 {
            let own = parts.iter().zip(weights());
            own.map(|(part, weight)| part[algorithm] * weight / all)
                .sum()
        };
        (0..algorithms).map(of).collect()
    }

    fn places(&self, counts: &[usize]) -> Vec<usize> {
        places_of(&self.score(&self.parts(counts)), Self::WITHIN)
    }
}

/// The places of algorithms by several criteria: by each of them as `method` says, the mean of these by weight, and the
/// places of that.
pub fn rank_together(criteria: &[Criterion], method: RankMethod) -> Vec<usize> {
    let cases = criteria.first().map_or(0, |own| own.values.nrows());
    Together::new(criteria, method).places(&vec![1; cases])
}

/// [`rank_together`] over bootstrap draws of the cases, with what each criterion gives each algorithm
/// `[criterion][algorithm]`, and the weighted mean of that.
pub fn ranking_together(
    algorithms: &[String],
    criteria: &[Criterion],
    method: RankMethod,
    draws: usize,
    seed: Seed,
) -> (Ranking, Vec<Vec<f64>>, Vec<f64>) {
    let cases = criteria.first().map_or(0, |own| own.values.nrows());
    let together = Together::new(criteria, method);
    let parts = together.parts(&vec![1; cases]);
    let score = together.score(&parts);
    let ranking = over_draws(algorithms, cases, draws, seed, |counts| {
        together.places(counts)
    });
    let ranking = Ranking {
        method,
        better: Better::Smaller,
        ..ranking
    };
    (ranking, parts, score)
}

/// The places of the algorithms in every case.
fn in_cases(badness: &Array2<f64>) -> Array2<f64> {
    let mut ranks = Array2::zeros(badness.dim());
    let within = rounding(badness.iter().copied());
    for (row, mut out) in badness.rows().into_iter().zip(ranks.rows_mut()) {
        let places = places_of(&row.to_vec(), within);
        for (place, out) in places.into_iter().zip(out.iter_mut()) {
            *out = place as f64;
        }
    }
    ranks
}

fn sorted(values: &Array2<f64>) -> Vec<Vec<(f64, usize)>> {
    let columns = values.columns().into_iter();
    columns
        .map(|column| {
            let mut own: Vec<(f64, usize)> = column.iter().copied().zip(0..).collect();
            own.sort_by(|a, b| a.0.total_cmp(&b.0));
            own
        })
        .collect()
}

/// The median of sorted values with their cases, each as often as its case is drawn.
fn drawn_median(sorted: &[(f64, usize)], counts: &[usize]) -> f64 {
    let n: usize = counts.iter().sum();
    let at = |place: usize| {
        let mut seen = 0;
        let found = sorted.iter().find(|(_, case)| {
            seen += counts[*case];
            seen > place
        });
        found.map_or(f64::NAN, |(value, _)| *value)
    };
    match n {
        0 => f64::NAN,
        n if n % 2 == 1 => at(n / 2),
        n => f64::midpoint(at(n / 2 - 1), at(n / 2)),
    }
}

/// Values that are no farther apart than `within` share a place.
fn places_of(badness: &[f64], within: f64) -> Vec<usize> {
    let ahead = |own: f64| move |other: &&f64| own - **other > within;
    badness
        .iter()
        .map(|&own| 1 + badness.iter().filter(ahead(own)).count())
        .collect()
}

/// A ranking and what becomes of it over other draws of the cases.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranking {
    pub method: RankMethod,
    pub better: Better,
    pub algorithms: Vec<String>,
    /// The place of each.
    pub places: Vec<usize>,
    /// How often each had which place in the draws: `[algorithm][place - 1]`.
    pub drawn: Vec<Vec<usize>>,
    /// 2.5 %, 50 % and 97.5 % of each algorithm's places in the draws.
    pub spread: Vec<[f64; 3]>,
    /// Kendall's tau of the draws' orders with this one: mean, 2.5 %, 50 % and 97.5 %; none where
    /// all share a place.
    pub tau: Option<[f64; 4]>,
}

impl Ranking {
    /// The algorithms from the first place to the last.
    pub fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.algorithms.len()).collect();
        order.sort_by_key(|&algorithm| self.places[algorithm]);
        order
    }

    /// The share of the draws in which an algorithm is first; none without draws.
    pub fn first_in_draws(&self, algorithm: usize) -> Option<f64> {
        let own = &self.drawn[algorithm];
        let draws: usize = own.iter().sum();
        let first = own.first().copied().unwrap_or_default();
        (draws > 0).then(|| first as f64 / draws as f64)
    }
}

/// Ranks algorithms over cases, `[case, algorithm]`, and over bootstrap draws of the cases.
pub fn ranking(
    algorithms: &[String],
    values: ArrayView2<'_, f64>,
    better: Better,
    method: RankMethod,
    draws: usize,
    seed: Seed,
) -> Ranking {
    let filled = with_worst(values, better);
    let contest = Contest::new(filled.view(), better, method);
    let found = over_draws(algorithms, filled.nrows(), draws, seed, |counts| {
        contest.places(counts)
    });
    Ranking {
        method,
        better,
        ..found
    }
}

/// The places over all cases, and what becomes of them over draws of the cases.
fn over_draws(
    algorithms: &[String],
    cases: usize,
    draws: usize,
    seed: Seed,
    places_in: impl Fn(&[usize]) -> Vec<usize> + Sync,
) -> Ranking {
    let places = places_in(&vec![1; cases]);
    let drawn: Vec<Vec<usize>> = (0..draws)
        .into_par_iter()
        .map(|draw| {
            let mut stream = seed.stream_at("ranking", draw as u64);
            let mut counts = vec![0; cases];
            for _ in 0..cases {
                counts[stream.below(cases)] += 1;
            }
            places_in(&counts)
        })
        .collect();
    let as_numbers = |places: &[usize]| -> Vec<f64> { places.iter().map(|&p| p as f64).collect() };
    let own = as_numbers(&places);
    let mut taus: Vec<f64> = drawn
        .iter()
        .map(|places| kendall_tau(&own, &as_numbers(places)))
        .filter(|tau| !tau.is_nan())
        .collect();
    let mut counts = vec![vec![0; algorithms.len()]; algorithms.len()];
    for places in &drawn {
        for (algorithm, place) in places.iter().enumerate() {
            counts[algorithm][place - 1] += 1;
        }
    }
    let spread = (0..algorithms.len())
        .map(|algorithm| {
            let mut own: Vec<f64> = drawn
                .iter()
                .map(|places| places[algorithm] as f64)
                .collect();
            [0.025, 0.5, 0.975].map(|at| quantile(&mut own, at))
        })
        .collect();
    let tau = (!taus.is_empty()).then(|| {
        let mean = taus.iter().sum::<f64>() / taus.len() as f64;
        let [low, middle, high] = [0.025, 0.5, 0.975].map(|at| quantile(&mut taus, at));
        [mean, low, middle, high]
    });
    Ranking {
        method: RankMethod::default(),
        better: Better::Larger,
        algorithms: algorithms.to_vec(),
        places,
        drawn: counts,
        spread,
        tau,
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn equal_values_share_a_place() {
        let values = [
            Some(0.7),
            Some(0.8),
            None,
            Some(0.8),
            Some(f64::NAN),
            Some(0.1),
        ];
        assert_eq!(
            places(&values, Better::Larger),
            [Some(3), Some(1), None, Some(1), None, Some(4)]
        );
        assert_eq!(
            places(&values, Better::Smaller),
            [Some(2), Some(3), None, Some(3), None, Some(1)]
        );
    }

    /// Thirds and sevenths in other orders: the same mean and median, other floats.
    #[test]
    fn what_is_equal_but_for_rounding_shares_a_place() {
        let values = array![
            [1.0 - 6.0 / 7.0, 0.1, 0.3],
            [0.1, 0.3, 2.0 / 7.0 - 1.0 / 7.0],
            [0.3, 1.0 / 7.0, 0.1]
        ];
        for (name, method) in RankMethod::ALL {
            let found = rank(values.view(), Better::Larger, method);
            assert_eq!(found, [1, 1, 1], "{name}");
        }
        let mean = |column: usize| Some(values.column(column).sum() / 3.0);
        let means = [mean(0), mean(1), mean(2), Some(0.1)];
        let shared = [Some(1), Some(1), Some(1), Some(4)];
        assert_eq!(places(&means, Better::Larger), shared);
    }

    #[test]
    fn a_mean_of_places_wants_all_of_them() {
        let metrics = [
            vec![Some(1), Some(2), None],
            vec![Some(2), Some(1), Some(3)],
        ];
        assert_eq!(mean_places(&metrics), [Some(1.5), Some(1.5), None]);
        assert!(mean_places(&[]).is_empty());
    }

    /// One failure of the otherwise best: the mean minds, the ranks do not.
    #[test]
    fn methods_differ_where_they_should() {
        let values = array![
            [0.9, 0.8, 0.1],
            [0.9, 0.8, 0.2],
            [0.9, 0.8, 0.1],
            [0.0, 0.8, 0.1],
            [0.9, 0.8, 0.1]
        ];
        let by = |method| rank(values.view(), Better::Larger, method);
        assert_eq!(by(RankMethod::MeanThenRank), [2, 1, 3]);
        assert_eq!(by(RankMethod::MedianThenRank), [1, 2, 3]);
        assert_eq!(by(RankMethod::RankThenMean), [1, 2, 3]);
        assert_eq!(by(RankMethod::RankThenMedian), [1, 2, 3]);
        // Five cases cannot tell anybody apart.
        assert_eq!(by(RankMethod::TestThenRank), [1, 1, 1]);
        let smaller = rank(values.view(), Better::Smaller, RankMethod::MeanThenRank);
        assert_eq!(smaller, [2, 3, 1]);
    }

    #[test]
    fn an_infinite_distance_is_worst_in_the_draws_that_have_it() {
        let mut values = Array2::from_elem((12, 2), 1.0);
        values.column_mut(1).fill(0.5);
        for case in [1, 5, 7] {
            values[[case, 1]] = f64::INFINITY;
        }
        let names = ["a".to_owned(), "b".to_owned()];
        let method = RankMethod::MeanThenRank;
        let of = |values: &Array2<f64>| {
            ranking(
                &names,
                values.view(),
                Better::Smaller,
                method,
                1_000,
                Seed(1),
            )
        };
        let found = of(&values);
        assert_eq!(found.places, [1, 2]);
        // Without any of three of twelve cases: (9 / 12)^12, 3.2 %.
        let share = found.drawn[1][0] as f64 / 1_000.0;
        assert!((0.015..0.05).contains(&share), "{share}");
        assert_eq!(found.drawn, of(&values.mapv(|value| value.min(1e6))).drawn);
    }

    #[test]
    fn a_missing_case_counts_as_the_worst() {
        let values = array![[0.9, 0.8], [f64::NAN, 0.8], [0.9, 0.1]];
        let places = rank(values.view(), Better::Larger, RankMethod::MeanThenRank);
        // (0.9 + 0.1 + 0.9) / 3 and (0.8 + 0.8 + 0.1) / 3.
        assert_eq!(places, [1, 2]);
        let twice = array![[0.9, 0.8], [f64::NAN, 0.8], [f64::NAN, 0.1]];
        let places = rank(twice.view(), Better::Larger, RankMethod::MeanThenRank);
        assert_eq!(places, [2, 1]);
    }

    #[test]
    fn many_cases_settle_a_ranking() {
        let cases = 60;
        let mut stream = Seed(3).stream("cases");
        let values = Array2::from_shape_fn((cases, 3), |(_, algorithm)| {
            0.5 + 0.1 * algorithm as f64 + 0.05 * stream.normal()
        });
        let names = ["a", "b", "c"].map(str::to_owned);
        for (_, method) in RankMethod::ALL {
            let found = ranking(&names, values.view(), Better::Larger, method, 200, Seed(1));
            assert_eq!(found.places, [3, 2, 1], "{}", method.name());
            assert_eq!(found.drawn[2], [200, 0, 0], "{}", method.name());
            assert_eq!(found.tau, Some([1.0; 4]));
            assert_eq!(found.spread[0], [3.0; 3]);
        }
    }
}
