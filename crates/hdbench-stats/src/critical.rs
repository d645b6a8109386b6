//! Mean ranks of many algorithms in a metric, and which of them differ.

use serde::Serialize;

use super::comparable::unlike;
use super::metric_table::MetricTable;
use super::ranking::{Better, with_worst};
use super::statistics::{Friedman, mean_ranks, rounding};

/// The level of the tests.
const LEVEL: f64 = 0.05;

/// Friedman's and Nemenyi's tests of a metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CriticalDifference {
    /// `lesion dice`.
    pub metric: String,
    pub algorithms: Vec<String>,
    pub test: Friedman,
}

impl CriticalDifference {
    /// Of a metric of three algorithms or more that has a better; a case without a value counts as the worst. None of
    /// values of other definitions.
    pub fn of(metric: &MetricTable) -> Option<Self> {
        if metric.algorithms.len() < 3 || unlike(metric).is_some() {
            return None;
        }
        let (values, direction) = metric.directed()?;
        let values = with_worst(values.view(), direction);
        let within = rounding(values.iter().copied());
        let smaller_is_better = match direction {
            Better::Larger => -values,
            Better::Smaller => values,
        };
        let ranks = mean_ranks(smaller_is_better.view(), within);
        Some(Self {
            metric: metric.name(),
            algorithms: metric.algorithms.clone(),
            test: Friedman::new(ranks.view(), LEVEL)?,
        })
    }

    /// The algorithms by their mean ranks, the best first.
    pub fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.algorithms.len()).collect();
        order.sort_by(|&a, &b| self.test.ranks[a].total_cmp(&self.test.ranks[b]));
        order
    }

    /// The largest sets of algorithms of which no two are farther apart than the critical difference.
    pub fn groups(&self) -> Vec<Vec<usize>> {
        let order = self.order();
        let rank = |place: usize| self.test.ranks[order[place]];
        let (mut groups, mut reached) = (Vec::new(), 0);
        for from in 0..order.len() {
            let near = |&to: &usize| rank(to) - rank(from) <= self.test.critical_difference;
            let to = (from..order.len())
                .take_while(near)
                .last()
                .map_or(from, |last| last)
                + 1;
            // One that lies within the last one says nothing more.
            if to > reached {
                groups.push(order[from..to].to_vec());
                reached = to;
            }
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_the_largest_of_which_no_two_differ() {
        let of = |ranks: &[f64], difference: f64| {
            let found = CriticalDifference {
                metric: "dice".into(),
                algorithms: ranks.iter().map(f64::to_string).collect(),
                test: Friedman {
                    n: 10,
                    ranks: ranks.to_vec(),
                    statistic: 0.0,
                    p: 1.0,
                    critical_difference: difference,
                },
            };
            found.groups()
        };
        assert_eq!(
            of(&[1.0, 2.0, 3.0, 4.5], 1.2),
            [vec![0, 1], vec![1, 2], vec![3]]
        );
        assert_eq!(of(&[3.0, 1.0, 2.0], 5.0), [vec![1, 2, 0]]);
        assert_eq!(of(&[1.0, 3.0], 1.0), [vec![0], vec![1]]);
    }
}
