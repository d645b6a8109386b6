//! What somebody may have meant by a word that is not known.

/// The one that is a slip of the hand away: at most a quarter of the letters.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let close = word.chars().count().div_ceil(4);
    known
        .into_iter()
        .map(|known| {
            let distance = strsim::damerau_levenshtein(&word, &known.to_lowercase());
            (distance, known)
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= close)
        .map(|(_, known)| known)
}

/// A hint: the near one, else all of them.
pub fn meant(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(known) => format!("did you mean {known}?"),
        None => format!("one of {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_is_near_and_another_word_is_not() {
        let known = ["dice", "jaccard", "hd95"];
        assert_eq!(nearest("dise", known), Some("dice"));
        assert_eq!(nearest("JACARD", known), Some("jaccard"));
        assert_eq!(nearest("assd", known), None);
        assert_eq!(meant("assd", &known), "one of dice, jaccard, hd95");
    }
}
