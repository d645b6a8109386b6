use serde::Serialize;

/// Number of cases that a reason names.
const NAMED: usize = 5;

/// What is said of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Worse by more than the margin, beyond chance.
    Regressed,
    /// Cannot be compared; the line says why.
    NotComparable,
    /// The cases do not show that it is worse.
    NoEvidence,
    /// Better by more than the margin, beyond chance.
    Improved,
}

impl Verdict {
    /// All, the most urgent first.
    pub const ALL: [Self; 4] = [
        Self::Regressed,
        Self::NotComparable,
        Self::NoEvidence,
        Self::Improved,
    ];

    /// As readers see it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::NotComparable => "not comparable",
            Self::NoEvidence => "no evidence",
            Self::Improved => "improved",
        }
    }
}

/// Accuracy or cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LineKind {
    /// Differences over cases.
    Accuracy,
    /// Ratios of new to old.
    Cost,
}

/// One line of the verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GateLine {
    pub kind: LineKind,
    pub algorithm: String,
    /// `lesion dice`, `training step`.
    pub metric: String,
    /// `s` or `MB`; empty for fractions and what has its unit in its name.
    pub unit: &'static str,
    /// Whether a larger value is the better one.
    pub larger_is_better: bool,
    /// Pairs of cases, or of measurements, that it rests on.
    pub n: usize,
    /// Means over them.
    pub baseline: Option<f64>,
    pub current: Option<f64>,
    /// Current - baseline of an accuracy (of sizes, where the size counts); current / baseline of a
    /// cost.
    pub change: Option<f64>,
    /// 95 % BCa bootstrap interval of the change.
    pub interval: Option<[f64; 2]>,
    /// The loss, or the ratio, that is accepted.
    pub margin: f64,
    /// One-sided, against a loss up to the margin: the larger of the signed-rank test's and the
    /// bootstrap-t's.
    pub p: Option<f64>,
    /// Holm's correction over all accuracy lines.
    pub p_holm: Option<f64>,
    pub verdict: Verdict,
    /// Why it cannot be compared, or what else must be known.
    pub reason: Option<String>,
    /// Whether the gate fails where it cannot be compared.
    pub required: bool,
    /// Whether every single value is the same.
    pub identical: bool,
    /// Whether a loss beyond the margin lies outside the interval.
    pub loss_excluded: bool,
    /// The change in standard deviations of replicates, where both sides have some.
    pub in_replicate_sd: Option<f64>,
    /// The cases that lost most, worst first.
    pub worst: Vec<WorstCase>,
}

/// A case that lost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorstCase {
    pub case: String,
    pub baseline: f64,
    pub current: f64,
}

/// What the gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateOutcome {
    /// Nothing regressed, and everything required was compared.
    Passed,
    /// At least one line regressed.
    Regressed,
    /// None regressed, but what is required could not be compared.
    NotComparable,
}

/// All lines.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgement {
    pub outcome: GateOutcome,
    /// Chance of any false alarm among the accuracy lines.
    pub level: f64,
    pub lines: Vec<GateLine>,
    /// What a reader must know of both sides.
    pub notes: Vec<String>,
}

impl Judgement {
    /// How many lines have a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.lines.iter().filter(|l| l.verdict == verdict).count()
    }
}

/// The first few of some names.
pub(super) fn some(names: &[impl AsRef<str>]) -> String {
    let mut text: Vec<&str> = names.iter().take(NAMED).map(AsRef::as_ref).collect();
    let more = format!("and {} more", names.len().saturating_sub(NAMED));
    if names.len() > NAMED {
        text.push(&more);
    }
    text.join(", ")
}
