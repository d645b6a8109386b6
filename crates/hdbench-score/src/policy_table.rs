//! The policy of `strict` as a table: every metric in every situation.

use super::criterion::Criterion;
use super::metric::BURDENS;
use super::options::Options;
use super::policy::{EmptyMask, Family, Imputed, declared};

/// A line of the policy.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyRow {
    /// The metric's name in files.
    pub metric: String,
    /// Which masks are empty: those of the label, the lesions of the case for the detection, the
    /// livers for the tumour burdens.
    pub situation: EmptyMask,
    /// What becomes of the metric.
    pub becomes: Imputed,
    /// The reason in a few words.
    pub why: &'static str,
}

/// The whole policy of `strict`: every metric that the options ask for in every situation.
pub fn policy_table(options: &Options) -> Vec<PolicyRow> {
    let mut families: Vec<(String, Family)> = options
        .metrics()
        .into_iter()
        .map(|metric| (metric.name().into_owned(), metric.into()))
        .collect();
    families.extend(
        Criterion::all(options)
            .into_iter()
            .flat_map(Criterion::names),
    );
    let burdens = [
        Family::BurdenPrediction,
        Family::BurdenReference,
        Family::BurdenError,
    ];
    families.extend(BURDENS.map(str::to_owned).into_iter().zip(burdens));
    let rows = families.iter().flat_map(|(metric, family)| {
        EmptyMask::EMPTY.map(|situation| {
            let (becomes, why) = declared(*family, situation);
            PolicyRow {
                metric: metric.clone(),
                situation,
                becomes,
                why,
            }
        })
    });
    rows.collect()
}
