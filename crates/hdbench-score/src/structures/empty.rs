//! What a structure makes of a metric where there is nothing to measure, beside the profile's policy.

use super::word::Word;

/// A rule for one metric in one situation. It holds for the whole masks, and for a single instance that is missed
/// (nothing is predicted) or a false alarm (nothing is in the reference).
#[derive(Clone, Debug, PartialEq)]
pub struct EmptyRule {
    /// The metric's name in the tables. A rule of `hd95` is one of `instance_hd95` and `lesionwise_hd95` as well,
    /// unless those have their own.
    pub metric: String,
    /// When.
    pub situation: Situation,
    /// What the value is then.
    pub becomes: Becomes,
}

impl EmptyRule {
    /// What the first of `names` that has a rule for a situation becomes.
    pub fn first(
        rules: &[Self],
        names: &[impl AsRef<str>],
        situation: Situation,
    ) -> Option<Becomes> {
        names.iter().find_map(|name| {
            let own = |rule: &&Self| rule.metric == name.as_ref() && rule.situation == situation;
            rules.iter().find(own).map(|rule| rule.becomes)
        })
    }
}

/// When a metric rests on a convention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Situation {
    /// Neither side has a voxel.
    BothEmpty,
    /// Only the prediction has.
    ReferenceEmpty,
    /// Only the reference has.
    PredictionEmpty,
    /// Both have, and nothing is matched; of whole masks: no voxel is in both.
    NoMatch,
}

impl Word for Situation {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("both-empty", Self::BothEmpty),
        ("reference-empty", Self::ReferenceEmpty),
        ("prediction-empty", Self::PredictionEmpty),
        ("no-match", Self::NoMatch),
    ];
}

/// What a metric becomes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Becomes {
    /// This value; infinity is one, NaN is [`Becomes::Undefined`].
    Value(f64),
    /// No value: left out of every mean, and counted there.
    Undefined,
    /// What the formula gives.
    AsComputed,
    /// The length of the image's diagonal, mm (MIST's worst distance).
    Diagonal,
}

/// The words of a [`Becomes`] that is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BecomesWord {
    Undefined,
    AsComputed,
    Diagonal,
}

impl Word for BecomesWord {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("undefined", Self::Undefined),
        ("as-computed", Self::AsComputed),
        ("diagonal", Self::Diagonal),
    ];
}

impl Becomes {
    /// A number; NaN is no value.
    pub fn number(value: f64) -> Self {
        match value.is_nan() {
            true => Self::Undefined,
            // Of -0 as of 0.
            false => Self::Value(value + 0.0),
        }
    }
}
