use hdbench_ground::text::shown;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::line::{GateLine, Judgement, Verdict};
use super::markdown::{change_words, margin_words};

const NAME: &str = "hdbench regress";

/// The lines as JUnit XML, a test case a line: what every CI system shows. What is not comparable is a
/// failure where it is required and skipped where it is not.
pub fn junit(judgement: &Judgement) -> String {
    let mut suite = TestSuite::new(NAME);
    suite.add_test_cases(judgement.lines.iter().map(test_case));
    let mut report = Report::new(NAME);
    report.add_test_suite(suite);
    report.to_string().expect("it is written to memory")
}

fn test_case(line: &GateLine) -> TestCase {
    let told = told(line);
    let told = &*shown(&told);
    let verdict = line.verdict.words();
    let passes = !fails(line) && line.verdict != Verdict::NotComparable;
    let mut status = if fails(line) {
        TestCaseStatus::non_success(NonSuccessKind::Failure)
    } else if passes {
        TestCaseStatus::success()
    } else {
        TestCaseStatus::skipped()
    };
    if !passes {
        status.set_message(told);
    }
    if fails(line) {
        status.set_type(verdict).set_description(told);
    }
    let mut case = TestCase::new(shown(&line.metric), status);
    case.set_classname(shown(&line.algorithm));
    if passes {
        case.set_system_out(format!("{verdict}: {told}"));
    }
    case
}

/// Whether a line makes the gate fail.
pub(super) fn fails(line: &GateLine) -> bool {
    match line.verdict {
        Verdict::Regressed => true,
        Verdict::NotComparable => line.required,
        Verdict::NoEvidence | Verdict::Improved => false,
    }
}

/// A line in a sentence.
pub(super) fn told(line: &GateLine) -> String {
    match &line.reason {
        Some(reason) => reason.clone(),
        None => {
            let mut text = format!(
                "{}, margin {}, {} {}",
                change_words(line),
                margin_words(line),
                line.n,
                if line.p.is_some() {
                    "cases"
                } else {
                    "measurements"
                }
            );
            if let Some(p) = line.p_holm {
                text += &format!(", corrected p = {p:.2e}");
            }
            for worst in &line.worst {
                text += &format!(
                    "; {}: {:.4} -> {:.4}",
                    worst.case, worst.baseline, worst.current
                );
            }
            text
        }
    }
}
