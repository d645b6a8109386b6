//! What `hdbench explain` says about the scoring profiles.

/// Every known departure of the official LiTS scorer, and with it of the profile `lits`, from the
/// paper's definitions, and what `strict` does instead.
pub fn explain_lits() -> &'static str {
    include_str!("lits.txt")
}

/// The definitions of the profile `strict` and its values for empty masks.
pub fn explain_strict() -> &'static str {
    include_str!("strict.txt")
}
