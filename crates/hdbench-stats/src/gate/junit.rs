use std::fmt::Write;

use hdbench_volume::artifact::xml_text;

use super::line::{Judgement, Line, Verdict};
use super::markdown::{change_words, margin_words};

/// The lines as JUnit XML, a test case a line: what every CI system shows. What is not comparable is a
/// failure where it is required and skipped where it is not.
pub fn junit(judgement: &Judgement) -> String {
    let failed = |line: &&Line| fails(line);
    let skipped = |line: &&Line| line.verdict == Verdict::NotComparable && !line.required;
    let totals = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\"",
        judgement.lines.len(),
        judgement.lines.iter().filter(failed).count(),
        judgement.lines.iter().filter(skipped).count()
    );
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"hdbench regress\" {totals}>\n\
         \x20 <testsuite name=\"hdbench regress\" {totals}>\n"
    );
    for line in &judgement.lines {
        // Writing to a string cannot fail.
        let _ = write!(
            xml,
            "    <testcase classname=\"{}\" name=\"{}\"",
            xml_text(&line.algorithm),
            xml_text(&line.figure)
        );
        let told = xml_text(&told(line));
        let verdict = line.verdict.words();
        let _ = if fails(line) {
            writeln!(
                xml,
                ">\n      <failure type=\"{verdict}\" message=\"{told}\">{told}</failure>\n    </testcase>"
            )
        } else if skipped(&line) {
            writeln!(
                xml,
                ">\n      <skipped message=\"{told}\"/>\n    </testcase>"
            )
        } else {
            writeln!(
                xml,
                ">\n      <system-out>{verdict}: {told}</system-out>\n    </testcase>"
            )
        };
    }
    xml += "  </testsuite>\n</testsuites>\n";
    xml
}

/// Whether a line makes the gate fail.
pub(super) fn fails(line: &Line) -> bool {
    match line.verdict {
        Verdict::Regressed => true,
        Verdict::NotComparable => line.required,
        Verdict::NoEvidence | Verdict::Improved => false,
    }
}

/// A line in a sentence.
pub(super) fn told(line: &Line) -> String {
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
