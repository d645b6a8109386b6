use super::challenge::{Challenge, Weight};
use super::rule::Rule;
use crate::text::wrapped;

/// What `--fix` does about a rule that is broken; nothing where only the user can help.
fn mend(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::Flat => "files are taken out of their folders",
        Rule::InFolder => "files are put into it",
        Rule::FileNames => "files whose number belongs to one test volume get its name",
        Rule::NoExtras => "everything else is left out",
        Rule::NotGzipped => "files are unpacked",
        Rule::Gzipped => "files are packed",
        Rule::ThreeDimensional => "axes of one voxel are dropped",
        Rule::Shape => "voxels whose axes run otherwise are turned; another grid stays refused",
        Rule::Spacing | Rule::Affine => {
            "the test volume's header is written; voxels are turned only where the headers say that \
             it is the same place"
        }
        Rule::WholeLabels => "values within 0.001 of a label are rounded; others stay refused",
        Rule::StoredType => "labels are stored as uint8",
        _ => return None,
    })
}

/// Every rule of a submission, what follows where it is broken and what `--fix` does about it; behind those of LiTS, what
/// other challenges want otherwise.
pub fn explain_rules() -> String {
    let mut text = String::from(
        "The rules of a LiTS submission\n\
         ==============================\n\n\
         `hdbench submit-lits check ZIP --test DIR` holds an archive against these, in this order;\n\
         names do not change. REFUSED: the challenge would give no score, or a wrong one, and hdbench\n\
         ends with exit code 5. warning: the challenge takes it, and the author may not have meant it.\n\n",
    );
    let lits = Challenge::lits();
    for (rule, weight) in lits.rules() {
        text += &explained(&lits, rule, weight);
    }
    for challenge in Challenge::built_in().filter(|challenge| !challenge.is_lits()) {
        text += &format!(
            "\n--challenge {} ({}), an archive of {}:\n\n",
            challenge.id,
            challenge.title,
            challenge.entry_name_of("N")
        );
        for (rule, weight) in challenge.rules() {
            let same = lits.holds(rule) && lits.statement(rule) == challenge.statement(rule);
            if !same {
                text += &explained(&challenge, rule, weight);
            }
        }
        let lost = lits.rules().filter(|(rule, _)| !challenge.holds(*rule));
        let lost: Vec<&str> = lost.map(|(rule, _)| rule.id()).collect();
        text += &format!("instead of {}\n", lost.join(", "));
    }
    text + "\nAny other challenge of liver and lesions: --challenge FILE, see docs/submissions.md.\n"
}

/// A rule in a line, and what is mended below it.
fn explained(challenge: &Challenge, rule: Rule, weight: Weight) -> String {
    let word = match weight {
        Weight::Refused => "REFUSED",
        Weight::Warned => "warning",
    };
    let statement = challenge.statement(rule);
    let mut text = format!("{:<22} {word}  {statement}\n", rule.id());
    if let Some(mend) = mend(rule) {
        for line in wrapped(&format!("--fix: {mend}"), 66) {
            text += &format!("{:<32}{line}\n", "");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_explained_on_lines_that_fit() {
        let text = explain_rules();
        assert!(text.lines().all(|line| line.len() <= 100), "{text}");
    }

    #[test]
    fn the_guide_lists_the_rules_as_they_are() {
        let guide = include_str!("../../docs/submissions.md");
        let lits = Challenge::lits();
        for (rule, weight) in lits.rules() {
            let broken = match weight {
                Weight::Refused => "refused",
                Weight::Warned => "warning",
            };
            let line = format!("| `{}` | {} | {broken}", rule.id(), lits.statement(rule));
            let found = guide.lines().find(|found| found.starts_with(&line));
            let cells = found.unwrap_or_else(|| panic!("{line}")).split('|');
            let fixed = !cells.collect::<Vec<_>>()[4].trim().is_empty();
            assert_eq!(fixed, mend(rule).is_some(), "{}", rule.id());
        }
    }
}
