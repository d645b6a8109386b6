use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::verdict::{Finding, RuleStatus, RuleVerdict, Verdicts};
use crate::text::{Shown as _, shown};

/// The verdicts as JUnit XML, a test case a rule: what every CI system shows.
pub fn junit(verdicts: &Verdicts) -> String {
    let mut suite = TestSuite::new(verdicts.archive.shown());
    let class = format!("{}-submission", verdicts.challenge);
    suite.add_test_cases(verdicts.rules.iter().map(|rule| test_case(rule, &class)));
    let mut report = Report::new("hdbench submit-lits check");
    report.add_test_suite(suite);
    report.to_string().expect("it is written to memory")
}

fn test_case(verdict: &RuleVerdict, class: &str) -> TestCase {
    let id = verdict.rule.id();
    let findings: String = verdict.findings.iter().map(line).collect();
    let status = match verdict.status {
        RuleStatus::Passed | RuleStatus::Warning => TestCaseStatus::success(),
        RuleStatus::Skipped => {
            let mut status = TestCaseStatus::skipped();
            status.set_message("nothing could be looked at");
            status
        }
        RuleStatus::Failed => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status
                .set_type(id)
                .set_message(format!("not kept: {}", verdict.statement))
                .set_description(&findings);
            status
        }
    };
    let mut case = TestCase::new(id, status);
    case.set_classname(class);
    if verdict.status == RuleStatus::Warning {
        case.set_system_out(format!("warning: {findings}"));
    }
    case
}

fn line(finding: &Finding) -> String {
    let mut text = shown(&finding.entry).into_owned();
    if !text.is_empty() {
        text += ": ";
    }
    text += &shown(&finding.message);
    if !finding.hint.is_empty() {
        text += &format!(" (hint: {})", shown(&finding.hint));
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::submission::verdict::Book;
    use crate::submission::{Challenge, Rule};

    #[test]
    fn names_of_entries_cannot_break_the_xml() {
        let mut book = Book::default();
        let finding = Finding::new("<a>\"&\u{1}\u{ffff}.nii", "is \u{2} odd", "");
        book.judge(Rule::Shape, Some(finding));
        book.look(Rule::Flat);
        let xml = junit(&book.verdicts(&Challenge::lits(), Path::new("a&b.zip"), 1, 1, &[]));
        assert!(xml.contains("&lt;a&gt;&quot;&amp;\\u{1}\\u{ffff}.nii: is \\u{2} odd"));
        assert!(xml.contains("a&amp;b.zip") && xml.contains("failures=\"1\""));
        assert!(xml.contains("name=\"flat\""));
        assert_eq!(xml.matches("<skipped").count(), 27 - 2);
    }
}
