//! Statistics against scipy and statsmodels (`scripts/make_statistics_golden.py`).

use hdbench_ground::seed::Seed;
use hdbench_stats::statistics::{
    Friedman, Resampling, bca, bootstrap_means, claim, holm, kendall_tau, kruskal, mean_interval,
    mean_intervals, mean_ranks, median_interval, quantile, t_interval, wilcoxon,
};
use ndarray::Array2;
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!(
        "../../../../tests/data/statistics/golden.json"
    ))
    .unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    let list = value.as_array().unwrap();
    list.iter().map(|number| number.as_f64().unwrap()).collect()
}

#[track_caller]
fn near(found: f64, expected: f64, tolerance: f64) {
    let off = (found - expected).abs();
    assert!(
        off <= tolerance * expected.abs().max(1e-3),
        "{found} for {expected}"
    );
}

#[test]
fn intervals_are_those_of_scipy_given_its_resamples() {
    for case in golden()["bca"].as_array().unwrap() {
        let (data, distribution) = (numbers(&case["data"]), numbers(&case["distribution"]));
        let [low, high] = bca(&data, &distribution, 0.95).unwrap();
        near(low, case["low"].as_f64().unwrap(), 1e-9);
        near(high, case["high"].as_f64().unwrap(), 1e-9);
    }
}

#[test]
fn claims_and_student_s_interval_are_those_of_scipy() {
    for case in golden()["claims"].as_array().unwrap() {
        let pairs = numbers(&case["a"]).into_iter().zip(numbers(&case["b"]));
        let differences: Vec<f64> = pairs.map(|(a, b)| a - b).collect();
        let found = claim(&differences).unwrap();
        near(
            found.probability_false,
            case["false"].as_f64().unwrap(),
            1e-9,
        );
        assert_eq!(found.cases_needed, case["needed"].as_u64());
        let turned: Vec<f64> = differences.iter().map(|d| -d).collect();
        assert_eq!(claim(&turned), Some(found));
        let [low, high] = t_interval(&differences, 0.95).unwrap();
        near(low, case["low"].as_f64().unwrap(), 1e-9);
        near(high, case["high"].as_f64().unwrap(), 1e-9);
    }
}

#[test]
fn claims_without_a_spread_or_a_difference_or_cases_are_said() {
    let of = |differences: &[f64]| {
        claim(differences).map(|found| (found.probability_false, found.cases_needed))
    };
    assert_eq!(of(&[0.1, 0.3 - 0.2, 0.1]), Some((0.0, Some(2))));
    assert_eq!(of(&[0.0, 0.0]), Some((0.5, None)));
    assert_eq!(of(&[0.1, -0.1]), Some((0.5, None)));
    assert_eq!(of(&[0.1]), None);
    assert_eq!(of(&[f64::INFINITY, 0.1]), None);
    // Nobody counts that far.
    let far: Vec<f64> = (0..1000)
        .map(|i| 1e-4 + if i % 2 == 0 { 1.0 } else { -1.0 })
        .collect();
    assert_eq!(of(&far).unwrap().1, None);
    assert_eq!(t_interval(&[0.7, 0.7], 0.95), Some([0.7; 2]));
    assert_eq!(t_interval(&[0.7], 0.95), None);
    assert_eq!(t_interval(&[0.7, f64::INFINITY], 0.95), None);
}

/// scipy's ends are those of 200,000 draws: the value next to them is as near as their chance.
#[test]
fn a_median_s_interval_is_that_of_endlessly_many_resamples() {
    for case in golden()["medians"].as_array().unwrap() {
        let data = numbers(&case["data"]);
        let [low, high] = median_interval(&data, 0.95).unwrap();
        let expected = ["low", "high"].map(|end| case[end].as_f64().unwrap());
        match data.len() % 2 {
            1 => assert_eq!([low, high], expected),
            // Half way between two values, which the exact one does not halve.
            _ => {
                let mut sorted = data.clone();
                sorted.sort_unstable_by(f64::total_cmp);
                let place = |value: f64| sorted.iter().position(|own| *own >= value).unwrap();
                assert!(
                    low <= expected[0] && high >= expected[1],
                    "{low} {high} {expected:?}"
                );
                assert!(place(expected[0]) - place(low) <= 1, "{low} {expected:?}");
                assert!(place(high) - place(expected[1]) <= 1, "{high} {expected:?}");
            }
        }
    }
    assert_eq!(median_interval(&[0.5, f64::NAN], 0.95), None);
    assert_eq!(median_interval(&[0.5, 0.7], 0.95), Some([0.5, 0.7]));
    assert_eq!(
        median_interval(&[f64::INFINITY; 9], 0.95),
        Some([f64::INFINITY; 2])
    );
}

