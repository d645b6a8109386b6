use hdbench_score::Name;

/// What a metric's values were made by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Definition {
    /// `strict` and `lits` are ours, `nnunet` its own.
    pub scorer: Name,
    /// Version of the metric there.
    pub version: u32,
}

impl Definition {
    /// Of a row's policy, without the edge case that it met, and version.
    pub(super) fn of(policy: &str, version: u32) -> Self {
        let scorer = policy.split_once(':').map_or(policy, |(scorer, _)| scorer);
        Self {
            scorer: scorer.into(),
            version,
        }
    }

    pub(super) fn in_words(&self) -> String {
        match self.scorer.as_str() {
            "" => format!("version {}", self.version),
            scorer => format!("{scorer}, version {}", self.version),
        }
    }
}
