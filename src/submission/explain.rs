use super::rule::Rule;
use crate::text::wrapped;

/// What `--fix` does about a rule that is broken; nothing where only the user can help.
fn mend(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::Flat => "files are taken out of their folders",
        Rule::FileNames => "files whose number belongs to one test volume get its name",
        Rule::NoExtras => "everything else is left out",
        Rule::NotGzipped => "files are unpacked",
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

/// Every rule of a submission, what follows where it is broken and what `--fix` does about it.
pub fn explain_rules() -> String {
    let mut text = String::from(
        "The rules of a LiTS submission\n\
         ==============================\n\n\
         `hdbench submit-lits check ZIP --test DIR` holds an archive against these, in this order;\n\
         names do not change. REFUSED: the challenge would give no score, or a wrong one, and hdbench\n\
         ends with exit code 5. warning: the challenge takes it, and the author may not have meant it.\n\n",
    );
    for rule in Rule::ALL {
        let weight = if rule.is_binding() {
            "REFUSED"
        } else {
            "warning"
        };
        text += &format!("{:<22} {weight}  {}\n", rule.id(), rule.statement());
        if let Some(mend) = mend(rule) {
            for line in wrapped(&format!("--fix: {mend}"), 66) {
                text += &format!("{:<32}{line}\n", "");
            }
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
        for rule in Rule::ALL {
            let broken = if rule.is_binding() {
                "refused"
            } else {
                "warning"
            };
            let line = format!("| `{}` | {} | {broken}", rule.id(), rule.statement());
            let found = guide.lines().find(|found| found.starts_with(&line));
            let cells = found.unwrap_or_else(|| panic!("{line}")).split('|');
            let fixed = !cells.collect::<Vec<_>>()[4].trim().is_empty();
            assert_eq!(fixed, mend(rule).is_some(), "{}", rule.id());
        }
    }
}