#[test]
fn ranks_of_many_algorithms_are_tested_as_scipy_and_scikit_posthocs_do() {
    for case in golden()["friedman"].as_array().unwrap() {
        let rows: Vec<Vec<f64>> = case["values"]
            .as_array()
            .unwrap()
            .iter()
            .map(numbers)
            .collect();
        let (cases, algorithms) = (rows.len(), rows[0].len());
        let values = Array2::from_shape_fn((cases, algorithms), |(case, own)| rows[case][own]);
        let ranks = mean_ranks((-values).view(), 0.0);
        let found = Friedman::new(ranks.view(), 0.05).unwrap();
        for (found, expected) in found.ranks.iter().zip(numbers(&case["ranks"])) {
            near(*found, expected, 1e-12);
        }
        if let (Some(statistic), Some(p)) = (case["statistic"].as_f64(), case["p"].as_f64()) {
            near(found.statistic, statistic, 1e-9);
            near(found.p, p, 1e-7);
        }
        near(
            found.critical_difference,
            case["critical_difference"].as_f64().unwrap(),
            1e-6,
        );
        for (a, row) in case["pairs"].as_array().unwrap().iter().enumerate() {
            for (b, expected) in numbers(row).into_iter().enumerate() {
                near(found.p_of(a, b), expected, 1e-6);
            }
        }
    }
}

#[test]
fn groups_are_told_apart_as_scipy_does() {
    for case in golden()["kruskal"].as_array().unwrap() {
        let mut groups: Vec<Vec<f64>> = case["groups"]
            .as_array()
            .unwrap()
            .iter()
            .map(numbers)
            .collect();
        let [statistic, p] = kruskal(&groups).unwrap();
        near(statistic, case["statistic"].as_f64().unwrap(), 1e-9);
        near(p, case["p"].as_f64().unwrap(), 1e-7);
        groups[0].push(f64::NAN);
        groups.push(Vec::new());
        assert_eq!(kruskal(&groups), Some([statistic, p]));
    }
    assert_eq!(kruskal(&[vec![1.0, 2.0]]), None);
    assert_eq!(kruskal(&[vec![1.0, 1.0], vec![1.0]]), None);
}

#[test]
fn signed_rank_tests_are_those_of_scipy() {
    let golden = golden();
    let cases = golden["wilcoxon"].as_array().unwrap();
    for case in cases {
        let differences = numbers(&case["differences"]);
        let found = wilcoxon(&differences);
        let exact = case["name"] == "exact";
        if !exact && found.exact {
            continue;
        }
        near(found.p, case["p"].as_f64().unwrap(), 1e-9);
        assert_eq!(found.exact, exact);
        let mirrored: Vec<f64> = differences.iter().map(|d| -d).collect();
        let mirrored = wilcoxon(&mirrored);
        assert_eq!(mirrored.positive, found.negative);
        near(mirrored.p_less, found.p_greater, 1e-12);
    }
    let compared = cases
        .iter()
        .filter(|case| case["name"] == "exact" || numbers(&case["differences"]).len() > 50);
    assert!(compared.count() >= 11);
}

/// Recalls of lesions, fractions: 1 - 6/7 and 2/7 - 1/7 are one size and two floats, 1 - 0 is not. Over all 128
/// signs of the ranks by exact fractions p is 10 / 128 (what scipy gives for the floats is 0.046875).
#[test]
fn fractions_that_are_equal_share_a_rank() {
    let a = [1.0, 1.0 / 7.0, 2.0 / 7.0, 1.0, 0.0, 0.5, 1.0, 1.0, 1.0, 1.0];
    let b = [
        0.5,
        2.0 / 7.0,
        1.0 / 7.0,
        6.0 / 7.0,
        0.0,
        0.5,
        5.0 / 6.0,
        0.0,
        1.0,
        6.0 / 7.0,
    ];
    let differences: Vec<f64> = a.iter().zip(&b).map(|(a, b)| b - a).collect();
    let found = wilcoxon(&differences);
    assert_eq!((found.n, found.p, found.exact), (7, 10.0 / 128.0, true));
}

#[test]
fn tests_without_differences_say_nothing() {
    for differences in [&[][..], &[0.0, 0.0], &[f64::NAN]] {
        let found = wilcoxon(differences);
        assert_eq!((found.n, found.p), (0, 1.0));
    }
    assert_eq!(wilcoxon(&[1.0]).p, 1.0);
}

