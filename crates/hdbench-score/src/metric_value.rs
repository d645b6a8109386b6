use super::policy::{EmptyMask, Family, Imputed, declared};
use super::structures::{Becomes, EmptyRule};

/// What a metric gives for a case and a structure, and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricValue {
    /// What the formula gave.
    pub raw: f64,
    /// What the policy made of it.
    pub value: f64,
    /// The edge case the policy met.
    pub edge: EmptyMask,
    /// Whether a rule of the structure's own made the value.
    pub is_own: bool,
}

impl MetricValue {
    /// The value under `strict`. `without_burden` is what the formula gives with a predicted burden
    /// of 0, for the one family that asks for it.
    pub(super) fn strict(family: Family, raw: f64, edge: EmptyMask, without_burden: f64) -> Self {
        // Sums over nothing are -0, which no table should show.
        let [raw, without_burden] = [raw, without_burden].map(|value| value + 0.0);
        let value = match declared(family, edge).0 {
            Imputed::Raw => raw,
            Imputed::Value(value) => value,
            Imputed::WithoutBurden => without_burden,
            Imputed::Undefined => f64::NAN,
        };
        Self {
            raw,
            value,
            edge,
            is_own: false,
        }
    }

    /// The value that the first rule for one of `names` in this situation makes of it, in an image whose diagonal
    /// is so long; itself where there is no rule.
    pub(super) fn under(
        self,
        rules: &[EmptyRule],
        names: &[impl AsRef<str>],
        edge: EmptyMask,
        diagonal_mm: f64,
    ) -> Self {
        let situation = edge.situation();
        let rule = situation.and_then(|situation| EmptyRule::first(rules, names, situation));
        let value = match rule {
            None => return self,
            Some(Becomes::Value(value)) => value,
            Some(Becomes::Undefined) => f64::NAN,
            Some(Becomes::AsComputed) => self.raw,
            Some(Becomes::Diagonal) => diagonal_mm,
        };
        Self {
            value,
            edge,
            is_own: true,
            ..self
        }
    }

    /// The policy's name in the tidy table, with the edge case it met.
    pub fn policy(&self) -> &'static str {
        match self.is_own {
            true => self.edge.own_policy(),
            false => self.edge.policy(),
        }
    }
}
