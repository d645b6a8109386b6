//! Orders of algorithms by every metric and method.

use hdbench_ground::error::{Error, Result};
use hdbench_ground::seed::Seed;

use super::comparable::unlike;
use super::metric_table::MetricTable;
use super::ranking::{RankMethod, Ranking, ranking};

/// Metrics of which every way of ranking is shown unless the user says which; of more, one.
const MOST_RANKED: usize = 4;

/// Most draws of the cases: an order's spread needs fewer than an interval's ends.
const MOST_DRAWS: usize = 1_000;

/// Orders of algorithms.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Orders {
    /// By the metric that is ranked.
    pub orders: Vec<(String, Ranking)>,
    /// What is in no order, and why.
    pub notes: Vec<String>,
}

/// Ranks the algorithms of each metric that has several, by the methods given or, without any, by all; each with the
/// metric's name. Values of other definitions are in no order: what is said of them comes beside.
///
/// # Errors
/// `Error::Usage` for a metric that has no better and no worse.
pub fn rankings(
    metrics: &[MetricTable],
    methods: &[RankMethod],
    draws: usize,
    seed: Seed,
) -> Result<Orders> {
    let all = RankMethod::ALL.map(|(_, method)| method);
    let methods = match methods {
        [] if metrics.len() > MOST_RANKED => &all[..1],
        [] => &all[..],
        chosen => chosen,
    };
    let mut found = Orders::default();
    for metric in metrics.iter().filter(|metric| metric.algorithms.len() > 1) {
        if let Some(why) = unlike(metric) {
            found.notes.push(format!("no ranking of {why}"));
            continue;
        }
        let (values, direction) = metric.directed().ok_or_else(|| {
            Error::usage(
                format!("{} has no better and no worse", metric.name()),
                "rank by a Dice, an error or a distance",
            )
        })?;
        for &method in methods {
            let own = ranking(
                &metric.algorithms,
                values.view(),
                direction,
                method,
                draws.min(MOST_DRAWS),
                seed,
            );
            found.orders.push((metric.name(), own));
        }
    }
    Ok(found)
}