#[test]
fn corrections_agreements_and_quantiles_are_those_of_the_peers() {
    let golden = golden();
    for case in golden["holm"].as_array().unwrap() {
        for (found, expected) in holm(&numbers(&case["p"]))
            .iter()
            .zip(numbers(&case["adjusted"]))
        {
            near(*found, expected, 1e-12);
        }
    }
    assert_eq!(holm(&[0.01, f64::NAN])[0], 0.01);
    for case in golden["kendall"].as_array().unwrap() {
        let tau = kendall_tau(&numbers(&case["a"]), &numbers(&case["b"]));
        near(tau, case["tau"].as_f64().unwrap(), 1e-12);
    }
    assert!(kendall_tau(&[1.0, 1.0], &[1.0, 2.0]).is_nan());
    for case in golden["quantile"].as_array().unwrap() {
        let mut data = numbers(&case["data"]);
        for (at, expected) in numbers(&case["at"]).iter().zip(numbers(&case["values"])) {
            near(quantile(&mut data, *at), expected, 1e-12);
        }
    }
    assert!(quantile(&mut [], 0.5).is_nan());
}

#[test]
fn resampled_means_scatter_as_theory_says_and_never_by_threads() {
    let cases = 70;
    let mut stream = Seed(5).stream("values");
    let values: Vec<f64> = (0..cases).map(|_| stream.normal()).collect();
    let columns = Array2::from_shape_fn((cases, 2), |(case, column)| match column {
        0 => values[case],
        _ if case % 7 == 0 => f64::NAN,
        _ => 2.0 * values[case],
    });
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| bootstrap_means(columns.view(), 2_000, Seed(1)))
    };
    let drawn = run(1);
    assert!(drawn == run(3));
    for column in 0..2 {
        let own: Vec<f64> = columns
            .column(column)
            .iter()
            .copied()
            .filter(|v| !v.is_nan())
            .collect();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let variance = |values: &[f64], mean: f64| {
            values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64
        };
        let centre = mean(&own);
        let expected = (variance(&own, centre) / own.len() as f64).sqrt();
        let means = drawn.means.row(column).to_vec();
        assert!((mean(&means) - centre).abs() < 4.0 * expected / 2_000_f64.sqrt());
        let found = variance(&means, mean(&means)).sqrt();
        assert!(
            (found / expected - 1.0).abs() < 0.08,
            "{found} for {expected}"
        );
    }
}

/// The promise of a 95 % interval, over many samples of a skewed distribution like Dice.
#[test]
fn intervals_cover_the_truth_about_as_often_as_they_say() {
    let (cases, trials) = (40, 400);
    let mut stream = Seed(11).stream("trials");
    let mut covered = 0;
    // 1 - x^2 of a uniform x has the mean 2/3.
    for trial in 0..trials {
        let sample: Vec<f64> = (0..cases).map(|_| 1.0 - stream.uniform().powi(2)).collect();
        let columns = Array2::from_shape_vec((cases, 1), sample.clone()).unwrap();
        let drawn = bootstrap_means(columns.view(), 1_000, Seed(trial));
        let [low, high] = bca(&sample, &drawn.means.row(0).to_vec(), 0.95).unwrap();
        covered += usize::from((low..=high).contains(&(2.0 / 3.0)));
    }
    let share = covered as f64 / trials as f64;
    assert!((0.90..=0.98).contains(&share), "{share}");
}

#[test]
fn places_are_those_of_challenger() {
    use hdbench_stats::{Better, RankMethod, rank};
    // scripts/make_ranking_golden.py runs challengeR itself.
    let golden: Value = serde_json::from_str(include_str!(
        "../../../../tests/data/statistics/challenger.json"
    ))
    .unwrap();
    let mut compared = 0;
    for (task, golden) in golden.as_object().unwrap() {
        let rows = golden["values"].as_array().unwrap();
        let value = |case: usize, algorithm: usize| rows[case][algorithm].as_f64();
        let values = Array2::from_shape_fn((rows.len(), 5), |(case, algorithm)| {
            value(case, algorithm).unwrap_or(f64::NAN)
        });
        for (direction, better) in [("larger", Better::Larger), ("smaller", Better::Smaller)] {
            for (name, method) in RankMethod::ALL {
                let expected = numbers(&golden["places"][direction][name]);
                let places = rank(values.view(), better, method);
                let places: Vec<f64> = places.iter().map(|place| *place as f64).collect();
                assert_eq!(places, expected, "{task}, {direction}, {name}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 30);
}

/// Who else is compared, and with which gaps, changes no interval.
#[test]
fn an_interval_depends_on_its_own_values_alone() {
    let columns = Array2::from_shape_fn((12, 5), |(case, column)| {
        let value = ((case * 7 + column * 3) % 11) as f64 / 10.0;
        let is_gap = (column, case) == (3, 4) || column == 4 && case > 0;
        if is_gap { f64::NAN } else { value }
    });
    let options = Resampling {
        resamples: 500,
        level: 0.95,
        seed: Seed(3),
    };
    let together = mean_intervals(columns.view(), options);
    for (column, interval) in columns.columns().into_iter().zip(&together) {
        assert_eq!(mean_interval(&column.to_vec(), options), *interval);
    }
    assert!(together[..4].iter().all(Option::is_some), "{together:?}");
    assert_eq!(together[4], None, "one value");
}
