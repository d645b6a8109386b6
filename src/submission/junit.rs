use std::fmt::Write;

use super::verdict::{Finding, RuleVerdict, Status, Verdicts};
use crate::artifact::xml_text;
use crate::text::{Shown as _, shown};

/// The verdicts as JUnit XML, a test case a rule: what every CI system shows.
pub fn junit(verdicts: &Verdicts) -> String {
    let count = |status: Status| {
        let with = |rule: &&RuleVerdict| rule.status == status;
        verdicts.rules.iter().filter(with).count()
    };
    let totals = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\"",
        verdicts.rules.len(),
        count(Status::Failed),
        count(Status::Skipped)
    );
    let name = xml_text(&verdicts.archive.shown());
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"hdbench submit-lits check\" {totals}>\n\
         \x20 <testsuite name=\"{name}\" {totals}>\n"
    );
    for rule in &verdicts.rules {
        test_case(&mut xml, rule);
    }
    xml += "  </testsuite>\n</testsuites>\n";
    xml
}

fn test_case(xml: &mut String, verdict: &RuleVerdict) {
    let id = verdict.rule.id();
    let findings = || -> String { verdict.findings.iter().map(line).collect() };
    // Writing to a string cannot fail.
    let _ = write!(
        xml,
        "    <testcase classname=\"lits-submission\" name=\"{id}\""
    );
    let _ = match verdict.status {
        Status::Passed => writeln!(xml, "/>"),
        Status::Skipped => writeln!(
            xml,
            ">\n      <skipped message=\"nothing could be looked at\"/>\n    </testcase>"
        ),
        Status::Warning => writeln!(
            xml,
            ">\n      <system-out>warning: {}</system-out>\n    </testcase>",
            xml_text(&findings())
        ),
        Status::Failed => writeln!(
            xml,
            ">\n      <failure type=\"{id}\" message=\"not kept: {}\">{}</failure>\n    </testcase>",
            xml_text(verdict.statement),
            xml_text(&findings())
        ),
    };
}

fn line(finding: &Finding) -> String {
    let mut text = shown(&finding.entry).into_owned();
    if !text.is_empty() {
        text += ": ";
    }
    text += &finding.message;
    if !finding.hint.is_empty() {
        text += &format!(" (hint: {})", finding.hint);
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::submission::Rule;
    use crate::submission::verdict::Book;

    #[test]
    fn names_of_entries_cannot_break_the_xml() {
        let mut book = Book::default();
        let finding = Finding::new("<a>\"&\u{1}.nii", "is \u{2} odd", "");
        book.judge(Rule::Shape, Some(finding));
        book.look(Rule::Flat);
        let xml = junit(&book.verdicts(Path::new("a&b.zip"), 1, 1, &[]));
        assert!(xml.contains("&lt;a&gt;&quot;&amp;\\u{1}.nii: is \\u{2} odd"));
        assert!(xml.contains("a&amp;b.zip") && xml.contains("failures=\"1\""));
        assert!(xml.contains("name=\"flat\"/>"));
        assert_eq!(xml.matches("<skipped").count(), Rule::ALL.len() - 2);
    }
}
