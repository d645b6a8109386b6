//! Names of structures.

use hdbench_ground::text::composed;

/// The longest name, in characters.
const LONGEST: usize = 64;

/// What the tables use for themselves, and what names no structure.
const RESERVED: [&str; 2] = ["_all", "all"];

/// Whether this can be a structure's name: 1 to 64 letters, digits, `_`, `-`, `.` or spaces inside, and not
/// `all` or `_all`, which the tables and the built-in set use.
///
/// # Errors
/// In words, for any other.
pub fn check_name(name: &str) -> Result<(), String> {
    let length = name.chars().count();
    if let Some(wrong) = name.chars().find(|c| !is_allowed(*c)) {
        return Err(format!(
            "the name {name:?} has {wrong:?}; letters, digits, _, -, . and spaces can be in one"
        ));
    }
    if name.trim().is_empty() {
        return Err("a name cannot be empty".to_owned());
    }
    if name.trim() != name {
        return Err(format!("the name {name:?} begins or ends with a space"));
    }
    if length > LONGEST {
        return Err(format!(
            "the name {name:?} has {length} characters, and {LONGEST} are the most"
        ));
    }
    if RESERVED.contains(&name.to_lowercase().as_str()) {
        return Err(format!("the name {name:?} stands for all of them"));
    }
    Ok(())
}

fn is_allowed(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ')
}

/// The name that a structure of another program's file gets here: what cannot be in one becomes `_`.
pub(super) fn taken_over(name: &str) -> String {
    let allowed = |c: char| if is_allowed(c) { c } else { '_' };
    let name: String = composed(name).chars().map(allowed).take(LONGEST).collect();
    let name = name.trim().to_owned();
    match RESERVED.contains(&name.to_lowercase().as_str()) {
        true => format!("{name}_structure"),
        false => name,
    }
}

/// What two names are compared by.
pub(super) fn folded(name: &str) -> String {
    composed(name).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ones_that_a_table_can_hold() {
        let longest = "a".repeat(64);
        for name in ["et", "Leber", "right kidney", "C1.a-b_2", "脾臓", &longest] {
            assert_eq!(check_name(name), Ok(()));
            assert_eq!(taken_over(name), name);
        }
        let longer = "a".repeat(65);
        for (name, problem, taken) in [
            ("", "a name cannot be empty", ""),
            (
                "_ALL",
                "the name \"_ALL\" stands for all of them",
                "_ALL_structure",
            ),
            (
                "all",
                "the name \"all\" stands for all of them",
                "all_structure",
            ),
            (
                "prostate/uterus",
                "the name \"prostate/uterus\" has '/'; letters, digits, _, -, . and spaces can be in one",
                "prostate_uterus",
            ),
            (" a", "the name \" a\" begins or ends with a space", "a"),
            (
                &longer,
                &format!("the name \"{longer}\" has 65 characters, and 64 are the most"),
                &longest,
            ),
        ] {
            assert_eq!(check_name(name), Err(problem.to_owned()));
            assert_eq!(taken_over(name), taken);
        }
    }
}
