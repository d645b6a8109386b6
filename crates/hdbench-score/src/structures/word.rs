//! Enums that are written as words.

use hdbench_ground::near::meant;

use super::problem::Problem;

/// An enum whose values each have a word in TOML.
pub trait Word: Copy + PartialEq + 'static {
    /// Each value with its word.
    const WORDS: &'static [(&'static str, Self)];

    /// The word of a value.
    fn word(self) -> &'static str {
        let found = Self::WORDS.iter().find(|(_, value)| *value == self);
        found.map_or("", |(word, _)| word)
    }

    /// The value of a word.
    fn named(word: &str) -> Option<Self> {
        let found = Self::WORDS.iter().find(|(known, _)| *known == word);
        found.map(|(_, value)| *value)
    }
}

/// The value of a word that stands for `what`.
pub(super) fn read_word<T: Word>(what: &str, word: &str) -> Result<T, Problem> {
    T::named(word).ok_or_else(|| {
        let known: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
        Problem::new(format!("{word:?} is no {what}"), meant(word, &known))
    })
}
